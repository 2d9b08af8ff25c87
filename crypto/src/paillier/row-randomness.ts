/**
 * Randomness of rows that can be derived again, so that a hospital can later say which r its rows have, and can prove
 * what it knows about their product, from 32 bytes that it keeps.
 *
 *   rn    r_i = expand(seed, i) mod n                                product of rows: r = r_1 r_2 .. mod n
 *   djn   x_i = expand(seed, i), half as long as n;  r_i = h^x_i      product of rows: r = h^(x_1 + x_2 + ..) mod n
 *
 *   expand(seed, i) = SHA-256 blocks of encodeParts('careledger/paillier-rows/v1', keyId, seed, i)   (core/expand.ts)
 *
 * Model: random oracle. The seed is as secret as the rows: whoever has it decrypts them. A seed belongs to one batch of
 * rows: two plaintexts under one (seed, index) show their difference.
 */
import { assertBytes, bytesToBigint } from '../core/bytes.js';
import { expandBelow, expandHash } from '../core/expand.js';
import { invalidInput } from '../core/errors.js';
import { modPow as bigintModPow, modProduct, type ModPow } from './arithmetic.js';
import { djnBase, djnExponentBits } from './djn.js';
import type { PaillierPublicKey } from './types.js';

export const ROW_SEED_BYTES = 32;
const MAX_ROW_INDEX = 2 ** 32 - 1;
const LABEL = 'careledger/paillier-rows/v1';

/** Which row: the seed of its batch, and its place there. */
export interface SeededRow {
  readonly seed: Uint8Array;
  readonly index: number;
}

/** @throws CRYPTO_INVALID_INPUT unless the seed is 32 bytes and the index 0..2^32-1 */
export function assertSeededRow({ seed, index }: SeededRow): void {
  assertBytes('seed', seed, ROW_SEED_BYTES);
  if (!Number.isInteger(index) || index < 0 || index > MAX_ROW_INDEX)
    throw invalidInput('index', `0..${MAX_ROW_INDEX}`, String(index));
}

/** x_i of a djn key. */
export function seededExponent(publicKey: PaillierPublicKey, row: SeededRow): bigint {
  assertSeededRow(row);
  const bits = djnExponentBits(publicKey);
  const bytes = expandHash(LABEL, [publicKey.keyId, row.seed, BigInt(row.index)], Math.ceil(bits / 8));
  return BigInt.asUintN(bits, bytesToBigint(bytes));
}

/** r_i of an rn key. 0, 1 and multiples of a prime factor come up with probability below 2^(2 - keyBits / 2). */
export function seededUnit(publicKey: PaillierPublicKey, row: SeededRow): bigint {
  assertSeededRow(row);
  return expandBelow(LABEL, [publicKey.keyId, row.seed, BigInt(row.index)], publicKey.n);
}

/**
 * r of one row: its ciphertext is (1 + m n) r^n mod n^2, in both modes.
 * @throws CRYPTO_INVALID_INPUT
 */
export function rowRandomness(
  publicKey: PaillierPublicKey,
  seed: Uint8Array,
  index: number,
  modPow: ModPow = bigintModPow,
): bigint {
  return rowRandomnessProduct(publicKey, [{ seed, index }], modPow);
}

/**
 * r of the product of rows, which may come from several batches; 1 for none. For a djn key one exponentiation for all.
 * @throws CRYPTO_INVALID_INPUT
 */
export function rowRandomnessProduct(
  publicKey: PaillierPublicKey,
  rows: readonly SeededRow[],
  modPow: ModPow = bigintModPow,
): bigint {
  if (publicKey.encryption === 'rn') {
    return modProduct(
      rows.map((row) => seededUnit(publicKey, row)),
      publicKey.n,
    );
  }
  const exponent = rows.reduce((sum, row) => sum + seededExponent(publicKey, row), 0n);
  return modPow(djnBase(publicKey), exponent, publicKey.n);
}
