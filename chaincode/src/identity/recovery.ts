import {
  CareLedgerError,
  EVENTS,
  KEYS,
  addMs,
  endAllGrants,
  majorityOf,
  nextStatus,
  patientName,
  type CancelRecovery,
  type Consortium,
  type OpenRecovery,
  type Patient,
  type Recovery,
  type RecoveryStep,
} from '@careledger/protocol';
import { requireActiveMember, type Call, type Outcome } from '../shell/call.js';
import { requireRole } from '../shell/caller.js';
import { readGrantBook, writeGrantBook } from '../shell/grant-books.js';
import { assertPatientKeys, readPatient, requirePatient } from '../shell/patient-authority.js';
import { readIdentity } from './reading.js';

/**
 * A patient who chose the recoverable mode lost the key. An officer who proved who the person is names the new keys, a
 * majority of hospitals agrees, and a waiting time gives whoever has the old key the time to object. Then the old epoch
 * is closed; with the new key the patient registers the next one, and has the old key made again by the hospitals.
 */

export async function openRecovery(call: Call, request: OpenRecovery): Promise<Outcome> {
  requireRole(call.caller, ['officer']);
  const consortium = await requireActiveMember(call);
  const { pseudonym, keys, formDigest } = request;
  assertPatientKeys(keys);
  const patient = await requireRecoverable(call, pseudonym);
  if (keys.signing === patient.keys.signing)
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: 'another signing key than the one that is lost',
    });
  const before = await call.state.read(KEYS.recovery, [pseudonym]);
  const recovery = {
    recoveryId: call.txId,
    pseudonym,
    mspId: patient.mspId,
    status: nextStatus('recovery', before?.status, 'open'),
    keys,
    formDigest,
    openedBy: call.caller,
    openedAt: call.at,
    patientKeyEpoch: patient.keyEpoch,
    approvals: [],
    txId: call.txId,
  };
  return save(call, consortium, recovery, before?.membersEpoch);
}

/** By officers of members other than the one that opened it, one of each. The majority starts the waiting time. */
export async function approveRecovery(call: Call, step: RecoveryStep, waitMs: number): Promise<Outcome> {
  requireRole(call.caller, ['officer']);
  const consortium = await requireActiveMember(call);
  const before = await readRecovery(call, step);
  const { mspId } = call.caller;
  nextStatus('recovery', before.status, 'approve');
  if (mspId === before.openedBy.mspId)
    throw new CareLedgerError('NOT_OWNER', {
      message: 'Officers of the other members approve.',
      came: mspId,
    });
  if (before.approvals.some((approval) => approval.mspId === mspId))
    throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second approval of one member' });
  const approvals = [...before.approvals, { mspId, by: call.caller, at: call.at }];
  const isCarried = hasMajority(before, approvals, consortium);
  const status = nextStatus('recovery', before.status, isCarried ? 'carry' : 'approve');
  const notBefore = isCarried ? { notBefore: addMs(call.at, waitMs) } : {};
  return save(
    call,
    consortium,
    { ...before, ...notBefore, approvals, status, txId: call.txId },
    before.membersEpoch,
  );
}

/** By the patient's present key, which is then not lost; or by the officer who opened it. */
export async function cancelRecovery(
  call: Call,
  { arguments: step, nonce, signature }: CancelRecovery,
): Promise<Outcome> {
  const consortium = await requireActiveMember(call);
  const before = await readRecovery(call, step);
  if (nonce !== undefined && signature !== undefined) {
    const { keys } = await readPatient(call, step.pseudonym);
    await requirePatient(call, keys.signing, { arguments: step, nonce, signature });
  } else {
    assertOpener(call, before);
  }
  const status = nextStatus('recovery', before.status, 'cancel');
  return save(
    call,
    consortium,
    { ...before, status, endedAt: call.at, txId: call.txId },
    before.membersEpoch,
  );
}

/** After the waiting time, by whoever: everything that is decided here was decided by the approvals. */
export async function completeRecovery(call: Call, step: RecoveryStep): Promise<Outcome> {
  requireRole(call.caller, ['officer', 'gateway']);
  const consortium = await requireActiveMember(call);
  const before = await readRecovery(call, step);
  const status = nextStatus('recovery', before.status, 'complete');
  if (before.notBefore === undefined || call.at < before.notBefore)
    throw new CareLedgerError('RECOVERY_WAITING', {
      expected: `after ${before.notBefore ?? 'the majority'}`,
    });
  const patient = await requireRecoverable(call, step.pseudonym);
  if (patient.keyEpoch !== before.patientKeyEpoch) {
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
      message: 'The patient used the old key since the recovery was opened; it is not lost.',
    });
  }
  await replaceKeys(call, consortium, patient, before);
  return save(
    call,
    consortium,
    { ...before, status, endedAt: call.at, txId: call.txId },
    before.membersEpoch,
  );
}

/** The patient's latest recovery. @throws CareLedgerError RECOVERY_NOT_FOUND */
export async function readRecovery(
  call: Call,
  { pseudonym, recoveryId }: { readonly pseudonym: string; readonly recoveryId?: string },
): Promise<Recovery> {
  const recovery = await call.state.read(KEYS.recovery, [pseudonym]);
  if (recovery === undefined || (recoveryId !== undefined && recoveryId !== recovery.recoveryId))
    throw new CareLedgerError('RECOVERY_NOT_FOUND');
  return recovery;
}

/** New keys; the old epoch of the identity closed; every grant ended, and with it every epoch raised that it reached. */
async function replaceKeys(
  call: Call,
  consortium: Consortium,
  patient: Patient,
  { keys, recoveryId }: Recovery,
): Promise<void> {
  const { pseudonym, mspId } = patient;
  const renewed = {
    ...patient,
    status: nextStatus('patient', patient.status, 'rotateKeys'),
    keys,
    keyEpoch: patient.keyEpoch + 1,
    changedAt: call.at,
    txId: call.txId,
  };
  const owner = { mspId, consortium };
  const ofPatient = { ...owner, previousEpoch: patient.membersEpoch };
  await call.state.writeOwned(KEYS.patient, [pseudonym], renewed, ofPatient);
  const name = patientName(pseudonym);
  const epoch = await call.state.read(KEYS.identityEpoch, [name]);
  if (epoch === undefined) throw new TypeError('a recoverable identity without an epoch');
  const ofEpoch = { ...owner, previousEpoch: epoch.membersEpoch };
  await call.state.writeOwned(KEYS.identityEpoch, [name], { ...epoch, closedBy: recoveryId }, ofEpoch);
  const book = await readGrantBook(call, pseudonym);
  await writeGrantBook(call, consortium, endAllGrants(book, call.at, call.txId));
}

/** @throws CareLedgerError RECOVERY_NOT_POSSIBLE, TRANSITION_NOT_ALLOWED, PATIENT_NOT_FOUND, IDENTITY_NOT_FOUND */
async function requireRecoverable(call: Call, pseudonym: string): Promise<Patient> {
  const patient = await readPatient(call, pseudonym);
  nextStatus('patient', patient.status, 'rotateKeys');
  const { recoverable } = await readIdentity(call, patientName(pseudonym));
  if (!recoverable) throw new CareLedgerError('RECOVERY_NOT_POSSIBLE');
  return patient;
}

/** The member that opened it and those that approved, as far as they are active now; at least one besides the opener. */
function hasMajority(
  { openedBy }: Recovery,
  approvals: Recovery['approvals'],
  { activeMembers }: Consortium,
): boolean {
  const agreeing = [openedBy, ...approvals].filter(({ mspId }) => activeMembers.includes(mspId));
  return agreeing.length >= Math.max(2, majorityOf(activeMembers.length));
}

function assertOpener({ caller }: Call, { openedBy }: Recovery): void {
  if (openedBy.mspId === caller.mspId && openedBy.enrolmentId === caller.enrolmentId) return;
  throw new CareLedgerError('NOT_OWNER', {
    message: 'The patient’s key cancels a recovery, or the officer who opened it.',
  });
}

async function save(
  call: Call,
  consortium: Consortium,
  recovery: Omit<Recovery, 'membersEpoch'>,
  previousEpoch: number | undefined,
): Promise<Outcome> {
  const { recoveryId, pseudonym, mspId, status } = recovery;
  const owner = { mspId, consortium, previousEpoch };
  const result = await call.state.writeOwned(KEYS.recovery, [pseudonym], recovery, owner);
  return { result, event: { event: EVENTS.recoveryChanged, id: recoveryId, pseudonym, mspId, status } };
}
