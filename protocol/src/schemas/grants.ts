import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  Base64Url,
  CallerSchema,
  Department,
  Ed25519Signature,
  EnrolmentId,
  Instant,
  KeyEpoch,
  MspId,
  ObjectId,
  PageFields,
  Pseudonym,
  PurposeSchema,
  RecordId,
  RecordTypeSchema,
  RoleSchema,
  SensitivitySchema,
  Sha256,
  TagEpoch,
  TransactionId,
  closed,
  oneOf,
  signedByPatient,
} from './common.js';

/** `ended`: by the hospital that forwarded, or with a grant above it. */
export const GRANT_STATUSES = ['active', 'revoked', 'expired', 'ended'] as const;

/** A person, everyone with a role at a hospital, or a whole hospital. */
export const GranteeSchema = Type.Union([
  closed({ kind: Type.Literal('person'), mspId: MspId, enrolmentId: EnrolmentId }),
  closed({ kind: Type.Literal('role'), mspId: MspId, role: RoleSchema }),
  closed({ kind: Type.Literal('member'), mspId: MspId }),
]);
export type Grantee = Static<typeof GranteeSchema>;

export const GrantConditionSchema = closed({
  department: Type.Optional(Department),
  recordIds: Type.Optional(Type.Array(RecordId, { minItems: 1, maxItems: LIMITS.recordIdsPerCondition })),
});

const GrantTerms = {
  grantee: GranteeSchema,
  recordTypes: Type.Array(RecordTypeSchema, {
    minItems: 1,
    maxItems: LIMITS.recordTypesPerGrant,
    uniqueItems: true,
  }),
  purposes: Type.Array(PurposeSchema, { minItems: 1, maxItems: 8, uniqueItems: true }),
  condition: Type.Optional(GrantConditionSchema),
  notBefore: Instant,
  notAfter: Instant,
  /** Onward hops allowed. 0 for a patient without an identity key. */
  maxHops: Type.Integer({ minimum: 0, maximum: LIMITS.hops }),
  /** A receipt is overdue when it is not posted within this time of the opening. */
  receiptDueWithinMs: Type.Optional(Type.Integer({ minimum: 60_000, maximum: 31_536_000_000 })),
};

/** One re-encryption edge: the public part of a re-key for one tag, as its delegator signed it. */
export const EdgeSchema = closed({
  recordType: RecordTypeSchema,
  sensitivity: SensitivitySchema,
  /** Of the tag; another than the present one is refused. */
  tagEpoch: TagEpoch,
  /** The delegator's signed statement: edge, E_X, Q, H(W), V_i, proxies, sharable flag, depth; crypto `parseStatement`. */
  statement: Base64Url(LIMITS.statementCharacters),
  /** X, sealed to the grantee's identity. */
  w: Base64Url(LIMITS.sealedEdgeSecretCharacters),
});
export type Edge = Static<typeof EdgeSchema>;
/** An edge in force, as it stands under its own key. */
export const EdgeInForceSchema = closed({
  ...EdgeSchema.properties,
  /** SHA-256 of the edge inside the statement. */
  edgeId: Sha256,
  /** Identity key epoch of the delegator and of the grantee. */
  fromKeyEpoch: KeyEpoch,
  toKeyEpoch: KeyEpoch,
  /** Proxies that acknowledged, each with the key epoch of its `member/` identity. */
  proxies: Type.Array(closed({ mspId: MspId, keyEpoch: KeyEpoch })),
  txId: TransactionId,
});
export type EdgeInForce = Static<typeof EdgeInForceSchema>;
const Edges = Type.Array(EdgeSchema, { minItems: 1, maxItems: LIMITS.edgesPerGrant });

/**
 * A proxy's word that it holds a share that fits the statement: Ed25519 by the key of its `member/<MSP>` identity;
 * crypto `edgeAckMessage`.
 */
export const EdgeAckSchema = closed({
  mspId: MspId,
  edgeId: Sha256,
  signature: Ed25519Signature,
});
export type EdgeAck = Static<typeof EdgeAckSchema>;
/** One of each proxy of each edge: without them nothing is in force. */
const Acks = Type.Array(EdgeAckSchema, { maxItems: LIMITS.edgesPerGrant * LIMITS.proxiesPerEdge });

export const GrantArgumentsSchema = closed({
  grantId: ObjectId,
  pseudonym: Pseudonym,
  ...GrantTerms,
  /** Required of a patient with an identity key, and of nobody else. */
  edges: Type.Optional(Edges),
});
export const GrantSchema = closed({
  ...signedByPatient(GrantArgumentsSchema).properties,
  acks: Type.Optional(Acks),
});
/** New edges of the present epochs for a grant that lives on after another one was revoked. */
export const RenewArgumentsSchema = closed({ pseudonym: Pseudonym, grantId: ObjectId, edges: Edges });
export const RenewSchema = closed({ ...signedByPatient(RenewArgumentsSchema).properties, acks: Acks });
/**
 * An onward grant, by staff of the hospital to which `parentId` was granted. Its terms lie within the parent's; the
 * edges are signed by the delegator's identity, which is the parent's grantee.
 */
export const ForwardSchema = closed({
  grantId: ObjectId,
  pseudonym: Pseudonym,
  parentId: ObjectId,
  ...GrantTerms,
  edges: Edges,
  acks: Acks,
});
export type Forward = Static<typeof ForwardSchema>;
/** New edges for a forward whose parent got new ones; by the same hospital, person or role as the forward itself. */
export const RenewForwardSchema = closed({
  pseudonym: Pseudonym,
  grantId: ObjectId,
  edges: Edges,
  acks: Acks,
});
/** By the hospital that forwarded. */
export const EndForwardSchema = closed({ pseudonym: Pseudonym, grantId: ObjectId });
/** Opens or closes one tag to all sharing. Closing ends its edges and raises its epoch. */
export const SetSharingArgumentsSchema = closed({
  pseudonym: Pseudonym,
  recordType: RecordTypeSchema,
  sensitivity: SensitivitySchema,
  sharable: Type.Boolean(),
});
export const SetSharingSchema = signedByPatient(SetSharingArgumentsSchema);
/** The grants from the patient's own to this one, with their edges: of all tags, or of one. */
export const ChainQuerySchema = closed({
  pseudonym: Pseudonym,
  grantId: ObjectId,
  tag: Type.Optional(closed({ recordType: RecordTypeSchema, sensitivity: SensitivitySchema })),
});

/** What `GetSharing` answers is a `SharingState`. */
export const SharingQuerySchema = closed({ pseudonym: Pseudonym });

export const RevokeArgumentsSchema = closed({ pseudonym: Pseudonym, grantId: ObjectId });
export const RevokeSchema = signedByPatient(RevokeArgumentsSchema);
export const SweepGrantsSchema = closed({ pseudonym: Pseudonym });
export const GrantQuerySchema = closed({ pseudonym: Pseudonym, grantId: ObjectId });
/** `ended: false` lists the live grants (all of them, they are bounded), `true` pages through the ended ones. */
export const ListGrantsSchema = closed({
  pseudonym: Pseudonym,
  ended: Type.Boolean(),
  pageSize: PageFields.pageSize,
  bookmark: PageFields.bookmark,
});

export const PatientGrantSchema = closed({
  grantId: ObjectId,
  pseudonym: Pseudonym,
  ...GrantTerms,
  status: oneOf(GRANT_STATUSES),
  /** `patient`: a signature. Otherwise the standing instruction that made it. */
  basis: Type.Union([
    Type.Literal('patient'),
    closed({ instructionId: ObjectId }),
    closed({ parentId: ObjectId, by: CallerSchema }),
  ]),
  /** Tags that its edges open, without what only re-encryption needs; that stands under KEYS.edge. */
  edges: Type.Optional(
    Type.Array(
      closed({
        recordType: RecordTypeSchema,
        sensitivity: SensitivitySchema,
        tagEpoch: TagEpoch,
        edgeId: Sha256,
      }),
    ),
  ),
  /** Openings under this grant and under what is forwarded of it, counted only while an instruction of the patient asks for it. */
  openings: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Of the last opening that was counted. */
  lastOpenedAt: Type.Optional(Instant),
  createdAt: Instant,
  endedAt: Type.Optional(Instant),
  txId: TransactionId,
});
export type PatientGrant = Static<typeof PatientGrantSchema>;

/** From the patient's own grant to the one that was asked for; each with its edges. */
export const GrantChainSchema = closed({
  links: Type.Array(closed({ grant: PatientGrantSchema, edges: Type.Array(EdgeInForceSchema) })),
});
export type GrantChain = Static<typeof GrantChainSchema>;
export type GrantArguments = Static<typeof GrantArgumentsSchema>;
export type Renew = Static<typeof RenewArgumentsSchema>;
export type SetSharing = Static<typeof SetSharingArgumentsSchema>;
