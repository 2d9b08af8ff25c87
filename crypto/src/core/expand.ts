/**
 * Bytes of any length from a hash, for integers that nobody chose: a base derived from a modulus, randomness derived
 * from a seed.
 *
 *   expandHash(label, parts, L) = first L bytes of H_0 || H_1 || ..,   H_i = SHA-256(encodeParts(label, parts.., i))
 *
 * Model: random oracle. As secret as the parts are; uniform modulo m when L exceeds the bytes of m by 16 (2^-128).
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToBigint, joinBytes } from './bytes.js';
import { encodeParts, type Part } from './encode.js';
import { invalidInput } from './errors.js';

const BLOCK_BYTES = 32;
const MAX_EXPANDED_BYTES = 4096;
const EXTRA_BYTES = 16;

/**
 * @param sizeBytes 1..4096
 * @throws CRYPTO_INVALID_INPUT
 */
export function expandHash(label: string, parts: readonly Part[], sizeBytes: number): Uint8Array {
  if (!Number.isInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > MAX_EXPANDED_BYTES)
    throw invalidInput('sizeBytes', `1..${MAX_EXPANDED_BYTES}`, String(sizeBytes));
  const blocks: Uint8Array[] = [];
  for (let index = 0; index * BLOCK_BYTES < sizeBytes; index += 1)
    blocks.push(sha256(encodeParts(label, ...parts, BigInt(index))));
  return joinBytes(blocks).subarray(0, sizeBytes);
}

/** An integer of 0..modulus-1, at most 2^-128 from uniform if SHA-256 is a random oracle. */
export function expandBelow(label: string, parts: readonly Part[], modulus: bigint): bigint {
  const modulusBytes = Math.ceil(modulus.toString(16).length / 2);
  return bytesToBigint(expandHash(label, parts, modulusBytes + EXTRA_BYTES)) % modulus;
}
