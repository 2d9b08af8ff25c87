import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import type { AnswerStore } from '../release/answer-store.js';
import type { PeerConnection, PeerRoute } from '../release/index.js';
import type { RequestRelease } from '../services/release-client.js';
import type { ErasureKeys } from '../sharing/erasure-keys.js';

/** Gateway to gateway over mutual TLS, as the assembly needs it: both directions share the hospital's TLS identity. */
export interface ReleaseModule {
  /** Answers other hospitals. Resolves when it listens. */
  listen(modules: {
    readonly ledger: Ledger;
    readonly store: RecordStore;
    readonly custody: KeyCustody;
    readonly identity: SigningIdentity;
    readonly erasureKeys: Pick<ErasureKeys, 'openWith'>;
    /** More questions under the same mutual TLS, such as the dealer's shares. */
    readonly routes: readonly PeerRoute[];
    readonly onDefect: (error: unknown) => void;
  }): Promise<ReleaseListener>;
  readonly request: RequestRelease;
  /** Asks another hospital's gateway something else. The caller closes the connection. @throws CareLedgerError MEMBER_NOT_FOUND */
  readonly connect: (member: { readonly mspId: string; readonly gatewayUrl: string }) => PeerConnection;
}

export interface ReleaseListener {
  /** `https://host:port`, as the member entry on the ledger names it. */
  readonly url: string;
  /** Answers to releases: erasing a record forgets those that hold it. */
  readonly answers: Pick<AnswerStore, 'forget'>;
  close(): Promise<void>;
}
