import type {
  Access,
  AccessWithReceipt,
  AggregationKey,
  AnchorResult,
  BuildReport,
  Ceremony,
  CeremonyPost,
  ContractName,
  Contribution,
  CustodyConsent,
  Emergency,
  EmergencyAccess,
  EmergencyOfficers,
  EmrRecord,
  Erasure,
  ErasureCertificate,
  ErasureReceipt,
  GrantChain,
  Identity,
  KeyRegistration,
  KeyRegistrationResult,
  MasterKey,
  MasterKeyRegistration,
  LinkCase,
  Member,
  MemberInstruction,
  MethodName,
  Notice,
  Page,
  Panel,
  Patient,
  PatientGrant,
  PatientInstruction,
  Query,
  QueryDetails,
  Receipt,
  RecordBatch,
  Recovery,
  RegisteredLayout,
  ShareResult,
  SharingState,
  Suspension,
} from '@careledger/protocol';

/** What each transaction returns, as the contracts document it. Methods that are not here return `unknown`. */
export interface ContractResults {
  members: {
    Propose: Member;
    Update: Member;
    Vote: Member;
    Leave: Member;
    ApproveBuild: Member;
    Get: Member;
    List: Page<Member>;
    Build: BuildReport;
  };
  patients: { Enrol: Patient; RotateKeys: Patient; Close: Patient; Get: Patient };
  records: {
    Anchor: RecordBatch;
    Supersede: EmrRecord;
    Erase: EmrRecord;
    Reseal: AnchorResult;
    Get: EmrRecord;
    GetBatch: RecordBatch;
    List: Page<EmrRecord>;
  };
  grants: {
    Grant: PatientGrant;
    Forward: PatientGrant;
    Renew: PatientGrant;
    RenewForward: PatientGrant;
    Revoke: PatientGrant;
    EndForward: PatientGrant;
    SetSharing: SharingState;
    Sweep: { readonly expired: string[] };
    Chain: GrantChain;
    GetSharing: SharingState;
    Get: PatientGrant;
    List: Page<PatientGrant>;
  };
  access: {
    Open: Access;
    PostReceipt: Receipt;
    SweepReceipts: { readonly overdue: string[] };
    Get: AccessWithReceipt;
    List: Page<AccessWithReceipt>;
  };
  instructions: {
    SetForPatient: PatientInstruction;
    RetireForPatient: PatientInstruction;
    SetForMember: MemberInstruction;
    RetireForMember: MemberInstruction;
    LiftSuspension: Suspension;
    List: Page<PatientInstruction | MemberInstruction>;
    GetSuspension: Suspension;
  };
  panels: {
    RegisterLayout: RegisteredLayout;
    Anchor: Panel;
    GetLayout: RegisteredLayout;
    Get: Panel;
    List: Page<Panel>;
  };
  ceremonies: {
    Start: Ceremony;
    Join: Ceremony;
    Post: CeremonyPost;
    Blame: Ceremony;
    Resume: Ceremony;
    Abandon: Ceremony;
    Get: Ceremony;
    Posts: { readonly items: CeremonyPost[] };
    Registrations: { readonly items: Array<KeyRegistration | MasterKeyRegistration> };
    List: Page<Ceremony>;
  };
  identities: {
    RegisterMasterKey: KeyRegistrationResult;
    AcceptMasterKey: KeyRegistrationResult;
    GetMasterKey: MasterKey;
    Register: Identity;
    ConsentToCustody: CustodyConsent;
    WithdrawConsent: CustodyConsent;
    OpenRecovery: Recovery;
    ApproveRecovery: Recovery;
    RefuseRecovery: Recovery;
    CancelRecovery: Recovery;
    CompleteRecovery: Recovery;
    Get: Identity;
    GetConsent: CustodyConsent;
    GetRecovery: Recovery;
  };
  emergencies: {
    NameOfficers: EmergencyOfficers;
    Open: Emergency;
    Identify: Emergency;
    Approve: Emergency;
    Refuse: Emergency;
    PostReview: Emergency;
    Sweep: { readonly over: string[] };
    Officers: Pick<EmergencyOfficers, 'mspId' | 'officers'>;
    Get: Emergency;
    GetAccess: EmergencyAccess;
    List: Page<Emergency>;
    Notices: Page<Notice>;
  };
  links: {
    Open: LinkCase;
    Approve: LinkCase;
    PostOutcome: LinkCase;
    Get: LinkCase;
    List: Page<LinkCase>;
  };
  erasures: { Post: ErasureReceipt; Certify: ErasureCertificate; Get: Erasure };
  queries: {
    RegisterKey: KeyRegistrationResult;
    AcceptKey: KeyRegistrationResult;
    GetKey: AggregationKey;
    Open: Query;
    Contribute: Contribution;
    Refuse: Contribution | Query;
    Complete: Query;
    Share: ShareResult;
    Publish: Query;
    Get: QueryDetails;
    List: Page<Query>;
  };
}

export type ResultOf<
  Contract extends ContractName,
  Method extends MethodName<Contract>,
> = Method extends keyof ContractResults[Contract] ? ContractResults[Contract][Method] : unknown;
