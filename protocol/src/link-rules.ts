import { CareLedgerError } from './errors.js';
import { addMs } from './instant.js';
import { LIMITS } from './limits.js';
import { majorityOf } from './membership.js';
import type { LinkCase, LinkOutcome } from './schemas/links.js';
import type { Consortium } from './schemas/members.js';
import { nextStatus } from './transitions.js';

/** Opening the link between pseudonyms, as pure functions. */

/** The case at a time: what was over by itself counts as over. */
export function linkCaseAt(linkCase: LinkCase, at: string): LinkCase {
  if (linkCase.status === 'posted' || at <= linkCase.endsAt) return linkCase;
  return { ...linkCase, status: nextStatus('linkCase', linkCase.status, 'lapse') };
}

/**
 * One hospital's approval; with a majority of the active members the holders may give their parts.
 * @throws CareLedgerError TRANSITION_NOT_ALLOWED, NOT_INDEPENDENT, ALREADY_EXISTS
 */
export function approveLink(
  linkCase: LinkCase,
  step: LinkCase['approvals'][number],
  { activeMembers }: Consortium,
): LinkCase {
  const status = nextStatus('linkCase', linkCase.status, 'approve');
  const { by, at, txId } = step;
  const { openedBy } = linkCase;
  if (openedBy.mspId === by.mspId && openedBy.enrolmentId === by.enrolmentId)
    throw new CareLedgerError('NOT_INDEPENDENT', { came: 'the person who opened the case' });
  if (linkCase.approvals.some((approval) => approval.by.mspId === by.mspId))
    throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second approval of this hospital' });
  const approvals = [...linkCase.approvals, step];
  const counting = approvals.filter((approval) => activeMembers.includes(approval.by.mspId)).length;
  const next: LinkCase = { ...linkCase, status, approvals, changedAt: at, txId };
  if (counting < majorityOf(activeMembers.length)) return next;
  return {
    ...next,
    status: nextStatus('linkCase', linkCase.status, 'carry'),
    endsAt: addMs(at, LIMITS.linkReleaseMs),
  };
}

/** @throws CareLedgerError TRANSITION_NOT_ALLOWED; SCHEMA_VIOLATION unless each pseudonym stands in the outcome once */
export function postLinkOutcome(
  linkCase: LinkCase,
  outcome: LinkOutcome,
  { at, txId }: { readonly at: string; readonly txId: string },
): LinkCase {
  const status = nextStatus('linkCase', linkCase.status, 'post');
  const named = [...outcome.groups.flat(), ...outcome.unreadable].sort();
  const asked = [...linkCase.pseudonyms].sort();
  if (named.length !== asked.length || named.some((pseudonym, index) => pseudonym !== asked[index]))
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'each pseudonym of the case once' });
  return { ...linkCase, status, outcome, changedAt: at, txId };
}
