/**
 * Public elements that follow from the key alone, so that nobody chose them: each is a hash of the key id, stretched
 * with a counter to 128 bits above the modulus and reduced.
 *
 *   v     = y^2 mod n^2,           y = H('careledger/threshold-base/v1', keyId)  mod n^2
 *   test  = (1 + n) r^n mod n^2,   r = H('careledger/threshold-test/v1', keyId)  mod n        a ciphertext of 1
 *
 * v is a square: its order divides n phi / 4. The test ciphertext closes a ceremony: every majority has to combine it
 * to the same theta.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToBigint, joinBytes } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { gcd, modPow as bigintModPow, type ModPow } from '../paillier/arithmetic.js';
import type { PaillierPublicKey } from '../paillier/types.js';

const MARGIN_BITS = 128;
const DIGEST_BITS = 256;

/** In 0..modulus-1, within 2^-128 of uniform; coprime to n (a first try fails with the probability of factoring n). */
function hashToUnit(label: string, publicKey: PaillierPublicKey, modulus: bigint): bigint {
  const blocks = Math.ceil((modulus.toString(16).length * 4 + MARGIN_BITS) / DIGEST_BITS);
  for (let attempt = 0; ; attempt++) {
    const digests = Array.from({ length: blocks }, (_, block) =>
      sha256(encodeParts(label, publicKey.keyId, BigInt(attempt), BigInt(block))),
    );
    const candidate = bytesToBigint(joinBytes(digests)) % modulus;
    if (candidate > 1n && gcd(publicKey.n, candidate % publicKey.n) === 1n) return candidate;
  }
}

/** v, the base of every verification key and commitment under this key. */
export function verificationBaseOf(publicKey: PaillierPublicKey): bigint {
  const root = hashToUnit('careledger/threshold-base/v1', publicKey, publicKey.nSquared);
  return (root * root) % publicKey.nSquared;
}

/** A ciphertext of 1 that nobody chose. */
export function testCiphertextOf(publicKey: PaillierPublicKey, modPow: ModPow = bigintModPow): bigint {
  const { n, nSquared } = publicKey;
  const randomness = hashToUnit('careledger/threshold-test/v1', publicKey, n);
  return ((1n + n) * modPow(randomness, n, nSquared)) % nSquared;
}
