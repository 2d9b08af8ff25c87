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
  keyBits: Type.Integer({ minimum: 256, maximum: 4096 }),
  n: Base64Url(700),
  /** How randomness is made: `rn` r^n, `djn` h_s^x (Damgard, Jurik, Nielsen). Part of the key id. */
  encryption: oneOf(['rn', 'djn'] as const),
  keyId: Sha256,
});
/** How the key is shared; crypto `SharingJson`. */
export const KeySharingSchema = closed({
  keyId: Sha256,
  epoch: Type.Integer({ minimum: 0, maximum: 1000 }),
  threshold: Type.Integer({ minimum: 2, maximum: 10 }),
  holders: Type.Array(MspId, { minItems: 3, maxItems: 10, uniqueItems: true }),
  verificationBase: Ciphertext,
  verificationKeys: Type.Array(Ciphertext, { minItems: 3, maxItems: 10 }),
  theta: Base64Url(700),
});
/** What a ceremony ended with. The same document comes from each holder: the last acceptance makes it active. */
export const RegisterKeySchema = closed({
  ceremonyId: ObjectId,
  publicKey: AggregationPublicKeySchema,
  sharing: KeySharingSchema,
});
export const AcceptKeySchema = closed({ ceremonyId: ObjectId, keyId: Sha256, sharingDigest: Sha256 });
export const KeyQuerySchema = closed({});
export const AggregationKeySchema = closed({
  publicKey: AggregationPublicKeySchema,
  sharing: KeySharingSchema,
  ceremonyId: ObjectId,
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

/** Proof that the sender knows what the ciphertext holds; crypto `PlaintextProofJson`. */
export const PlaintextProofSchema = closed({
  challenge: Base64Url(22),
  z: Base64Url(700),
  w: Base64Url(700),
});
export const ContributeSchema = closed({
  queryId: ObjectId,
  ciphertext: Ciphertext,
  /** Salted commitment to rows, masks and randomness; see crypto `contributionCommitment`. */
  commitment: Sha256,
  panelIds: Type.Array(ObjectId, { minItems: 1, maxItems: 100, uniqueItems: true }),
  proof: PlaintextProofSchema,
});
/** In `opened`: the member does not contribute. In `contributed`: it does not decrypt, and the query ends. */
export const RefuseQuerySchema = closed({ queryId: ObjectId, reason: oneOf(REFUSAL_REASONS) });
export const QueryIdSchema = closed({ queryId: ObjectId });
/** Proof that a partial decryption was made with the holder's share; crypto `ProvenPartialJson`. */
export const ShareProofSchema = closed({ challenge: Base64Url(22), response: Base64Url(2100) });
export const ShareSchema = closed({
  queryId: ObjectId,
  /** Digest of the ciphertext that the holder multiplied itself and decrypted. */
  ciphertextDigest: Sha256,
  /** Of the sharing that the share belongs to. */
  epoch: KeySharingSchema.properties.epoch,
  value: Ciphertext,
  proof: ShareProofSchema,
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
  proof: Type.Optional(PlaintextProofSchema),
  at: Instant,
  txId: TransactionId,
});
export type Contribution = Static<typeof ContributionSchema>;

export const PartialSchema = closed({
  ...ShareSchema.properties,
  mspId: MspId,
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
  /** Shares whose proof did not verify: evidence against their senders. */
  readonly rejected: PartialShare[];
}
