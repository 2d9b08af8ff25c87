import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  Department,
  EnrolmentId,
  Instant,
  MspId,
  ObjectId,
  PageFields,
  Pseudonym,
  PurposeSchema,
  RecordId,
  RecordTypeSchema,
  RoleSchema,
  TransactionId,
  closed,
  oneOf,
  signedByPatient,
} from './common.js';

export const GRANT_STATUSES = ['active', 'revoked', 'expired'] as const;

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
  /** Onward hops allowed. 0 until re-encryption by the patient's key replaces the owner's re-wrapping. */
  maxHops: Type.Literal(0),
  /** A receipt is overdue when it is not posted within this time of the opening. */
  receiptDueWithinMs: Type.Optional(Type.Integer({ minimum: 60_000, maximum: 31_536_000_000 })),
};

export const GrantArgumentsSchema = closed({ grantId: ObjectId, pseudonym: Pseudonym, ...GrantTerms });
export const GrantSchema = signedByPatient(GrantArgumentsSchema);
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
  basis: Type.Union([Type.Literal('patient'), closed({ instructionId: ObjectId })]),
  /** Openings under this grant, counted only while an instruction of the patient asks for it. */
  openings: Type.Optional(Type.Integer({ minimum: 0 })),
  createdAt: Instant,
  endedAt: Type.Optional(Instant),
  txId: TransactionId,
});
export type PatientGrant = Static<typeof PatientGrantSchema>;
export type GrantArguments = Static<typeof GrantArgumentsSchema>;
