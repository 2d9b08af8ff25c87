import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  CallerSchema,
  CaseText,
  EnrolmentId,
  Instant,
  MembersEpoch,
  MspId,
  ObjectId,
  PageFields,
  Pseudonym,
  Sha256,
  TransactionId,
  closed,
  oneOf,
} from './common.js';

/**
 * `unidentified` waits for somebody who knows the patient, `opened` for approvals. `provisional` is open under a first
 * approval, `approved` under enough of them. Access that was given ended as `expired` (its time was over), `lapsed` (the
 * second approval did not come) or `withdrawn` (it was refused), and waits for its review. `refused` and `unanswered`
 * never gave access.
 */
export const EMERGENCY_STATUSES = [
  'unidentified',
  'opened',
  'provisional',
  'approved',
  'expired',
  'lapsed',
  'withdrawn',
  'refused',
  'unanswered',
  'reviewed',
] as const;
export type EmergencyStatus = (typeof EMERGENCY_STATUSES)[number];
export const REVIEW_FINDINGS = ['justified', 'not-justified'] as const;

/** All of the officers that may approve for the caller's hospital: it replaces those named before. */
export const NameOfficersSchema = closed({
  officers: Type.Array(EnrolmentId, { maxItems: LIMITS.emergencyOfficers, uniqueItems: true }),
});
export const EmergencyOfficersSchema = closed({
  mspId: MspId,
  officers: Type.Array(EnrolmentId),
  changedAt: Instant,
  txId: TransactionId,
  membersEpoch: MembersEpoch,
});
export type EmergencyOfficers = Static<typeof EmergencyOfficersSchema>;

export const OpenEmergencySchema = closed({
  caseId: ObjectId,
  subject: Type.Union([
    closed({ pseudonym: Pseudonym }),
    closed({ description: CaseText(LIMITS.emergencyDescriptionCharacters) }),
  ]),
  reason: CaseText(LIMITS.caseReasonCharacters),
});
export type OpenEmergency = Static<typeof OpenEmergencySchema>;
export const IdentifySchema = closed({ caseId: ObjectId, pseudonym: Pseudonym });
export const EmergencyCaseIdSchema = closed({ caseId: ObjectId });
export const PostReviewSchema = closed({
  caseId: ObjectId,
  finding: oneOf(REVIEW_FINDINGS),
  /** SHA-256 of the review's text, which stays at the reviewer's hospital. */
  textDigest: Sha256,
});
export const SweepEmergenciesSchema = closed({});
export const ListEmergenciesSchema = closed({
  pageSize: PageFields.pageSize,
  bookmark: PageFields.bookmark,
});
export const EmergencyAccessQuerySchema = closed({ pseudonym: Pseudonym, caseId: ObjectId });

const SaySchema = closed({ by: CallerSchema, at: Instant, txId: TransactionId });
/** What one officer said, with the transaction that proves it. */
export type EmergencySay = Static<typeof SaySchema>;

export const EmergencySchema = closed({
  caseId: ObjectId,
  status: oneOf(EMERGENCY_STATUSES),
  openedBy: CallerSchema,
  reason: Type.String(),
  description: Type.Optional(Type.String()),
  pseudonym: Type.Optional(Pseudonym),
  /** Where the pseudonym is enrolled: the owner of the records. */
  patientMspId: Type.Optional(MspId),
  identified: Type.Optional(SaySchema),
  /** Distinct hospitals, none of them the requester's. */
  approvalsNeeded: Type.Integer({ minimum: 1 }),
  approvals: Type.Array(SaySchema),
  refusals: Type.Array(SaySchema),
  /** Of access. */
  from: Type.Optional(Instant),
  until: Type.Optional(Instant),
  /** When a status that waits, or gives access, is over by itself. */
  endsAt: Instant,
  review: Type.Optional(
    closed({ ...SaySchema.properties, finding: oneOf(REVIEW_FINDINGS), textDigest: Sha256 }),
  ),
  openedAt: Instant,
  changedAt: Instant,
  txId: TransactionId,
});
export type Emergency = Static<typeof EmergencySchema>;

/**
 * Access in an emergency, as it stands in the patient's grant book: what the decision reads. The book changes with the
 * endorsement of the patient's hospital only, so that nobody makes one without it.
 */
export const EmergencyAccessSchema = closed({
  caseId: ObjectId,
  requester: closed({ mspId: MspId, enrolmentId: EnrolmentId }),
  from: Instant,
  until: Instant,
  /** Set when it was withdrawn before its time. */
  endedAt: Type.Optional(Instant),
});
export type EmergencyAccess = Static<typeof EmergencyAccessSchema>;
