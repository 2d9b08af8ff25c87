import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import type { RequestRelease } from '../services/release-client.js';
import type { PeerRoute } from './peer-server.js';
import type { ReleaseLimits } from './release-authority.js';
import { createReleaseClient } from './release-client.js';
import { createReleaseServer } from './release-server.js';

export interface MutualTlsReleaseOptions {
  readonly mspId: string;
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly tls: { readonly keyPem: string; readonly certificatePem: string };
  /** TLS authorities of every member, this one included; PEM. */
  readonly roots: readonly { readonly mspId: string; readonly tlsRootCertificate: string }[];
  readonly dataDir: string;
  readonly limits?: Partial<ReleaseLimits>;
  readonly routes?: readonly PeerRoute[];
  readonly onDefect?: (error: unknown) => void;
}

export interface MutualTlsRelease {
  /** Answers other hospitals; resolves when it listens. Closing ends the connections of both directions. */
  listen(modules: {
    readonly ledger: Ledger;
    readonly store: RecordStore;
    readonly custody: KeyCustody;
    readonly identity: SigningIdentity;
  }): Promise<{ readonly url: string; close(): Promise<void> }>;
  readonly request: RequestRelease;
}

/** Both directions under one TLS identity, in the form in which a gateway is assembled. */
export function mutualTlsRelease(options: MutualTlsReleaseOptions): MutualTlsRelease {
  const { mspId, host, port, dataDir, limits, routes, onDefect } = options;
  const tls = { key: options.tls.keyPem, cert: options.tls.certificatePem };
  const members = new Map<string, readonly string[]>();
  for (const root of options.roots) {
    members.set(root.mspId, [...(members.get(root.mspId) ?? []), root.tlsRootCertificate]);
  }
  const client = createReleaseClient({ tls, members });
  return {
    request: client.request,
    async listen({ ledger, store, custody, identity }) {
      const server = await createReleaseServer({
        ...{ mspId, host, port, tls, members, dataDir, ledger, store, custody, serviceIdentity: identity },
        ...(limits === undefined ? {} : { limits }),
        ...(routes === undefined ? {} : { routes }),
        ...(onDefect === undefined ? {} : { onDefect }),
      });
      return {
        url: server.url,
        close: async () => {
          client.close();
          await server.close();
        },
      };
    },
  };
}
