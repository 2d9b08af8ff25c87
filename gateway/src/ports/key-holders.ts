import type { OpeningContext, ProvenPartial } from '@careledger/crypto';
import type { AggregationKey } from '@careledger/protocol';

/** This hospital as one holder of the consortium's key. Adapter: the custody, which has the share and keeps it. */
export interface KeyHolders {
  /**
   * This hospital's part in opening a ciphertext, with the proof that its share was used.
   * @throws CareLedgerError KEY_NOT_FOUND when this hospital has no share of that key and epoch; CIPHERTEXT_INVALID
   */
  partialDecryption(key: AggregationKey, ciphertext: bigint, context: OpeningContext): Promise<ProvenPartial>;
}
