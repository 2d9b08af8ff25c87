import { CareLedgerError } from './errors.js';
import { addMs, instantFromMs, msFromInstant } from './instant.js';
import { LIMITS } from './limits.js';
import type { Caller } from './schemas/common.js';
import type { Emergency, EmergencyAccess, EmergencySay } from './schemas/emergencies.js';
import type { GrantBook } from './schemas/grant-book.js';
import type { Consortium } from './schemas/members.js';
import { nextStatus } from './transitions.js';

/**
 * Break glass as pure functions: the contract reads a case, calls one, and writes what it returns. A case has access
 * exactly when `accessOf` says so; what stands in the patient's grant book is that and nothing else.
 */

/** What every step has: who takes it, in which transaction, when. */
export type Step = EmergencySay;

const ELAPSING: readonly Emergency['status'][] = ['unidentified', 'opened', 'provisional', 'approved'];
/** What time makes of those. */
const ELAPSED: readonly Emergency['status'][] = ['unanswered', 'lapsed', 'expired'];
/** Nothing is to be done any more. */
const ENDED: readonly Emergency['status'][] = ['refused', 'unanswered', 'reviewed'];

/** Hospitals that have to approve: fewer than usual only where the consortium has fewer others. */
export function approvalsNeeded({ activeMembers }: Consortium, requesterMspId: string): number {
  const others = activeMembers.filter((mspId) => mspId !== requesterMspId).length;
  if (others > 0) return Math.min(LIMITS.emergencyApprovals, others);
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    message: 'There is no other member that could approve.',
  });
}

/** The case at a time: what was over by itself counts as over, whether or not anyone has swept. */
export function emergencyAt(emergency: Emergency, at: string): Emergency {
  const endsAt = dueAt(emergency);
  if (endsAt === undefined || at <= endsAt) return emergency;
  return { ...emergency, status: nextStatus('emergency', emergency.status, 'elapse') };
}

/** When the status that stands is over by itself; undefined when somebody has to end it. */
export function dueAt({ status, endsAt }: Emergency): string | undefined {
  return ELAPSING.includes(status) ? endsAt : undefined;
}

/**
 * When a case, as `emergencyAt` shows it, is over by itself or was, as long as no transaction wrote that down: one that
 * did changed it after its end.
 */
export function unwrittenEndOf(shown: Emergency): string | undefined {
  const { status, endsAt, changedAt } = shown;
  return dueAt(shown) ?? (ELAPSED.includes(status) && changedAt <= endsAt ? endsAt : undefined);
}

export function isEnded({ status }: Emergency): boolean {
  return ENDED.includes(status);
}

export function identify(
  emergency: Emergency,
  subject: { readonly pseudonym: string; readonly patientMspId: string },
  step: Step,
): Emergency {
  const status = nextStatus('emergency', emergency.status, 'identify');
  return stamped({ ...emergency, ...subject, status, identified: step }, step);
}

/**
 * @param secondWithinMs set when the patient's standing instruction lets a first approval open for so long
 * @throws CareLedgerError TRANSITION_NOT_ALLOWED, NOT_INDEPENDENT, ALREADY_EXISTS
 */
export function approve(
  emergency: Emergency,
  step: Step,
  options: { readonly consortium: Consortium; readonly secondWithinMs: number | undefined },
): Emergency {
  nextStatus('emergency', emergency.status, 'approve');
  assertMaySay(emergency, step.by);
  const approvals = [...emergency.approvals, step];
  const { activeMembers } = options.consortium;
  const counting = approvals.filter(({ by }) => activeMembers.includes(by.mspId)).length;
  const next = stamped({ ...emergency, approvals }, step);
  if (counting >= emergency.approvalsNeeded) return given(next, 'carry', LIMITS.emergencyAccessMs, step);
  if (emergency.status === 'opened' && options.secondWithinMs !== undefined)
    return given(next, 'provide', options.secondWithinMs, step);
  return next;
}

/** The refusal that leaves too few hospitals to approve ends the case. @throws as `approve` */
export function refuse(emergency: Emergency, step: Step, { activeMembers }: Consortium): Emergency {
  nextStatus('emergency', emergency.status, 'refuse');
  assertMaySay(emergency, step.by);
  const refusals = [...emergency.refusals, step];
  const next = stamped({ ...emergency, refusals }, step);
  const refusing = new Set(refusals.map(({ by }) => by.mspId));
  const possible = activeMembers.filter(
    (mspId) => mspId !== emergency.openedBy.mspId && !refusing.has(mspId),
  ).length;
  if (possible >= emergency.approvalsNeeded) return next;
  return { ...next, status: nextStatus('emergency', emergency.status, 'carryRefusal') };
}

/** @throws CareLedgerError TRANSITION_NOT_ALLOWED, NOT_INDEPENDENT */
export function review(
  emergency: Emergency,
  step: Step,
  result: Pick<NonNullable<Emergency['review']>, 'finding' | 'textDigest'>,
): Emergency {
  const status = nextStatus('emergency', emergency.status, 'review');
  assertOtherHospital(emergency, step.by);
  if (emergency.approvals.some(({ by }) => isSamePerson(by, step.by)))
    throw new CareLedgerError('NOT_INDEPENDENT', { came: 'a reviewer who approved' });
  return stamped({ ...emergency, status, review: { ...step, ...result } }, step);
}

/** The access that a case gives or gave; undefined while it gave none. */
export function accessOf(emergency: Emergency): EmergencyAccess | undefined {
  const { caseId, openedBy, from, until, status, changedAt } = emergency;
  if (from === undefined || until === undefined) return undefined;
  const { mspId, enrolmentId } = openedBy;
  const access = { caseId, requester: { mspId, enrolmentId }, from, until };
  return status === 'withdrawn' ? { ...access, endedAt: changedAt } : access;
}

/**
 * The book with a case's access in it. Access that was over for a day leaves it: nothing is released for it any more.
 * @throws CareLedgerError LIMIT_EXCEEDED
 */
export function withEmergencyAccess(book: GrantBook, access: EmergencyAccess, at: string): GrantBook {
  const longOver = instantFromMs(Math.max(0, msFromInstant(at) - LIMITS.emergencyKeptMs));
  const others = (book.emergencies ?? []).filter(
    ({ caseId, until }) => caseId !== access.caseId && until >= longOver,
  );
  if (others.length < LIMITS.emergenciesPerPatient) return { ...book, emergencies: [...others, access] };
  throw new CareLedgerError('LIMIT_EXCEEDED', {
    expected: `at most ${String(LIMITS.emergenciesPerPatient)} emergencies of one patient in a day`,
  });
}

/** The shortest time that an instruction of the patient leaves for the second approval; undefined without one. */
export function secondWithinMs({ instructions }: Pick<GrantBook, 'instructions'>): number | undefined {
  const times = instructions.flatMap(({ status, rule }) =>
    status === 'active' && rule.kind === 'break-glass' ? [rule.secondWithinMs] : [],
  );
  return times.length === 0 ? undefined : Math.min(...times);
}

function given(
  emergency: Emergency,
  transition: 'carry' | 'provide',
  forMs: number,
  { at }: Step,
): Emergency {
  const status = nextStatus('emergency', emergency.status, transition);
  const from = emergency.from ?? at;
  // The box begins with the first approval that opened, not with each one anew.
  const until = addMs(from, forMs);
  return { ...emergency, status, from, until, endsAt: until };
}

function assertMaySay(emergency: Emergency, by: Caller): void {
  assertOtherHospital(emergency, by);
  const said = [...emergency.approvals, ...emergency.refusals];
  if (said.some((say) => say.by.mspId === by.mspId))
    throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second word of this hospital' });
}

function assertOtherHospital({ openedBy }: Emergency, { mspId }: Caller): void {
  if (openedBy.mspId !== mspId) return;
  throw new CareLedgerError('NOT_INDEPENDENT', { came: 'the requester’s own hospital' });
}

function isSamePerson(left: Caller, right: Caller): boolean {
  return left.mspId === right.mspId && left.enrolmentId === right.enrolmentId;
}

function stamped(emergency: Emergency, { at, txId }: Step): Emergency {
  return { ...emergency, changedAt: at, txId };
}
