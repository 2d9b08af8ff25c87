/**
 * Operations on ciphertexts (Paillier, EUROCRYPT 1999, section 8). Products are BigInt's; what exponentiates takes the
 * caller's `modPow`.
 *
 *   sum         c_1 c_2 .. c_k mod n^2       decrypts to m_1 + .. + m_k mod n
 *   addPlain    c (1 + m n) mod n^2          decrypts to m_c + m mod n; the randomness stays, so it hides nothing new
 *   mulPlain    c^k mod n^2                  decrypts to k m_c mod n; who has c and the result can find a small k
 *   weightedSum c_1^k_1 c_2^k_2 .. mod n^2   decrypts to k_1 m_1 + k_2 m_2 + .. mod n
 *   rerandomise c s^n mod n^2                decrypts to the same; unlinkable to c without the key
 *   encryptWith (1 + m n) r^n mod n^2        with a stated r, for recomputing an opened contribution
 *
 * Every ciphertext argument passes intake (public-key.ts) before a result is given: range first, and gcd(c, n) = 1 on
 * the product of all, since a product is coprime to n exactly when each factor is.
 */
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { randomBelow, type RandomBytes } from '../core/random.js';
import { gcd, modPow as bigintModPow, modProduct, type ModPow } from './arithmetic.js';
import { assertCiphertext, assertCiphertextRanges, assertCiphertexts } from './public-key.js';
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
export function encryptWith(
  publicKey: PaillierPublicKey,
  plaintext: bigint,
  randomness: bigint,
  modPow: ModPow = bigintModPow,
): bigint {
  assertPlaintext(publicKey, plaintext);
  assertRandomness(publicKey, randomness);
  const { n, nSquared } = publicKey;
  return ((1n + plaintext * n) * modPow(randomness, n, nSquared)) % nSquared;
}

/** E(m_1 + m_2 mod n). */
export function addCiphertexts(publicKey: PaillierPublicKey, left: bigint, right: bigint): bigint {
  return sumCiphertexts(publicKey, [left, right]);
}

/**
 * Product of at least one ciphertext: an encryption of the sum of their plaintexts mod n.
 * @param firstIndex index of the first one in a longer list that was split
 * @throws CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT for an empty list
 */
export function sumCiphertexts(
  publicKey: PaillierPublicKey,
  ciphertexts: readonly bigint[],
  firstIndex = 0,
): bigint {
  if (ciphertexts.length === 0) throw invalidInput('ciphertexts', 'at least one', 'none');
  assertCiphertextRanges(publicKey, ciphertexts, firstIndex);
  const product = modProduct(ciphertexts, publicKey.nSquared);
  if (gcd(publicKey.n, product % publicKey.n) !== 1n) assertCiphertexts(publicKey, ciphertexts, firstIndex);
  return product;
}

function assertScalars(
  publicKey: PaillierPublicKey,
  scalars: readonly bigint[],
  least: bigint,
  firstIndex = 0,
): void {
  scalars.forEach((scalar, index) => {
    if (typeof scalar === 'bigint' && scalar >= least && scalar < publicKey.n) return;
    const came = typeof scalar === 'bigint' ? 'one outside' : shapeOf(scalar);
    throw invalidInput(`scalars[${firstIndex + index}]`, `a bigint of ${least}..n-1`, came);
  });
}

/** @throws CRYPTO_INVALID_INPUT */
export function assertSameLength(ciphertexts: readonly bigint[], scalars: readonly bigint[]): void {
  if (scalars.length !== ciphertexts.length)
    throw invalidInput('scalars', `${ciphertexts.length}`, `${scalars.length}`);
}

/**
 * Each ciphertext to the power of its scalar, 1..n-1, which is public: an encryption of the product mod n. 0 is refused:
 * c^0 = 1 hides nothing and no intake takes it; leave the term out.
 * @param firstIndex index of the first ones in longer lists that were split
 * @throws CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT
 */
export function multiplyPlaintexts(
  publicKey: PaillierPublicKey,
  ciphertexts: readonly bigint[],
  scalars: readonly bigint[],
  modPow: ModPow = bigintModPow,
  firstIndex = 0,
): bigint[] {
  assertSameLength(ciphertexts, scalars);
  assertScalars(publicKey, scalars, 1n, firstIndex);
  assertCiphertexts(publicKey, ciphertexts, firstIndex);
  return ciphertexts.map((ciphertext, index) => modPow(ciphertext, scalars[index] ?? 1n, publicKey.nSquared));
}

/** multiplyPlaintexts for one. */
export function multiplyPlaintext(
  publicKey: PaillierPublicKey,
  ciphertext: bigint,
  scalar: bigint,
  modPow: ModPow = bigintModPow,
): bigint {
  const [product = 0n] = multiplyPlaintexts(publicKey, [ciphertext], [scalar], modPow);
  return product;
}

/**
 * An encryption of the sum of weight times plaintext, mod n. Weights are public, 0..n-1, and not all 0.
 * @throws CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT
 */
export function weightedSum(
  publicKey: PaillierPublicKey,
  ciphertexts: readonly bigint[],
  weights: readonly bigint[],
  modPow: ModPow = bigintModPow,
): bigint {
  assertSameLength(ciphertexts, weights);
  assertScalars(publicKey, weights, 0n);
  if (weights.every((weight) => weight === 0n)) throw invalidInput('scalars', 'one above 0', 'none');
  assertCiphertexts(publicKey, ciphertexts);
  const powers = ciphertexts.map((ciphertext, index) =>
    modPow(ciphertext, weights[index] ?? 0n, publicKey.nSquared),
  );
  return modProduct(powers, publicKey.nSquared);
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
  modPow: ModPow = bigintModPow,
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
