/**
 * Combination of partial decryptions, by the equations and not by the code that contract and gateways run, so that a
 * defect there does not pass here unseen:
 *
 *   Delta = N!,  mu_i = Delta prod_{j in S, j != i} j / (j - i),  x = prod_{i in S} c_i^(2 mu_i) mod n^2
 *   x = 1 mod n,  m = ((x - 1) / n) theta^-1 mod n
 *
 * x = 1 mod n alone proves nothing: a holder that returns c_i (1 + n)^d moves m by an amount of its choice. Each
 * partial's proof is checked before; that every majority combines to the same m is a second, independent look.
 */
import { modInverse, modPow, type PaillierPublicKey } from '@careledger/crypto';

export interface Point {
  /** Place of the holder, from 1. */
  readonly point: number;
  /** c_i. */
  readonly value: bigint;
}

export interface Combination {
  readonly publicKey: PaillierPublicKey;
  readonly theta: bigint;
  /** N. */
  readonly holders: number;
}

/** @returns m of 0..n-1, or undefined when x is not 1 modulo n */
export function combine(
  points: readonly Point[],
  { publicKey, theta, holders }: Combination,
): bigint | undefined {
  const { n, nSquared } = publicKey;
  const power = points.reduce((product, own) => {
    const exponent = 2n * coefficientOf(own, points, holders);
    const base = exponent < 0n ? modInverse(own.value, nSquared) : own.value;
    return (product * modPow(base, exponent < 0n ? -exponent : exponent, nSquared)) % nSquared;
  }, 1n);
  if (power % n !== 1n) return undefined;
  return (((power - 1n) / n) * modInverse(theta, n)) % n;
}

function coefficientOf(own: Point, points: readonly Point[], holders: number): bigint {
  let numerator = 1n;
  let denominator = 1n;
  for (let factor = 2; factor <= holders; factor += 1) numerator *= BigInt(factor);
  for (const { point } of points) {
    if (point === own.point) continue;
    numerator *= BigInt(point);
    denominator *= BigInt(point - own.point);
  }
  return numerator / denominator;
}

/** Subsets of `size`, at most `most` of them, in the order of their places. */
export function subsetsOf<Item>(items: readonly Item[], size: number, most: number): Item[][] {
  const subsets: Item[][] = [];
  const extend = (chosen: readonly Item[], from: number): void => {
    if (subsets.length >= most) return;
    if (chosen.length === size) {
      subsets.push([...chosen]);
      return;
    }
    items.slice(from).forEach((item, at) => {
      extend([...chosen, item], from + at + 1);
    });
  };
  extend([], 0);
  return subsets;
}
