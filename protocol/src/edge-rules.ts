import { CareLedgerError } from './errors.js';
import { isGrantee } from './decision.js';
import { granteeName } from './identity-names.js';
import { LIMITS } from './limits.js';
import { tagName, type TagName } from './record-types.js';
import type { Caller } from './schemas/common.js';
import type { GrantBook } from './schemas/grant-book.js';
import type { Edge, EdgeInForce, Forward, GrantArguments, PatientGrant } from './schemas/grants.js';
import { edgeFor, lineageOf, parentOf, tagStateOf, tagsOf } from './tags.js';

/** What edges may be added to a grant book, as far as it can be said without cryptography. Pure. */

/**
 * The edges of a new grant: each record type with each sensitivity that any edge names, once.
 * @throws CareLedgerError EDGE_INVALID
 */
export function assertEdgesCover(recordTypes: GrantArguments['recordTypes'], edges: readonly Edge[]): void {
  const sensitivities = new Set(edges.map(({ sensitivity }) => sensitivity));
  const wanted = recordTypes.flatMap((type) =>
    [...sensitivities].map((sensitivity) => tagName(type, sensitivity)),
  );
  assertDistinct(edges);
  const came = new Set(edges.map(tagOfEdge));
  if (wanted.length === came.size && wanted.every((tag) => came.has(tag))) return;
  throw new CareLedgerError('EDGE_INVALID', {
    message: 'The edges are not one for each record type and sensitivity.',
    expected: wanted.join(', ').slice(0, 400),
  });
}

/**
 * The edges that a live grant gets anew: of its own tags, and only where the present ones are of an earlier epoch. What
 * hangs below an edge names it, so an edge of the present epoch is not replaced.
 * @throws CareLedgerError EDGE_INVALID or TRANSITION_NOT_ALLOWED
 */
export function assertRenewable(book: GrantBook, grant: PatientGrant, edges: readonly Edge[]): void {
  // A grant from before the patient had an identity key gets its edges here.
  if (grant.edges === undefined) {
    assertEdgesCover(grant.recordTypes, edges);
    return;
  }
  assertDistinct(edges);
  for (const edge of edges) {
    const present = edgeFor(grant, edge.recordType, edge.sensitivity);
    if (present === undefined) {
      throw new CareLedgerError('EDGE_INVALID', {
        expected: `one of ${tagsOf(grant).join(', ').slice(0, 400)}`,
        came: tagOfEdge(edge),
      });
    }
    if (present.tagEpoch < tagStateOf(book, tagOfEdge(edge)).epoch) continue;
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
      message: `The edge of ${tagOfEdge(edge)} is of the present epoch; grant anew to replace it.`,
    });
  }
}

/**
 * Every tag open, and every edge of its present epoch.
 * @throws CareLedgerError TAG_CLOSED or EPOCH_STALE
 */
export function assertPresentTags(book: GrantBook, edges: readonly Edge[]): void {
  for (const edge of edges) {
    const tag = tagOfEdge(edge);
    const { epoch, sharable } = tagStateOf(book, tag);
    if (!sharable) throw new CareLedgerError('TAG_CLOSED', { came: tag });
    if (edge.tagEpoch === epoch) continue;
    throw new CareLedgerError('EPOCH_STALE', {
      expected: `epoch ${String(epoch)} of ${tag}`,
      came: String(edge.tagEpoch),
    });
  }
}

/** A grant with more edges, in place of its earlier ones of the same tags. */
export function withEdges(grant: PatientGrant, added: readonly EdgeInForce[]): PatientGrant {
  const replaced = new Set(added.map(tagOfEdge));
  const kept = (grant.edges ?? []).filter((edge) => !replaced.has(tagOfEdge(edge)));
  const summaries = added.map(({ recordType, sensitivity, tagEpoch, edgeId }) => ({
    recordType,
    sensitivity,
    tagEpoch,
    edgeId,
  }));
  return { ...grant, edges: [...kept, ...summaries] };
}

/**
 * The book with a live grant changed.
 * @throws CareLedgerError LIMIT_EXCEEDED as `assertRoomForEdges`
 */
export function withGrant(book: GrantBook, changed: PatientGrant): GrantBook {
  const grants = book.grants.map((grant) => (grant.grantId === changed.grantId ? changed : grant));
  const after = { ...book, grants };
  assertRoomForEdges(after);
  return after;
}

/** @throws CareLedgerError LIMIT_EXCEEDED when the book holds more edges than it may */
export function assertRoomForEdges({ grants }: GrantBook): void {
  const live = grants.reduce((count, { edges = [] }) => count + edges.length, 0);
  if (live <= LIMITS.liveEdgesPerPatient) return;
  throw new CareLedgerError('LIMIT_EXCEEDED', {
    expected: `at most ${String(LIMITS.liveEdgesPerPatient)} edges of live grants; revoke a grant first`,
  });
}

/**
 * The live grants from the patient's own to this one, each within its time.
 * @throws CareLedgerError GRANT_NOT_FOUND; TRANSITION_NOT_ALLOWED when it or one above it is over
 */
export function liveLineage(book: GrantBook, grantId: string, at: string): PatientGrant[] {
  const grant = book.grants.find((candidate) => candidate.grantId === grantId);
  if (grant === undefined) throw new CareLedgerError('GRANT_NOT_FOUND');
  const lineage = lineageOf(book.grants, grant);
  const isWhole = lineage[0] !== undefined && parentOf(lineage[0]) === undefined;
  if (isWhole && lineage.every(({ notBefore, notAfter }) => notBefore <= at && at <= notAfter))
    return lineage;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    message: 'The grant, or one above it, is not in its time.',
  });
}

type ForwardTerms = Omit<Forward, 'edges' | 'acks' | 'parentId'>;

/**
 * An onward grant: by the grantee of its parent, of the department that the parent is for, within the hops and the terms
 * of its parent, to nobody whom the data passed already.
 * @throws CareLedgerError NOT_OWNER, HOPS_EXHAUSTED, FORWARD_EXCEEDS_GRANT
 */
export function assertForward(
  lineage: readonly PatientGrant[],
  terms: ForwardTerms,
  caller: Caller,
): PatientGrant {
  const parent = assertForwardStands(lineage, terms, caller);
  const department = parent.condition?.department;
  if (department === undefined || department === caller.department) return parent;
  throw new CareLedgerError('NOT_OWNER', {
    message: 'Only the department that a grant is for hands it on.',
  });
}

/**
 * As `assertForward`, of a forward that was made: whoever is its grantee renews it, the hospital's gateway too, which is
 * of no department.
 * @throws CareLedgerError as `assertForward`
 */
export function assertForwardStands(
  lineage: readonly PatientGrant[],
  terms: ForwardTerms,
  caller: Caller,
): PatientGrant {
  const parent = lineage.at(-1);
  if (parent === undefined) throw new CareLedgerError('GRANT_NOT_FOUND');
  if (!isGrantee(parent.grantee, caller)) {
    throw new CareLedgerError('NOT_OWNER', { message: 'Only the grantee of a grant hands it on.' });
  }
  if (parent.maxHops < 1 || terms.maxHops >= parent.maxHops) {
    const left = Math.max(0, parent.maxHops - 1);
    throw new CareLedgerError('HOPS_EXHAUSTED', {
      expected: parent.maxHops < 1 ? 'no onward grant' : `at most ${String(left)} hops after it`,
      came: String(terms.maxHops),
    });
  }
  const beyond = whatExceeds(parent, terms);
  if (beyond !== undefined) {
    throw new CareLedgerError('FORWARD_EXCEEDS_GRANT', {
      message: `The parent does not cover the ${beyond}.`,
    });
  }
  if (lineage.some(({ grantee }) => granteeName(grantee) === granteeName(terms.grantee))) {
    throw new CareLedgerError('FORWARD_EXCEEDS_GRANT', {
      message: 'The grantee is above in the same chain.',
    });
  }
  return parent;
}

/** What of an onward grant lies outside its parent. */
function whatExceeds(parent: PatientGrant, terms: ForwardTerms): string | undefined {
  const { department, recordIds } = parent.condition ?? {};
  const within = {
    'record types': isSubset(terms.recordTypes, parent.recordTypes),
    purposes: isSubset(terms.purposes, parent.purposes),
    period: parent.notBefore <= terms.notBefore && terms.notAfter <= parent.notAfter,
    department: department === undefined || terms.condition?.department === department,
    records: recordIds === undefined || isSubset(terms.condition?.recordIds, recordIds),
    'time for the receipt': (terms.receiptDueWithinMs ?? Infinity) <= (parent.receiptDueWithinMs ?? Infinity),
  };
  return Object.entries(within).find(([, isWithin]) => !isWithin)?.[0];
}

function isSubset<Item>(some: readonly Item[] | undefined, all: readonly Item[]): boolean {
  return some?.every((item) => all.includes(item)) ?? false;
}

export function tagOfEdge({ recordType, sensitivity }: Pick<Edge, 'recordType' | 'sensitivity'>): TagName {
  return tagName(recordType, sensitivity);
}

function assertDistinct(edges: readonly Edge[]): void {
  if (new Set(edges.map(tagOfEdge)).size === edges.length) return;
  throw new CareLedgerError('EDGE_INVALID', { message: 'Two edges are of the same tag.' });
}
