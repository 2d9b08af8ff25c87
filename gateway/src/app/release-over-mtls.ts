import { CareLedgerError } from '@careledger/protocol';
import {
  connectPeer,
  createReleaseClient,
  createReleaseServer,
  type MemberTlsRoots,
  type TlsIdentity,
} from '../release/index.js';
import type { ReleaseModule } from './release-module.js';

export interface MutualTlsReleaseOptions {
  readonly mspId: string;
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly tls: TlsIdentity;
  /** TLS authorities of every member, the own one included. */
  readonly members: MemberTlsRoots;
  readonly dataDir: string;
}

/** Joins the two directions of `gateway/src/release` under one TLS identity; closing the listener closes both. */
export function mutualTlsRelease(options: MutualTlsReleaseOptions): ReleaseModule {
  const client = createReleaseClient(options);
  return {
    request: client.request,
    connect({ mspId, gatewayUrl }) {
      const tlsRoots = options.members.get(mspId);
      if (tlsRoots === undefined) throw new CareLedgerError('MEMBER_NOT_FOUND', { came: mspId });
      return connectPeer({ mspId, url: gatewayUrl, tlsRoots }, options.tls);
    },
    async listen({ ledger, store, custody, identity, erasureKeys, routes, onDefect }) {
      const server = await createReleaseServer({
        ...options,
        ledger,
        store,
        custody,
        serviceIdentity: identity,
        erasureKeys,
        routes,
        onDefect,
      });
      return {
        url: server.url,
        answers: server.answers,
        close: async () => {
          client.close();
          await server.close();
        },
      };
    },
  };
}
