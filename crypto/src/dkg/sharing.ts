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
import { Q, decodeScalar, noblePairing, type G2, type PairingEngine } from '../pairing/index.js';
import { assertKeyHolders } from '../threshold/codec.js';
import { assertThreshold } from '../threshold/integer-sharing.js';
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

/** g2^F(point). */
export function publicShareAt(engine: PairingEngine, commitments: readonly G2[], point: number): G2 {
  const powers = commitments.map((_, k) => BigInt(point) ** BigInt(k) % Q);
  return engine.g2Powers(commitments, powers);
}

/** What every holder compares before it accepts the outcome of a ceremony; lower-case hex. @throws as above */
export function identitySharingDigest(masterKey: IdentityMasterKey, sharing: IdentitySharing): string {
  const { epoch, threshold, holders, commitments } = sharing;
  checkedIdentitySharing(noblePairing, masterKey, sharing);
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
 * A share that fits the sharing: it is the holder's, of this key and epoch, and g2^(s_i) = P_i.
 * @throws CRYPTO_INVALID_INPUT
 */
export function assertIdentityShare(
  engine: PairingEngine,
  sharing: CheckedSharing,
  share: IdentityShare,
): bigint {
  const { keyId, epoch, holder, point, scalar } = share;
  const isOfSharing = keyId === sharing.keyId && epoch === sharing.epoch;
  if (!isOfSharing || sharing.holders[point - 1] !== holder)
    throw invalidInput('share', 'a share of this sharing', 'another');
  const value = decodeScalar('share.scalar', base64UrlToBytes(scalar));
  const expected = publicShareAt(engine, sharing.commitments, point);
  if (!engine.g2Equal(engine.g2Power(engine.g2, value), expected))
    throw invalidInput('share.scalar', 'the scalar behind the public share', 'another');
  return value;
}

export function masterKeyOf(publicKey: Uint8Array): IdentityMasterKey {
  return { publicKey: bytesToBase64Url(publicKey), keyId: identityKeyId(publicKey) };
}
