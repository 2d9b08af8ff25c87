import type { Static, TSchema } from 'typebox';
import type { ContractName } from './names.js';
import * as access from './schemas/access.js';
import * as emergencies from './schemas/emergencies.js';
import * as erasures from './schemas/erasures.js';
import * as grants from './schemas/grants.js';
import * as identities from './schemas/identities.js';
import * as instructions from './schemas/instructions.js';
import * as links from './schemas/links.js';
import * as masterKey from './schemas/master-key.js';
import * as members from './schemas/members.js';
import * as notices from './schemas/notices.js';
import * as panels from './schemas/panels.js';
import * as patients from './schemas/patients.js';
import * as ceremonies from './schemas/ceremonies.js';
import * as queries from './schemas/queries.js';
import * as records from './schemas/records.js';

/** `submit` writes and is ordered; `evaluate` only reads, on one peer. */
export interface MethodDescription {
  readonly kind: 'submit' | 'evaluate';
  readonly argument: TSchema;
}

/**
 * Every transaction of every contract: its name as Fabric calls it (`contract:Method`), whether it writes, and the
 * schema of its one JSON argument. Submitted transactions take a second argument, the idempotency key or ''.
 */
export const METHODS = {
  members: {
    Propose: submit(members.ProposeMemberSchema),
    Update: submit(members.UpdateMemberSchema),
    Vote: submit(members.VoteSchema),
    Leave: submit(nothing()),
    ApproveBuild: submit(members.ApproveBuildSchema),
    Get: evaluate(members.MemberQuerySchema),
    List: evaluate(nothing()),
    Build: evaluate(nothing()),
  },
  patients: {
    Enrol: submit(patients.EnrolSchema),
    RotateKeys: submit(patients.RotateKeysSchema),
    Close: submit(patients.ClosePatientSchema),
    Get: evaluate(patients.PatientQuerySchema),
  },
  records: {
    Anchor: submit(records.AnchorSchema),
    Supersede: submit(records.SupersedeSchema),
    Erase: submit(records.EraseSchema),
    Reseal: submit(records.ResealSchema),
    Get: evaluate(records.RecordQuerySchema),
    GetBatch: evaluate(records.BatchQuerySchema),
    List: evaluate(records.ListRecordsSchema),
  },
  grants: {
    Grant: submit(grants.GrantSchema),
    Forward: submit(grants.ForwardSchema),
    Renew: submit(grants.RenewSchema),
    RenewForward: submit(grants.RenewForwardSchema),
    Revoke: submit(grants.RevokeSchema),
    EndForward: submit(grants.EndForwardSchema),
    SetSharing: submit(grants.SetSharingSchema),
    Sweep: submit(grants.SweepGrantsSchema),
    Chain: evaluate(grants.ChainQuerySchema),
    GetSharing: evaluate(grants.SharingQuerySchema),
    Get: evaluate(grants.GrantQuerySchema),
    List: evaluate(grants.ListGrantsSchema),
  },
  access: {
    Open: submit(access.OpenSchema),
    PostReceipt: submit(access.PostReceiptSchema),
    SweepReceipts: submit(access.SweepReceiptsSchema),
    Get: evaluate(access.AccessQuerySchema),
    List: evaluate(access.ListAccessSchema),
  },
  instructions: {
    SetForPatient: submit(instructions.SetPatientInstructionSchema),
    RetireForPatient: submit(instructions.RetirePatientInstructionSchema),
    SetForMember: submit(instructions.SetMemberInstructionSchema),
    RetireForMember: submit(instructions.RetireMemberInstructionSchema),
    LiftSuspension: submit(instructions.LiftSuspensionSchema),
    List: evaluate(instructions.ListInstructionsSchema),
    GetSuspension: evaluate(instructions.SuspensionQuerySchema),
  },
  panels: {
    RegisterLayout: submit(panels.RegisterLayoutSchema),
    Anchor: submit(panels.AnchorPanelSchema),
    GetLayout: evaluate(panels.LayoutQuerySchema),
    Get: evaluate(panels.PanelQuerySchema),
    List: evaluate(panels.ListPanelsSchema),
  },
  identities: {
    RegisterMasterKey: submit(masterKey.RegisterMasterKeySchema),
    AcceptMasterKey: submit(masterKey.AcceptMasterKeySchema),
    GetMasterKey: evaluate(masterKey.MasterKeyQuerySchema),
    Register: submit(identities.RegisterIdentitySchema),
    ConsentToCustody: submit(identities.ConsentToCustodySchema),
    WithdrawConsent: submit(identities.WithdrawConsentSchema),
    OpenRecovery: submit(identities.OpenRecoverySchema),
    ApproveRecovery: submit(identities.RecoveryStepSchema),
    RefuseRecovery: submit(identities.RecoveryStepSchema),
    CancelRecovery: submit(identities.CancelRecoverySchema),
    CompleteRecovery: submit(identities.RecoveryStepSchema),
    Get: evaluate(identities.IdentityQuerySchema),
    GetConsent: evaluate(identities.PseudonymQuerySchema),
    GetRecovery: evaluate(identities.PseudonymQuerySchema),
  },
  ceremonies: {
    Start: submit(ceremonies.StartCeremonySchema),
    Join: submit(ceremonies.JoinCeremonySchema),
    Post: submit(ceremonies.PostRoundSchema),
    Blame: submit(ceremonies.BlameSchema),
    Resume: submit(ceremonies.ResumeCeremonySchema),
    Abandon: submit(ceremonies.AbandonCeremonySchema),
    Get: evaluate(ceremonies.CeremonyQuerySchema),
    Posts: evaluate(ceremonies.CeremonyRoundQuerySchema),
    Registrations: evaluate(ceremonies.CeremonyAttemptQuerySchema),
    List: evaluate(ceremonies.ListCeremoniesSchema),
  },
  erasures: {
    Post: submit(erasures.PostErasureSchema),
    Certify: submit(erasures.CertifyErasureSchema),
    Get: evaluate(erasures.ErasureQuerySchema),
  },
  emergencies: {
    NameOfficers: submit(emergencies.NameOfficersSchema),
    Open: submit(emergencies.OpenEmergencySchema),
    Identify: submit(emergencies.IdentifySchema),
    Approve: submit(emergencies.EmergencyCaseIdSchema),
    Refuse: submit(emergencies.EmergencyCaseIdSchema),
    PostReview: submit(emergencies.PostReviewSchema),
    Sweep: submit(emergencies.SweepEmergenciesSchema),
    Officers: evaluate(members.MemberQuerySchema),
    Get: evaluate(emergencies.EmergencyCaseIdSchema),
    GetAccess: evaluate(emergencies.EmergencyAccessQuerySchema),
    List: evaluate(emergencies.ListEmergenciesSchema),
    Notices: evaluate(notices.ListNoticesSchema),
  },
  links: {
    Open: submit(links.OpenLinkCaseSchema),
    Approve: submit(links.LinkCaseIdSchema),
    PostOutcome: submit(links.PostLinkOutcomeSchema),
    Get: evaluate(links.LinkCaseIdSchema),
    List: evaluate(links.ListLinkCasesSchema),
  },
  queries: {
    RegisterKey: submit(queries.RegisterKeySchema),
    AcceptKey: submit(queries.AcceptKeySchema),
    GetKey: evaluate(queries.KeyQuerySchema),
    Open: submit(queries.OpenQuerySchema),
    Contribute: submit(queries.ContributeSchema),
    Refuse: submit(queries.RefuseQuerySchema),
    Complete: submit(queries.QueryIdSchema),
    Share: submit(queries.ShareSchema),
    Publish: submit(queries.QueryIdSchema),
    Get: evaluate(queries.QueryIdSchema),
    List: evaluate(queries.ListQueriesSchema),
  },
} as const satisfies Record<ContractName, Record<string, MethodDescription>>;

export type MethodName<Contract extends ContractName> = keyof (typeof METHODS)[Contract] & string;

/** What a method takes, as a type. */
export type ArgumentOf<
  Contract extends ContractName,
  Method extends MethodName<Contract>,
> = (typeof METHODS)[Contract][Method] extends { readonly argument: infer Schema extends TSchema }
  ? Static<Schema>
  : never;

function submit<Schema extends TSchema>(argument: Schema) {
  return { kind: 'submit', argument } as const;
}

function evaluate<Schema extends TSchema>(argument: Schema) {
  return { kind: 'evaluate', argument } as const;
}

function nothing() {
  return access.SweepReceiptsSchema;
}
