import { KEYS, type Notice } from '@careledger/protocol';
import type { Call } from './call.js';

/**
 * An entry of a patient's log, of what was done without asking the patient, or changed what others may do.
 * @param byMspId whose hospital took the step; undefined when the patient or time did
 */
export async function writeNotice(
  call: Call,
  notice: Pick<Notice, 'pseudonym' | 'kind' | 'caseId' | 'status' | 'about'>,
  byMspId?: string,
): Promise<void> {
  const { at, txId } = call;
  const { pseudonym, caseId } = notice;
  const by = byMspId === undefined ? {} : { mspId: byMspId };
  await call.state.write(KEYS.notice, [pseudonym, at, txId, caseId], { ...notice, ...by, at, txId });
}
