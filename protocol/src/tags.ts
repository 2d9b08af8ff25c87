import { tagName, type RecordType, type Sensitivity, type TagName } from './record-types.js';
import type { GrantBook, TagState } from './schemas/grant-book.js';
import type { PatientGrant } from './schemas/grants.js';
import type { EmrRecord } from './schemas/records.js';

/** What a patient's book says of the tags and the key of the identity; pure reading of it. */
export type TaggedBook = Pick<GrantBook, 'tags' | 'identityEpoch'>;

const UNTOUCHED: TagState = { epoch: 0, sharable: true };

export function tagStateOf(book: TaggedBook, tag: TagName): TagState {
  return book.tags?.[tag] ?? UNTOUCHED;
}

/** Records that were sealed for their owner alone say no sensitivity: they count as closed with any tag of their type. */
export function isClosedToSharing(
  book: TaggedBook,
  { type, sharing }: Pick<EmrRecord, 'type' | 'sharing'>,
): boolean {
  if (sharing !== undefined) return !tagStateOf(book, tagName(type, sharing.sensitivity)).sharable;
  return Object.entries(book.tags ?? {}).some(
    ([tag, state]) => tag.startsWith(`${type}/`) && !state.sharable,
  );
}

/**
 * Whether a record's sharing header is of the present epochs. When not, its hospital seals the record anew; until then
 * no grant opens it elsewhere.
 */
export function isSealedForSharing(
  book: TaggedBook,
  { type, sharing }: Pick<EmrRecord, 'type' | 'sharing'>,
): boolean {
  if (sharing === undefined || book.identityEpoch === undefined) return false;
  const { epoch } = tagStateOf(book, tagName(type, sharing.sensitivity));
  return sharing.keyEpoch === book.identityEpoch && sharing.tagEpoch === epoch;
}

/** Raises the epoch of every tag once. */
export function raiseEpochs(book: GrantBook, tags: Iterable<TagName>): GrantBook {
  const raised = [...new Set(tags)].map((tag): [TagName, TagState] => {
    const { epoch, sharable } = tagStateOf(book, tag);
    return [tag, { epoch: epoch + 1, sharable }];
  });
  if (raised.length === 0) return book;
  return { ...book, tags: { ...book.tags, ...Object.fromEntries(raised) } };
}

export function tagsOf({ edges = [] }: Pick<PatientGrant, 'edges'>): TagName[] {
  return edges.map(({ recordType, sensitivity }) => tagName(recordType, sensitivity));
}

/** The edge of a grant for one tag, if it has one. */
export function edgeFor(
  { edges = [] }: Pick<PatientGrant, 'edges'>,
  type: RecordType,
  sensitivity: Sensitivity,
): NonNullable<PatientGrant['edges']>[number] | undefined {
  return edges.find((edge) => edge.recordType === type && edge.sensitivity === sensitivity);
}

/** Id of the grant that a forward stands on; undefined for the patient's own and for an instruction's. */
export function parentOf({ basis }: Pick<PatientGrant, 'basis'>): string | undefined {
  return typeof basis === 'object' && 'parentId' in basis ? basis.parentId : undefined;
}

/**
 * The grants from the patient's own to this one, as far as they stand in the list; its first has a parent when one above
 * it has ended. Depth is bounded by the hops that a grant allows.
 */
export function lineageOf(grants: readonly PatientGrant[], grant: PatientGrant): PatientGrant[] {
  const lineage = [grant];
  for (let next = parentIn(grants, grant); next !== undefined; next = parentIn(grants, next)) {
    if (lineage.includes(next)) break;
    lineage.unshift(next);
  }
  return lineage;
}

function parentIn(grants: readonly PatientGrant[], grant: PatientGrant): PatientGrant | undefined {
  const parentId = parentOf(grant);
  return parentId === undefined ? undefined : grants.find(({ grantId }) => grantId === parentId);
}
