/**
 * Sharings, shares and proven partial decryptions as JSON, and what makes each of them well-formed.
 *
 *   sharing        holders 3..10 distinct names, threshold 2..holders, epoch 0..1000, v = the base that follows from
 *                  the key, v_i in Z*_{n^2}, theta in 1..n-1 coprime to n
 *   share          0 < S_i < 2^12000
 *   partial        c_i in Z*_{n^2} (1 too: what an element of order 2 becomes), challenge below 2^128, 0 < response, at most 1575 bytes
 *   sharingDigest  SHA-256 of the canonical JSON (RFC 8785: keys sorted, no white space) of { publicKey, sharing }, hex
 *
 * Elements of Z*_{n^2} take exactly 2 keyBits / 8 bytes, theta keyBits / 8, a challenge 16; shares and responses are
 * minimal bytes. All are base64url. Unknown fields are refused.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import {
  base64UrlToBytes,
  bigintToBytes,
  bigintToMinimalBytes,
  bytesToBase64Url,
  bytesToBigint,
  bytesToHex,
  utf8,
} from '../core/bytes.js';
import { assertContextText } from '../core/context.js';
import { invalidInput, shapeOf } from '../core/errors.js';
import { gcd } from '../paillier/arithmetic.js';
import {
  assertCiphertexts,
  assertSameKey,
  ciphertextFromText,
  ciphertextSizeBytes,
  ciphertextToText,
  publicKeyToJson,
} from '../paillier/public-key.js';
import type { PaillierPublicKey } from '../paillier/types.js';
import { verificationBaseOf } from './derived.js';
import { MAX_HOLDERS_OF_A_KEY, assertThreshold } from './integer-sharing.js';
import type {
  ProvenPartial,
  ProvenPartialJson,
  Sharing,
  SharingJson,
  ThresholdPublicKeyJson,
  ThresholdShare,
  ThresholdShareJson,
} from './types.js';

export const MIN_HOLDERS_OF_A_KEY = 3;
export const MAX_EPOCH = 1000;
/** A share grows by some 130 bits with each redistribution; past this a new key is due. */
export const MAX_SHARE_BITS = 12_000;
export const CHALLENGE_BITS = 128;
export const MAX_RESPONSE_BYTES = 1575;

/** A sharing before its theta is known: what a ceremony proves its test partials under. */
export type SharingBase = Omit<Sharing, 'theta'>;

function fieldsOf(argument: string, json: unknown, names: readonly string[]): Record<string, unknown> {
  if (json === null || typeof json !== 'object' || Array.isArray(json))
    throw invalidInput(argument, 'an object', shapeOf(json));
  const unknown = Object.keys(json).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalidInput(argument, `the fields ${names.join(', ')}`, 'another field');
  return json as Record<string, unknown>;
}

function textOf(argument: string, value: unknown): string {
  if (typeof value !== 'string') throw invalidInput(argument, 'text', shapeOf(value));
  return value;
}

function bytesOf(argument: string, value: unknown, sizeBytes: number): Uint8Array {
  const bytes = base64UrlToBytes(textOf(argument, value));
  if (bytes.length !== sizeBytes) throw invalidInput(argument, `${sizeBytes} bytes`, shapeOf(bytes));
  return bytes;
}

/** A positive integer in its only encoding. */
function positiveOf(argument: string, value: unknown, maxBytes: number): bigint {
  const bytes = base64UrlToBytes(textOf(argument, value));
  if (bytes.length < 1 || bytes.length > maxBytes || bytes[0] === 0)
    throw invalidInput(argument, `1..${maxBytes} bytes without leading zeros`, shapeOf(bytes));
  return bytesToBigint(bytes);
}

function epochOf(argument: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_EPOCH)
    return value as number;
  throw invalidInput(argument, `an integer of 0..${MAX_EPOCH}`, shapeOf(value));
}

function digestOf(argument: string, value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value;
  throw invalidInput(argument, 'a SHA-256 in lower-case hex', shapeOf(value));
}

function holderOf(argument: string, value: unknown): string {
  assertContextText(argument, value);
  return value;
}

/** @throws CRYPTO_INVALID_INPUT unless 3..10 distinct names */
export function assertKeyHolders(holders: unknown): asserts holders is readonly string[] {
  if (
    !Array.isArray(holders) ||
    holders.length < MIN_HOLDERS_OF_A_KEY ||
    holders.length > MAX_HOLDERS_OF_A_KEY
  )
    throw invalidInput('holders', `${MIN_HOLDERS_OF_A_KEY}..${MAX_HOLDERS_OF_A_KEY} names`, shapeOf(holders));
  holders.forEach((holder, index) => {
    assertContextText(`holders[${index}]`, holder);
  });
  if (new Set(holders).size !== holders.length) throw invalidInput('holders', 'distinct names', 'one twice');
}

/**
 * Everything but theta; verificationBase has to be the one that follows from the key.
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_INVALID_CIPHERTEXT for an element outside Z*_{n^2}
 */
export function assertSharingBase(publicKey: PaillierPublicKey, sharing: SharingBase): void {
  assertSameKey(publicKey, sharing.keyId);
  epochOf('sharing.epoch', sharing.epoch);
  assertKeyHolders(sharing.holders);
  assertThreshold(sharing.threshold, sharing.holders.length);
  if (sharing.verificationBase !== verificationBaseOf(publicKey))
    throw invalidInput('sharing.verificationBase', 'the base that follows from the key', 'another element');
  if (sharing.verificationKeys.length !== sharing.holders.length)
    throw invalidInput(
      'sharing.verificationKeys',
      'one per holder',
      `${sharing.verificationKeys.length} of them`,
    );
  assertCiphertexts(publicKey, sharing.verificationKeys);
}

/** @throws CRYPTO_INVALID_INPUT, CRYPTO_INVALID_CIPHERTEXT; see the file's header */
export function assertSharing(publicKey: PaillierPublicKey, sharing: Sharing): void {
  assertSharingBase(publicKey, sharing);
  const { theta } = sharing;
  const inRange = typeof theta === 'bigint' && theta > 0n && theta < publicKey.n;
  if (!inRange || gcd(publicKey.n, theta) !== 1n)
    throw invalidInput('sharing.theta', 'a bigint of 1..n-1 coprime to n', 'another');
}

export function sharingToJson(publicKey: PaillierPublicKey, sharing: Sharing): SharingJson {
  assertSharing(publicKey, sharing);
  return {
    keyId: sharing.keyId,
    epoch: sharing.epoch,
    threshold: sharing.threshold,
    holders: [...sharing.holders],
    verificationBase: ciphertextToText(publicKey, sharing.verificationBase),
    verificationKeys: sharing.verificationKeys.map((key) => ciphertextToText(publicKey, key)),
    theta: bytesToBase64Url(bigintToBytes(sharing.theta, publicKey.keyBits / 8)),
  };
}

const SHARING_FIELDS = [
  'keyId',
  'epoch',
  'threshold',
  'holders',
  'verificationBase',
  'verificationKeys',
  'theta',
] as const;

/** @throws CRYPTO_INVALID_INPUT, CRYPTO_INVALID_CIPHERTEXT for another shape, key, range or encoding */
export function sharingFromJson(publicKey: PaillierPublicKey, json: unknown): Sharing {
  const fields = fieldsOf('sharing', json, SHARING_FIELDS);
  const { verificationKeys } = fields;
  assertKeyHolders(fields['holders']);
  if (!Array.isArray(verificationKeys))
    throw invalidInput('sharing.verificationKeys', 'an array', shapeOf(verificationKeys));
  const sharing: Sharing = {
    keyId: textOf('sharing.keyId', fields['keyId']),
    epoch: epochOf('sharing.epoch', fields['epoch']),
    threshold: fields['threshold'] as number,
    holders: [...fields['holders']],
    verificationBase: ciphertextFromText(
      publicKey,
      textOf('sharing.verificationBase', fields['verificationBase']),
    ),
    verificationKeys: verificationKeys.map((key) =>
      ciphertextFromText(publicKey, textOf('sharing.verificationKeys', key)),
    ),
    theta: bytesToBigint(bytesOf('sharing.theta', fields['theta'], publicKey.keyBits / 8)),
  };
  assertSharing(publicKey, sharing);
  return sharing;
}

/** RFC 8785 for what these documents hold: objects, arrays, texts and safe integers. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}

/** A key as the ledger carries it. */
export function thresholdPublicKeyToJson(
  publicKey: PaillierPublicKey,
  sharing: Sharing,
): ThresholdPublicKeyJson {
  return { publicKey: publicKeyToJson(publicKey), sharing: sharingToJson(publicKey, sharing) };
}

/** What every holder compares before it accepts the outcome of a ceremony; lower-case hex. */
export function sharingDigest(publicKey: PaillierPublicKey, sharing: Sharing): string {
  const document = canonicalJson(thresholdPublicKeyToJson(publicKey, sharing));
  return bytesToHex(sha256(utf8('sharing', document)));
}

/** The point of a holder, from 1. @throws CRYPTO_INVALID_INPUT when it holds no share of this sharing */
export function pointOf(sharing: Pick<SharingBase, 'holders'>, holder: string): number {
  const index = sharing.holders.indexOf(holder);
  if (index < 0) throw invalidInput('holder', 'one of the holders', 'another name');
  return index + 1;
}

/** @throws CRYPTO_INVALID_INPUT for a value outside 1..2^12000-1 or a malformed name, key id or epoch */
export function assertThresholdShare(share: ThresholdShare): void {
  holderOf('share.holder', share.holder);
  digestOf('share.keyId', share.keyId);
  epochOf('share.epoch', share.epoch);
  const { value } = share;
  if (typeof value !== 'bigint' || value <= 0n || value >= 1n << BigInt(MAX_SHARE_BITS))
    throw invalidInput('share.value', `a bigint of 1..2^${MAX_SHARE_BITS}-1`, shapeOf(value));
}

/** Secret. */
export function thresholdShareToJson(share: ThresholdShare): ThresholdShareJson {
  assertThresholdShare(share);
  const { holder, keyId, epoch, value } = share;
  return { holder, keyId, epoch, value: bytesToBase64Url(bigintToMinimalBytes(value)) };
}

/** @throws CRYPTO_INVALID_INPUT */
export function thresholdShareFromJson(json: unknown): ThresholdShare {
  const fields = fieldsOf('share', json, ['holder', 'keyId', 'epoch', 'value']);
  const share = {
    holder: holderOf('share.holder', fields['holder']),
    keyId: digestOf('share.keyId', fields['keyId']),
    epoch: epochOf('share.epoch', fields['epoch']),
    value: positiveOf('share.value', fields['value'], MAX_SHARE_BITS / 8),
  };
  assertThresholdShare(share);
  return share;
}

/** Whether `value` is in Z*_{n^2}. */
export function isElement(publicKey: PaillierPublicKey, value: unknown): value is bigint {
  const inRange = typeof value === 'bigint' && value > 0n && value < publicKey.nSquared;
  return inRange && gcd(publicKey.n, value % publicKey.n) === 1n;
}

function elementOf(publicKey: PaillierPublicKey, argument: string, text: unknown): bigint {
  const value = bytesToBigint(bytesOf(argument, text, ciphertextSizeBytes(publicKey)));
  if (!isElement(publicKey, value))
    throw invalidInput(argument, 'an integer of 1..n^2-1 coprime to n', 'another');
  return value;
}

export function provenPartialToJson(publicKey: PaillierPublicKey, partial: ProvenPartial): ProvenPartialJson {
  const { holder, keyId, epoch, ciphertextDigest, value, proof } = partial;
  return {
    holder,
    keyId,
    epoch,
    ciphertextDigest,
    value: bytesToBase64Url(bigintToBytes(value, ciphertextSizeBytes(publicKey))),
    proof: {
      challenge: bytesToBase64Url(bigintToBytes(proof.challenge, CHALLENGE_BITS / 8)),
      response: bytesToBase64Url(bigintToMinimalBytes(proof.response)),
    },
  };
}

/** Says nothing of the proof's truth. @throws CRYPTO_INVALID_INPUT */
export function provenPartialFromJson(publicKey: PaillierPublicKey, json: unknown): ProvenPartial {
  const names = ['holder', 'keyId', 'epoch', 'ciphertextDigest', 'value', 'proof'];
  const fields = fieldsOf('partial', json, names);
  const proof = fieldsOf('partial.proof', fields['proof'], ['challenge', 'response']);
  assertSameKey(publicKey, textOf('partial.keyId', fields['keyId']));
  return {
    holder: holderOf('partial.holder', fields['holder']),
    keyId: publicKey.keyId,
    epoch: epochOf('partial.epoch', fields['epoch']),
    ciphertextDigest: digestOf('partial.ciphertextDigest', fields['ciphertextDigest']),
    value: elementOf(publicKey, 'partial.value', fields['value']),
    proof: {
      challenge: bytesToBigint(bytesOf('partial.proof.challenge', proof['challenge'], CHALLENGE_BITS / 8)),
      response: positiveOf('partial.proof.response', proof['response'], MAX_RESPONSE_BYTES),
    },
  };
}
