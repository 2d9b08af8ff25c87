import type { EventPosition, LedgerEvent } from '../../ports/ledger.js';
import { parseEventPayload } from '../ledger-outcome.js';
import type { DecodedBlock } from './decode-block.js';

/**
 * The events of a block's VALID transactions that lie after a position. When the position names a transaction that
 * is not in its block, the block's events are all after it.
 */
export function eventsOf(block: DecodedBlock, after: EventPosition): LedgerEvent[] {
  const isFirst = block.number === after.blockNumber && after.afterTxId !== undefined;
  const seen = isFirst
    ? block.transactions.findIndex((transaction) => transaction.txId === after.afterTxId)
    : -1;
  return block.transactions.slice(seen + 1).flatMap(({ txId, code, call }) => {
    const payload = call?.event === undefined ? undefined : parseEventPayload(call.event.payload);
    return code !== 'VALID' || payload === undefined ? [] : [{ blockNumber: block.number, txId, payload }];
  });
}
