/**
 * Randomness of Damgard, Jurik and Nielsen, "A generalization of Paillier's public-key system with applications to
 * electronic voting", International Journal of Information Security 9 (2010), with its shorter exponents.
 *
 *   y     = SHA-256 of n, expanded, mod n
 *   h     = -y^2 mod n                 h_s = h^n mod n^2
 *   E(m)  = (1 + m n) h_s^x mod n^2,   x uniform in 0..2^ceil(keyBits / 2) - 1
 *
 * which is the textbook form with r = h^x mod n. Two assumptions beyond the textbook's (decisional composite
 * residuosity): n is a Blum integer (p = q = 3 mod 4) with gcd(p - 1, q - 1) = 2, so that h generates the squares with
 * sign; and h^x for x of half the length looks like h^x for any x, which follows from factoring for such n (Goldreich
 * and Rosen, Journal of Cryptology 16, 2003).
 *
 * Divergence: y is hashed from n instead of drawn, so that everybody derives the same h and nobody knows a logarithm
 * between two of them; a key from the ceremony is a Blum integer, but nobody can check gcd(p - 1, q - 1) = 2 for it: with
 * a larger common divisor g, h generates a smaller group than it could, by a factor of g / 2.
 */
import { expandBelow } from '../core/expand.js';
import { gcd } from './arithmetic.js';
import type { PaillierPublicKey } from './types.js';

const LABEL = 'careledger/paillier-djn/v1';

/** Bits of x. */
export function djnExponentBits(publicKey: PaillierPublicKey): number {
  return Math.ceil(publicKey.keyBits / 2);
}

/** h, the same for everybody who has n. */
export function djnBase(publicKey: PaillierPublicKey): bigint {
  const { n } = publicKey;
  for (let attempt = 0n; ; attempt += 1n) {
    const y = expandBelow(LABEL, [n, attempt], n);
    if (y > 1n && gcd(n, y) === 1n) return n - ((y * y) % n);
  }
}
