import { Type, type Static } from 'typebox';
import { CohortSchema } from '../cohort.js';
import { LIMITS } from '../limits.js';
import {
  Base64Url,
  CallerSchema,
  Instant,
  MspId,
  ObjectId,
  PageFields,
  PurposeSchema,
  Sha256,
  TransactionId,
  closed,
  oneOf,
} from './common.js';
import { LayoutId, PanelLayoutSchema } from './panels.js';

export const QUERY_STATUSES = ['opened', 'contributed', 'decrypted', 'refused'] as const;
export const STATISTICS = ['count', 'sum', 'mean', 'variance', 'histogram'] as const;
/** Fewer contributing hospitals than this would let two of them subtract their own part and see the third's. */
export const MIN_CONTRIBUTORS = 3;

export const REFUSAL_REASONS = [
  'COHORT_BELOW_MINIMUM',
  'DIFFERENCING',
  'BUDGET_EXHAUSTED',
  'PURPOSE_NOT_ALLOWED',
  'NO_ROWS',
  'AGGREGATE_MISMATCH',
  'TOO_FEW_CONTRIBUTORS',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

const Ciphertext = Base64Url(LIMITS.ciphertextCharacters);

/** The consortium's Paillier key. Active when every holder has accepted its share. */
export const AggregationPublicKeySchema = closed({
  scheme: Type.Literal('paillier'),
  version: Type.Literal(1),
  keyBits: Type.Integer({ minimum: 512, maximum: 4096 }),
  n: Base64Url(700),
  keyId: Sha256,
});
/** `dealer`: one party saw the whole key. Labelled, because the dealerless ceremony is not here yet. */
export const KEY_ORIGINS = ['dealer'] as const;
export const RegisterKeySchema = closed({
  publicKey: AggregationPublicKeySchema,
  origin: oneOf(KEY_ORIGINS),
  holders: Type.Array(MspId, { minItems: 1, maxItems: LIMITS.members, uniqueItems: true }),
});
export const AcceptKeySchema = closed({ keyId: Sha256 });
export const KeyQuerySchema = closed({});
export const AggregationKeySchema = closed({
  publicKey: AggregationPublicKeySchema,
  origin: oneOf(KEY_ORIGINS),
  holders: Type.Array(MspId),
  acceptedBy: Type.Array(MspId),
  status: oneOf(['registered', 'active'] as const),
  registeredBy: MspId,
  registeredAt: Instant,
  txId: TransactionId,
});
export type AggregationKey = Static<typeof AggregationKeySchema>;

const QueryFields = {
  queryId: ObjectId,
  statistic: oneOf(STATISTICS),
  layoutId: LayoutId,
  layoutVersion: PanelLayoutSchema.properties.version,
  /** Fields of the layout, all of the kind that the statistic works on. */
  fields: Type.Array(Type.String({ pattern: '^[a-z][A-Za-z0-9]{0,39}$' }), {
    minItems: 1,
    maxItems: LIMITS.fieldsPerQuery,
    uniqueItems: true,
  }),
  cohort: CohortSchema,
  purpose: PurposeSchema,
};
export const OpenQuerySchema = closed(QueryFields);
export type OpenQuery = Static<typeof OpenQuerySchema>;

export const ContributeSchema = closed({
  queryId: ObjectId,
  ciphertext: Ciphertext,
  /** Salted commitment to rows, masks and randomness; see crypto `contributionCommitment`. */
  commitment: Sha256,
  panelIds: Type.Array(ObjectId, { minItems: 1, maxItems: 100, uniqueItems: true }),
});
/** In `opened`: the member does not contribute. In `contributed`: it does not decrypt, and the query ends. */
export const RefuseQuerySchema = closed({ queryId: ObjectId, reason: oneOf(REFUSAL_REASONS) });
export const QueryIdSchema = closed({ queryId: ObjectId });
export const ShareSchema = closed({
  queryId: ObjectId,
  /** Digest of the ciphertext that the holder multiplied itself and decrypted. */
  ciphertextDigest: Sha256,
  value: Ciphertext,
});
export const ListQueriesSchema = closed({
  from: Instant,
  to: Instant,
  pageSize: PageFields.pageSize,
  bookmark: PageFields.bookmark,
});

export const ContributionSchema = closed({
  queryId: ObjectId,
  mspId: MspId,
  outcome: oneOf(['contributed', 'refused'] as const),
  reason: Type.Optional(oneOf(REFUSAL_REASONS)),
  ciphertext: Type.Optional(Ciphertext),
  commitment: Type.Optional(Sha256),
  panelIds: Type.Optional(Type.Array(ObjectId)),
  at: Instant,
  txId: TransactionId,
});
export type Contribution = Static<typeof ContributionSchema>;

export const PartialSchema = closed({
  queryId: ObjectId,
  mspId: MspId,
  ciphertextDigest: Sha256,
  value: Ciphertext,
  at: Instant,
  txId: TransactionId,
});
export type PartialShare = Static<typeof PartialSchema>;

const StatisticResultSchema = closed({
  statistic: oneOf(STATISTICS),
  field: Type.String(),
  unit: Type.String(),
  count: Type.String(),
  exact: Type.Optional(closed({ numerator: Type.String(), denominator: Type.String() })),
  decimal: Type.Optional(Type.String()),
  bins: Type.Optional(Type.Array(closed({ label: Type.String(), count: Type.String() }))),
});

export type StatisticResult = Static<typeof StatisticResultSchema>;

export const QuerySchema = closed({
  ...QueryFields,
  keyId: Sha256,
  researcher: CallerSchema,
  status: oneOf(QUERY_STATUSES),
  /** Members asked, fixed when the query opens. */
  members: Type.Array(MspId),
  contributors: Type.Optional(Type.Array(MspId)),
  /** Product of the contributions, multiplied by the contract; every holder multiplies again. */
  aggregate: Type.Optional(Ciphertext),
  results: Type.Optional(Type.Array(StatisticResultSchema)),
  refusal: Type.Optional(closed({ mspId: MspId, reason: oneOf(REFUSAL_REASONS) })),
  openedAt: Instant,
  endedAt: Type.Optional(Instant),
  txId: TransactionId,
});
export type Query = Static<typeof QuerySchema>;

/** A query with everything that stands on the ledger about it. */
export interface QueryDetails {
  readonly query: Query;
  readonly contributions: Contribution[];
  readonly partials: PartialShare[];
}
