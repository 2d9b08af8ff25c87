/** Ciphertexts of which the prover knows plaintext and randomness, and sums of them. */
import { invalidInput, shapeOf } from '../../core/errors.js';
import { assertPlaintext } from '../homomorphic.js';
import { assertCiphertextRange } from '../public-key.js';
import type { PaillierPublicKey } from '../types.js';
import type { MaskSource } from './masks.js';
import { multiPower, type Power } from './multi-power.js';

/** ciphertext = (1 + n)^plaintext randomness^n mod n^2. Secret, but for the ciphertext. */
export interface Opened {
  readonly ciphertext: bigint;
  /** 0..n - 1. */
  readonly plaintext: bigint;
  /** Of Z*_n. */
  readonly randomness: bigint;
}

/**
 * Ranges only. That the three belong together is not checked, nor that they have no factor in common with n: for others
 * the proof does not verify, and its maker harmed nobody else.
 * @throws CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT
 */
export function assertOpened(publicKey: PaillierPublicKey, opened: Opened): void {
  assertCiphertextRange(publicKey, opened.ciphertext);
  assertPlaintext(publicKey, opened.plaintext);
  const { randomness } = opened;
  if (typeof randomness !== 'bigint' || randomness < 1n || randomness >= publicKey.n)
    throw invalidInput('randomness', 'a bigint of 1..n-1', shapeOf(randomness));
}

/** A fresh encryption of 0..n - 1. */
export function encryptOpened(publicKey: PaillierPublicKey, plaintext: bigint, masks: MaskSource): Opened {
  assertPlaintext(publicKey, plaintext);
  const { n, nSquared } = publicKey;
  const { root, power } = masks();
  return { ciphertext: ((1n + plaintext * n) * power) % nSquared, plaintext, randomness: root };
}

export type OpenedTerm = readonly [part: Opened, weight: bigint];

/** Plaintext and randomness of prod c_i^weight_i: sum weight_i m_i mod n, prod r_i^weight_i mod n; weights >= 0. */
export function weightedOpening(
  { n }: PaillierPublicKey,
  terms: readonly OpenedTerm[],
): Omit<Opened, 'ciphertext'> {
  return {
    plaintext: terms.reduce((sum, [{ plaintext }, weight]) => sum + plaintext * weight, 0n) % n,
    randomness: multiPower(
      terms.map(([{ randomness }, weight]): Power => [randomness, weight]),
      n,
    ),
  };
}

/** prod c_i^weight_i mod n^2 with what it encrypts. */
export function weightedSumOpened(publicKey: PaillierPublicKey, terms: readonly OpenedTerm[]): Opened {
  const ciphertext = multiPower(
    terms.map(([part, weight]): Power => [part.ciphertext, weight]),
    publicKey.nSquared,
  );
  return { ciphertext, ...weightedOpening(publicKey, terms) };
}
