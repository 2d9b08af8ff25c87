/** Names that chaincode, gateway, console and verifier share. Never retyped anywhere else. */
export const CHAINCODE_NAME = 'careledger';

export const CONTRACTS = {
  members: 'members',
  patients: 'patients',
  records: 'records',
  grants: 'grants',
  access: 'access',
  instructions: 'instructions',
  panels: 'panels',
  queries: 'queries',
  ceremonies: 'ceremonies',
  identities: 'identities',
  erasures: 'erasures',
  emergencies: 'emergencies',
  links: 'links',
} as const;
export type ContractName = keyof typeof CONTRACTS;

/** Roles are the certificate attribute `careledger.role`; a department is `careledger.department`. */
export const ROLES = ['admin', 'officer', 'clinician', 'researcher', 'auditor', 'gateway'] as const;
export type Role = (typeof ROLES)[number];
export const ROLE_ATTRIBUTE = 'careledger.role';
export const DEPARTMENT_ATTRIBUTE = 'careledger.department';

/** HL7 v3 PurposeOfUse, in the words of the consortium. */
export const PURPOSES = [
  'treatment',
  'emergency',
  'payment',
  'research',
  'public-health',
  'patient-request',
] as const;
export type Purpose = (typeof PURPOSES)[number];

/** One key prefix (composite-key object type) per kind of object; indexes start with `by-`. */
export const KEYS = {
  consortium: 'consortium',
  member: 'member',
  patient: 'patient',
  grantBook: 'grant-book',
  /** [pseudonym, endedAt, grantId]: evidence, listed in the order of ending. */
  endedGrant: 'ended-grant',
  /** [pseudonym, grantId] -> endedAt: finds an ended grant by its id, and keeps the id from being used again. */
  endedGrantId: 'ended-grant-id',
  /** [pseudonym, grantId, tag name, tag epoch]: an edge; written once. */
  edge: 'edge',
  /** [delegator's name, serial]: taken for ever, so that no edge comes twice. */
  edgeSerial: 'edge-serial',
  /** [name, key epoch]: an identity's registration; written once. */
  identity: 'identity',
  /** [name] -> the present key epoch, and how it ended if it did. */
  identityEpoch: 'identity-epoch',
  /** [pseudonym]: that a hospital may keep the patient's key. */
  custodyConsent: 'custody-consent',
  /** [pseudonym]: the latest replacement of a lost key. */
  recovery: 'recovery',
  nonce: 'nonce',
  idempotency: 'idempotency',
  recordBatch: 'record-batch',
  recordsByPatient: 'by-patient-record',
  recordsByHospital: 'by-hospital-record',
  access: 'access',
  receipt: 'receipt',
  receiptDue: 'receipt-due',
  accessByPatient: 'by-patient-access',
  accessByRequester: 'by-requester-access',
  accessByRecord: 'by-record-access',
  accessByHospital: 'by-hospital-access',
  accessByTime: 'by-time-access',
  /** [owner MSP id, requester's MSP id, enrolment id, time counted backwards, transaction id]: newest first. */
  denial: 'denial',
  instructions: 'instructions',
  /** [owner, instructionId]; the owner is a pseudonym or an MSP id. */
  retiredInstruction: 'retired-instruction',
  suspension: 'suspension',
  panelLayout: 'panel-layout',
  panel: 'panel',
  panelsByLayout: 'by-layout-panel',
  aggregationKey: 'aggregation-key',
  /** [epoch, four digits]: how the key was shared then, for whoever checks an old result. */
  keyEpoch: 'key-epoch',
  /** [ceremonyId, attempt, mspId]: the documents of a holder that registered them; others accept by digest. */
  keyRegistration: 'key-registration',
  query: 'query',
  queriesByTime: 'by-time-query',
  contribution: 'contribution',
  partial: 'partial',
  /** [queryId, mspId, transaction id]: a share whose proof did not verify, kept as evidence of who sent it. */
  rejectedPartial: 'rejected-partial',
  /** [MSP id, enrolment id]: fields asked for by one requester, by day. */
  queryBudget: 'query-budget',
  ceremony: 'ceremony',
  ceremoniesByTime: 'by-time-ceremony',
  /** ['current']: the identity master key in force. */
  masterKey: 'master-key',
  /** [epoch, four digits]: how it was shared then. */
  masterKeyEpoch: 'master-key-epoch',
  /** [ceremonyId, attempt, mspId]: as `keyRegistration`. */
  masterKeyRegistration: 'master-key-registration',
  /** [scheme] -> id of the one ceremony of the scheme that has not ended. */
  unfinishedCeremony: 'unfinished-ceremony',
  /** [recordId, mspId]: what a hospital destroyed of an erased record; written once. */
  erasureReceipt: 'erasure-receipt',
  /** [recordId]: written once. */
  erasureCertificate: 'erasure-certificate',
  /** [mspId]: who may approve emergencies for the hospital. */
  emergencyOfficers: 'emergency-officers',
  emergency: 'emergency',
  /** ['open' or 'ended' as 0 or 1, opened at, caseId]: those that wait for something come first. */
  emergenciesByState: 'by-state-emergency',
  /** [when the status is over by itself, caseId]. */
  emergencyDue: 'emergency-due',
  /** [pseudonym, at, transaction id, caseId]: what the patient is told without having asked. */
  notice: 'notice',
  linkCase: 'link-case',
  linkCasesByTime: 'by-time-link-case',
  /** [ceremonyId, attempt, round, mspId]. */
  ceremonyPost: 'ceremony-post',
} as const;

/** One event per transaction: Fabric keeps only the last. The payload is `LedgerEventPayload`. */
export const EVENTS = {
  memberChanged: 'member.changed',
  patientChanged: 'patient.changed',
  recordsAnchored: 'records.anchored',
  recordChanged: 'record.changed',
  /** Granted, forwarded, renewed, ended, or a tag closed or opened: the pseudonym's gateways look at the book. */
  grantChanged: 'grant.changed',
  recordsResealed: 'records.resealed',
  identityRegistered: 'identity.registered',
  /** Consent given or withdrawn: the pseudonym. */
  custodyChanged: 'custody.changed',
  /** Opened, approved, refused, cancelled, completed: the recovery's id and status. */
  recoveryChanged: 'recovery.changed',
  accessDecided: 'access.decided',
  receiptPosted: 'receipt.posted',
  receiptsSwept: 'receipts.swept',
  instructionChanged: 'instruction.changed',
  suspensionLifted: 'suspension.lifted',
  panelAnchored: 'panel.anchored',
  /** Every holder has accepted what a ceremony ended with: the key's id, status `active`. */
  keyRegistered: 'key.registered',
  /** The same for the identity master key. */
  masterKeyRegistered: 'master-key.registered',
  queryOpened: 'query.opened',
  /** One hospital answered; status `contributed` or `refused`. */
  queryContributed: 'query.contributed',
  /** All answers are there, and the aggregate waits for shares. */
  queryCompleted: 'query.completed',
  /** One holder posted a share; status `accepted` or `rejected`. */
  queryShared: 'query.shared',
  queryEnded: 'query.ended',
  /** Started, joined, blamed, resumed, abandoned, key registered or accepted: the ceremony's id, status and attempt. */
  ceremonyChanged: 'ceremony.changed',
  /** One hospital destroyed what it had of an erased record: the record's id. */
  erasurePosted: 'erasure.posted',
  erasureCertified: 'erasure.certified',
  emergencyOfficersNamed: 'emergency-officers.named',
  /** Any step of a case of break glass: its id and status. */
  emergencyChanged: 'emergency.changed',
  emergenciesSwept: 'emergencies.swept',
  /** Any step of a case that links pseudonyms: its id and status. */
  linkCaseChanged: 'link-case.changed',
  /** One participant posted the digests of a round: the ceremony's id, attempt and round. */
  ceremonyPosted: 'ceremony.posted',
} as const;
export type EventName = (typeof EVENTS)[keyof typeof EVENTS];
