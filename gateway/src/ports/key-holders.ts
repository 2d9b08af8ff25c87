import type { PartialDecryption } from '@careledger/crypto';
import type { AggregationKey } from '@careledger/protocol';

/**
 * This hospital as one holder of the consortium's aggregation key. Adapter: `dealer` (labelled: one party saw the whole
 * key). The dealerless threshold key replaces it behind this port.
 */
export interface KeyHolders {
  /**
   * Makes sure that a key stands on the ledger and that this hospital holds and accepted its share; safe to repeat.
   * @returns undefined while another hospital still has to act
   */
  ensureKey(signal: AbortSignal): Promise<AggregationKey | undefined>;
  /**
   * @throws CareLedgerError KEY_NOT_FOUND when this hospital has no share of that key; CIPHERTEXT_INVALID
   */
  partialDecryption(key: AggregationKey, ciphertext: bigint): Promise<PartialDecryption>;
}
