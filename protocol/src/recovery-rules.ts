import { CareLedgerError } from './errors.js';
import { addMs } from './instant.js';
import { LIMITS } from './limits.js';
import { majorityOf } from './membership.js';
import type { Recovery } from './schemas/identities.js';
import type { Consortium } from './schemas/members.js';
import { nextStatus } from './transitions.js';

/**
 * The recovery of a lost key, as pure functions.
 *
 *   agreeing = the opener's hospital and those that approved, as far as they are active and did not refuse
 *   needed   = max(2, majority of the active members)
 *
 * Nobody keeps a patient from recovery for ever: a recovery lapses, a minority cannot refuse one, and a hospital whose
 * recovery ended without completion rests, so that it does not take the place of the others' again and again.
 */

const PENDING: readonly Recovery['status'][] = ['opened', 'approved'];

type Say = Recovery['approvals'][number];

/** The recovery at a time: what was over by itself counts as over. */
export function recoveryAt(recovery: Recovery, at: string): Recovery {
  const { status, endsAt } = recovery;
  if (!PENDING.includes(status) || at <= endsAt) return recovery;
  return { ...recovery, status: nextStatus('recovery', status, 'lapse'), endedAt: endsAt };
}

/** Who opens no recovery now. @param before the pseudonym's latest recovery, as it is at the time */
export function restingAt(before: Recovery | undefined, at: string): Recovery['resting'] {
  if (before === undefined) return [];
  const { status, openedBy, endedAt } = before;
  const isOver = endedAt !== undefined && status !== 'completed';
  const rests = isOver ? [{ mspId: openedBy.mspId, until: addMs(endedAt, LIMITS.recoveryRestMs) }] : [];
  const others = before.resting.filter(({ mspId }) => rests.every((own) => own.mspId !== mspId));
  return [...others, ...rests].filter(({ until }) => at < until);
}

/** @throws CareLedgerError RECOVERY_TOO_SOON */
export function assertNotResting(resting: Recovery['resting'], mspId: string): void {
  const own = resting.find((rest) => rest.mspId === mspId);
  if (own === undefined) return;
  throw new CareLedgerError('RECOVERY_TOO_SOON', { expected: `another hospital, or from ${own.until} on` });
}

export function isRecoveryCarried(
  { openedBy, approvals, refusals }: Recovery,
  consortium: Consortium,
): boolean {
  const agreeing = new Set([openedBy, ...approvals].map(({ mspId }) => mspId));
  return countOf(agreeing, refusals, consortium) >= needed(consortium);
}

/**
 * One hospital's approval. The first majority starts the waiting time; who approves later is counted at the completion.
 * @param waitMs milliseconds from the majority until the completion
 * @throws CareLedgerError TRANSITION_NOT_ALLOWED, NOT_OWNER, ALREADY_EXISTS
 */
export function approvedRecovery(
  recovery: Recovery,
  say: Say,
  consortium: Consortium,
  waitMs: number,
): Recovery {
  const status = nextStatus('recovery', recovery.status, 'approve');
  if (say.mspId === recovery.openedBy.mspId)
    throw new CareLedgerError('NOT_OWNER', {
      message: 'Officers of the other members approve.',
      came: say.mspId,
    });
  assertFirst([...recovery.approvals, ...recovery.refusals], say);
  const next = { ...recovery, status, approvals: [...recovery.approvals, say] };
  if (recovery.status !== 'opened' || !isRecoveryCarried(next, consortium)) return next;
  const notBefore = addMs(say.at, waitMs);
  return {
    ...next,
    status: nextStatus('recovery', recovery.status, 'carry'),
    notBefore,
    endsAt: addMs(notBefore, LIMITS.recoveryCompletionMs),
  };
}

/**
 * One hospital's refusal, also of one that agreed before. When too few are left to make a majority, it is over.
 * @throws CareLedgerError TRANSITION_NOT_ALLOWED, ALREADY_EXISTS
 */
export function refusedRecovery(recovery: Recovery, say: Say, consortium: Consortium): Recovery {
  const status = nextStatus('recovery', recovery.status, 'refuse');
  assertFirst(recovery.refusals, say);
  const next = { ...recovery, status, refusals: [...recovery.refusals, say] };
  const isPossible = countOf(consortium.activeMembers, next.refusals, consortium) >= needed(consortium);
  if (isPossible) return next;
  return { ...next, status: nextStatus('recovery', recovery.status, 'carryRefusal'), endedAt: say.at };
}

function assertFirst(said: readonly Say[], { mspId }: Say): void {
  if (said.every((say) => say.mspId !== mspId)) return;
  throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second say of one member' });
}

function needed({ activeMembers }: Consortium): number {
  return Math.max(2, majorityOf(activeMembers.length));
}

function countOf(
  mspIds: Iterable<string>,
  refusals: Recovery['refusals'],
  { activeMembers }: Consortium,
): number {
  const counts = (mspId: string): boolean =>
    activeMembers.includes(mspId) && refusals.every((refusal) => refusal.mspId !== mspId);
  return [...mspIds].filter(counts).length;
}
