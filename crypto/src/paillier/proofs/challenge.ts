/**
 * Fiat-Shamir challenges of every proof in this folder.
 *
 *   e = first 128 bits of SHA-256(encodeParts(label, key id, context, statement items, commitment items))
 *
 * The hash covers the whole statement (strong Fiat-Shamir: Bernhard, Pereira and Warinschi, ASIACRYPT 2012), each
 * number in its fixed width. 128 bits are shorter than the least prime factor of n from 272-bit keys on, so a
 * difference of two challenges is a unit mod n, which is what extraction needs. Model: random oracle.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bigintToBytes, bytesToBigint } from '../../core/bytes.js';
import { encodeList, encodeParts } from '../../core/encode.js';
import { CryptoError, shapeOf } from '../../core/errors.js';
import { ciphertextSizeBytes } from '../public-key.js';
import type { PaillierPublicKey } from '../types.js';

export const CHALLENGE_BITS = 128;
export const CHALLENGE_BYTES = CHALLENGE_BITS / 8;
/** Challenges lie below. */
export const CHALLENGE_LIMIT = 1n << BigInt(CHALLENGE_BITS);

/** What a challenge hashes. */
export interface ChallengeInput {
  /** Domain of the proof, "careledger/paillier-<proof>/v<number>". */
  readonly label: string;
  readonly publicKey: PaillierPublicKey;
  /** What the proof is for, encoded; makes it worthless elsewhere. */
  readonly context: Uint8Array;
  /** Elements of Z_{n^2}. */
  readonly statement: readonly bigint[];
  readonly commitments: readonly bigint[];
}

/**
 * Uniform in 0..2^128 - 1 if SHA-256 is a random oracle. The statement has passed intake before.
 * @throws CRYPTO_PROOF_INVALID for a commitment outside 0..n^2 - 1
 */
export function challengeOf({ label, publicKey, context, statement, commitments }: ChallengeInput): bigint {
  const sizeBytes = ciphertextSizeBytes(publicKey);
  for (const commitment of commitments) assertRange('proof.commitment', commitment, publicKey.nSquared);
  const listOf = (numbers: readonly bigint[]): Uint8Array =>
    encodeList(
      label,
      numbers.map((number) => bigintToBytes(number, sizeBytes)),
    );
  const hash = sha256(encodeParts(label, publicKey.keyId, context, listOf(statement), listOf(commitments)));
  return bytesToBigint(hash.subarray(0, CHALLENGE_BYTES));
}

/** @throws CRYPTO_PROOF_INVALID unless 0 <= value < limit */
export function assertRange(argument: string, value: unknown, limit: bigint): asserts value is bigint {
  if (typeof value === 'bigint' && value >= 0n && value < limit) return;
  throw invalidProof(argument, 'an integer of its range', shapeOf(value));
}

export function invalidProof(argument: string, expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_PROOF_INVALID', { argument, expected, came });
}
