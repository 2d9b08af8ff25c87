import { Type, type Static } from 'typebox';
import {
  Base64Url,
  Ed25519PublicKey,
  Ed25519Signature,
  G2Point,
  Instant,
  KeyEpoch,
  MspId,
  TransactionId,
  closed,
  oneOf,
} from './common.js';

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

export const IdentitySchema = closed({
  ...IdentityRegistrationSchema.properties,
  /** Hospital that registered it, or at which the pseudonym is enrolled. */
  mspId: MspId,
  at: Instant,
  txId: TransactionId,
});
export type Identity = Static<typeof IdentitySchema>;

export const IdentityQuerySchema = closed({ name: IdentityName, keyEpoch: Type.Optional(KeyEpoch) });
