/**
 * TEST FIXTURE: a dealer, who sees the key. A consortium's key comes from the ceremony; this makes the same kind of key
 * in milliseconds for tests and benchmarks, and `@careledger/crypto/testing`, its only way out, is closed to the rest.
 *
 *   n = p q,  p = q = -1 mod 4 (product of the odd primes up to the number of holders), as the ceremony makes them
 *   F(0) = Delta beta phi(n),  beta uniform of keyBits + 80 bits,  S_i = F(i)
 */
import { generatePrimeSync } from 'node:crypto';
import { randomBits } from '../../core/random.js';
import { bitLength, gcd, type ModPow } from '../../paillier/arithmetic.js';
import { assertKeyBits, publicKeyFromModulus, type KeySizeOptions } from '../../paillier/public-key.js';
import type { EncryptionMode, PaillierPublicKey } from '../../paillier/types.js';
import { assertKeyHolders } from '../codec.js';
import { verificationBaseOf } from '../derived.js';
import { STATISTICAL_BITS, deltaOf, splitInteger, verificationKeysOf } from '../integer-sharing.js';
import type { Sharing, ThresholdShare } from '../types.js';

export interface DealtThresholdKey {
  readonly publicKey: PaillierPublicKey;
  readonly sharing: Sharing;
  /** In the order of `holders`. */
  readonly shares: readonly ThresholdShare[];
  /** What nobody has after a ceremony. */
  readonly secrets: {
    readonly p: bigint;
    readonly q: bigint;
    readonly phi: bigint;
    /** F(0). */
    readonly exponent: bigint;
  };
}

export interface DealOptions extends KeySizeOptions {
  /** A multiple of 16, 2048..4096; from 256 with `allowTestKeySize`. */
  readonly keyBits: number;
  /** 3..10 distinct MSP ids. */
  readonly holders: readonly string[];
  /** A majority when absent. */
  readonly threshold?: number;
  /** 'djn' when absent, as a ceremony's key has it. */
  readonly encryption?: EncryptionMode;
  readonly modPow?: ModPow;
}

function primes(keyBits: number, holderCount: number): { p: bigint; q: bigint } {
  const oddPrimes = [3n, 5n, 7n].filter((prime) => prime <= BigInt(holderCount));
  const add = oddPrimes.reduce((product, prime) => product * prime, 4n);
  const prime = (): bigint => generatePrimeSync(keyBits / 2, { bigint: true, add, rem: add - 1n });
  for (;;) {
    const [p, q] = [prime(), prime()];
    const coprime = gcd(p * q, (p - 1n) * (q - 1n)) === 1n;
    if (p !== q && coprime && bitLength(p * q) === keyBits) return { p, q };
  }
}

/**
 * 512 bits take milliseconds.
 * @throws CRYPTO_INVALID_INPUT for a key size, a holder list or a threshold outside the bounds
 */
export function dealThresholdKey(options: DealOptions): DealtThresholdKey {
  const { keyBits, holders, encryption = 'djn', modPow } = options;
  assertKeyBits(keyBits, options);
  assertKeyHolders(holders);
  const holderCount = holders.length;
  const threshold = options.threshold ?? Math.floor(holderCount / 2) + 1;
  const { p, q } = primes(keyBits, holderCount);
  const publicKey = publicKeyFromModulus(p * q, { ...options, encryption });
  const { n, nSquared, keyId } = publicKey;
  const phi = (p - 1n) * (q - 1n);
  const delta = deltaOf(holderCount);
  const betaBits = keyBits + STATISTICAL_BITS;
  let beta: bigint;
  do beta = randomBits(betaBits);
  while (gcd(beta, n) !== 1n);
  const base = verificationBaseOf(publicKey);
  const dealing = splitInteger({
    nSquared,
    base,
    secret: beta * phi,
    secretBits: keyBits + betaBits,
    holderCount,
    threshold,
    ...(modPow === undefined ? {} : { modPow }),
  });
  const exponent = delta * beta * phi;
  const sharing: Sharing = {
    keyId,
    epoch: 0,
    threshold,
    holders: [...holders],
    verificationBase: base,
    verificationKeys: verificationKeysOf({ nSquared, holderCount, dealings: [dealing.commitments] }),
    theta: (4n * delta * delta * exponent) % n,
  };
  const shares = holders.map((holder, index) => ({
    holder,
    keyId,
    epoch: 0,
    value: dealing.subShares[index] ?? 0n,
  }));
  return { publicKey, sharing, shares, secrets: { p, q, phi, exponent } };
}
