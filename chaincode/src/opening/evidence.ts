import { KEYS, nextStatus, type Access } from '@careledger/protocol';
import { placeOf } from '../shell/record-batches.js';
import type { Call } from '../shell/call.js';

/**
 * Writes the access entry and the keys by which it is found. Every key carries the transaction id and none is read
 * before it is written, so that any number of openings at once neither conflict nor meet a phantom.
 *
 * The entry is written by the requester's side and concerns several owners, so it carries no owner's endorsement
 * policy; that it cannot be changed unnoticed rests on the blocks, which the verifier reads.
 */
export async function writeAccess(call: Call, access: Access): Promise<void> {
  const { accessId, at, requester, decisions } = access;
  const { state } = call;
  const entry = [at, accessId];
  await state.write(KEYS.access, [accessId], access);
  await state.mark(KEYS.accessByTime, entry);
  await state.mark(KEYS.accessByRequester, [requester.mspId, requester.enrolmentId, ...entry]);
  for (const mspId of distinct(decisions.map(({ ownerMspId }) => ownerMspId))) {
    await state.mark(KEYS.accessByHospital, [mspId, ...entry]);
  }
  for (const pseudonym of distinct(decisions.map((decision) => decision.pseudonym))) {
    await state.mark(KEYS.accessByPatient, [pseudonym, ...entry]);
  }
  // By batch, not by record: 500 records of one batch cost one key, and a listing filters.
  for (const batchId of distinct(decisions.map(({ recordId }) => placeOf(recordId).batchId))) {
    await state.mark(KEYS.accessByRecord, [batchId, ...entry]);
  }
}

export async function requireReceipt(call: Call, dueBy: string): Promise<void> {
  const status = nextStatus('receipt', undefined, 'require');
  const receipt = { accessId: call.txId, status, dueBy, at: call.at, txId: call.txId };
  await call.state.write(KEYS.receipt, [call.txId], receipt);
  await call.state.mark(KEYS.receiptDue, [dueBy, call.txId]);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
