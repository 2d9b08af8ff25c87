/**
 * Integers from a machine's random bytes (lockstep/seed.ts), and the stream of a pair of parties: masks are drawn from a
 * seed that one of them sends the other.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { encodeParts } from '../../core/encode.js';
import type { RandomBytes } from '../../core/random.js';
import { unpackIntegers } from '../../lockstep/integers.js';
import { seededRandom } from '../../lockstep/seed.js';
import { bitLength } from '../../paillier/arithmetic.js';

/** What is drawn above the limit before reducing: distance 2^-128 from uniform. */
const EXCESS_BITS = 128;

/** `count` integers of 0..limit-1, within 2^-128 of uniform. */
export function randomIntegers(count: number, limit: bigint, random: RandomBytes): bigint[] {
  const sizeBytes = Math.ceil((bitLength(limit) + EXCESS_BITS) / 8);
  return unpackIntegers(random(count * sizeBytes), sizeBytes, count).map((value) => value % limit);
}

/** The stream that a pair of parties shares for one purpose. */
export function pairStream(seed: Uint8Array, purpose: string): RandomBytes {
  return seededRandom(sha256(encodeParts('careledger/ceremony-mask/v1', seed, purpose)));
}
