/** What stands on the ledger about a query, read from the replayed blocks with the signature under every part. */
import {
  ConsortiumSchema,
  ContributionSchema,
  KEYS,
  PartialSchema,
  QuerySchema,
  RejectedPartialSchema,
  canonicalJson,
  validate,
  type AggregationKey,
  type Contribution,
  type Panel,
  type PanelLayoutDocument,
  type PartialShare,
  type Query,
  type QueryBudget,
  type RejectedPartial,
} from '@careledger/protocol';
import type { SignedBy } from '../findings.js';
import { Found } from '../found.js';
import type { Fact, Facts } from '../ledger/facts.js';
import { CURRENT, readKey, readLayout, readPanel } from './anchored-documents.js';
import { assertWrittenOnce, readDocument } from './documents.js';

export interface QueryEvidence {
  readonly query: Query;
  /** Transactions that multiplied the contributions, and that ended the query. */
  readonly steps: { readonly completed?: string; readonly ended?: string };
  readonly contributions: readonly Contribution[];
  /** Of those who were asked, active members when they contributed. */
  readonly memberContributors: ReadonlySet<string>;
  /** Active members when the query ended; now, while it has not. */
  readonly activeAtEnd: readonly string[];
  readonly partials: readonly PartialShare[];
  readonly rejected: readonly RejectedPartial[];
  /** Fields that the requester has asked for, in the period in which they count, this query's included. */
  readonly spent?: number;
  /** As it was shared when the shares were made; the present one while there is none. */
  readonly key?: AggregationKey;
  readonly layout?: PanelLayoutDocument;
  /** Those that contributions name, by id. */
  readonly panels: ReadonlyMap<string, Panel>;
}

/** Signers of every transaction that wrote one of these documents, for the findings. */
export function signersOf(facts: Facts, queryId: string): Map<string, SignedBy> {
  const documents = [
    ...facts.history(KEYS.query, [queryId]),
    ...facts.under(KEYS.contribution, [queryId]),
    ...facts.under(KEYS.partial, [queryId]),
    ...facts.under(KEYS.rejectedPartial, [queryId]),
    ...facts.under(KEYS.panel, []),
    ...facts.under(KEYS.panelLayout, []),
    ...facts.history(KEYS.aggregationKey, CURRENT),
  ];
  const calls = [...facts.calls('queries:RegisterKey'), ...facts.calls('queries:AcceptKey')];
  const signed = [...documents.map(({ origin }) => origin), ...calls].map(({ signedBy }) => signedBy);
  return new Map(signed.map((by) => [by.txId, by]));
}

/** @returns undefined when there is no such query */
export function evidenceOf(facts: Facts, queryId: string, found: Found): QueryEvidence | undefined {
  const query = readQuery(facts, queryId, found);
  if (query === undefined) return undefined;
  const contributions = documentsOf(facts, queryId, CONTRIBUTION, found);
  const partials = documentsOf(facts, queryId, PARTIAL, found);
  const key = readKey(facts, keyAsked(query), found);
  const layout = readLayout(facts, query, found);
  return {
    query,
    steps: stepsOf(facts, queryId),
    contributions,
    memberContributors: memberContributors(facts, query),
    activeAtEnd: activeMembersAt(facts, facts.latest(KEYS.query, [queryId])?.origin),
    partials,
    rejected: documentsOf(facts, queryId, REJECTED, found),
    ...(key === undefined ? {} : { key }),
    ...(layout === undefined ? {} : { layout }),
    ...spentBy(facts, query),
    panels: panelsOf(facts, contributions, found),
  };
}

const QUERY_ARGUMENT = [
  'queryId',
  'statistic',
  'layoutId',
  'layoutVersion',
  'fields',
  'weights',
  'cohort',
  'purpose',
] as const;

/** A query is opened by its researcher, and only its ending may change afterwards. */
function readQuery(facts: Facts, queryId: string, found: Found): Query | undefined {
  const subject = `query ${queryId}`;
  const [opened, ...later] = facts.history(KEYS.query, [queryId]);
  if (opened === undefined) {
    found.add('QUERY_NOT_FOUND', { subject, expected: 'a query of this id', came: 'none' });
    return undefined;
  }
  const researcher = (opened.value as Partial<Query> | undefined)?.researcher?.mspId;
  const first = readDocument(
    QuerySchema,
    opened,
    {
      subject,
      methods: ['queries:Open'],
      ...(researcher === undefined ? {} : { signer: researcher }),
      signedFields: QUERY_ARGUMENT,
    },
    found,
  );
  const methods = ['queries:Complete', 'queries:Publish', 'queries:Refuse'];
  const versions = later.map((fact) =>
    readDocument(
      QuerySchema,
      fact,
      { subject, methods, signedFields: ['queryId'], isContinued: true },
      found,
    ),
  );
  let before = first;
  versions.forEach((version, index) => {
    if (before !== undefined && version !== undefined && contentOf(before) !== contentOf(version)) {
      const txId = later[index]?.origin.signedBy.txId;
      found.add('DOCUMENT_REWRITTEN', { subject, expected: 'the query as it was', came: 'another', txId });
    }
    before = version ?? before;
  });
  return before;
}

function stepsOf(facts: Facts, queryId: string): QueryEvidence['steps'] {
  const versions = facts.history(KEYS.query, [queryId]);
  const firstWith = (field: keyof Query): string | undefined =>
    versions.find(({ value }) => (value as Partial<Query>)[field] !== undefined)?.origin.signedBy.txId;
  const [completed, ended] = [firstWith('aggregate'), firstWith('endedAt')];
  return { ...(completed === undefined ? {} : { completed }), ...(ended === undefined ? {} : { ended }) };
}

/** How a query goes on and ends. */
const ENDING: readonly string[] = [
  'status',
  'contributors',
  'aggregate',
  'results',
  'combined',
  'refusal',
  'endedAt',
] satisfies (keyof Query)[];

/** What never changes. */
function contentOf(query: Query): string {
  return canonicalJson(Object.fromEntries(Object.entries(query).filter(([name]) => !ENDING.includes(name))));
}

interface DocumentKind<Document> {
  readonly prefix: typeof KEYS.contribution | typeof KEYS.partial | typeof KEYS.rejectedPartial;
  readonly subject: string;
  readonly read: (fact: Fact, subject: string, mspId: string, found: Found) => Document | undefined;
  /** A share is posted again under a new sharing of the key. */
  readonly isOnce: boolean;
}

const CONTRIBUTION: DocumentKind<Contribution> = {
  prefix: KEYS.contribution,
  subject: 'contribution',
  isOnce: true,
  read: (fact, subject, signer, found) =>
    readDocument(
      ContributionSchema,
      fact,
      {
        subject,
        methods: ['queries:Contribute', 'queries:Refuse'],
        signer,
        signedFields: ['queryId', 'ciphertext', 'commitment', 'panelIds', 'proof', 'reason'],
      },
      found,
    ),
};
const SHARE_FIELDS = ['queryId', 'ciphertextDigest', 'epoch', 'value', 'proof'];
const PARTIAL: DocumentKind<PartialShare> = {
  prefix: KEYS.partial,
  subject: 'share',
  isOnce: false,
  read: (fact, subject, signer, found) =>
    readDocument(
      PartialSchema,
      fact,
      { subject, methods: ['queries:Share'], signer, signedFields: SHARE_FIELDS },
      found,
    ),
};
const REJECTED: DocumentKind<RejectedPartial> = {
  prefix: KEYS.rejectedPartial,
  subject: 'rejected share',
  isOnce: true,
  read: (fact, subject, signer, found) =>
    readDocument(
      RejectedPartialSchema,
      fact,
      { subject, methods: ['queries:Share'], signer, signedFields: SHARE_FIELDS },
      found,
    ),
};

function documentsOf<Document>(
  facts: Facts,
  queryId: string,
  { prefix, subject: kind, read, isOnce }: DocumentKind<Document>,
  found: Found,
): Document[] {
  return facts.under(prefix, [queryId]).flatMap((fact) => {
    const mspId = fact.attributes[1] ?? '';
    const subject = `${kind} of ${mspId}`;
    if (isOnce) assertWrittenOnce(facts.history(prefix, fact.attributes), subject, found);
    return read(fact, subject, mspId, found) ?? [];
  });
}

/** Who was an active member in the block in which it contributed. */
function memberContributors(facts: Facts, query: Query): Set<string> {
  const contributed = facts.under(KEYS.contribution, [query.queryId]).flatMap(({ attributes, origin }) => {
    const mspId = attributes[1] ?? '';
    const isActive = activeMembersAt(facts, origin).includes(mspId);
    return isActive && query.members.includes(mspId) ? [mspId] : [];
  });
  return new Set(contributed);
}

function activeMembersAt(facts: Facts, origin: Fact['origin'] | undefined): readonly string[] {
  const versions = facts.history(KEYS.consortium, CURRENT);
  const inForce = versions.filter((version) => origin === undefined || !isAfter(version, origin)).at(-1);
  return inForce === undefined ? [] : activeMembersOf(inForce);
}

function isAfter({ origin }: Fact, other: Fact['origin']): boolean {
  const blocks = origin.signedBy.blockNumber - other.signedBy.blockNumber;
  return blocks > 0 || (blocks === 0 && origin.txNumber > other.txNumber);
}

function activeMembersOf({ value }: Fact): readonly string[] {
  try {
    return validate(ConsortiumSchema, value).activeMembers;
  } catch {
    return [];
  }
}

/** The sharing under which the shares were combined; without a result, the last one. */
function keyAsked({ keyId, combined }: Query): { readonly keyId: string; readonly epoch?: number } {
  return combined === undefined ? { keyId } : { keyId, epoch: combined.epoch };
}

/** As the transaction that opened the query left the budget; a query that was denied for it left it alone. */
function spentBy(facts: Facts, { researcher, txId }: Query): Pick<QueryEvidence, 'spent'> {
  const history = facts.history(KEYS.queryBudget, [researcher.mspId, researcher.enrolmentId]);
  const left = history.find(({ origin }) => origin.signedBy.txId === txId);
  const { days = [] } = (left?.value ?? {}) as Partial<QueryBudget>;
  if (left === undefined) return {};
  return { spent: days.reduce((sum, { fields }) => sum + fields, 0) };
}

function panelsOf(
  facts: Facts,
  contributions: readonly Contribution[],
  found: Found,
): ReadonlyMap<string, Panel> {
  const panels = new Map<string, Panel>();
  for (const panelId of contributions.flatMap((contribution) => contribution.panelIds ?? [])) {
    const panel = readPanel(facts, panelId, found);
    if (panel !== undefined) panels.set(panelId, panel);
  }
  return panels;
}
