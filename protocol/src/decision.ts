import type { Purpose } from './names.js';
import { isUsedUp } from './opening-count.js';
import type { Caller } from './schemas/common.js';
import type { DenyReason, KeyWay } from './schemas/access.js';
import type { GrantBook } from './schemas/grant-book.js';
import type { Grantee, PatientGrant } from './schemas/grants.js';
import type { PatientInstruction } from './schemas/instructions.js';
import type { EmrRecord } from './schemas/records.js';
import { edgeFor, isClosedToSharing, isSealedForSharing, lineageOf, parentOf, tagStateOf } from './tags.js';
import { tagName } from './record-types.js';

/**
 * The access decision: one pure function over what stands on the ledger and the time of the transaction.
 * Denied by default. A new reason to refuse is a line in `DENY_REASONS` and a rule here.
 */
export interface DecisionInput {
  readonly requester: Caller;
  readonly purpose: Purpose;
  /** The emergency that the requester names. */
  readonly caseId?: string | undefined;
  /** Transaction timestamp. */
  readonly at: string;
  readonly record: EmrRecord;
  /** What the patient's grant book says beside grants and instructions. */
  readonly patient: Pick<GrantBook, 'status' | 'mspId' | 'identityEpoch' | 'tags' | 'emergencies'>;
  /** Live grants and instructions of the patient (the grant book). */
  readonly grants: readonly PatientGrant[];
  readonly instructions: readonly PatientInstruction[];
  /** Openings of one grant that a rule of the patient allows; undefined without such a rule. */
  readonly openingsAllowed?: number | undefined;
  readonly requesterMemberActive: boolean;
  readonly requesterSuspended: boolean;
}

export type Decision =
  | { readonly outcome: 'grant'; readonly basis: 'own-hospital' }
  | { readonly outcome: 'grant'; readonly basis: 'break-glass' }
  | { readonly outcome: 'grant'; readonly basis: 'grant'; readonly grant: PatientGrant }
  | { readonly outcome: 'grant'; readonly basis: 'instruction'; readonly instruction: PatientInstruction }
  | { readonly outcome: 'deny'; readonly reason: DenyReason };

/** Roles that may open records at all. */
const OPENING_ROLES: readonly string[] = ['clinician', 'researcher', 'officer'];
/** Purposes for which the hospital that made a record may open it itself; anything else needs a grant there too. */
const OWN_HOSPITAL_PURPOSES: readonly string[] = ['treatment', 'emergency', 'patient-request'];

export function decide(input: DecisionInput): Decision {
  const standing = denyWhateverIsGranted(input);
  if (standing !== undefined) return { outcome: 'deny', reason: standing };
  if (isOwnHospital(input)) return { outcome: 'grant', basis: 'own-hospital' };
  if (!input.record.sharable) return { outcome: 'deny', reason: 'RECORD_NOT_SHARABLE' };
  if (breaksGlass(input)) return { outcome: 'grant', basis: 'break-glass' };
  if (isClosedToSharing(input.patient, input.record)) return { outcome: 'deny', reason: 'TAG_NOT_SHARABLE' };

  const verdicts = input.grants.map((grant) => ({ grant, reason: whyNot(grant, input) }));
  const granting = verdicts.find((verdict) => verdict.reason === undefined);
  if (granting !== undefined) return { outcome: 'grant', basis: 'grant', grant: granting.grant };

  const instruction = input.instructions.find((candidate) => autoGrants(candidate, input));
  if (instruction !== undefined) return { outcome: 'grant', basis: 'instruction', instruction };
  if (input.caseId !== undefined) return { outcome: 'deny', reason: 'EMERGENCY_NOT_OPEN' };
  return { outcome: 'deny', reason: mostTelling(verdicts.map((verdict) => verdict.reason)) };
}

/**
 * By which way the key of a granted record comes. A hospital has its own copy; what a patient with an identity key
 * granted goes along edges; everything else the owner's gateway releases.
 */
export function keyWayOf(
  decision: Extract<Decision, { outcome: 'grant' }>,
  { requester, record, patient }: Pick<DecisionInput, 'requester' | 'record' | 'patient'>,
): KeyWay {
  if (requester.mspId === record.ownerMspId) return 'own';
  const isByEdges =
    decision.basis === 'grant' && patient.identityEpoch !== undefined && !isFromInstruction(decision.grant);
  return isByEdges ? 're-encryption' : 'release';
}

function denyWhateverIsGranted(input: DecisionInput): DenyReason | undefined {
  if (!OPENING_ROLES.includes(input.requester.role)) return 'ROLE_NOT_PERMITTED';
  if (!input.requesterMemberActive) return 'MEMBER_NOT_ACTIVE';
  if (input.requesterSuspended) return 'REQUESTER_SUSPENDED';
  if (input.record.status === 'erased') return 'RECORD_ERASED';
  if (input.patient.status !== 'enrolled') return 'PATIENT_CLOSED';
  return undefined;
}

function isOwnHospital(input: DecisionInput): boolean {
  return (
    input.requester.mspId === input.record.ownerMspId &&
    input.requester.role === 'clinician' &&
    OWN_HOSPITAL_PURPOSES.includes(input.purpose)
  );
}

/**
 * Access in an emergency goes before what the patient closed to sharing: that is what breaking the glass means. It does
 * not go before what the hospital keeps to itself, nor before a suspension.
 */
function breaksGlass({ caseId, purpose, requester, patient, at }: DecisionInput): boolean {
  if (caseId === undefined || purpose !== 'emergency' || requester.role !== 'clinician') return false;
  const access = patient.emergencies?.find((candidate) => candidate.caseId === caseId);
  return (
    access?.requester.mspId === requester.mspId &&
    access.requester.enrolmentId === requester.enrolmentId &&
    access.endedAt === undefined &&
    access.from <= at &&
    at <= access.until
  );
}

/** Ordered from "not for you" to "almost": the last that applies is the one worth telling. */
const GRANT_REASONS = [
  'NO_GRANT',
  'GRANT_EXPIRED',
  'GRANT_NOT_YET_VALID',
  'RECORD_TYPE_NOT_COVERED',
  'PURPOSE_NOT_COVERED',
  'CONDITION_NOT_MET',
  'GRANT_USED_UP',
  'PARENT_ENDED',
  'GRANT_EPOCH_STALE',
  'RESEAL_PENDING',
] as const satisfies readonly DenyReason[];

function whyNot(grant: PatientGrant, input: DecisionInput): (typeof GRANT_REASONS)[number] | undefined {
  if (grant.status !== 'active' || !isGrantee(grant.grantee, input.requester)) return 'NO_GRANT';
  if (input.at > grant.notAfter) return 'GRANT_EXPIRED';
  if (input.at < grant.notBefore) return 'GRANT_NOT_YET_VALID';
  if (!grant.recordTypes.includes(input.record.type)) return 'RECORD_TYPE_NOT_COVERED';
  if (!grant.purposes.includes(input.purpose)) return 'PURPOSE_NOT_COVERED';
  if (!meetsCondition(grant, input)) return 'CONDITION_NOT_MET';
  if (isUsedUp(lineageOf(input.grants, grant), input.openingsAllowed)) return 'GRANT_USED_UP';
  return whyNoKey(grant, input);
}

/** Why the grant, though it covers the record, gives no key: its edges do not reach what the record is sealed under. */
function whyNoKey(
  grant: PatientGrant,
  { patient, record, grants, at }: DecisionInput,
): (typeof GRANT_REASONS)[number] | undefined {
  // Grants of an instruction have no edges: the owner releases.
  if (patient.identityEpoch === undefined || isFromInstruction(grant)) return undefined;
  const lineage = lineageOf(grants, grant);
  if (lineage.slice(0, -1).some((above) => !isLive(above, at))) return 'PARENT_ENDED';
  if (lineage[0] === undefined || parentOf(lineage[0]) !== undefined) return 'PARENT_ENDED';
  const { type, sharing } = record;
  if (sharing === undefined) return 'RESEAL_PENDING';
  const { epoch } = tagStateOf(patient, tagName(type, sharing.sensitivity));
  const edges = lineage.map((link) => edgeFor(link, type, sharing.sensitivity));
  if (edges.at(-1) === undefined) return 'RECORD_TYPE_NOT_COVERED';
  if (edges.some((edge) => edge?.tagEpoch !== epoch)) return 'GRANT_EPOCH_STALE';
  return isSealedForSharing(patient, record) ? undefined : 'RESEAL_PENDING';
}

function isFromInstruction({ basis }: PatientGrant): boolean {
  return typeof basis === 'object' && 'instructionId' in basis;
}

function isLive({ status, notBefore, notAfter }: PatientGrant, at: string): boolean {
  return status === 'active' && notBefore <= at && at <= notAfter;
}

export function isGrantee(grantee: Grantee, requester: Caller): boolean {
  if (grantee.mspId !== requester.mspId) return false;
  switch (grantee.kind) {
    case 'person':
      return grantee.enrolmentId === requester.enrolmentId;
    case 'role':
      return grantee.role === requester.role;
    case 'member':
      return true;
  }
}

function meetsCondition(grant: PatientGrant, input: DecisionInput): boolean {
  const { department, recordIds } = grant.condition ?? {};
  if (department !== undefined && department !== input.requester.department) return false;
  return recordIds === undefined || recordIds.includes(input.record.recordId);
}

function autoGrants({ status, rule }: PatientInstruction, input: DecisionInput): boolean {
  if (status !== 'active' || rule.kind !== 'auto-grant') return false;
  return (
    rule.purpose === input.purpose &&
    rule.role === input.requester.role &&
    rule.recordTypes.includes(input.record.type) &&
    (rule.mspIds === undefined || rule.mspIds.includes(input.requester.mspId))
  );
}

function mostTelling(reasons: readonly (DenyReason | undefined)[]): DenyReason {
  return GRANT_REASONS.findLast((reason) => reasons.includes(reason)) ?? 'NO_GRANT';
}
