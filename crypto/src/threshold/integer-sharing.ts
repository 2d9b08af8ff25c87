/**
 * Shamir sharing over the integers with commitments to the polynomial (Feldman, FOCS 1987), for exponents of a group
 * whose order nobody knows.
 *
 *   Delta  = (number of holders)!                           1..10 holders, so at most 22 bits
 *   f(X)   = Delta s + a_1 X + .. + a_d X^d                 d = threshold - 1
 *   a_k    uniform in 0..2^b - 1,  b = |s| + 80 + mixing    share of holder j: f(j), an integer above 0
 *   mu_i   = Delta prod_{j != i} j / (j - i)                over `threshold` points; sum mu_i f(i) = Delta f(0)
 *   C_k    = v^(a_k), C_0 = v^(Delta s) mod n^2             v^f(j) = prod_k C_k^(j^k)
 *
 * Hiding: Delta s in place of s (f(j) = s mod j otherwise), and for every set of at most d points there is an integer
 * polynomial h of degree d with h(0) = Delta that vanishes on it; f and f + delta h give the same shares for secrets
 * that differ by delta, so the shares of two secrets are within d 2^-80 of one another when b covers |s| and the
 * coefficients of h, which are below Delta n^d (Rabin, CRYPTO 1998; Damgard and Thorbek, PKC 2006). Commitments hide
 * s only as far as discrete logarithms to base v are hard, which serves secrets of high entropy and no others.
 */
import { invalidInput, shapeOf } from '../core/errors.js';
import { randomBits, type RandomBytes } from '../core/random.js';
import { modInverse, modPow as bigintModPow, type ModPow } from '../paillier/arithmetic.js';

export const MAX_HOLDERS_OF_A_KEY = 10;
/** Distance of what an unqualified set sees from uniform: 2^-80. */
export const STATISTICAL_BITS = 80;

/** Commitments C_0..C_d to one polynomial, elements of Z*_{n^2}. */
export type Commitments = readonly bigint[];

export interface IntegerDealing {
  /** f(1)..f(holderCount); secret, each for its holder alone. */
  readonly subShares: readonly bigint[];
  readonly commitments: Commitments;
}

/** Delta = holderCount!. @throws CRYPTO_INVALID_INPUT unless 1 <= holderCount <= 10 */
export function deltaOf(holderCount: number): bigint {
  if (!Number.isInteger(holderCount) || holderCount < 1 || holderCount > MAX_HOLDERS_OF_A_KEY)
    throw invalidInput('holderCount', `an integer of 1..${MAX_HOLDERS_OF_A_KEY}`, String(holderCount));
  let delta = 1n;
  for (let factor = 2n; factor <= BigInt(holderCount); factor++) delta *= factor;
  return delta;
}

function assertPoints(holderCount: number, points: readonly number[]): void {
  const inside = points.every((point) => Number.isInteger(point) && point >= 1 && point <= holderCount);
  if (points.length > 0 && inside && new Set(points).size === points.length) return;
  throw invalidInput('points', `distinct points of 1..${holderCount}`, shapeOf(points));
}

/**
 * mu_i of each of `points` (in that order) for interpolation at 0: integers, some negative, with
 * sum mu_i f(i) = Delta f(0) for every f of degree below points.length.
 * @param holderCount fixes Delta
 */
export function lagrangeAtZero(holderCount: number, points: readonly number[]): bigint[] {
  const delta = deltaOf(holderCount);
  assertPoints(holderCount, points);
  return points.map((own) => {
    const others = points.filter((point) => point !== own);
    const numerator = others.reduce((product, point) => product * BigInt(point), delta);
    return numerator / others.reduce((product, point) => product * BigInt(point - own), 1n);
  });
}

/** base^exponent mod modulus, through the inverse for a negative exponent; base coprime to the modulus. */
export function signedPow(base: bigint, exponent: bigint, modulus: bigint, modPow: ModPow): bigint {
  return exponent < 0n
    ? modInverse(modPow(base, -exponent, modulus), modulus)
    : modPow(base, exponent, modulus);
}

function evaluate(coefficients: readonly bigint[], point: bigint): bigint {
  return coefficients.reduceRight((value, coefficient) => value * point + coefficient, 0n);
}

/** Bits of a random coefficient for secrets of at most `secretBits` bits. */
export function coefficientBits(secretBits: number, holderCount: number, threshold: number): number {
  const mixingBits = 22 + Math.ceil((threshold - 1) * Math.log2(holderCount));
  return secretBits + STATISTICAL_BITS + mixingBits;
}

export interface SplitOptions {
  readonly nSquared: bigint;
  /** v. */
  readonly base: bigint;
  /** May be negative. */
  readonly secret: bigint;
  /** Public bound: |secret| < 2^secretBits. */
  readonly secretBits: number;
  readonly holderCount: number;
  /** Shares that determine the secret. */
  readonly threshold: number;
  readonly modPow?: ModPow;
  readonly random?: RandomBytes;
}

/** @throws CRYPTO_INVALID_INPUT unless 2 <= threshold <= holderCount <= 10 */
export function assertThreshold(threshold: number, holderCount: number): void {
  deltaOf(holderCount);
  if (Number.isInteger(threshold) && threshold >= 2 && threshold <= holderCount) return;
  throw invalidInput('threshold', `an integer of 2..${holderCount}`, String(threshold));
}

/**
 * Deals shares of Delta * secret (the constant of the polynomial is Delta * secret, not the secret).
 * @throws CRYPTO_INVALID_INPUT for a threshold outside 2..holderCount or a secret above its bound
 */
export function splitInteger(options: SplitOptions): IntegerDealing {
  const { nSquared, base, secret, secretBits, holderCount, threshold, modPow = bigintModPow } = options;
  assertThreshold(threshold, holderCount);
  if (BigInt.asIntN(secretBits + 1, secret) !== secret)
    throw invalidInput('secret', `an integer below 2^${secretBits}`, 'a larger one');
  const bits = coefficientBits(secretBits, holderCount, threshold);
  const points = Array.from({ length: holderCount }, (_, index) => BigInt(index + 1));
  for (;;) {
    const random = Array.from({ length: threshold - 1 }, () => randomBits(bits, options.random));
    const coefficients = [deltaOf(holderCount) * secret, ...random];
    const subShares = points.map((point) => evaluate(coefficients, point));
    // A share that is not positive has probability 2^-80; another draw keeps the promise that none is.
    if (subShares.some((share) => share <= 0n)) continue;
    const commitments = coefficients.map((coefficient) => signedPow(base, coefficient, nSquared, modPow));
    return { subShares, commitments };
  }
}

/** v^f(point) = prod_k C_k^(point^k), by Horner's rule. */
export function committedShare(commitments: Commitments, point: number, nSquared: bigint): bigint {
  return commitments.reduceRight(
    (value, commitment) => (bigintModPow(value, BigInt(point), nSquared) * commitment) % nSquared,
    1n,
  );
}

/** Whether `subShare` is the value at `point` of the committed polynomial: v^subShare = prod_k C_k^(point^k). */
export function isCommittedShare(options: {
  nSquared: bigint;
  base: bigint;
  commitments: Commitments;
  point: number;
  subShare: bigint;
  modPow?: ModPow;
}): boolean {
  const { nSquared, base, commitments, point, subShare, modPow = bigintModPow } = options;
  if (typeof subShare !== 'bigint' || subShare <= 0n) return false;
  return modPow(base, subShare, nSquared) === committedShare(commitments, point, nSquared);
}

/**
 * v_j = v^(Delta S_j) for every point, where S_j is the sum of the sub-shares of all dealings: each holder's
 * verification key follows from the commitments alone.
 */
export function verificationKeysOf(options: {
  nSquared: bigint;
  holderCount: number;
  dealings: readonly Commitments[];
}): bigint[] {
  const { nSquared, holderCount, dealings } = options;
  const delta = deltaOf(holderCount);
  return Array.from({ length: holderCount }, (_, index) => {
    const power = dealings.reduce(
      (product, commitments) => (product * committedShare(commitments, index + 1, nSquared)) % nSquared,
      1n,
    );
    return bigintModPow(power, delta, nSquared);
  });
}
