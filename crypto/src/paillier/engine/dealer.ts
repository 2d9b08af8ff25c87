/**
 * LABELLED DEALER.
 *
 * Divergence: a dealer sees the key; it stands in until the dealerless ceremony (its own issue) replaces it. Whoever
 * runs this function could decrypt every row. Equations: core/paillier/shares.ts.
 *
 *   s_1 .. s_{k-1} uniform in 0..n lambda - 1;   s_k = d - (s_1 + .. + s_{k-1}) mod n lambda
 *
 * The modulus n lambda is a multiple of the order of every element of Z*_{n^2}. Its size leaks a few leading bits of
 * lambda, which n shows anyway. The caller hands each share to its holder and keeps none; JavaScript cannot promise
 * that a BigInt is erased from memory.
 */
import { assertHolders } from '../shares.js';
import type { KeySizeOptions } from '../public-key.js';
import type { KeyShare, PaillierPublicKey } from '../types.js';
import { randomBelow } from '../../core/random.js';
import { modInverse } from '../arithmetic.js';
import { generatePaillierKeys } from './key-generation.js';

export interface DealtKey {
  readonly publicKey: PaillierPublicKey;
  /** One per holder, in the order of `holders`; all of them are needed to decrypt. */
  readonly shares: KeyShare[];
}

/**
 * @param options.keyBits 2048 to 4096 (smaller only with allowTestKeySize); 2048 takes some seconds
 * @param options.holders 2 to 64 distinct MSP ids
 */
export async function dealKeyShares(
  options: KeySizeOptions & { keyBits: number; holders: readonly string[] },
): Promise<DealtKey> {
  const { holders } = options;
  assertHolders(holders);
  const privateKey = await generatePaillierKeys(options);
  const { publicKey, lambda } = privateKey;
  const exponent = lambda * modInverse(lambda, publicKey.n);
  const modulus = publicKey.n * lambda;
  const drawn = holders.slice(1).map(() => randomBelow(modulus));
  const sum = drawn.reduce((total, share) => total + share, 0n);
  const first = (((exponent - sum) % modulus) + modulus) % modulus;
  const shares = [first, ...drawn].map((share, index) => ({
    holder: holders[index] ?? '',
    holders: [...holders],
    keyId: publicKey.keyId,
    share,
  }));
  return { publicKey, shares };
}
