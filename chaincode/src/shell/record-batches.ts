import { CareLedgerError, KEYS, type EmrRecord, type RecordBatch } from '@careledger/protocol';
import type { Call } from './call.js';

export interface RecordPlace {
  readonly batchId: string;
  readonly index: number;
}

/** A record id is `batchId.index`; its form was checked by the schema. */
export function placeOf(recordId: string): RecordPlace {
  const [batchId = '', index = ''] = recordId.split('.');
  return { batchId, index: Number(index) };
}

/** @throws CareLedgerError RECORD_NOT_FOUND */
export async function readBatch(call: Call, batchId: string): Promise<RecordBatch> {
  const batch = await call.state.read(KEYS.recordBatch, [batchId]);
  if (batch === undefined)
    throw new CareLedgerError('RECORD_NOT_FOUND', { came: `a record of the batch ${batchId}` });
  return batch;
}

/** @throws CareLedgerError RECORD_NOT_FOUND */
export function recordAt(batch: RecordBatch, index: number): EmrRecord {
  const entry = batch.entries[index];
  const recordId = `${batch.batchId}.${index}`;
  if (entry === undefined) throw new CareLedgerError('RECORD_NOT_FOUND', { came: recordId });
  const { ownerMspId, anchoredAt, txId } = batch;
  return { recordId, ownerMspId, anchoredAt, txId, ...entry };
}
