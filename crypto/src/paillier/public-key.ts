/**
 * Paillier public keys and ciphertext intake.
 *
 *   keyId               = SHA-256(encodeParts('careledger/paillier-key/v1', encryption, n)), lower-case hex
 *   ciphertext bytes    = c, big-endian, exactly 2 keyBits / 8 bytes; in JSON base64url of them
 *   ciphertext digest   = SHA-256(encodeParts('careledger/paillier-ciphertext/v1', keyId, ciphertext bytes))
 *   intake              : c an integer, 1 < c < n^2, gcd(c, n) = 1, key id as expected
 *
 * So 0, 1, n, n^2 and every multiple of a prime factor of n are refused. 1 is E(0; 1): valid in theory, never made by
 * chance, refused because it hides nothing. Intake says that c decrypts to something, not that the sender knows what:
 * that is what proofs/ is for. Assumption: decisional composite residuosity.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import {
  base64UrlToBytes,
  bigintToBytes,
  bytesToBase64Url,
  bytesToBigint,
  bytesToHex,
} from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { bitLength, gcd, modProduct } from './arithmetic.js';
import {
  ENCRYPTION_MODES,
  type EncryptionMode,
  type PaillierPublicKey,
  type PaillierPublicKeyJson,
} from './types.js';

export const MIN_KEY_BITS = 2048;
export const MAX_KEY_BITS = 4096;
/** With `allowTestKeySize`; tests only. */
export const MIN_TEST_KEY_BITS = 256;

/** What a consortium's key has unless somebody decides otherwise. */
export const DEFAULT_KEY_BITS = 3072;

export interface KeySizeOptions {
  readonly allowTestKeySize?: boolean;
}

/** @throws CRYPTO_INVALID_INPUT unless keyBits is a multiple of 16 in 2048..4096 (256..4096 for tests) */
export function assertKeyBits(keyBits: number, options: KeySizeOptions = {}): void {
  const least = options.allowTestKeySize === true ? MIN_TEST_KEY_BITS : MIN_KEY_BITS;
  if (Number.isInteger(keyBits) && keyBits % 16 === 0 && keyBits >= least && keyBits <= MAX_KEY_BITS) return;
  throw invalidInput('keyBits', `a multiple of 16 in ${least}..${MAX_KEY_BITS}`, String(keyBits));
}

/**
 * A public key from its modulus.
 * @param options.encryption how randomness is made; `rn` when absent
 * @throws CRYPTO_INVALID_INPUT for an even n, a size outside the bounds or an unknown mode
 */
export function publicKeyFromModulus(
  n: bigint,
  options: KeySizeOptions & { readonly encryption?: EncryptionMode } = {},
): PaillierPublicKey {
  const { encryption = 'rn' } = options;
  if (typeof n !== 'bigint' || n < 3n || n % 2n === 0n)
    throw invalidInput('n', 'an odd positive bigint', shapeOf(n));
  if (!ENCRYPTION_MODES.includes(encryption))
    throw invalidInput('encryption', ENCRYPTION_MODES.join(' or '), shapeOf(encryption));
  const keyBits = bitLength(n);
  assertKeyBits(keyBits, options);
  return {
    n,
    nSquared: n * n,
    keyBits,
    encryption,
    keyId: bytesToHex(sha256(encodeParts('careledger/paillier-key/v1', encryption, n))),
  };
}

export function publicKeyToJson(publicKey: PaillierPublicKey): PaillierPublicKeyJson {
  const { n, keyBits, encryption, keyId } = publicKey;
  return {
    scheme: 'paillier',
    version: 1,
    keyBits,
    n: bytesToBase64Url(bigintToBytes(n, keyBits / 8)),
    encryption,
    keyId,
  };
}

function modeOf(encryption: unknown): EncryptionMode {
  const mode = ENCRYPTION_MODES.find((known) => known === encryption);
  if (mode === undefined)
    throw invalidInput('publicKey.encryption', ENCRYPTION_MODES.join(' or '), shapeOf(encryption));
  return mode;
}

/**
 * Strict: known scheme and version, exact width, and a key id that is recomputed.
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_UNSUPPORTED
 */
export function publicKeyFromJson(json: unknown, options: KeySizeOptions = {}): PaillierPublicKey {
  if (json === null || typeof json !== 'object') throw invalidInput('publicKey', 'an object', shapeOf(json));
  const { scheme, version, keyBits, n, encryption, keyId } = json as Record<string, unknown>;
  if (scheme !== 'paillier' || version !== 1) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'publicKey',
      expected: 'scheme paillier, version 1',
      came: 'another',
    });
  }
  if (typeof n !== 'string') throw invalidInput('publicKey.n', 'base64url text', shapeOf(n));
  const bytes = base64UrlToBytes(n);
  const publicKey = publicKeyFromModulus(bytesToBigint(bytes), {
    ...options,
    encryption: modeOf(encryption),
  });
  if (publicKey.keyBits !== keyBits || bytes.length * 8 !== keyBits) {
    throw invalidInput('publicKey.keyBits', `${publicKey.keyBits}, in as many bits of text`, String(keyBits));
  }
  if (publicKey.keyId !== keyId)
    throw invalidInput('publicKey.keyId', 'the SHA-256 of mode and n', 'another value');
  return publicKey;
}

/** @throws CRYPTO_INVALID_INPUT when `came` is not this key's id */
export function assertSameKey(publicKey: PaillierPublicKey, came: string): void {
  if (came !== publicKey.keyId) throw invalidInput('keyId', publicKey.keyId, shapeOf(came));
}

function badCiphertext(argument: string, expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_INVALID_CIPHERTEXT', { argument, expected, came });
}

/**
 * The cheap part of intake: 1 < c < n^2. For those who check many for common factors with n at once.
 * @throws CRYPTO_INVALID_CIPHERTEXT
 */
export function assertCiphertextRange(
  publicKey: PaillierPublicKey,
  ciphertext: unknown,
  argument = 'ciphertext',
): asserts ciphertext is bigint {
  if (typeof ciphertext !== 'bigint') throw badCiphertext(argument, 'a bigint', shapeOf(ciphertext));
  if (ciphertext <= 1n || ciphertext >= publicKey.nSquared)
    throw badCiphertext(argument, '1 < c < n^2', 'one outside');
}

/**
 * Ciphertext intake: integer, 1 < c < n^2, gcd(c, n) = 1, and `keyId` (when given) is this key's. The gcd takes 0.3 ms;
 * `assertCiphertexts` shares it among many.
 * @throws CRYPTO_INVALID_CIPHERTEXT
 */
export function assertCiphertext(
  publicKey: PaillierPublicKey,
  ciphertext: bigint,
  keyId = publicKey.keyId,
): void {
  assertCiphertextRange(publicKey, ciphertext);
  if (keyId !== publicKey.keyId) throw badCiphertext('keyId', publicKey.keyId, 'another key');
  if (gcd(publicKey.n, ciphertext % publicKey.n) !== 1n)
    throw badCiphertext('ciphertext', 'coprime to n', 'a common factor');
}

/** @throws CRYPTO_INVALID_CIPHERTEXT with the index in `argument` */
export function assertCiphertextRanges(
  publicKey: PaillierPublicKey,
  ciphertexts: readonly bigint[],
  firstIndex = 0,
): void {
  ciphertexts.forEach((ciphertext, index) => {
    assertCiphertextRange(publicKey, ciphertext, `ciphertexts[${firstIndex + index}]`);
  });
}

/**
 * Intake of many: one gcd for all (gcd(product, n) = 1 exactly when each is coprime), single ones only to name the bad.
 * @param firstIndex index of the first one in a longer list that was split
 * @throws CRYPTO_INVALID_CIPHERTEXT with the index in `argument`
 */
export function assertCiphertexts(
  publicKey: PaillierPublicKey,
  ciphertexts: readonly bigint[],
  firstIndex = 0,
): void {
  const { n } = publicKey;
  assertCiphertextRanges(publicKey, ciphertexts, firstIndex);
  const residues = ciphertexts.map((ciphertext) => ciphertext % n);
  if (gcd(n, modProduct(residues, n)) === 1n) return;
  const index = residues.findIndex((residue) => gcd(n, residue) !== 1n);
  throw badCiphertext(`ciphertexts[${firstIndex + index}]`, 'coprime to n', 'a common factor');
}

/** Bytes of a ciphertext or of any element of Z_{n^2}. */
export function ciphertextSizeBytes(publicKey: PaillierPublicKey): number {
  return (2 * publicKey.keyBits) / 8;
}

/** Big-endian, 2 keyBits / 8 bytes. */
export function ciphertextToBytes(publicKey: PaillierPublicKey, ciphertext: bigint): Uint8Array {
  return bigintToBytes(ciphertext, ciphertextSizeBytes(publicKey));
}

/** @throws CRYPTO_INVALID_CIPHERTEXT for another width or a value that intake refuses */
export function ciphertextFromBytes(publicKey: PaillierPublicKey, bytes: Uint8Array): bigint {
  const ciphertext = integerOfWidth(publicKey, bytes, 'ciphertext');
  assertCiphertext(publicKey, ciphertext);
  return ciphertext;
}

/**
 * ciphertextFromBytes for many, at the price of one gcd.
 * @throws CRYPTO_INVALID_CIPHERTEXT with the index in `argument`
 */
export function ciphertextsFromBytes(publicKey: PaillierPublicKey, encoded: readonly Uint8Array[]): bigint[] {
  const ciphertexts = encoded.map((bytes, index) =>
    integerOfWidth(publicKey, bytes, `ciphertexts[${index}]`),
  );
  assertCiphertexts(publicKey, ciphertexts);
  return ciphertexts;
}

function integerOfWidth(publicKey: PaillierPublicKey, bytes: Uint8Array, argument: string): bigint {
  const sizeBytes = ciphertextSizeBytes(publicKey);
  if (!(bytes instanceof Uint8Array) || bytes.length !== sizeBytes)
    throw badCiphertext(argument, `${sizeBytes} bytes`, shapeOf(bytes));
  return bytesToBigint(bytes);
}

/** base64url of ciphertextToBytes. */
export function ciphertextToText(publicKey: PaillierPublicKey, ciphertext: bigint): string {
  return bytesToBase64Url(ciphertextToBytes(publicKey, ciphertext));
}

/** @throws CRYPTO_INVALID_CIPHERTEXT, or CRYPTO_INVALID_INPUT for text that is not canonical base64url */
export function ciphertextFromText(publicKey: PaillierPublicKey, text: string): bigint {
  return ciphertextFromBytes(publicKey, base64UrlToBytes(text));
}

/** SHA-256 naming a ciphertext under its key, lower-case hex. */
export function ciphertextDigest(publicKey: PaillierPublicKey, ciphertext: bigint): string {
  const bytes = ciphertextToBytes(publicKey, ciphertext);
  return bytesToHex(sha256(encodeParts('careledger/paillier-ciphertext/v1', publicKey.keyId, bytes)));
}
