import type { ErasureLeaf } from '@careledger/crypto';
import type { RecordType } from '@careledger/protocol';
import type { EventPosition } from './ledger.js';

/** There is one puncturable key for each patient and record type. */
export interface ErasureTree {
  readonly pseudonym: string;
  readonly recordType: RecordType;
}

/**
 * The keys by which single records are erased. All errors are CUSTODY_LOCKED or the operation's own. Whether a leaf may
 * still be given is the ledger's to say, and callers ask it first: a custody that was restored from a backup has leaves
 * that were punctured since.
 */
export interface ErasureCustody {
  /** A leaf that no record has had, with its key, which the caller wipes. */
  nextLeaf(tree: ErasureTree): Promise<ErasureLeaf>;
  /** Says that a leaf was given, as the ledger has it: none up to it is given again. */
  noteLeaf(tree: ErasureTree & { readonly leaf: number }): Promise<void>;
  /**
   * The key of a leaf, sealed to the one-time key of an opening.
   * @throws CareLedgerError RELEASE_NOT_AUTHORISED for a leaf that was punctured
   */
  sealedKey(
    leaf: ErasureTree & {
      readonly leaf: number;
      readonly recipientPublicKey: Uint8Array;
      readonly accessId: string;
      readonly recordId: string;
    },
  ): Promise<Uint8Array>;
  /** Opens what another hospital's `sealedKey` gave, with the one-time key; the caller wipes it. */
  openKey(sealed: {
    readonly recipientPublicKey: Uint8Array;
    readonly sealed: Uint8Array;
    readonly accessId: string;
    readonly recordId: string;
  }): Promise<Uint8Array>;
  /** Ends a leaf for good: durable when it resolves, idempotent. */
  puncture(leaf: ErasureTree & { readonly leaf: number }): Promise<void>;

  /**
   * Up to which event erasures were taken into account. Kept beside the keys, so that a custody restored from a backup
   * goes over the erasures since then again.
   */
  position(): Promise<EventPosition>;
  keepPosition(position: EventPosition): Promise<void>;
}
