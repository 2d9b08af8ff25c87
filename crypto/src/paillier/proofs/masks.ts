/**
 * Where provers take randomness s and s^n mod n^2 from. A prover draws two or three per proven bit, so this is what its
 * time goes into.
 *
 *   rn    s uniform in Z*_n:                       one exponentiation with exponent n mod n^2
 *   djn   s = h^x mod n, s^n = h_s^x mod n^2:      two powers of fixed bases, by tables (fixed-base.ts)
 *
 * Zero knowledge with masks from the subgroup <h>: an answer s r^e is as good as a fresh mask if r lies in <h> too, that
 * is for ciphertexts made under a `djn` key, and under the assumption that h^x, x of keyBits / 2 bits, looks uniform in
 * <h>: the assumption that such a ciphertext rests on anyway. Under an `rn` key masks are uniform in Z*_n.
 */
import type { RandomBytes } from '../../core/random.js';
import type { ModPow } from '../arithmetic.js';
import { PaillierEncryptor } from '../encryptor.js';
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

/** Masks as the key's ciphertexts have them. For a `djn` key two tables are made first: about 70 masks' time. */
export function masksFor(publicKey: PaillierPublicKey, options: MaskOptions = {}): MaskSource {
  const encryptor = new PaillierEncryptor(publicKey, options);
  return () => encryptor.mask();
}
