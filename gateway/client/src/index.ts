/**
 * @careledger/client: CareLedger for integrators. A patient's keys stay where this runs; it needs fetch and WebCrypto and
 * nothing of Node, so a browser loads it too. Files are in "./node".
 */
export { Connection, type ConnectionOptions, type SendOptions } from './connection.js';
export { activeMembers, readIdentity, readMasterKey, type MasterKeyInForce } from './consortium.js';
export { makeEdges, proxiesFor, tagsFor, type EdgesWanted, type SealedShare, type Tag } from './edges.js';
export { consentToCustody, enrol, preparePseudonym, pseudonymKeys, type NewPseudonym } from './enrolment.js';
export { withEarlierKeys, withIdentityKey } from './extraction.js';
export { GatewayError } from './gateway-error.js';
export {
  PatientClient,
  type GrantTerms,
  type PatientClientOptions,
  type Renewals,
} from './patient-client.js';
export {
  PATIENT_KEYS_LABEL,
  decodePatientKeys,
  encodePatientKeys,
  lossInWords,
  makePatientKeys,
  makePseudonym,
  openPatientKeys,
  sealPatientKeys,
  withPseudonym,
  type IdentitySecrets,
  type MasterPublicKey,
  type PatientKeys,
  type PseudonymKeys,
  type PseudonymOptions,
} from './patient-keys.js';
export { describeLog, wholeLog, type GrantNode, type LogPage, type PatientLog } from './patient-log.js';
export {
  finishRecovery,
  prepareRecovery,
  recoveryDigest,
  recoveryRequest,
  type RecoveryRequest,
} from './recovery.js';
export { rotateKeys, type RotationOptions } from './rotation.js';
export { patientConnection, type HttpOptions } from './session.js';
export { signRequest, type SignedRequest } from './signing.js';
export { StaffClient, type ForwardTerms, type OpenedRecord, type Opening } from './staff-client.js';
export { waitingGrants, type WaitingGrant } from './waiting.js';
