/**
 * One-hot proof: of k ciphertexts each encrypts 0 or 1, and exactly one of them 1; or at most one, where a value may be
 * missing.
 *
 *   0/1 proof for each c_i, and for their product c = prod c_i mod n^2
 *     exactly one   equality proof: c encrypts 0 + 1
 *     at most one   0/1 proof of c
 *   proof      k (16 + 6 keyBits / 8) bytes and 3 keyBits / 8, or one 0/1 proof more
 *
 * The sum of k bits is at most k < n, so the product says it without wrapping.
 */
import { modProduct } from '../arithmetic.js';
import {
  bitEquations,
  proveBit,
  type BitProof,
  type ProverOptions,
  type StatementOptions,
} from './bit-proof.js';
import { invalidProof } from './challenge.js';
import { equalityEquations, proveEquality, type EqualityProof } from './equality-proof.js';
import { assertEquations, type Equation, type VerifyOptions } from './equations.js';
import { weightedSumOpened, type Opened, type OpenedTerm } from './opened.js';

/** Whether one of the ciphertexts encrypts 1, or possibly none. */
export type OneHotCount = 'exactly-one' | 'at-most-one';

export interface OneHotProof {
  /** In the order of the ciphertexts. */
  readonly bits: readonly BitProof[];
  /** Of the product: EqualityProof for exactly one, BitProof for at most one. */
  readonly total: EqualityProof | BitProof;
}

const termsOf = (bins: readonly Opened[]): OpenedTerm[] => bins.map((bin) => [bin, 1n]);

/** @throws CRYPTO_INVALID_INPUT when the plaintexts are not one-hot */
export function proveOneHot(
  bins: readonly Opened[],
  count: OneHotCount,
  options: ProverOptions,
): OneHotProof {
  const bits = bins.map((bin) => proveBit(bin, options));
  const total =
    count === 'exactly-one'
      ? proveEquality({ left: termsOf(bins), right: [] }, 1n, options)
      : proveBit(weightedSumOpened(options.publicKey, termsOf(bins)), options);
  return { bits, total };
}

function totalEquations(
  bins: readonly bigint[],
  count: OneHotCount,
  total: EqualityProof | BitProof,
  options: StatementOptions,
): Equation[] {
  if (count === 'exactly-one' && 'commitment' in total) {
    const left = bins.map((bin) => [bin, 1n] as const);
    return equalityEquations({ left, right: [], difference: 1n }, total, options);
  }
  if (count === 'at-most-one' && 'commitments' in total)
    return bitEquations(modProduct(bins, options.publicKey.nSquared), total, options);
  throw invalidProof('proof.total', `a proof of ${count}`, 'another');
}

/** @throws CRYPTO_PROOF_INVALID for another number of bins or another count; CRYPTO_INVALID_CIPHERTEXT */
export function oneHotEquations(
  bins: readonly bigint[],
  count: OneHotCount,
  proof: OneHotProof,
  options: StatementOptions,
): Equation[] {
  if (bins.length === 0 || proof.bits.length !== bins.length)
    throw invalidProof('proof.bits', `${bins.length} proofs`, `${proof.bits.length}`);
  const bits = bins.flatMap((bin, index) => bitEquations(bin, proof.bits[index] as BitProof, options));
  return [...bits, ...totalEquations(bins, count, proof.total, options)];
}

/** @throws CRYPTO_PROOF_INVALID, CRYPTO_INVALID_CIPHERTEXT */
export function verifyOneHot(
  bins: readonly bigint[],
  count: OneHotCount,
  proof: OneHotProof,
  options: StatementOptions & VerifyOptions,
): void {
  assertEquations(options.publicKey, oneHotEquations(bins, count, proof, options), options);
}
