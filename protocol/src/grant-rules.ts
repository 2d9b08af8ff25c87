import { assertRoomForEdges } from './edge-rules.js';
import { CareLedgerError } from './errors.js';
import { addMs, msFromInstant } from './instant.js';
import { LIMITS } from './limits.js';
import { isUsedUp, lastInstantOf, openingsAllowed } from './opening-count.js';
import type { Caller } from './schemas/common.js';
import type { GrantBook } from './schemas/grant-book.js';
import type { GrantArguments, PatientGrant } from './schemas/grants.js';
import type { PatientInstruction, PatientRule } from './schemas/instructions.js';
import { lineageOf, parentOf, raiseEpochs, tagsOf } from './tags.js';
import { nextStatus } from './transitions.js';

/** What happens to a grant book, as pure functions: the contract reads a book, calls one, and writes what it returns. */
export interface BookChange {
  readonly book: GrantBook;
  /** Grants that left the book and become evidence under their own keys. */
  readonly ended: readonly PatientGrant[];
}

const DAY_MS = 86_400_000;

/** @throws CareLedgerError SCHEMA_VIOLATION for an empty or past period, LIMIT_EXCEEDED for one that is too long. */
export function assertGrantPeriod(terms: Pick<GrantArguments, 'notBefore' | 'notAfter'>, at: string): void {
  const { notBefore, notAfter } = terms;
  const [startMs, endMs] = [msFromInstant(notBefore), msFromInstant(notAfter)];
  if (startMs >= endMs) throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'notBefore < notAfter' });
  if (endMs < msFromInstant(at))
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'notAfter in the future' });
  if (endMs - Math.min(startMs, msFromInstant(at)) > LIMITS.grantMaxDays * DAY_MS) {
    throw new CareLedgerError('LIMIT_EXCEEDED', {
      expected: `a grant of at most ${String(LIMITS.grantMaxDays)} days`,
    });
  }
}

export function hasRoom(book: GrantBook, at: string): boolean {
  return book.grants.filter((grant) => !isPast(book, grant, at)).length < LIMITS.liveGrantsPerPatient;
}

/**
 * @throws CareLedgerError ALREADY_EXISTS for an id in the book, LIMIT_EXCEEDED when the book is full, or holds as many
 * forwards as it may
 */
export function addGrant(book: GrantBook, grant: PatientGrant, at: string, txId: string): BookChange {
  if (book.grants.some(({ grantId }) => grantId === grant.grantId)) {
    throw new CareLedgerError('ALREADY_EXISTS', { came: 'the id of a live grant' });
  }
  const isFull = whyNoRoom(book, grant) !== undefined;
  // A full book first loses what is over anyway; otherwise nothing is expired here, to keep the write small.
  const swept = isFull ? expirePast(book, at, txId) : { book, ended: [] };
  const expected = whyNoRoom(swept.book, grant);
  if (expected !== undefined) throw new CareLedgerError('LIMIT_EXCEEDED', { expected });
  const after = { ...swept.book, grants: [...swept.book.grants, grant] };
  assertRoomForEdges(after);
  return { book: after, ended: swept.ended };
}

/** What is full: the book, or what of it is open to forwards, so that no grantee takes the room for the patient's own. */
function whyNoRoom({ grants }: GrantBook, grant: PatientGrant): string | undefined {
  if (grants.length >= LIMITS.liveGrantsPerPatient)
    return `at most ${String(LIMITS.liveGrantsPerPatient)} live grants; revoke one first`;
  if (parentOf(grant) === undefined) return undefined;
  const forwards = grants.filter((candidate) => parentOf(candidate) !== undefined);
  const rootOf = (forward: PatientGrant): string | undefined => lineageOf(grants, forward)[0]?.grantId;
  const root = rootOf(grant);
  if (forwards.filter((forward) => rootOf(forward) === root).length >= LIMITS.forwardsPerGrant)
    return `at most ${String(LIMITS.forwardsPerGrant)} forwards of one grant of the patient`;
  if (forwards.length >= LIMITS.forwardsPerPatient)
    return `at most ${String(LIMITS.forwardsPerPatient)} forwards of one patient's grants`;
  const edges = [...forwards, grant].flatMap(tagsOf).length;
  return edges > LIMITS.forwardEdgesPerPatient
    ? `at most ${String(LIMITS.forwardEdgesPerPatient)} edges of forwards`
    : undefined;
}

/** @throws CareLedgerError GRANT_NOT_FOUND when no live grant has the id. */
export function revokeGrant(book: GrantBook, grantId: string, at: string, txId: string): BookChange {
  return endGrants(book, [liveGrant(book, grantId)], { transition: 'revoke', at, txId });
}

/**
 * Ends a forward by the hospital that made it. The epoch is raised as for a revocation: its grantee keeps what it has,
 * and proxies that kept a share could go on serving it.
 * @throws CareLedgerError GRANT_NOT_FOUND when no live grant has the id.
 */
export function endForward(book: GrantBook, grantId: string, at: string, txId: string): BookChange {
  return endGrants(book, [liveGrant(book, grantId)], { transition: 'end', at, txId });
}

/** Ends everything: what was granted with a key that is replaced. */
export function endAllGrants(book: GrantBook, at: string, txId: string): BookChange {
  return endGrants(book, book.grants, { transition: 'revoke', at, txId });
}

/** Ends every grant that has edges: nothing reaches the patient's identity any more. */
export function endAllEdges(book: GrantBook, at: string, txId: string): BookChange {
  const byEdges = book.grants.filter(({ edges }) => edges !== undefined);
  return endGrants(book, byEdges, { transition: 'revoke', at, txId });
}

/** Ends what is over: by its time, or by the number of its openings once the last of them had its time to be served. */
export function expirePast(book: GrantBook, at: string, txId: string): BookChange {
  const past = book.grants.filter((grant) => isPast(book, grant, at));
  return endGrants(book, past, { transition: 'expire', at, txId });
}

/** @throws CareLedgerError GRANT_NOT_FOUND */
export function liveGrant(book: GrantBook, grantId: string): PatientGrant {
  const grant = book.grants.find((candidate) => candidate.grantId === grantId);
  if (grant === undefined) throw new CareLedgerError('GRANT_NOT_FOUND');
  return grant;
}

interface Ending {
  readonly transition: 'revoke' | 'expire' | 'end';
  readonly at: string;
  readonly txId: string;
}

/**
 * Ends grants and all that was forwarded under them, and raises the epoch of every tag that their edges opened: what is
 * sealed under the new epoch is out of reach of a re-key that somebody kept.
 */
function endGrants(book: GrantBook, grants: readonly PatientGrant[], ending: Ending): BookChange {
  const roots = new Set(grants.map(({ grantId }) => grantId));
  const isEnding = (grant: PatientGrant) =>
    lineageOf(book.grants, grant).some(({ grantId }) => roots.has(grantId));
  const ended = book.grants.filter(isEnding).map((grant) => {
    const { at, txId } = ending;
    const transition = roots.has(grant.grantId) ? ending.transition : 'end';
    return { ...grant, status: nextStatus('grant', grant.status, transition), endedAt: at, txId };
  });
  const remaining = { ...book, grants: book.grants.filter((grant) => !isEnding(grant)) };
  return { book: raiseEpochs(remaining, ended.flatMap(tagsOf)), ended };
}

/**
 * Counts one opening for each grant that was used and every grant above it, and expires those without edges that reached
 * what the patient allows. One with edges stays for the time in which its last opening is served, since nobody gives
 * anything along a chain that has ended; decisions deny it already.
 */
export function countOpenings(
  book: GrantBook,
  used: ReadonlySet<string>,
  at: string,
  txId: string,
): BookChange {
  const allowed = openingsAllowed(book);
  if (allowed === undefined) return { book, ended: [] };
  const opened = new Set(
    book.grants
      .filter(({ grantId }) => used.has(grantId))
      .flatMap((grant) => lineageOf(book.grants, grant))
      .map(({ grantId }) => grantId),
  );
  const counted = book.grants.map((grant) =>
    opened.has(grant.grantId) ? { ...grant, openings: (grant.openings ?? 0) + 1, lastOpenedAt: at } : grant,
  );
  const over = counted.filter(
    (grant) => opened.has(grant.grantId) && grant.edges === undefined && isUsedUp([grant], allowed),
  );
  return endGrants({ ...book, grants: counted }, over, { transition: 'expire', at, txId });
}

export type AutoGrantRule = Extract<PatientRule, { kind: 'auto-grant' }>;

/** The grant that a standing instruction makes: to the requester in person, for the purpose and types of the rule. */
export function grantFromInstruction(options: {
  readonly instruction: PatientInstruction;
  readonly rule: AutoGrantRule;
  readonly grantId: string;
  readonly pseudonym: string;
  readonly requester: Caller;
  readonly at: string;
  readonly txId: string;
}): PatientGrant {
  const { instruction, rule, grantId, pseudonym, requester, at, txId } = options;
  return {
    grantId,
    pseudonym,
    grantee: { kind: 'person', mspId: requester.mspId, enrolmentId: requester.enrolmentId },
    recordTypes: [...rule.recordTypes],
    purposes: [rule.purpose],
    notBefore: at,
    notAfter: addMs(at, rule.validForMs),
    maxHops: 0,
    status: nextStatus('grant', undefined, 'grant'),
    basis: { instructionId: instruction.instructionId },
    createdAt: at,
    txId,
  };
}

function isPast(book: GrantBook, grant: PatientGrant, at: string): boolean {
  return at > lastInstantOf(book, grant);
}
