/**
 * TEST SUPPORT: what a majority of shares is worth. It shows that the shares are a key, and gives a test the numbers that
 * no process may hold.
 *
 *   F(0) = (sum mu_i S_i) / Delta, a multiple of phi(n)
 *   F(0) = 2^s t, t odd: for a random a, the last of a^t, a^(2t), .. before 1 is a square root of 1, and
 *   gcd(root - 1, n) is a factor of n for at least every second a (Miller, 1976)
 */
import { randomBelow } from '../../core/random.js';
import { gcd, type ModPow } from '../../paillier/arithmetic.js';
import { nativeModPow } from '../../paillier/engine/native-mod-pow.js';
import { pointOf, type SharingBase } from '../codec.js';
import { deltaOf, lagrangeAtZero } from '../integer-sharing.js';
import type { ThresholdShare } from '../types.js';

const TRIES = 40;

export interface KeySecrets {
  readonly p: bigint;
  readonly q: bigint;
  readonly phi: bigint;
  readonly lambda: bigint;
  /** F(0). */
  readonly exponent: bigint;
}

/** A factor of n from one base, when `exponent` is a multiple of phi(n) and the base is a lucky one. */
function factorBy(n: bigint, exponent: bigint, base: bigint, modPow: ModPow): bigint | undefined {
  let odd = exponent;
  while (odd % 2n === 0n) odd /= 2n;
  let power = modPow(base, odd, n);
  for (let step = odd; step < exponent && power !== 1n; step *= 2n) {
    const square = (power * power) % n;
    if (square === 1n && power !== n - 1n) return gcd(n, power - 1n);
    power = square;
  }
  return undefined;
}

/**
 * The factorisation of n from the shares of one epoch; undefined when they are not enough of them.
 * @param options.shares of distinct holders
 */
export function factorFromShares(options: {
  n: bigint;
  sharing: Pick<SharingBase, 'holders' | 'threshold'>;
  shares: readonly ThresholdShare[];
}): KeySecrets | undefined {
  const { n, sharing, shares } = options;
  const points = shares.map(({ holder }) => pointOf(sharing, holder));
  const holderCount = sharing.holders.length;
  const weights = lagrangeAtZero(holderCount, points);
  const sum = shares.reduce((total, { value }, index) => total + (weights[index] ?? 0n) * value, 0n);
  const exponent = sum / deltaOf(holderCount);
  if (exponent <= 0n || exponent % 2n === 1n) return undefined;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const p = factorBy(n, exponent, 2n + randomBelow(n - 3n), nativeModPow);
    if (p === undefined) continue;
    const q = n / p;
    const phi = (p - 1n) * (q - 1n);
    return { p, q, phi, lambda: phi / gcd(p - 1n, q - 1n), exponent };
  }
  return undefined;
}
