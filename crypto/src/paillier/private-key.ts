/**
 * What only the holder of p and q can do, by the Chinese remainder theorem (Paillier, EUROCRYPT 1999, section 7).
 *
 *   decrypt        x_p = c^(p-2) c mod p^2;   m_p = ((x_p - 1) / p) (-q)^-1 mod p;   m = CRT(m_p, m_q)
 *   owner encrypt  (1 + m n) CRT(a^p mod p^2, b^q mod q^2),   a uniform in Z*_p, b in Z*_q
 *
 * The exponent is p - 2 and not p - 1 because OpenSSL refuses a shared secret of 1, which is what a plaintext that is 0
 * mod p gives. Owner encryption has the distribution of r^n, twice as fast; it is the textbook form in both modes.
 *
 * In CareLedger nobody holds a whole private key: this serves tests, labelled dealers and comparisons. The
 * exponentiation may be OpenSSL's; the rest is BigInt and takes time that depends on p, q and the plaintext.
 */
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { randomBelow, type RandomBytes } from '../core/random.js';
import { bitLength, gcd, modInverse, modPow as bigintModPow, type ModPow } from './arithmetic.js';
import { assertPlaintext } from './homomorphic.js';
import { assertCiphertextRange, publicKeyFromModulus, type KeySizeOptions } from './public-key.js';
import type { EncryptionMode, PaillierPrivateKey } from './types.js';

/** Lengths of p and q differ by twice this at most: some generators give one of them a bit more. */
const LENGTH_SLACK_BITS = 4;
/** |p - q| has more bits than half of n's less this (NIST FIPS 186-5, appendix A.1.3). */
const MIN_DISTANCE_SLACK_BITS = 100;

function assertFactors(p: unknown, q: unknown): asserts p is bigint {
  for (const [name, value] of [
    ['p', p],
    ['q', q],
  ] as const) {
    if (typeof value !== 'bigint' || value < 3n || value % 2n === 0n)
      throw invalidInput(name, 'an odd prime', shapeOf(value));
  }
}

function isBlum(p: bigint, q: bigint): boolean {
  return p % 4n === 3n && q % 4n === 3n && gcd(p - 1n, q - 1n) === 2n;
}

/**
 * A private key from its primes. Primality is the caller's to know (the engine checks it). Checked here: lengths,
 * distance, gcd(n, (p - 1)(q - 1)) = 1, and for a djn key p = q = 3 mod 4 with gcd(p - 1, q - 1) = 2.
 * @throws CRYPTO_INVALID_INPUT
 */
export function privateKeyOf(
  p: bigint,
  q: bigint,
  options: KeySizeOptions & { readonly encryption?: EncryptionMode } = {},
): PaillierPrivateKey {
  assertFactors(p, q);
  const publicKey = publicKeyFromModulus(p * q, options);
  const half = publicKey.keyBits / 2;
  const shorter = Math.min(bitLength(p), bitLength(q));
  const distance = bitLength(p > q ? p - q : q - p);
  if (shorter < half - LENGTH_SLACK_BITS || distance <= half - MIN_DISTANCE_SLACK_BITS)
    throw invalidInput('q', 'a prime about as long as p and far from it', 'another');
  const phi = (p - 1n) * (q - 1n);
  if (gcd(publicKey.n, phi) !== 1n)
    throw invalidInput('q', 'a prime with gcd(p q, (p - 1)(q - 1)) = 1', 'a common factor');
  if (publicKey.encryption === 'djn' && !isBlum(p, q))
    throw invalidInput('q', 'p = q = 3 mod 4 and gcd(p - 1, q - 1) = 2', 'other primes');
  return { publicKey, p, q, lambda: phi / gcd(p - 1n, q - 1n) };
}

/** One prime's side: everything that does not depend on the ciphertext. */
interface Side {
  readonly prime: bigint;
  readonly square: bigint;
  /** (-other)^-1 mod prime. */
  readonly scale: bigint;
}

function sideOf(prime: bigint, other: bigint): Side {
  return { prime, square: prime * prime, scale: modInverse(prime - (other % prime), prime) };
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

export class PaillierOwner {
  readonly privateKey: PaillierPrivateKey;
  readonly #p: Side;
  readonly #q: Side;
  /** p^-1 mod q and p^-2 mod q^2. */
  readonly #inverse: bigint;
  readonly #squareInverse: bigint;
  readonly #modPow: ModPow;
  readonly #random: RandomBytes | undefined;

  constructor(
    privateKey: PaillierPrivateKey,
    options: { readonly modPow?: ModPow; readonly random?: RandomBytes } = {},
  ) {
    const { p, q } = privateKey;
    this.privateKey = privateKey;
    this.#p = sideOf(p, q);
    this.#q = sideOf(q, p);
    this.#inverse = modInverse(p, q);
    this.#squareInverse = modInverse(p * p, q * q);
    this.#modPow = options.modPow ?? bigintModPow;
    this.#random = options.random;
  }

  /**
   * @returns the plaintext, 0..n-1
   * @throws CRYPTO_INVALID_CIPHERTEXT
   */
  decrypt(ciphertext: bigint): bigint {
    assertCiphertextRange(this.privateKey.publicKey, ciphertext);
    const p = this.#residue(this.#p, ciphertext);
    const q = this.#residue(this.#q, ciphertext);
    return p + this.#p.prime * mod((q - p) * this.#inverse, this.#q.prime);
  }

  /**
   * E(plaintext), 0 <= plaintext < n, with fresh randomness.
   * @throws CRYPTO_INVALID_INPUT
   */
  encrypt(plaintext: bigint): bigint {
    const { publicKey } = this.privateKey;
    assertPlaintext(publicKey, plaintext);
    const p = this.#randomPower(this.#p);
    const q = this.#randomPower(this.#q);
    const factor = p + this.#p.square * mod((q - p) * this.#squareInverse, this.#q.square);
    return ((1n + plaintext * publicKey.n) * factor) % publicKey.nSquared;
  }

  /** The plaintext modulo one prime. */
  #residue({ prime, square, scale }: Side, ciphertext: bigint): bigint {
    const reduced = ciphertext % square;
    if (reduced % prime === 0n) {
      throw new CryptoError('CRYPTO_INVALID_CIPHERTEXT', {
        argument: 'ciphertext',
        expected: 'coprime to n',
        came: 'a common factor',
      });
    }
    const power = (this.#modPow(reduced, prime - 2n, square) * reduced) % square;
    return (((power - 1n) / prime) * scale) % prime;
  }

  #randomPower({ prime, square }: Side): bigint {
    return this.#modPow(1n + randomBelow(prime - 1n, this.#random), prime, square);
  }
}
