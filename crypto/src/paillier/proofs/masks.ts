/**
 * Where provers take randomness s and s^n mod n^2 from. A prover draws two or three per proven bit, so this is what its
 * time goes into: a `djn` key's fixed-base table makes h^x and h_s^x an order of magnitude faster than s^n.
 *
 * Zero knowledge with masks from the subgroup <h>: an answer s r^e is as good as a fresh mask if r lies in <h> too, that
 * is for ciphertexts made under a `djn` key, and under the assumption that h^x, x of keyBits / 2 bits, looks uniform in
 * <h>: the assumption that such a ciphertext rests on anyway. Under an `rn` key masks are uniform in Z*_n.
 */
import type { RandomBytes } from '../../core/random.js';
import { modPow as bigintModPow, type ModPow } from '../arithmetic.js';
import { randomUnit } from '../homomorphic.js';
import type { PaillierPublicKey } from '../types.js';

export interface Mask {
  /** s in Z*_n. */
  readonly root: bigint;
  /** s^n mod n^2. */
  readonly power: bigint;
}
/** A fresh mask at each call. */
export type MaskSource = () => Mask;

/** s uniform in Z*_n: one exponentiation with exponent n each. */
export function uniformMasks(
  publicKey: PaillierPublicKey,
  options: { readonly modPow?: ModPow; readonly random?: RandomBytes } = {},
): MaskSource {
  const { modPow = bigintModPow, random } = options;
  return () => {
    const root = randomUnit(publicKey, random);
    return { root, power: modPow(root, publicKey.n, publicKey.nSquared) };
  };
}
