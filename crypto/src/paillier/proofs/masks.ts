/**
 * Where provers take randomness s and s^n mod n^2 from. A prover draws two or three per proven bit, so this is what its
 * time goes into.
 *
 *   rn    s uniform in Z*_n:                       one exponentiation with exponent n mod n^2
 *   djn   s = h^x mod n, s^n = h_s^x mod n^2:      one of half the length mod n, and a table look-up (fixed-base.ts)
 *
 * Zero knowledge with masks from the subgroup <h>: an answer s r^e is as good as a fresh mask if r lies in <h> too, that
 * is for ciphertexts made under a `djn` key, and under the assumption that h^x, x of keyBits / 2 bits, looks uniform in
 * <h>: the assumption that such a ciphertext rests on anyway. Under an `rn` key masks are uniform in Z*_n.
 */
import { randomBits, type RandomBytes } from '../../core/random.js';
import { modPow as bigintModPow, type ModPow } from '../arithmetic.js';
import { djnBase, djnExponentBits } from '../djn.js';
import { FixedBasePowers } from '../fixed-base.js';
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

interface MaskOptions {
  readonly modPow?: ModPow;
  readonly random?: RandomBytes;
}

/** Masks as the key's ciphertexts have them. For a `djn` key the table is made first: about 50 masks' time. */
export function masksFor(publicKey: PaillierPublicKey, options: MaskOptions = {}): MaskSource {
  return publicKey.encryption === 'djn' ? djnMasks(publicKey, options) : uniformMasks(publicKey, options);
}

function uniformMasks(publicKey: PaillierPublicKey, options: MaskOptions): MaskSource {
  const { modPow = bigintModPow, random } = options;
  return () => {
    const root = randomUnit(publicKey, random);
    return { root, power: modPow(root, publicKey.n, publicKey.nSquared) };
  };
}

function djnMasks(publicKey: PaillierPublicKey, options: MaskOptions): MaskSource {
  const { modPow = bigintModPow, random } = options;
  const { n, nSquared } = publicKey;
  const h = djnBase(publicKey);
  const exponentBits = djnExponentBits(publicKey);
  const powers = new FixedBasePowers({ base: modPow(h, n, nSquared), n, exponentBits });
  return () => {
    const exponent = randomBits(exponentBits, random);
    return { root: modPow(h, exponent, n), power: powers.power(exponent) };
  };
}
