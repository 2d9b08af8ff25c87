import type { EventPosition } from '../ports/ledger.js';

/** Row of the `positions` table: the last event that was taken into account. */
export interface PositionRow {
  readonly blockNumber: string;
  readonly afterTxId: string;
}

/** Without a row: from the first block. */
export function positionOf(row: PositionRow | undefined): EventPosition {
  if (row === undefined) return { blockNumber: 0n };
  return {
    blockNumber: BigInt(row.blockNumber),
    ...(row.afterTxId === '' ? {} : { afterTxId: row.afterTxId }),
  };
}
