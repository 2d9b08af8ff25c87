import { Type, type Static } from 'typebox';
import { CeremonyPostSchema, MAX_KEY_HOLDERS } from './ceremonies.js';
import { G2Point, Instant, MspId, ObjectId, Sha256, TransactionId, closed } from './common.js';

/** P = g2^s, of which no hospital knows s. */
export const IdentityMasterKeySchema = closed({
  publicKey: G2Point,
  /** SHA-256 of the point's bytes. */
  keyId: Sha256,
});
export type IdentityMasterKey = Static<typeof IdentityMasterKeySchema>;

/** How s is shared; crypto `verifyPartialKey`. */
export const IdentitySharingSchema = closed({
  epoch: Type.Integer({ minimum: 0, maximum: 1000 }),
  threshold: Type.Integer({ minimum: 2, maximum: MAX_KEY_HOLDERS }),
  /** The holder at place i has the share at point i, from 1. */
  holders: Type.Array(MspId, { minItems: 3, maxItems: MAX_KEY_HOLDERS, uniqueItems: true }),
  /** A_0 = P, .., A_{threshold - 1}; the public share of holder i is prod A_k^(i^k). */
  commitments: Type.Array(G2Point, { minItems: 2, maxItems: MAX_KEY_HOLDERS }),
});
export type IdentitySharing = Static<typeof IdentitySharingSchema>;

/** As `RegisterKeySchema`, for a ceremony of the scheme `identity`. */
export const RegisterMasterKeySchema = closed({
  ceremonyId: ObjectId,
  attempt: CeremonyPostSchema.properties.attempt,
  masterKey: IdentityMasterKeySchema,
  sharing: IdentitySharingSchema,
});
export type RegisterMasterKey = Static<typeof RegisterMasterKeySchema>;
/** As `AcceptKeySchema`. */
export const AcceptMasterKeySchema = closed({
  ceremonyId: ObjectId,
  attempt: CeremonyPostSchema.properties.attempt,
  sharingDigest: Sha256,
});
/** What one holder registered; a second one of the same attempt is a conflict. */
export const MasterKeyRegistrationSchema = closed({
  ...RegisterMasterKeySchema.properties,
  /** Crypto `identitySharingDigest` of the two. */
  sharingDigest: Sha256,
  mspId: MspId,
  at: Instant,
  txId: TransactionId,
});
export type MasterKeyRegistration = Static<typeof MasterKeyRegistrationSchema>;
/** The key in force or, with `epoch`, as it was shared then. */
export const MasterKeyQuerySchema = closed({ epoch: Type.Optional(IdentitySharingSchema.properties.epoch) });
export const MasterKeySchema = closed({
  masterKey: IdentityMasterKeySchema,
  sharing: IdentitySharingSchema,
  /** Crypto `identitySharingDigest` of the two. */
  sharingDigest: Sha256,
  ceremonyId: ObjectId,
  /** Of the ceremony. */
  attempt: CeremonyPostSchema.properties.attempt,
  acceptedBy: Type.Array(MspId),
  /** Every holder has accepted it. */
  status: Type.Literal('active'),
  registeredBy: MspId,
  registeredAt: Instant,
  txId: TransactionId,
});
export type MasterKey = Static<typeof MasterKeySchema>;
