import {
  CareLedgerError,
  EVENTS,
  KEYS,
  accessOf,
  dueAt,
  emergencyAt,
  isEnded,
  withEmergencyAccess,
  type Consortium,
  type Emergency,
  type GrantBook,
} from '@careledger/protocol';
import type { Call, Outcome } from '../shell/call.js';
import { readGrantBook, writeGrantBook } from '../shell/grant-books.js';
import { writeNotice } from '../shell/notices.js';

/** Reading and writing emergencies with the keys by which they are found. */

/** A case as it was written, and as it is now. */
export interface StandingCase {
  readonly written: Emergency;
  readonly now: Emergency;
}

/** @throws CareLedgerError EMERGENCY_NOT_FOUND */
export async function readEmergency(call: Call, caseId: string): Promise<StandingCase> {
  const written = await call.state.read(KEYS.emergency, [caseId]);
  if (written === undefined) throw new CareLedgerError('EMERGENCY_NOT_FOUND', { came: caseId });
  return { written, now: emergencyAt(written, call.at) };
}

/** A patient to whom emergencies apply. @throws CareLedgerError PATIENT_NOT_FOUND, TRANSITION_NOT_ALLOWED */
export async function readBookOfEnrolled(call: Call, pseudonym: string): Promise<GrantBook> {
  const book = await readGrantBook(call, pseudonym);
  if (book.status === 'enrolled') return book;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    expected: 'an enrolled patient',
    came: `a patient that is ${book.status}`,
  });
}

/** The grant book follows the case: access that was given, prolonged or withdrawn stands there. */
export async function followInBook(
  call: Call,
  consortium: Consortium,
  book: GrantBook,
  emergency: Emergency,
): Promise<void> {
  const access = accessOf(emergency);
  if (access === undefined) return;
  await writeGrantBook(call, consortium, { book: withEmergencyAccess(book, access, call.at), ended: [] });
}

export async function saveEmergency(
  call: Call,
  written: Emergency | undefined,
  emergency: Emergency,
): Promise<Outcome> {
  await writeEmergency(call, written, emergency, call.caller.mspId);
  const { caseId, openedBy, status, pseudonym } = emergency;
  const event = {
    event: EVENTS.emergencyChanged,
    id: caseId,
    mspId: openedBy.mspId,
    status,
    ...(pseudonym === undefined ? {} : { pseudonym }),
  } as const;
  return { result: emergency, event };
}

/** @param byMspId whose step it is; undefined when time took it */
export async function writeEmergency(
  call: Call,
  written: Emergency | undefined,
  emergency: Emergency,
  byMspId?: string,
): Promise<void> {
  const { caseId, pseudonym, status } = emergency;
  await call.state.write(KEYS.emergency, [caseId], emergency);
  await moveMark(call, KEYS.emergenciesByState, written && placeOf(written), placeOf(emergency));
  await moveMark(call, KEYS.emergencyDue, written && dueOf(written), dueOf(emergency));
  if (pseudonym === undefined) return;
  const about = noticeOf(emergency);
  await writeNotice(call, { pseudonym, kind: 'emergency', caseId, status, about }, byMspId);
}

/** Who asked, why, and until when there is access: what a patient wants to know. */
function noticeOf({ openedBy, reason, until }: Emergency): string {
  const end = until === undefined ? '' : `; until ${until}`;
  return `asked for by ${openedBy.enrolmentId} of ${openedBy.mspId}: ${reason}${end}`;
}

function placeOf(emergency: Emergency): string[] {
  return [isEnded(emergency) ? '1' : '0', emergency.openedAt, emergency.caseId];
}

function dueOf(emergency: Emergency): string[] | undefined {
  const due = dueAt(emergency);
  return due === undefined ? undefined : [due, emergency.caseId];
}

async function moveMark(
  call: Call,
  prefix: typeof KEYS.emergenciesByState | typeof KEYS.emergencyDue,
  from: readonly string[] | undefined,
  to: readonly string[] | undefined,
): Promise<void> {
  if (from !== undefined && to !== undefined && from.join('/') === to.join('/')) return;
  if (from !== undefined) await call.state.remove(prefix, from);
  if (to !== undefined) await call.state.mark(prefix, to);
}
