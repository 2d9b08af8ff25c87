import type { ContractName, LedgerEventPayload, MethodName } from '@careledger/protocol';

/** Who signs a transaction: a certificate and the operation with its key, which never leaves the custody. */
export interface SigningIdentity {
  readonly mspId: string;
  /** PEM. */
  readonly certificate: string;
  /** ECDSA P-256 over a SHA-256 digest of 32 bytes; the answer is DER with low S, as Fabric demands. */
  sign(digest: Uint8Array): Promise<Uint8Array>;
}

export interface SubmitOptions {
  /** Same caller, same key, same argument: the first outcome is returned and nothing is written again. */
  readonly idempotencyKey?: string;
  /** For tests of endorsement: ask only these members. The default is whatever satisfies the policy. */
  readonly endorsingMembers?: readonly string[];
  readonly signal?: AbortSignal;
}

/** A transaction that every peer found VALID. */
export interface Committed {
  readonly txId: string;
  readonly blockNumber: bigint;
  /** What the contract returned, parsed. */
  readonly result: unknown;
}

export interface LedgerEvent {
  readonly blockNumber: bigint;
  readonly txId: string;
  readonly payload: LedgerEventPayload;
}

/** Where to go on reading: the first event after this one is the next. */
export interface EventPosition {
  readonly blockNumber: bigint;
  /** Absent: from the start of the block. */
  readonly afterTxId?: string;
}

export interface TransactionStatus {
  readonly txId: string;
  readonly blockNumber: bigint;
  /** Fabric's validation code, such as VALID or MVCC_READ_CONFLICT. */
  readonly code: string;
}

/**
 * The ledger, as the gateway's services see it. Adapters: `embedded`, `fabric`. The conformance suite is
 * `test/conformance/ledger.ts`.
 *
 * Errors are CareLedgerError: the contract's own codes; ENDORSEMENT_REFUSED; LEDGER_CONFLICT when the bounded
 * retries of an MVCC or phantom conflict are used up; LEDGER_UNAVAILABLE when nothing was written;
 * COMMIT_UNKNOWN with `extensions.txId` when it may have been.
 */
export interface Ledger {
  readonly channel: string;
  submit<Contract extends ContractName>(
    identity: SigningIdentity,
    contract: Contract,
    method: MethodName<Contract>,
    argument: object,
    options?: SubmitOptions,
  ): Promise<Committed>;
  /** Asks this hospital's own peer only. */
  evaluate<Contract extends ContractName>(
    identity: SigningIdentity,
    contract: Contract,
    method: MethodName<Contract>,
    argument: object,
  ): Promise<unknown>;
  /** The fate of a transaction on this hospital's own peer, or undefined when it has none. */
  transaction(identity: SigningIdentity, txId: string): Promise<TransactionStatus | undefined>;
  /** Events of VALID transactions in ledger order, without gap or repetition; live until the signal aborts. */
  events(
    identity: SigningIdentity,
    from: EventPosition | 'next',
    signal: AbortSignal,
  ): AsyncIterable<LedgerEvent>;
  /** Blocks as Fabric's protobuf `common.Block` bytes, in order; live until the signal aborts. */
  blocks(identity: SigningIdentity, fromBlock: bigint, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Number of blocks. */
  height(identity: SigningIdentity): Promise<bigint>;
  close(): Promise<void>;
}
