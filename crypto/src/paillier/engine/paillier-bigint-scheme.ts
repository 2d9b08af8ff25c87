/**
 * The Paillier engine for now: the package paillier-bigint 3.4.3. The only file that imports it.
 *
 * g = 1 + n ("simple variant"), so its ciphertexts are those of core/paillier. It stays out of core because its
 * dependency uses top-level await, which a CommonJS chaincode cannot require().
 */
import { PublicKey, generateRandomKeys } from 'paillier-bigint';
import type { PaillierPublicKey, PaillierScheme } from '../types.js';

export const paillierBigintScheme: PaillierScheme = {
  name: 'paillier-bigint 3.4.3',
  async generateKeys(keyBits) {
    const { publicKey, privateKey } = await generateRandomKeys(keyBits, true);
    return { n: publicKey.n, lambda: privateKey.lambda };
  },
  encrypt(publicKey: PaillierPublicKey, plaintext: bigint, randomness: bigint) {
    // Its encrypt raises g to the plaintext by exponentiation; for g = 1 + n that power is 1 + m n, at half the time.
    const { n, nSquared } = publicKey;
    const hidden = new PublicKey(n, n + 1n).encrypt(0n, randomness);
    return (hidden * (1n + plaintext * n)) % nSquared;
  },
};
