/**
 * Range proof: c encrypts a value of 0..R, for any R, by as many 0/1 proofs as R has bits.
 *
 *   k = bits of R,   weight_i = floor((R + 2^i) / 2^(i + 1)) for i = 0..k-1
 *   0..R = { sum b_i weight_i : b_i in {0, 1} }                    (Lipmaa, Asokan and Niemi, FC 2002, section 4)
 *
 *   c_i = E(b_i; r_i); the last weight is 1, and the last r_i is chosen so that prod c_i^(weight_i) = c exactly
 *   proof      (c_i and its 0/1 proof) for each i:  k (16 + 8 keyBits / 8) bytes
 *   verify     prod c_i^(weight_i) = c mod n^2, and every 0/1 proof
 *
 * R = 2^k - 1 gives the weights 2^(k-1) .. 1 and the range [0, 2^k). The sum of all weights is R, so nothing wraps and
 * nothing above R can be written: soundness is that of the 0/1 proofs.
 */
import { invalidInput } from '../../core/errors.js';
import { bitLength, modInverse } from '../arithmetic.js';
import { assertCiphertextRange } from '../public-key.js';
import type { PaillierPublicKey } from '../types.js';
import {
  bitEquations,
  proveBit,
  type BitProof,
  type ProverOptions,
  type StatementOptions,
} from './bit-proof.js';
import { invalidProof } from './challenge.js';
import { assertEquations, type Equation, type VerifyOptions } from './equations.js';
import { multiPower, type Power } from './multi-power.js';
import { assertOpened, encryptOpened, weightedSumOpened, type Opened, type OpenedTerm } from './opened.js';

export interface ProvenBit {
  readonly ciphertext: bigint;
  readonly proof: BitProof;
}
/** One for each weight, in their order. */
export type RangeProof = readonly ProvenBit[];

/** Weights of R >= 1, whose subset sums are 0..R; the last is 1. */
export function rangeWeights(most: bigint): bigint[] {
  if (most < 1n) throw invalidInput('most', 'a bigint above 0', 'a smaller one');
  return Array.from({ length: bitLength(most) }, (_, i) => (most + (1n << BigInt(i))) >> BigInt(i + 1));
}

/** 0 or 1 for each weight. */
function bitsOf(value: bigint, weights: readonly bigint[]): bigint[] {
  let rest = value;
  return weights.map((weight) => {
    const bit = rest >= weight ? 1n : 0n;
    rest -= bit * weight;
    return bit;
  });
}

/** Fresh bits but for the last, which makes the product `opened`. */
function encryptBits(
  publicKey: PaillierPublicKey,
  opened: Opened,
  weights: readonly bigint[],
  options: ProverOptions,
): Opened[] {
  const { n, nSquared } = publicKey;
  const bits = bitsOf(opened.plaintext, weights);
  const fresh = bits.slice(0, -1).map((bit) => encryptOpened(publicKey, bit, options.masks));
  const rest = weightedSumOpened(
    publicKey,
    fresh.map((bit, index): OpenedTerm => [bit, weights[index] as bigint]),
  );
  return [
    ...fresh,
    {
      ciphertext: (opened.ciphertext * modInverse(rest.ciphertext, nSquared)) % nSquared,
      plaintext: bits.at(-1) as bigint,
      randomness: (opened.randomness * modInverse(rest.randomness, n)) % n,
    },
  ];
}

/**
 * Costs three masks per bit.
 * @throws CRYPTO_INVALID_INPUT unless 0 <= plaintext <= most
 */
export function proveRange(opened: Opened, most: bigint, options: ProverOptions): RangeProof {
  const { publicKey } = options;
  assertOpened(publicKey, opened);
  const weights = rangeWeights(most);
  if (opened.plaintext > most) throw invalidInput('plaintext', `0..${most}`, 'one outside');
  return encryptBits(publicKey, opened, weights, options).map((bit) => ({
    ciphertext: bit.ciphertext,
    proof: proveBit(bit, options),
  }));
}

/** @throws CRYPTO_PROOF_INVALID when the bits are not those of the ciphertext; CRYPTO_INVALID_CIPHERTEXT */
export function rangeEquations(
  ciphertext: bigint,
  most: bigint,
  proof: RangeProof,
  options: StatementOptions,
): Equation[] {
  const { publicKey } = options;
  assertCiphertextRange(publicKey, ciphertext);
  const weights = rangeWeights(most);
  if (proof.length !== weights.length)
    throw invalidProof('proof', `${weights.length} bits`, `${proof.length}`);
  const composed = multiPower(
    proof.map((bit, index): Power => [bit.ciphertext, weights[index] as bigint]),
    publicKey.nSquared,
  );
  if (composed !== ciphertext) throw invalidProof('proof', 'bits of this ciphertext', 'others');
  return proof.flatMap((bit) => bitEquations(bit.ciphertext, bit.proof, options));
}

/** @throws CRYPTO_PROOF_INVALID, CRYPTO_INVALID_CIPHERTEXT */
export function verifyRange(
  ciphertext: bigint,
  most: bigint,
  proof: RangeProof,
  options: StatementOptions & VerifyOptions,
): void {
  assertEquations(options.publicKey, rangeEquations(ciphertext, most, proof, options), options);
}
