/**
 * A whole private key in one place: for labelled dealers, tests and comparisons. A consortium's key comes from the
 * ceremony (threshold/), where nobody sees p and q.
 *
 *   p, q    random primes of keyBits / 2 bits with their two highest bits set (so n has exactly keyBits), 3 mod 4,
 *           gcd(p - 1, q - 1) = 2
 *
 * which serves both modes of encryption. They are not safe primes: nothing here needs that.
 */
import { checkPrimeSync, generatePrime } from 'node:crypto';
import { CryptoError, invalidInput } from '../../core/errors.js';
import { gcd } from '../arithmetic.js';
import { privateKeyOf } from '../private-key.js';
import { assertKeyBits, type KeySizeOptions } from '../public-key.js';
import type { EncryptionMode, PaillierPrivateKey } from '../types.js';

/** Half of all primes are 3 mod 4 and two thirds of the pairs have no odd common divisor: 2^-100 of running out. */
const MAX_ATTEMPTS = 400;

/** Random, with its two highest bits set. */
function randomPrime(sizeBits: number): Promise<bigint> {
  return new Promise((resolve, reject) => {
    generatePrime(sizeBits, { bigint: true }, (error, prime) => {
      if (error instanceof Error) reject(error);
      else resolve(prime);
    });
  });
}

export interface KeyGenerationOptions extends KeySizeOptions {
  readonly keyBits: number;
  /** `rn` when absent. */
  readonly encryption?: EncryptionMode;
}

/**
 * Does not block: the primes are made in Node's thread pool (0.2 s at 2048 bits, 1 s at 3072, with wide spread).
 * @throws CRYPTO_INVALID_INPUT for a size outside the bounds
 */
export async function generatePaillierKeys(options: KeyGenerationOptions): Promise<PaillierPrivateKey> {
  assertKeyBits(options.keyBits, options);
  let p: bigint | undefined;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const candidate = await randomPrime(options.keyBits / 2);
    if (candidate % 4n !== 3n) continue;
    if (p === undefined) p = candidate;
    else if (p !== candidate && gcd(p - 1n, candidate - 1n) === 2n)
      return privateKeyOf(p, candidate, options);
  }
  throw new CryptoError('CRYPTO_WORKER_FAILED', {
    argument: 'generatePrime',
    expected: 'random primes',
    came: 'none that fit',
  });
}

/**
 * A private key that comes from elsewhere, with its primality checked too.
 * @throws CRYPTO_INVALID_INPUT
 */
export function privateKeyFromPrimes(
  p: bigint,
  q: bigint,
  options: KeySizeOptions & { readonly encryption?: EncryptionMode } = {},
): PaillierPrivateKey {
  const privateKey = privateKeyOf(p, q, options);
  for (const [name, value] of [
    ['p', p],
    ['q', q],
  ] as const)
    if (!checkPrimeSync(value)) throw invalidInput(name, 'a prime', 'a composite number');
  return privateKey;
}
