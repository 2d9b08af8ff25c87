/**
 * Operations on ciphertexts (Paillier, EUROCRYPT 1999, section 8), on BigInt:
 *
 *   sum        c_1 c_2 .. c_k mod n^2            decrypts to m_1 + .. + m_k mod n
 *   addPlain   c (1 + m n) mod n^2               decrypts to m_c + m mod n; the randomness stays, so it hides nothing new
 *   rerandomise c s^n mod n^2                    decrypts to the same; unlinkable to c without the key
 *   encryptWith (1 + m n) r^n mod n^2            with a stated r, for recomputing an opened contribution
 *
 * Every ciphertext argument passes intake first (public-key.ts).
 */
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { randomBelow, type RandomBytes } from '../core/random.js';
import { gcd, modPow, modProduct } from './arithmetic.js';
import { assertCiphertext, assertCiphertexts } from './public-key.js';
import type { PaillierPublicKey } from './types.js';

/** @throws CRYPTO_INVALID_INPUT unless 0 <= plaintext < n */
export function assertPlaintext(publicKey: PaillierPublicKey, plaintext: bigint): void {
  if (typeof plaintext === 'bigint' && plaintext >= 0n && plaintext < publicKey.n) return;
  throw invalidInput(
    'plaintext',
    'a bigint of 0..n-1',
    typeof plaintext === 'bigint' ? 'one outside' : shapeOf(plaintext),
  );
}

/** @throws CRYPTO_INVALID_INPUT unless 1 < randomness < n, coprime to n */
export function assertRandomness(publicKey: PaillierPublicKey, randomness: bigint): void {
  const { n } = publicKey;
  const inRange = typeof randomness === 'bigint' && randomness > 1n && randomness < n;
  if (inRange && gcd(n, randomness) === 1n) return;
  throw invalidInput(
    'randomness',
    'a bigint of 2..n-1 coprime to n',
    inRange ? 'a common factor' : shapeOf(randomness),
  );
}

/** Uniform in Z*_n without 1. */
export function randomUnit(publicKey: PaillierPublicKey, random?: RandomBytes): bigint {
  for (;;) {
    const candidate = randomBelow(publicKey.n, random);
    if (candidate > 1n && gcd(publicKey.n, candidate) === 1n) return candidate;
  }
}

/** E(plaintext; randomness) = (1 + plaintext n) randomness^n mod n^2. */
export function encryptWith(publicKey: PaillierPublicKey, plaintext: bigint, randomness: bigint): bigint {
  assertPlaintext(publicKey, plaintext);
  assertRandomness(publicKey, randomness);
  const { n, nSquared } = publicKey;
  return ((1n + plaintext * n) * modPow(randomness, n, nSquared)) % nSquared;
}

/**
 * Product of at least one ciphertext: an encryption of the sum of their plaintexts mod n.
 * @throws CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT for an empty list
 */
export function sumCiphertexts(publicKey: PaillierPublicKey, ciphertexts: readonly bigint[]): bigint {
  if (ciphertexts.length === 0) throw invalidInput('ciphertexts', 'at least one', 'none');
  assertCiphertexts(publicKey, ciphertexts);
  return modProduct(ciphertexts, publicKey.nSquared);
}

/** Adds a public plaintext of 0..n-1 to an encrypted one. */
export function addPlaintext(publicKey: PaillierPublicKey, ciphertext: bigint, plaintext: bigint): bigint {
  assertCiphertext(publicKey, ciphertext);
  assertPlaintext(publicKey, plaintext);
  return (ciphertext * (1n + plaintext * publicKey.n)) % publicKey.nSquared;
}

/** A fresh-looking encryption of the same plaintext; `randomness` in Z*_n, drawn when absent. */
export function rerandomise(
  publicKey: PaillierPublicKey,
  ciphertext: bigint,
  randomness = randomUnit(publicKey),
): bigint {
  assertCiphertext(publicKey, ciphertext);
  assertRandomness(publicKey, randomness);
  return (ciphertext * modPow(randomness, publicKey.n, publicKey.nSquared)) % publicKey.nSquared;
}

/**
 * Reads m out of x = (1 + n)^m mod n^2.
 * @throws CRYPTO_DECRYPTION_FAILED unless x = 1 mod n
 */
export function plaintextOfPower(publicKey: PaillierPublicKey, power: bigint): bigint {
  if (power % publicKey.n !== 1n) {
    throw new CryptoError('CRYPTO_DECRYPTION_FAILED', {
      argument: 'partials',
      expected: 'a power of 1 + n',
      came: 'another element',
    });
  }
  return (power - 1n) / publicKey.n;
}
