import type { ErasureLeaf, ErasureParts } from '@careledger/crypto';
import type { RecordType } from '@careledger/protocol';
import type { EventPosition } from './ledger.js';

/** There is one erasure key for each patient, record type and pair of key servers; its parts are puncturable keys. */
export interface ErasureTree {
  readonly ownerMspId: string;
  readonly pseudonym: string;
  readonly recordType: RecordType;
  /** As the ledger has them. Absent: the owner holds the key alone. */
  readonly keyServers?: readonly string[];
}

export type LeafOfTree = ErasureTree & { readonly leaf: number };

/** Which opening of which record a part is for. */
export interface ErasureRecipient {
  readonly recipientPublicKey: Uint8Array;
  readonly accessId: string;
  readonly recordId: string;
}

/**
 * What this hospital holds of the keys by which single records are erased: as their owner, and as a key server of others.
 * All errors are CUSTODY_LOCKED or the operation's own. Whether a leaf may still be given is the ledger's to say, and
 * callers ask it first: a custody that was restored from a backup has leaves that were punctured since.
 */
export interface ErasureCustody {
  /** As owner: a leaf that no record has had, with its key, which the caller wipes. */
  nextLeaf(tree: ErasureTree): Promise<ErasureLeaf>;
  /** As owner: a leaf was given, as the ledger has it; none up to it is given again. */
  noteLeaf(leaf: LeafOfTree): Promise<void>;

  /** As owner: keys of which a key server does not have its parts yet. Until both have, the owner makes the key alone. */
  undealt(): Promise<readonly ErasureTree[]>;
  /**
   * As owner: what a key server gets; secrets, as they stand now. Undefined before the key is on the disk, and after the
   * key server has said that it has them.
   */
  partsFor(tree: ErasureTree, keyServer: string): Promise<DealtParts | undefined>;
  /** As owner: the key server has them. With the last one, what the owner may not keep is punctured here. */
  dealt(tree: ErasureTree, keyServer: string): Promise<void>;
  /**
   * As key server: takes over parts, without leaves that are spent already. Durable when it resolves. Parts that are held
   * are never replaced: the same owner deals the same ones again when its first answer was lost.
   * @throws CareLedgerError SCHEMA_VIOLATION for what is no part; ALREADY_EXISTS for parts of another making of the key,
   * as an owner has it that lost its custody
   */
  accept(tree: ErasureTree, dealt: DealtParts & { readonly spent: readonly number[] }): Promise<void>;

  /** The parts that are held; empty when there are none, or the leaf was punctured. The caller wipes them. */
  partsOf(leaf: LeafOfTree): Promise<ErasureParts>;
  /** The same, sealed to the one-time key of an opening. Undefined when there are none. */
  sealedParts(leaf: LeafOfTree & ErasureRecipient): Promise<Uint8Array | undefined>;
  /** Opens what a custodian's `sealedParts` gave, with the one-time key; the caller wipes them. */
  openParts(sealed: ErasureRecipient & { readonly sealed: Uint8Array }): Promise<ErasureParts>;
  /** Ends a leaf here for good: durable when it resolves, idempotent. */
  puncture(leaf: LeafOfTree): Promise<void>;

  /**
   * Up to which event erasures were taken into account. Kept beside the keys, so that a custody restored from a backup
   * goes over the erasures since then again.
   */
  position(): Promise<EventPosition>;
  keepPosition(position: EventPosition): Promise<void>;
}

export interface DealtParts {
  /** Which making of the key it is. */
  readonly generation: string;
  /** Encoded puncturable keys, places ascending. */
  readonly parts: readonly Uint8Array[];
}
