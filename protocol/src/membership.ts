import { CareLedgerError } from './errors.js';
import type { Consortium, Member, Vote } from './schemas/members.js';
import { nextStatus } from './transitions.js';

/** Strict majority: 3 of 4, 2 of 3, 2 of 2, 1 of 1. */
export function majorityOf(members: number): number {
  return Math.floor(members / 2) + 1;
}

export interface VoteOutcome {
  readonly votes: Member['votes'];
  /** The vote reached a strict majority of the active members: the change takes effect now. */
  readonly carried: boolean;
}

/**
 * Counts one vote about a member. Only votes of members that are active now count, whenever they were cast; the one
 * whom it is about has no vote, but counts in the number of which a majority is needed.
 * @throws CareLedgerError TRANSITION_NOT_ALLOWED when the change is not possible from the member's status, or the
 * voter votes about itself.
 */
export function castVote(
  member: Member,
  vote: Vote['vote'],
  voter: string,
  consortium: Consortium,
): VoteOutcome {
  nextStatus('member', member.status, vote);
  if (voter === member.mspId) {
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
      message: 'A member cannot vote about itself.',
      came: vote,
    });
  }
  const cast = [...new Set([...member.votes[vote], voter])].sort();
  const counting = cast.filter((mspId) => consortium.activeMembers.includes(mspId));
  return {
    votes: { ...member.votes, [vote]: cast },
    carried: counting.length >= majorityOf(consortium.activeMembers.length),
  };
}

/** The digest that a strict majority of the active members approves, if there is one. */
export function approvedBuildOf(active: readonly Pick<Member, 'approvedBuild'>[]): string | undefined {
  const needed = majorityOf(active.length);
  const digests = new Set(
    active.flatMap(({ approvedBuild }) => (approvedBuild === undefined ? [] : [approvedBuild])),
  );
  return [...digests].find(
    (digest) => active.filter((member) => member.approvedBuild === digest).length >= needed,
  );
}
