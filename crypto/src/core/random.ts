/**
 * Randomness: the platform's generator (Web Crypto getRandomValues; OpenSSL in Node, the system's in browsers), and
 * nothing else. Not for chaincode, which must be deterministic: no function that chaincode needs comes here.
 */
import { bytesToBigint } from './bytes.js';
import { invalidInput, shapeOf } from './errors.js';

export type RandomBytes = (sizeBytes: number) => Uint8Array;

/** getRandomValues refuses more than this in one call. */
const QUOTA_BYTES = 65536;
const MAX_RANDOM_BYTES = 2 ** 24;

/** @throws CRYPTO_INVALID_INPUT unless 0 <= sizeBytes <= 2^24 */
export function randomBytes(sizeBytes: number): Uint8Array {
  if (!Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > MAX_RANDOM_BYTES) {
    throw invalidInput('sizeBytes', `an integer of 0..${MAX_RANDOM_BYTES}`, String(sizeBytes));
  }
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += QUOTA_BYTES) {
    globalThis.crypto.getRandomValues(bytes.subarray(at, at + QUOTA_BYTES));
  }
  return bytes;
}

/** Uniform in 0..2^bits-1. */
export function randomBits(bits: number, random: RandomBytes = randomBytes): bigint {
  const sizeBytes = Math.ceil(bits / 8);
  const bytes = random(sizeBytes);
  if (!(bytes instanceof Uint8Array) || bytes.length !== sizeBytes) {
    throw invalidInput('random', `${sizeBytes} bytes`, shapeOf(bytes));
  }
  return BigInt.asUintN(bits, bytesToBigint(bytes));
}

/** Uniform in 0..limit-1 by rejection (at most one draw in two is thrown away). */
export function randomBelow(limit: bigint, random: RandomBytes = randomBytes): bigint {
  if (typeof limit !== 'bigint' || limit < 1n)
    throw invalidInput('limit', 'a positive bigint', shapeOf(limit));
  const bits = limit.toString(2).length;
  for (;;) {
    const candidate = randomBits(bits, random);
    if (candidate < limit) return candidate;
  }
}
