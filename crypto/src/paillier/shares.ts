/**
 * Additive shares of a Paillier decryption exponent, and what holders do with them.
 *
 *   d = 0 mod lambda, d = 1 mod n                     so c^d = (1 + n)^m mod n^2 for every ciphertext c of m
 *   d = s_1 + .. + s_k mod n lambda                   each s_i uniform: k - 1 of them say nothing about d
 *   partial_i = c^{s_i} mod n^2,   x = partial_1 .. partial_k = (1 + n)^m,   m = (x - 1) / n
 *
 * Damgard and Jurik, PKC 2001, section 4.1 for d; sharing all-of-k instead of their polynomial. Divergence: EVERY holder
 * is needed (the design wants a majority), and partials carry no proof. x = 1 mod n is checked, and proves nothing about
 * malicious holders: holder i returns c^{s_i} (1 + n)^delta and moves the result by delta unnoticed (a test shows it).
 * Equality proofs and the threshold come with the dealerless key.
 */
import { base64UrlToBytes, bigintToBytes, bytesToBase64Url, bytesToBigint } from '../core/bytes.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { modPow, modProduct } from './arithmetic.js';
import { plaintextOfPower } from './homomorphic.js';
import {
  assertCiphertext,
  assertSameKey,
  ciphertextDigest,
  ciphertextFromText,
  ciphertextSizeBytes,
  ciphertextToText,
} from './public-key.js';
import type { KeyShare, PaillierPublicKey, PartialDecryption, PartialDecryptionJson } from './types.js';

export const MIN_HOLDERS = 2;
export const MAX_HOLDERS = 64;

/** Secret; goes into a key file, never to another host. `share` is base64url of 2 keyBits / 8 bytes. */
export interface KeyShareJson {
  readonly holder: string;
  readonly holders: readonly string[];
  readonly keyId: string;
  readonly share: string;
}

/** @throws CRYPTO_INVALID_INPUT unless 2..64 distinct non-empty names */
export function assertHolders(holders: unknown): asserts holders is readonly string[] {
  const named =
    Array.isArray(holders) && holders.every((holder) => typeof holder === 'string' && holder.length > 0);
  const distinct = named && new Set(holders).size === holders.length;
  if (distinct && holders.length >= MIN_HOLDERS && holders.length <= MAX_HOLDERS) return;
  throw invalidInput('holders', `${MIN_HOLDERS}..${MAX_HOLDERS} distinct names`, shapeOf(holders));
}

function assertShare(publicKey: PaillierPublicKey, share: KeyShare): void {
  assertHolders(share.holders);
  if (!share.holders.includes(share.holder))
    throw invalidInput('share.holder', 'one of the holders', 'another name');
  assertSameKey(publicKey, share.keyId);
  if (typeof share.share !== 'bigint' || share.share < 0n || share.share >= publicKey.nSquared) {
    throw invalidInput('share.share', 'a bigint of 0..n^2-1', shapeOf(share.share));
  }
}

export function keyShareToJson(publicKey: PaillierPublicKey, share: KeyShare): KeyShareJson {
  assertShare(publicKey, share);
  const bytes = bigintToBytes(share.share, ciphertextSizeBytes(publicKey));
  return {
    holder: share.holder,
    holders: [...share.holders],
    keyId: share.keyId,
    share: bytesToBase64Url(bytes),
  };
}

/** @throws CRYPTO_INVALID_INPUT for another shape, key or range */
export function keyShareFromJson(publicKey: PaillierPublicKey, json: unknown): KeyShare {
  const { holder, holders, keyId, share } = fieldsOf('share', json);
  assertHolders(holders);
  const parsed = {
    holder: textOf('share.holder', holder),
    holders: [...holders],
    keyId: textOf('share.keyId', keyId),
    share: bytesToBigint(base64UrlToBytes(textOf('share.share', share))),
  };
  assertShare(publicKey, parsed);
  return parsed;
}

function fieldsOf(argument: string, json: unknown): Record<string, unknown> {
  if (json === null || typeof json !== 'object') throw invalidInput(argument, 'an object', shapeOf(json));
  return json as Record<string, unknown>;
}

function textOf(argument: string, value: unknown): string {
  if (typeof value !== 'string') throw invalidInput(argument, 'text', shapeOf(value));
  return value;
}

/**
 * One holder's part: ciphertext^share mod n^2 (about 0.2 s at 2048 bits; use the worker pool).
 * @throws CRYPTO_INVALID_CIPHERTEXT; CRYPTO_INVALID_INPUT for a share of another key
 */
export function partialDecrypt(
  publicKey: PaillierPublicKey,
  share: KeyShare,
  ciphertext: bigint,
): PartialDecryption {
  assertShare(publicKey, share);
  assertCiphertext(publicKey, ciphertext);
  return {
    holder: share.holder,
    keyId: share.keyId,
    ciphertextDigest: ciphertextDigest(publicKey, ciphertext),
    value: modPow(ciphertext, share.share, publicKey.nSquared),
  };
}

export function partialToJson(
  publicKey: PaillierPublicKey,
  partial: PartialDecryption,
): PartialDecryptionJson {
  return { ...partial, value: ciphertextToText(publicKey, partial.value) };
}

/** @throws CRYPTO_INVALID_CIPHERTEXT for a value outside the group; CRYPTO_INVALID_INPUT for another shape or key */
export function partialFromJson(publicKey: PaillierPublicKey, json: unknown): PartialDecryption {
  const { holder, keyId, ciphertextDigest: digest, value } = fieldsOf('partial', json);
  assertSameKey(publicKey, textOf('partial.keyId', keyId));
  return {
    holder: textOf('partial.holder', holder),
    keyId: publicKey.keyId,
    ciphertextDigest: textOf('partial.ciphertextDigest', digest),
    value: ciphertextFromText(publicKey, textOf('partial.value', value)),
  };
}

function incomplete(expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_SHARES_INCOMPLETE', { argument: 'partials', expected, came });
}

function assertPartials(
  publicKey: PaillierPublicKey,
  holders: readonly string[],
  digest: string,
  partials: readonly PartialDecryption[],
): void {
  const came = new Set(partials.map((partial) => partial.holder));
  if (came.size !== partials.length) throw incomplete('one partial per holder', 'a holder twice');
  const missing = holders.filter((holder) => !came.has(holder));
  if (missing.length > 0) throw incomplete('a partial of every holder', `none of ${missing.join(', ')}`);
  if (came.size !== holders.length) throw incomplete('partials of the holders only', 'one of somebody else');
  for (const partial of partials) {
    if (partial.ciphertextDigest !== digest)
      throw incomplete('partials of this ciphertext', `another one from ${partial.holder}`);
    assertCiphertext(publicKey, partial.value, partial.keyId);
  }
}

/**
 * The plaintext, 0..n-1, from the partial decryptions of ALL holders in any order.
 * @throws CRYPTO_SHARES_INCOMPLETE (missing, doubled, foreign, or of another ciphertext), CRYPTO_DECRYPTION_FAILED
 */
export function combineAdditivePartials(options: {
  publicKey: PaillierPublicKey;
  holders: readonly string[];
  ciphertext: bigint;
  partials: readonly PartialDecryption[];
}): bigint {
  const { publicKey, holders, ciphertext, partials } = options;
  assertHolders(holders);
  assertCiphertext(publicKey, ciphertext);
  assertPartials(publicKey, holders, ciphertextDigest(publicKey, ciphertext), partials);
  return plaintextOfPower(
    publicKey,
    modProduct(
      partials.map((partial) => partial.value),
      publicKey.nSquared,
    ),
  );
}
