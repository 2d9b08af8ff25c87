/**
 * The sharing of the identity master key, checked and in bytes.
 *
 *   F(X)    polynomial of degree threshold - 1 over Z_q,  F(0) = s,  s_i = F(i)
 *   A_k     = g2^(coefficient k),  A_0 = P                                          published
 *   P_i     = g2^(s_i) = prod_k A_k^(i^k)                                           public share of holder i
 *   digest  = SHA-256(encodeParts('careledger/identity-sharing/v1', P, epoch, threshold, holders, commitments))
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { base64UrlToBytes, bytesEqual, bytesToBase64Url, bytesToHex } from '../core/bytes.js';
import { encodeList, encodeParts } from '../core/encode.js';
import { invalidInput, shapeOf } from '../core/errors.js';
import { decodeScalar, noblePairing, type G2, type PairingEngine } from '../pairing/index.js';
import { assertKeyHolders } from '../threshold/codec.js';
import { assertThreshold } from '../threshold/integer-sharing.js';
import { isCommitted } from './feldman.js';
import type { IdentityMasterKey, IdentityShare, IdentitySharing } from './types.js';

const MAX_EPOCH = 1000;

/** A sharing whose points are what they have to be. */
export interface CheckedSharing {
  readonly keyId: string;
  readonly epoch: number;
  readonly threshold: number;
  readonly holders: readonly string[];
  /** A_0 = P, .. */
  readonly commitments: readonly G2[];
}

/** SHA-256 of the point's bytes, lower-case hex. */
export function identityKeyId(publicKey: Uint8Array): string {
  return bytesToHex(sha256(publicKey));
}

/**
 * @throws CRYPTO_INVALID_INPUT for a point outside the group, a key id or A_0 that is not of the key, and for numbers
 *         of holders, threshold or commitments that do not fit together
 */
export function checkedIdentitySharing(
  engine: PairingEngine,
  masterKey: IdentityMasterKey,
  sharing: IdentitySharing,
): CheckedSharing {
  const { epoch, threshold, holders, commitments } = sharing;
  const publicKey = base64UrlToBytes(masterKey.publicKey);
  const keyId = identityKeyId(publicKey);
  if (keyId !== masterKey.keyId) throw invalidInput('masterKey.keyId', 'SHA-256 of the key', 'another');
  if (!Number.isSafeInteger(epoch) || epoch < 0 || epoch > MAX_EPOCH)
    throw invalidInput('sharing.epoch', `0..${MAX_EPOCH}`, shapeOf(epoch));
  assertKeyHolders(holders);
  assertThreshold(threshold, holders.length);
  if (commitments.length !== threshold)
    throw invalidInput('sharing.commitments', `${threshold} of them`, String(commitments.length));
  const bytes = commitments.map(base64UrlToBytes);
  if (!bytesEqual(bytes[0] ?? publicKey.subarray(0, 0), publicKey))
    throw invalidInput('sharing.commitments', 'the key as the first', 'another');
  const points = bytes.map((point) => engine.decodeG2('sharing.commitments', point));
  return { keyId, epoch, threshold, holders, commitments: points };
}

/** Of documents that were checked; lower-case hex. */
export function sharingBytesDigest(masterKey: IdentityMasterKey, sharing: IdentitySharing): string {
  const { epoch, threshold, holders, commitments } = sharing;
  const label = 'careledger/identity-sharing/v1';
  const encoded = encodeParts(
    label,
    base64UrlToBytes(masterKey.publicKey),
    BigInt(epoch),
    BigInt(threshold),
    encodeList(label, holders),
    encodeList(label, commitments.map(base64UrlToBytes)),
  );
  return bytesToHex(sha256(encoded));
}

/**
 * What every holder compares before it accepts the outcome of a ceremony; lower-case hex.
 * @throws CRYPTO_INVALID_INPUT as `checkedIdentitySharing`
 */
export function identitySharingDigest(masterKey: IdentityMasterKey, sharing: IdentitySharing): string {
  checkedIdentitySharing(noblePairing, masterKey, sharing);
  return sharingBytesDigest(masterKey, sharing);
}

/**
 * s_i of a share that fits the sharing: it is the holder's, of this key and epoch, and g2^(s_i) = P_i.
 * @throws CRYPTO_INVALID_INPUT
 */
export function assertIdentityShare(
  engine: PairingEngine,
  { keyId, epoch, holders, commitments }: CheckedSharing,
  share: IdentityShare,
): bigint {
  const isOfSharing = share.keyId === keyId && share.epoch === epoch;
  if (!isOfSharing || holders[share.point - 1] !== share.holder)
    throw invalidInput('share', 'a share of this sharing', 'another');
  const value = decodeScalar('share.scalar', base64UrlToBytes(share.scalar));
  if (!isCommitted(engine, { commitments, point: share.point, share: value }))
    throw invalidInput('share.scalar', 'the scalar behind the public share', 'another');
  return value;
}

export function masterKeyOf(publicKey: Uint8Array): IdentityMasterKey {
  return { publicKey: bytesToBase64Url(publicKey), keyId: identityKeyId(publicKey) };
}
