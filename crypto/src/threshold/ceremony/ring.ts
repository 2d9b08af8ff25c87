/**
 * Shamir's secret sharing (CACM 1979) over the ring Z_m, point j = 1..parties for party j.
 *
 *   f(X) = s + a_1 X + .. + a_d X^d mod m,  a_k uniform in Z_m;  share of party j: f(j)
 *   s    = sum_{j=1..d+1} lambda_j f(j),    lambda_j = prod_{i != j} i / (i - j) mod m
 *
 * Perfect hiding of s from d parties needs every point and every difference of two points to be a unit: m has no prime
 * factor up to the number of parties. Shares of two secrets multiply to a share, of degree 2 d, of the product.
 */
import type { RandomBytes } from '../../core/random.js';
import { modInverse } from '../../paillier/arithmetic.js';
import { randomIntegers } from './stream.js';

/** result[j - 1][k] is party j's share of secrets[k]. */
export function dealInRing(options: {
  secrets: readonly bigint[];
  modulus: bigint;
  degree: number;
  parties: number;
  random: RandomBytes;
}): bigint[][] {
  const { secrets, modulus, degree, parties, random } = options;
  const coefficients = Array.from({ length: degree }, () => randomIntegers(secrets.length, modulus, random));
  return Array.from({ length: parties }, (_, index) => {
    const point = BigInt(index + 1);
    return secrets.map((secret, k) => {
      const upper = coefficients.reduceRight((value, row) => (value + (row[k] ?? 0n)) * point, 0n);
      return (secret + upper) % modulus;
    });
  });
}

/** lambda_1..lambda_count for interpolation at 0 from the points 1..count. */
export function ringLagrange(count: number, modulus: bigint): bigint[] {
  const points = Array.from({ length: count }, (_, index) => BigInt(index + 1));
  return points.map((own) => {
    const others = points.filter((point) => point !== own);
    const numerator = others.reduce((product, point) => product * point, 1n);
    const denominator = others.reduce((product, point) => product * (point - own), 1n);
    return (((numerator * modInverse(denominator, modulus)) % modulus) + modulus) % modulus;
  });
}

/** Component by component. */
export function addInRing(rows: ReadonlyArray<readonly bigint[]>, modulus: bigint): bigint[] {
  const [first = [], ...others] = rows;
  return first.map((value, k) => others.reduce((sum, row) => sum + (row[k] ?? 0n), value) % modulus);
}

export function multiplyInRing(left: readonly bigint[], right: readonly bigint[], modulus: bigint): bigint[] {
  return left.map((value, k) => (value * (right[k] ?? 0n)) % modulus);
}

export function scaleInRing(values: readonly bigint[], factor: bigint, modulus: bigint): bigint[] {
  return values.map((value) => (value * factor) % modulus);
}
