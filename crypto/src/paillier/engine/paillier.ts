/**
 * Key generation, encryption and (for dealer and tests) decryption through the replaceable engine; arguments are
 * checked here, so that an engine gets only what it may compute on. Formulas: core/paillier/types.ts.
 *
 *   decrypt: m = (c^d - 1) / n for d = 0 mod lambda, d = 1 mod n
 */
import { modInverse, modPow } from '../arithmetic.js';
import { assertPlaintext, assertRandomness, plaintextOfPower, randomUnit } from '../homomorphic.js';
import { assertCiphertext, assertKeyBits, publicKeyFromModulus, type KeySizeOptions } from '../public-key.js';
import type { PaillierPrivateKey, PaillierPublicKey, PaillierScheme } from '../types.js';
import { paillierBigintScheme } from './paillier-bigint-scheme.js';

const scheme: PaillierScheme = paillierBigintScheme;

/**
 * A whole private key in one place: for the labelled dealer and for tests.
 * @throws CRYPTO_INVALID_INPUT for a size outside the bounds
 */
export async function generatePaillierKeys(
  options: KeySizeOptions & { keyBits: number },
): Promise<PaillierPrivateKey> {
  assertKeyBits(options.keyBits, options);
  for (;;) {
    const { n, lambda } = await scheme.generateKeys(options.keyBits);
    const publicKey = publicKeyFromModulus(n, options);
    if (publicKey.keyBits === options.keyBits && isSound(n, lambda)) return { publicKey, lambda };
  }
}

/** c -> c^lambda is usable only when lambda is invertible mod n, which holds unless gcd(n, (p-1)(q-1)) > 1. */
function isSound(n: bigint, lambda: bigint): boolean {
  try {
    return modInverse(lambda, n) > 0n;
  } catch {
    return false;
  }
}

/** d = lambda (lambda^-1 mod n): 0 mod lambda and 1 mod n. */
export function decryptionExponent({ publicKey, lambda }: PaillierPrivateKey): bigint {
  return lambda * modInverse(lambda, publicKey.n);
}

/**
 * E(plaintext; randomness), 0 <= plaintext < n. About 50 ms at 2048 bits; use the worker pool for more than one.
 * @param randomness of Z*_n; drawn when absent
 * @throws CRYPTO_INVALID_INPUT
 */
export function encrypt(
  publicKey: PaillierPublicKey,
  plaintext: bigint,
  randomness = randomUnit(publicKey),
): bigint {
  assertPlaintext(publicKey, plaintext);
  assertRandomness(publicKey, randomness);
  return scheme.encrypt(publicKey, plaintext, randomness);
}

/**
 * @returns the plaintext, 0..n-1
 * @throws CRYPTO_INVALID_CIPHERTEXT
 */
export function decrypt(privateKey: PaillierPrivateKey, ciphertext: bigint): bigint {
  const { publicKey } = privateKey;
  assertCiphertext(publicKey, ciphertext);
  return plaintextOfPower(publicKey, modPow(ciphertext, decryptionExponent(privateKey), publicKey.nSquared));
}
