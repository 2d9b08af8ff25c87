import {
  KEYS,
  type EmrRecord,
  type GrantBook,
  type RecordBatch,
  type Suspension,
} from '@careledger/protocol';
import { readGrantBook } from '../shell/grant-books.js';
import { placeOf, readBatch, recordAt } from '../shell/record-batches.js';
import type { Call } from '../shell/call.js';

/** What a decision needs, each read once and as a point read: nothing here can meet a phantom. */
export interface OpeningMaterial {
  readonly records: readonly EmrRecord[];
  readonly books: ReadonlyMap<string, GrantBook>;
  /** Of the requester, by the hospital that suspended; lifted ones too. */
  readonly suspensions: ReadonlyMap<string, Suspension>;
}

/** @throws CareLedgerError RECORD_NOT_FOUND */
export async function readMaterial(call: Call, recordIds: readonly string[]): Promise<OpeningMaterial> {
  const batches = new Map<string, RecordBatch>();
  const records: EmrRecord[] = [];
  for (const { batchId, index } of recordIds.map(placeOf)) {
    const batch = batches.get(batchId) ?? (await readBatch(call, batchId));
    batches.set(batchId, batch);
    records.push(recordAt(batch, index));
  }
  const books = new Map<string, GrantBook>();
  for (const pseudonym of new Set(records.map((record) => record.pseudonym))) {
    books.set(pseudonym, await readGrantBook(call, pseudonym));
  }
  const suspensions = new Map<string, Suspension>();
  for (const ownerMspId of new Set(records.map((record) => record.ownerMspId))) {
    const { mspId, enrolmentId } = call.caller;
    const suspension = await call.state.read(KEYS.suspension, [ownerMspId, mspId, enrolmentId]);
    if (suspension !== undefined) suspensions.set(ownerMspId, suspension);
  }
  return { records, books, suspensions };
}
