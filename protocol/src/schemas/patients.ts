import { Type, type Static } from 'typebox';
import {
  Ed25519PublicKey,
  Instant,
  MembersEpoch,
  MspId,
  Pseudonym,
  SealedLink,
  TransactionId,
  X25519PublicKey,
  closed,
  oneOf,
  signedByPatient,
} from './common.js';

export const PATIENT_STATUSES = ['enrolled', 'closed'] as const;
export const PatientKeysSchema = closed({ signing: Ed25519PublicKey, encryption: X25519PublicKey });

/** Enrolment is signed with the key that it registers: proof that the enrolled key is the patient's. */
export const EnrolArgumentsSchema = closed({
  pseudonym: Pseudonym,
  mspId: MspId,
  keys: PatientKeysSchema,
  /** Says to a majority of the members, and to nobody else, which pseudonyms are one patient's. */
  link: Type.Optional(SealedLink),
});
export const EnrolSchema = signedByPatient(EnrolArgumentsSchema);
/** Signed with the key that it replaces. */
export const RotateKeysArgumentsSchema = closed({ pseudonym: Pseudonym, keys: PatientKeysSchema });
export const RotateKeysSchema = signedByPatient(RotateKeysArgumentsSchema);
export const ClosePatientArgumentsSchema = closed({ pseudonym: Pseudonym });
export const ClosePatientSchema = signedByPatient(ClosePatientArgumentsSchema);
export const PatientQuerySchema = closed({ pseudonym: Pseudonym });

export const PatientSchema = closed({
  pseudonym: Pseudonym,
  mspId: MspId,
  status: oneOf(PATIENT_STATUSES),
  keys: PatientKeysSchema,
  link: Type.Optional(SealedLink),
  /** Raised by every rotation of keys. */
  keyEpoch: Type.Integer({ minimum: 0 }),
  enrolledAt: Instant,
  changedAt: Instant,
  txId: TransactionId,
  membersEpoch: MembersEpoch,
});
export type Patient = Static<typeof PatientSchema>;
export type EnrolArguments = Static<typeof EnrolArgumentsSchema>;
