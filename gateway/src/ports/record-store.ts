/**
 * Where ciphertext lies. Adapters: `embedded`, `kubo`. The conformance suite is `test/conformance/record-store.ts`.
 *
 * UnixFS parameters are fixed so that every adapter gives the same CID for the same bytes: CID version 1, sha2-256,
 * raw leaves, fixed-size chunks of 1 MiB (1,048,576 bytes), balanced layout, 174 links per node, no wrapping folder.
 *
 * Errors are CareLedgerError: CID_INVALID, CID_MISMATCH (bytes that do not hash to the CID), STORE_UNAVAILABLE
 * (no answer within the bound, or no node has it), BODY_TOO_LARGE.
 */
export interface RecordStore {
  /** Stores and pins; resolves once it is durable. Returns the CID, base32. */
  put(bytes: Uint8Array): Promise<string>;
  /** Every block is hashed again against its CID on the way, whatever node it came from. */
  get(
    cid: string,
    options: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array>;
  /** Keeps a copy of what another hospital stored (replication). */
  pin(cid: string): Promise<void>;
  /** Lets the node forget it; idempotent. */
  unpin(cid: string): Promise<void>;
  stat(cid: string): Promise<{ readonly sizeBytes: number; readonly pinned: boolean } | undefined>;
  /**
   * Removes from this node what is not pinned: after it, `stat` of an object that was unpinned before finds nothing. Takes
   * as long as the node needs to go over all it has.
   */
  collect(): Promise<void>;
  close(): Promise<void>;
}

export const UNIXFS_CHUNK_BYTES = 1_048_576;
export const UNIXFS_MAX_LINKS = 174;
