import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  EnrolmentId,
  Instant,
  MembersEpoch,
  MspId,
  ObjectId,
  PageFields,
  Pseudonym,
  PurposeSchema,
  RecordTypeSchema,
  RoleSchema,
  TransactionId,
  closed,
  oneOf,
  signedByPatient,
} from './common.js';

export const INSTRUCTION_STATUSES = ['active', 'retired'] as const;

/** Preset rules that a patient may set. Each names the event it waits for, its condition and its action. */
export const PatientRuleSchema = Type.Union([
  closed(
    {
      kind: Type.Literal('auto-grant'),
      purpose: PurposeSchema,
      role: RoleSchema,
      /** Hospitals it holds for; absent: every active member. */
      mspIds: Type.Optional(Type.Array(MspId, { minItems: 1, maxItems: LIMITS.members })),
      recordTypes: Type.Array(RecordTypeSchema, { minItems: 1, maxItems: LIMITS.recordTypesPerGrant }),
      validForMs: Type.Integer({ minimum: 60_000, maximum: 31_536_000_000 }),
    },
    'Event: an opening that no grant covers. Action: grant to the requester’s person for validForMs.',
  ),
  closed(
    { kind: Type.Literal('expire-grant'), afterOpenings: Type.Integer({ minimum: 1, maximum: 1000 }) },
    'Event: an opening under a grant. Action: expire the grant after so many.',
  ),
  closed(
    {
      kind: Type.Literal('break-glass'),
      secondWithinMs: Type.Integer({ minimum: 60_000, maximum: LIMITS.emergencyAccessMs }),
    },
    'Event: the first approval of an emergency. Action: open at once, and close unless a second comes within the time.',
  ),
]);
export type PatientRule = Static<typeof PatientRuleSchema>;

/** Preset rules that a hospital may set for its own records. */
export const MemberRuleSchema = closed(
  {
    kind: Type.Literal('suspend-requester'),
    denials: Type.Integer({ minimum: 1, maximum: LIMITS.suspensionDenials }),
    withinMs: Type.Integer({ minimum: 60_000, maximum: 31_536_000_000 }),
  },
  'Event: a denial on a record of this hospital. Action: suspend the requester here after so many within the time.',
);
export type MemberRule = Static<typeof MemberRuleSchema>;

export const SetPatientInstructionArgumentsSchema = closed({
  instructionId: ObjectId,
  pseudonym: Pseudonym,
  rule: PatientRuleSchema,
});
export const SetPatientInstructionSchema = signedByPatient(SetPatientInstructionArgumentsSchema);
export const RetirePatientInstructionArgumentsSchema = closed({
  instructionId: ObjectId,
  pseudonym: Pseudonym,
});
export const RetirePatientInstructionSchema = signedByPatient(RetirePatientInstructionArgumentsSchema);
export const SetMemberInstructionSchema = closed({ instructionId: ObjectId, rule: MemberRuleSchema });
export const RetireMemberInstructionSchema = closed({ instructionId: ObjectId });
/** The owner is a pseudonym or an MSP id. */
export const ListInstructionsSchema = closed({
  owner: Type.Union([Pseudonym, MspId]),
  pageSize: PageFields.pageSize,
  bookmark: PageFields.bookmark,
});

const InstructionState = {
  instructionId: ObjectId,
  status: oneOf(INSTRUCTION_STATUSES),
  setAt: Instant,
  retiredAt: Type.Optional(Instant),
  txId: TransactionId,
};
export const PatientInstructionSchema = closed({ ...InstructionState, rule: PatientRuleSchema });
export const MemberInstructionSchema = closed({ ...InstructionState, rule: MemberRuleSchema });
export type PatientInstruction = Static<typeof PatientInstructionSchema>;
export type MemberInstruction = Static<typeof MemberInstructionSchema>;

/** The standing instructions of one hospital. A patient's stand in its grant book. */
export interface MemberInstructions {
  readonly mspId: string;
  /** Active ones only. Retired ones have their own keys. */
  readonly instructions: MemberInstruction[];
  readonly membersEpoch: number;
}

export const RequesterSchema = closed({ mspId: MspId, enrolmentId: EnrolmentId });
export const SuspensionSchema = closed({
  ownerMspId: MspId,
  requester: RequesterSchema,
  instructionId: ObjectId,
  denials: Type.Integer({ minimum: 1 }),
  since: Instant,
  /** Set when the hospital lifted it: earlier denials no longer count. */
  liftedAt: Type.Optional(Instant),
  txId: TransactionId,
  membersEpoch: MembersEpoch,
});
export type Suspension = Static<typeof SuspensionSchema>;
export const LiftSuspensionSchema = closed({ requester: RequesterSchema });
export const SuspensionQuerySchema = closed({ ownerMspId: MspId, requester: RequesterSchema });
