import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  CallerSchema,
  EnrolmentId,
  Instant,
  MspId,
  ObjectId,
  PageFields,
  Pseudonym,
  PurposeSchema,
  RecordId,
  TransactionId,
  X25519PublicKey,
  closed,
  oneOf,
} from './common.js';

export const DENY_REASONS = [
  'ROLE_NOT_PERMITTED',
  'MEMBER_NOT_ACTIVE',
  'REQUESTER_SUSPENDED',
  'PATIENT_CLOSED',
  'RECORD_ERASED',
  'RECORD_NOT_SHARABLE',
  'NO_GRANT',
  'GRANT_NOT_YET_VALID',
  'GRANT_EXPIRED',
  'PURPOSE_NOT_COVERED',
  'RECORD_TYPE_NOT_COVERED',
  'CONDITION_NOT_MET',
  /** The grant, or one above it, was opened as often as a rule of the patient allows. */
  'GRANT_USED_UP',
  /** The patient closed the record's type and sensitivity to sharing. */
  'TAG_NOT_SHARABLE',
  /** A grant above this one ended. */
  'PARENT_ENDED',
  /** The epoch was raised after the grant's edges were made: it waits for new ones. */
  'GRANT_EPOCH_STALE',
  /** The record is sealed under an earlier epoch, or for the owner alone: it waits for its hospital. */
  'RESEAL_PENDING',
  /** The emergency that was named gives the requester no access to this patient now. */
  'EMERGENCY_NOT_OPEN',
] as const;
export type DenyReason = (typeof DENY_REASONS)[number];

/**
 * By which way the key comes: the owner hospital's own copy, the owner's gateway for the requester's one-time key, or the proxies along the grant's
 * edges.
 */
export const KEY_WAYS = ['own', 'release', 're-encryption'] as const;
export type KeyWay = (typeof KEY_WAYS)[number];
export const GRANT_BASES = ['own-hospital', 'grant', 'instruction', 'break-glass'] as const;

export const OpenSchema = closed({
  recordIds: Type.Array(RecordId, { minItems: 1, maxItems: LIMITS.batchRecords, uniqueItems: true }),
  purpose: PurposeSchema,
  /** The emergency under which the requester asks. */
  caseId: Type.Optional(ObjectId),
  /** Key to which the owner's gateway re-wraps the data keys; on the ledger, so nobody can name another later. */
  recipientKey: X25519PublicKey,
});
export type Open = Static<typeof OpenSchema>;

export const AccessDecisionSchema = closed({
  recordId: RecordId,
  pseudonym: Pseudonym,
  ownerMspId: MspId,
  outcome: oneOf(['grant', 'deny'] as const),
  reason: Type.Optional(oneOf(DENY_REASONS)),
  basis: Type.Optional(oneOf(GRANT_BASES)),
  grantId: Type.Optional(ObjectId),
  via: Type.Optional(oneOf(KEY_WAYS)),
  receiptDueBy: Type.Optional(Instant),
});
export type AccessDecision = Static<typeof AccessDecisionSchema>;

/** The evidence of one opening. `accessId` is the id of the transaction that decided it. Never changed. */
export const AccessSchema = closed({
  accessId: TransactionId,
  requester: CallerSchema,
  purpose: PurposeSchema,
  caseId: Type.Optional(ObjectId),
  recipientKey: X25519PublicKey,
  at: Instant,
  decisions: Type.Array(AccessDecisionSchema),
});
export type Access = Static<typeof AccessSchema>;

export const RECEIPT_STATUSES = ['due', 'posted', 'overdue', 'posted-late'] as const;
export const RECEIPT_OPERATIONS = ['view', 'print', 'import', 'amend'] as const;
export const PostReceiptSchema = closed({ accessId: TransactionId, operation: oneOf(RECEIPT_OPERATIONS) });
export const SweepReceiptsSchema = closed({});
export const ReceiptSchema = closed({
  accessId: TransactionId,
  status: oneOf(RECEIPT_STATUSES),
  operation: Type.Optional(oneOf(RECEIPT_OPERATIONS)),
  dueBy: Type.Optional(Instant),
  at: Instant,
  txId: TransactionId,
});
export type Receipt = Static<typeof ReceiptSchema>;

export const AccessQuerySchema = closed({ accessId: TransactionId });
export const ListAccessSchema = Type.Union([
  closed({ by: Type.Literal('patient'), value: Pseudonym, ...PageFields }),
  closed({
    by: Type.Literal('requester'),
    value: closed({ mspId: MspId, enrolmentId: EnrolmentId }),
    ...PageFields,
  }),
  closed({ by: Type.Literal('record'), value: RecordId, ...PageFields }),
  closed({ by: Type.Literal('hospital'), value: MspId, ...PageFields }),
  closed({
    by: Type.Literal('time'),
    from: Instant,
    to: Instant,
    pageSize: PageFields.pageSize,
    bookmark: PageFields.bookmark,
  }),
]);
export type ListAccess = Static<typeof ListAccessSchema>;

/** An access entry with its receipt, as listings return it. */
export interface AccessWithReceipt extends Access {
  readonly receipt?: Receipt;
}
