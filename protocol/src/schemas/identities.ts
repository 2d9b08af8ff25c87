import { Type, type Static } from 'typebox';
import {
  Base64Url,
  CallerSchema,
  Ed25519PublicKey,
  Ed25519Signature,
  G2Point,
  Instant,
  KeyEpoch,
  MembersEpoch,
  MspId,
  Nonce,
  Pseudonym,
  Sha256,
  TransactionId,
  closed,
  oneOf,
} from './common.js';
import { PatientKeysSchema } from './patients.js';

/**
 * Who a key of the identity scheme belongs to: a patient's pseudonym, a hospital, everyone with a role there, or a
 * person there.
 */
export const IdentityName = Type.String({
  pattern:
    '^(patient/[0-9a-f]{32}|member/[A-Za-z0-9.-]{1,64}|role/[A-Za-z0-9.-]{1,64}/[a-z]{1,20}|person/[A-Za-z0-9.-]{1,64}/[A-Za-z0-9._-]{1,64})$',
});
/** Who holds the own factor: the patient (or staff's hospital for its own names), or a hospital on the patient's behalf. */
export const CUSTODIES = ['patient', 'hospital'] as const;

export const IdentityRegistrationSchema = closed({
  name: IdentityName,
  keyEpoch: KeyEpoch,
  /** P_ID = P^x. */
  publicKey: G2Point,
  /** Signs statements of edges; of a member's own name, also a proxy's acknowledgements and partials. */
  signingKey: Ed25519PublicKey,
  /** P_ID = P: a majority of hospitals can make the key again, and so can open what reaches it. */
  recoverable: Type.Boolean(),
  custody: oneOf(CUSTODIES),
  /** Knowledge of x, bound to every other field; crypto `verifyRegistration`. */
  proof: Base64Url(256),
  /** By the signing key of the epoch before; from epoch 1 on. */
  previousSignature: Type.Optional(Ed25519Signature),
});
export type IdentityRegistration = Static<typeof IdentityRegistrationSchema>;

/**
 * A hospital's name (itself, a role or a person there) is registered by its own certificate. A patient's is signed as every request of a
 * patient is, over the same `arguments`, by the pseudonym's key, which is also the identity's `signingKey`.
 */
export const RegisterIdentitySchema = closed({
  arguments: closed({ pseudonym: Type.Optional(Pseudonym), registration: IdentityRegistrationSchema }),
  nonce: Type.Optional(Nonce),
  signature: Type.Optional(Ed25519Signature),
});
export type RegisterIdentity = Static<typeof RegisterIdentitySchema>;

export const IdentitySchema = closed({
  ...IdentityRegistrationSchema.properties,
  /** Hospital that registered it, or at which the pseudonym is enrolled. */
  mspId: MspId,
  at: Instant,
  txId: TransactionId,
  /**
   * The recovery that closed the present epoch, until the next one is registered: its signing key speaks for nobody. Told
   * where the present epoch is asked for, and not part of what was registered.
   */
  closedBy: Type.Optional(TransactionId),
});
export type Identity = Static<typeof IdentitySchema>;

/** Without an epoch: the present one. */
export const IdentityQuerySchema = closed({ name: IdentityName, keyEpoch: Type.Optional(KeyEpoch) });
export const PseudonymQuerySchema = closed({ pseudonym: Pseudonym });

export interface IdentityEpoch {
  readonly name: string;
  readonly keyEpoch: number;
  /** Set when the epoch was closed by a recovery: the next one needs no signature of the key that was lost. */
  readonly closedBy?: string;
  readonly membersEpoch: number;
}

export const CONSENT_STATUSES = ['given', 'withdrawn'] as const;
/** By an officer of the hospital at which the pseudonym is enrolled, on the patient's signed form. */
export const ConsentToCustodySchema = closed({
  pseudonym: Pseudonym,
  /** SHA-256 of the signed form. */
  formDigest: Sha256,
});
export const WithdrawConsentSchema = closed({ pseudonym: Pseudonym });
/** That the patient wants the hospital to keep its key. */
export const CustodyConsentSchema = closed({
  pseudonym: Pseudonym,
  mspId: MspId,
  status: oneOf(CONSENT_STATUSES),
  formDigest: Sha256,
  by: CallerSchema,
  givenAt: Instant,
  withdrawnAt: Type.Optional(Instant),
  txId: TransactionId,
  membersEpoch: MembersEpoch,
});
export type CustodyConsent = Static<typeof CustodyConsentSchema>;

export const RECOVERY_STATUSES = [
  'opened',
  'approved',
  'completed',
  'cancelled',
  'refused',
  'lapsed',
] as const;
/** By an officer of any active hospital that proved who the person is. Of recoverable patients only. */
export const OpenRecoverySchema = closed({
  pseudonym: Pseudonym,
  /** The patient's new keys. */
  keys: PatientKeysSchema,
  /** SHA-256 of the form that says how the person's identity was proven. */
  formDigest: Sha256,
});
/** `recoveryId` is the id of the transaction that opened it. */
export const RecoveryStepSchema = closed({ pseudonym: Pseudonym, recoveryId: TransactionId });
/**
 * Signed by the patient's present key, or, without a signature, by the officer who opened it or an officer of the hospital
 * at which the pseudonym is enrolled.
 */
export const CancelRecoverySchema = closed({
  arguments: RecoveryStepSchema,
  nonce: Type.Optional(Nonce),
  signature: Type.Optional(Ed25519Signature),
});
export type OpenRecovery = Static<typeof OpenRecoverySchema>;
export type RecoveryStep = Static<typeof RecoveryStepSchema>;
export type CancelRecovery = Static<typeof CancelRecoverySchema>;

const RecoverySaySchema = closed({ mspId: MspId, by: CallerSchema, at: Instant });
export const RecoverySchema = closed({
  recoveryId: TransactionId,
  pseudonym: Pseudonym,
  /** Hospital at which the pseudonym is enrolled. */
  mspId: MspId,
  status: oneOf(RECOVERY_STATUSES),
  keys: PatientKeysSchema,
  formDigest: Sha256,
  openedBy: CallerSchema,
  openedAt: Instant,
  /** Epoch of the patient's keys when it was opened: a patient who rotates them has them. */
  patientKeyEpoch: KeyEpoch,
  /** Officers of other members, one of each. */
  approvals: Type.Array(RecoverySaySchema),
  /** Officers of any member, one of each. A member that refuses no longer counts as one that agreed. */
  refusals: Type.Array(RecoverySaySchema),
  /** Set with the majority: not before this time. */
  notBefore: Type.Optional(Instant),
  /** When it lapses by itself, unless there is a majority, and then the completion, before. */
  endsAt: Instant,
  /** Members whose own recoveries of this pseudonym ended without completion: until when they open no other. */
  resting: Type.Array(closed({ mspId: MspId, until: Instant })),
  endedAt: Type.Optional(Instant),
  txId: TransactionId,
  membersEpoch: MembersEpoch,
});
export type Recovery = Static<typeof RecoverySchema>;
