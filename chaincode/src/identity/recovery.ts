import {
  CareLedgerError,
  EVENTS,
  KEYS,
  LIMITS,
  addMs,
  approvedRecovery,
  assertNotResting,
  endAllGrants,
  isRecoveryCarried,
  nextStatus,
  patientName,
  recoveryAt,
  refusedRecovery,
  restingAt,
  type CancelRecovery,
  type Consortium,
  type GrantBook,
  type OpenRecovery,
  type Patient,
  type PatientInstruction,
  type Recovery,
  type RecoveryStep,
} from '@careledger/protocol';
import { writeNotice } from '../shell/notices.js';
import { requireActiveMember, type Call, type Outcome } from '../shell/call.js';
import { requireRole } from '../shell/caller.js';
import { readGrantBook, writeGrantBook } from '../shell/grant-books.js';
import { writeRetired } from '../shell/instructions.js';
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
  const before = await latestRecovery(call, pseudonym);
  const status = nextStatus('recovery', before?.status, 'open');
  const resting = restingAt(before, call.at);
  assertNotResting(resting, call.caller.mspId);
  const recovery = {
    recoveryId: call.txId,
    pseudonym,
    mspId: patient.mspId,
    status,
    keys,
    formDigest,
    openedBy: call.caller,
    openedAt: call.at,
    patientKeyEpoch: patient.keyEpoch,
    approvals: [],
    refusals: [],
    endsAt: addMs(call.at, LIMITS.recoveryAnswerMs),
    resting,
    txId: call.txId,
  };
  return save(call, consortium, recovery, before?.membersEpoch);
}

/** By officers of members other than the one that opened it, one of each. The majority starts the waiting time. */
export async function approveRecovery(call: Call, step: RecoveryStep, waitMs: number): Promise<Outcome> {
  requireRole(call.caller, ['officer']);
  const consortium = await requireActiveMember(call);
  const before = await readRecovery(call, step);
  return saveStep(call, consortium, approvedRecovery(before, sayOf(call), consortium, waitMs));
}

/** By officers of any member, one of each, also of one that agreed: it ends when no majority can be made any more. */
export async function refuseRecovery(call: Call, step: RecoveryStep): Promise<Outcome> {
  requireRole(call.caller, ['officer']);
  const consortium = await requireActiveMember(call);
  const before = await readRecovery(call, step);
  return saveStep(call, consortium, refusedRecovery(before, sayOf(call), consortium));
}

/**
 * By the patient's present key, which is then not lost; by the officer who opened it; or by an officer of the patient's
 * hospital, without whose endorsement nothing of the pseudonym is replaced anyway.
 */
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
    assertMayCancel(call, before);
  }
  const status = nextStatus('recovery', before.status, 'cancel');
  return saveStep(call, consortium, { ...before, status, endedAt: call.at });
}

/**
 * After the waiting time, by whoever: everything that is decided here was decided by the approvals, counted again over
 * the members that are active now.
 */
export async function completeRecovery(call: Call, step: RecoveryStep): Promise<Outcome> {
  requireRole(call.caller, ['officer', 'gateway']);
  const consortium = await requireActiveMember(call);
  const before = await readRecovery(call, step);
  const status = nextStatus('recovery', before.status, 'complete');
  if (before.notBefore === undefined || call.at < before.notBefore)
    throw new CareLedgerError('RECOVERY_WAITING', {
      expected: `after ${before.notBefore ?? 'the majority'}`,
    });
  if (!isRecoveryCarried(before, consortium)) {
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
      message: 'The members that agreed and are active now are no majority any more.',
      expected: 'approvals of more members',
    });
  }
  const patient = await requireRecoverable(call, step.pseudonym);
  if (patient.keyEpoch !== before.patientKeyEpoch) {
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
      message: 'The patient used the old key since the recovery was opened; it is not lost.',
    });
  }
  await replaceKeys(call, consortium, patient, before);
  return saveStep(call, consortium, { ...before, status, endedAt: call.at });
}

/** The patient's latest recovery, as it is now. @throws CareLedgerError RECOVERY_NOT_FOUND */
export async function readRecovery(
  call: Call,
  { pseudonym, recoveryId }: { readonly pseudonym: string; readonly recoveryId?: string },
): Promise<Recovery> {
  const recovery = await latestRecovery(call, pseudonym);
  if (recovery === undefined || (recoveryId !== undefined && recoveryId !== recovery.recoveryId))
    throw new CareLedgerError('RECOVERY_NOT_FOUND');
  return recovery;
}

async function latestRecovery(call: Call, pseudonym: string): Promise<Recovery | undefined> {
  const written = await call.state.read(KEYS.recovery, [pseudonym]);
  return written && recoveryAt(written, call.at);
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
  const book = await withoutOpenings(call, await readGrantBook(call, pseudonym));
  await writeGrantBook(call, consortium, endAllGrants(book, call.at, call.txId));
}

/** Instructions by which the replaced key lets others read are retired; those that only end grants stay. */
async function withoutOpenings(call: Call, book: GrantBook): Promise<GrantBook> {
  const lets = ({ rule }: PatientInstruction): boolean => rule.kind !== 'expire-grant';
  for (const instruction of book.instructions.filter(lets))
    await writeRetired(call, book.pseudonym, instruction);
  return { ...book, instructions: book.instructions.filter((instruction) => !lets(instruction)) };
}

/** @throws CareLedgerError RECOVERY_NOT_POSSIBLE, TRANSITION_NOT_ALLOWED, PATIENT_NOT_FOUND, IDENTITY_NOT_FOUND */
async function requireRecoverable(call: Call, pseudonym: string): Promise<Patient> {
  const patient = await readPatient(call, pseudonym);
  nextStatus('patient', patient.status, 'rotateKeys');
  const { recoverable } = await readIdentity(call, patientName(pseudonym));
  if (!recoverable) throw new CareLedgerError('RECOVERY_NOT_POSSIBLE');
  return patient;
}

function sayOf({ caller, at }: Call): Recovery['approvals'][number] {
  return { mspId: caller.mspId, by: caller, at };
}

function assertMayCancel({ caller }: Call, { openedBy, mspId }: Recovery): void {
  requireRole(caller, ['officer']);
  const { mspId: own, enrolmentId } = caller;
  if (own === mspId || (own === openedBy.mspId && enrolmentId === openedBy.enrolmentId)) return;
  throw new CareLedgerError('NOT_OWNER', {
    message:
      'A recovery is cancelled with the patient’s key, by the officer who opened it, or at the patient’s hospital; others refuse it.',
  });
}

function saveStep(call: Call, consortium: Consortium, recovery: Recovery): Promise<Outcome> {
  return save(call, consortium, { ...recovery, txId: call.txId }, recovery.membersEpoch);
}

/** The patient is told of every step: the waiting time is there for objecting. */
async function save(
  call: Call,
  consortium: Consortium,
  recovery: Omit<Recovery, 'membersEpoch'>,
  previousEpoch: number | undefined,
): Promise<Outcome> {
  const { recoveryId, pseudonym, mspId, status } = recovery;
  const owner = { mspId, consortium, previousEpoch };
  const result = await call.state.writeOwned(KEYS.recovery, [pseudonym], recovery, owner);
  const notice = { pseudonym, kind: 'recovery', caseId: recoveryId, status } as const;
  await writeNotice(call, notice, call.caller.mspId);
  return { result, event: { event: EVENTS.recoveryChanged, id: recoveryId, pseudonym, mspId, status } };
}
