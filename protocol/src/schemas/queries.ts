import { Type, type Static } from 'typebox';
import { CohortSchema } from '../cohort.js';
import { LIMITS } from '../limits.js';
import { CeremonyPostSchema, MAX_KEY_HOLDERS, type Ceremony } from './ceremonies.js';
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
/** As in crypto `STATISTICS`; which kind of field each works on stands there. */
export const STATISTICS = [
  'count',
  'sum',
  'mean',
  'variance',
  'weightedSum',
  'histogram',
  'groupedCount',
  'covariance',
  'survival',
] as const;
/** Fewer contributing hospitals than this would let two of them subtract their own part and see the third's. */
export const MIN_CONTRIBUTORS = 3;

export const REFUSAL_REASONS = [
  'COHORT_BELOW_MINIMUM',
  'DIFFERENCING',
  'BUDGET_EXHAUSTED',
  'PURPOSE_NOT_ALLOWED',
  'NO_ROWS',
  'AGGREGATE_MISMATCH',
  'CONTRIBUTION_UNPROVEN',
  'TOO_FEW_CONTRIBUTORS',
  'TOO_MANY_RECORDS',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Why a share does not count. It stands on the ledger with its sender's name. */
export const SHARE_REJECTIONS = [
  /** It decrypts another ciphertext than the aggregate. */
  'OTHER_CIPHERTEXT',
  /** It is no group element, or its proof does not verify for this holder, query and aggregate. */
  'PROOF_INVALID',
] as const;
export type ShareRejection = (typeof SHARE_REJECTIONS)[number];
/** Rejected shares of one holder that are kept for one query; a right share is taken all the same. */
export const MAX_REJECTED_SHARES = 3;

const Ciphertext = Base64Url(LIMITS.ciphertextCharacters);

/** The consortium's Paillier key. */
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
  threshold: Type.Integer({ minimum: 2, maximum: MAX_KEY_HOLDERS }),
  holders: Type.Array(MspId, { minItems: 3, maxItems: MAX_KEY_HOLDERS, uniqueItems: true }),
  verificationBase: Ciphertext,
  verificationKeys: Type.Array(Ciphertext, { minItems: 3, maxItems: MAX_KEY_HOLDERS }),
  theta: Base64Url(700),
});
export type KeySharing = Static<typeof KeySharingSchema>;
/**
 * What a ceremony ended with, from one holder. The first one is the registration; one that is the same accepts it; one
 * that differs ends the attempt and stands on the ledger with both documents.
 */
export const RegisterKeySchema = closed({
  ceremonyId: ObjectId,
  attempt: CeremonyPostSchema.properties.attempt,
  publicKey: AggregationPublicKeySchema,
  sharing: KeySharingSchema,
});
export type RegisterKey = Static<typeof RegisterKeySchema>;
/** The same without the documents, once they are registered. The last acceptance makes the key active. */
export const AcceptKeySchema = closed({
  ceremonyId: ObjectId,
  attempt: CeremonyPostSchema.properties.attempt,
  sharingDigest: Sha256,
});
/** What one holder registered; a second one of the same attempt is a conflict. */
export const KeyRegistrationSchema = closed({
  ...RegisterKeySchema.properties,
  /** Crypto `sharingDigest` of the two. */
  sharingDigest: Sha256,
  mspId: MspId,
  at: Instant,
  txId: TransactionId,
});
export type KeyRegistration = Static<typeof KeyRegistrationSchema>;
/** What `RegisterKey` and `AcceptKey` answer: a conflict commits too. */
export interface KeyRegistrationResult {
  readonly outcome: 'registered' | 'active' | 'conflict';
  readonly ceremony: Ceremony;
}
/** The key in force or, with `epoch`, as it was shared then. */
export const KeyQuerySchema = closed({ epoch: Type.Optional(KeySharingSchema.properties.epoch) });
export const AggregationKeySchema = closed({
  publicKey: AggregationPublicKeySchema,
  sharing: KeySharingSchema,
  /** Crypto `sharingDigest` of the two. */
  sharingDigest: Sha256,
  ceremonyId: ObjectId,
  /** Of the ceremony. */
  attempt: CeremonyPostSchema.properties.attempt,
  acceptedBy: Type.Array(MspId),
  /** Every holder has accepted it; until then there is only the ceremony's registration. */
  status: Type.Literal('active'),
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
  /**
   * Of a weighted sum: one per field, public. It is opened through the sums of its fields, which the requester learns
   * too, and costs the budget of as many sums.
   */
  weights: Type.Optional(
    Type.Array(
      Type.String({ pattern: '^-?[1-9][0-9]{0,9}$', description: 'a whole number up to 10^9 in size' }),
      {
        minItems: 1,
        maxItems: LIMITS.fieldsPerQuery,
      },
    ),
  ),
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
  panelIds: Type.Array(ObjectId, { minItems: 1, maxItems: LIMITS.panelsPerContribution, uniqueItems: true }),
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
  /** Rows of those panels, in the cohort or not. */
  panelRows: Type.Optional(Type.Integer({ minimum: 1 })),
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
export const RejectedPartialSchema = closed({ ...PartialSchema.properties, reason: oneOf(SHARE_REJECTIONS) });
export type RejectedPartial = Static<typeof RejectedPartialSchema>;
/** What `Share` answers: a rejected share commits too. */
export type ShareResult =
  | { readonly outcome: 'accepted'; readonly partial: PartialShare }
  | { readonly outcome: 'rejected'; readonly partial: RejectedPartial };

const ExactFractionSchema = closed({ numerator: Type.String(), denominator: Type.String() });
/** Every figure is text: no rounding on the way. */
const StatisticResultSchema = closed({
  statistic: oneOf(STATISTICS),
  field: Type.String({ description: 'of a weighted sum, its fields joined by +' }),
  unit: Type.String(),
  count: Type.String({ description: 'records with the field; of a weighted sum, values of all its fields' }),
  exact: Type.Optional(ExactFractionSchema),
  decimal: Type.Optional(Type.String()),
  bins: Type.Optional(Type.Array(closed({ label: Type.String(), count: Type.String() }))),
  groups: Type.Optional(Type.Array(closed({ labels: Type.Array(Type.String()), count: Type.String() }))),
  intervals: Type.Optional(
    Type.Array(
      closed({
        label: Type.String(),
        events: Type.String(),
        censored: Type.String(),
        atRisk: Type.String({ description: 'at the start of the interval' }),
        survivor: Type.Optional(closed({ exact: ExactFractionSchema, decimal: Type.String() })),
      }),
      { description: 'survivor is the Kaplan-Meier fraction at the end of the interval' },
    ),
  ),
  terms: Type.Optional(
    Type.Array(
      closed({ field: Type.String(), weight: Type.String(), count: Type.String(), decimal: Type.String() }),
      { description: 'what a weighted sum was opened through' },
    ),
  ),
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
  /** Whose shares were combined, and under which sharing of the key. */
  combined: Type.Optional(closed({ epoch: KeySharingSchema.properties.epoch, holders: Type.Array(MspId) })),
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
  /** At most one of each holder; one of an earlier epoch counts no longer, until its holder posts again. */
  readonly partials: PartialShare[];
  /** Evidence against their senders. */
  readonly rejected: RejectedPartial[];
}
