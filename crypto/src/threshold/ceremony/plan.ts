/**
 * Sizes of a ceremony's candidates, from the size of the key (2 h bits) and the number n of parties.
 *
 *   t = floor((n - 1) / 2)      curious parties that learn nothing;  2 t + 1 parties open products
 *   K = 4 prod of odd primes <= n                                    p = q = -1 mod K
 *   M = prod of the next primes, up to h - |K| - 64 bits             p and q are units mod M
 *   U = floor(2^h / (K M)) - 2 t - 2                                 about 2^64
 *   p = K (sum b_i + M sum r_i) + K - 1,   0 <= b_i < M
 *   r_1 in 3U/4 + [0, U/4n),  other r_i in [0, U/4n)                 so 3/4 2^h - .. < p < 2^h and |p q| = 2 h bits
 *   Q = 2520 2^(2h + 8) + 1 > p q                                    ring of the products; 2, 3, 5, 7 do not divide Q
 *
 * A prime near 2^h is met with probability 1 / (h ln 2); among numbers without a factor in K M that is
 * prod l / (l - 1) times as often. Both p and q have to be prime: 1 / expectedCandidates is the square of it.
 */
import { bitLength, modInverse } from '../../paillier/arithmetic.js';
import { primesUpTo, productOf } from './number-theory.js';

/** Of U: what every party adds to each candidate. */
const FREE_BITS = 64;
const CHUNK_LIMIT = 2 ** 44;
/** Batches after which luck is no longer the reason: e^-28. */
export const MAX_BATCHES = 48;
/** Of the expected number: 45 of 100 first batches hold a key. */
const BATCH_FRACTION = 0.6;
const MAX_BATCH = 4096;
const BATCH_STEP = 32;
/** Statistical distance 2^-64 of a random non-biprime that passes. */
export const CONFIRMATIONS = 64;

/** A product of some primes of M, small enough for exact floating-point remainders. */
export interface SieveChunk {
  readonly modulus: number;
  readonly primes: readonly number[];
  /** 1 mod `modulus`, 0 modulo the rest of M. */
  readonly idempotent: bigint;
}

export interface CandidatePlan {
  readonly keyBits: number;
  readonly parties: number;
  /** t. */
  readonly curious: number;
  /** 2 t + 1: parties 1..openers open products. */
  readonly openers: number;
  /** t + 1: parties 1..factors deal a factor of each residue. */
  readonly factors: number;
  readonly K: bigint;
  readonly M: bigint;
  readonly U: bigint;
  readonly Q: bigint;
  readonly chunks: readonly SieveChunk[];
  /** Product of the primes that n is divided by before it is tested. */
  readonly trialProduct: bigint;
  readonly sizes: {
    /** Bytes of an element of Z_M, of a p_i or q_i, of an element of Z_Q, and of one of Z_n. */
    readonly residue: number;
    readonly part: number;
    readonly ring: number;
    readonly modulus: number;
  };
  readonly batch: number;
  readonly expectedCandidates: number;
}

/** The product of the odd primes up to the number of parties, times 4. */
function cofactorOf(parties: number): bigint {
  return primesUpTo(parties).reduce((product, prime) => product * BigInt(prime === 2 ? 1 : prime), 4n);
}

/** Consecutive primes above `from` whose product stays within `bits` bits. */
function sievePrimes(from: number, bits: number): number[] {
  const chosen: number[] = [];
  let product = 1n;
  for (const prime of primesUpTo(2 * bits + 64)) {
    if (prime <= from) continue;
    product *= BigInt(prime);
    if (bitLength(product) > bits) break;
    chosen.push(prime);
  }
  return chosen;
}

function chunksOf(primes: readonly number[], M: bigint): SieveChunk[] {
  const groups: number[][] = [];
  let modulus = CHUNK_LIMIT;
  for (const prime of primes) {
    if (modulus * prime >= CHUNK_LIMIT) {
      groups.push([]);
      modulus = 1;
    }
    modulus *= prime;
    groups.at(-1)?.push(prime);
  }
  return groups.map((group) => {
    const product = group.reduce((value, prime) => value * prime, 1);
    const rest = M / BigInt(product);
    return { modulus: product, primes: group, idempotent: rest * modInverse(rest, BigInt(product)) };
  });
}

/** Candidates for n that are tried on average, from the density of primes. */
function expectedCandidates(keyBits: number, primes: readonly number[]): number {
  const boost = primes.reduce((product, prime) => (product * prime) / (prime - 1), 1);
  return ((keyBits / 2) * Math.LN2 * (1 / boost)) ** 2;
}

function batchOf(expected: number): number {
  const wanted = Math.ceil((BATCH_FRACTION * expected) / BATCH_STEP) * BATCH_STEP;
  return Math.min(MAX_BATCH, wanted);
}

function makePlan(keyBits: number, parties: number): CandidatePlan {
  const primeBits = keyBits / 2;
  const curious = Math.floor((parties - 1) / 2);
  const K = cofactorOf(parties);
  const primes = sievePrimes(parties, primeBits - bitLength(K) - FREE_BITS);
  const M = productOf(primes.map(BigInt));
  const Q = 2520n * (1n << BigInt(keyBits + 8)) + 1n;
  const expected = expectedCandidates(keyBits, [...primesUpTo(parties), ...primes]);
  return {
    keyBits,
    parties,
    curious,
    openers: 2 * curious + 1,
    factors: curious + 1,
    K,
    M,
    U: (1n << BigInt(primeBits)) / (K * M) - BigInt(2 * curious + 2),
    Q,
    chunks: chunksOf(primes, M),
    trialProduct: productOf(primesUpTo(8 * keyBits).map(BigInt)),
    sizes: {
      residue: Math.ceil(bitLength(M) / 8),
      part: primeBits / 8,
      ring: Math.ceil(bitLength(Q) / 8),
      modulus: keyBits / 8,
    },
    batch: batchOf(expected),
    expectedCandidates: Math.round(expected),
  };
}

const plans = new Map<string, CandidatePlan>();
const MAX_PLANS = 8;

/** @param keyBits a multiple of 16 from 256; @param parties 3..10 */
export function planOf(keyBits: number, parties: number): CandidatePlan {
  const name = `${keyBits}/${parties}`;
  const plan = plans.get(name) ?? makePlan(keyBits, parties);
  if (plans.size >= MAX_PLANS) plans.clear();
  plans.set(name, plan);
  return plan;
}
