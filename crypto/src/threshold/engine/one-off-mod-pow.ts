/**
 * Modular exponentiation for a modulus that is used once: a ceremony tests thousands of candidates n, each by one power.
 *
 * `nativeModPow` runs OpenSSL's DH_check when it first sees a modulus, which costs as much as a power with an exponent of
 * full length; the public operation of RSA (short-power.ts) takes a modulus as it is. Milliseconds per candidate, for an
 * exponent of half the length of n (2 shared cores, Node 20): 1.1 against 3.1 at 2048 bits, 3.2 against 12.3 at 3072.
 * OpenSSL takes exponents above 64 bits only for moduli of at most 3072 bits; all else goes to `nativeModPow`.
 *
 * Divergence: the public operation of RSA is not constant-time, and the exponent here is secret: (p_i + q_i) / 4. It was
 * made by BigInt arithmetic, which is not constant-time either: SECURITY.md. What is computed with the shares of a
 * finished key has the modulus n^2, above 3072 bits for every key that is no test key, and goes to `nativeModPow`.
 */
import { modPow, type ModPow } from '../../paillier/arithmetic.js';
import { nativeModPow } from '../../paillier/engine/native-mod-pow.js';
import { rsaModPow } from '../../paillier/engine/short-power.js';

const MIN_MODULUS_BITS = 512;
const MAX_MODULUS_BITS = 3072;

/** Even, odd, short, half-length and full-length exponents, for a modulus of three primes. */
function agreesWithBigInt(oracle: ModPow): boolean {
  const modulus = (2n ** 521n - 1n) * (2n ** 127n - 1n) * (2n ** 107n - 1n);
  const exponents = [2n, 2n ** 64n - 59n, modulus >> 380n, modulus - 4n];
  try {
    return exponents.every((exponent) =>
      [4n, modulus - 2n].every((base) => oracle(base, exponent, modulus) === modPow(base, exponent, modulus)),
    );
  } catch {
    return false;
  }
}

function takes(base: bigint, exponent: bigint, modulus: bigint): boolean {
  const bits = 4 * modulus.toString(16).length;
  const groupFits = modulus % 2n === 1n && bits > MIN_MODULUS_BITS - 4 && bits <= MAX_MODULUS_BITS;
  return groupFits && exponent > 1n && exponent < modulus && base > 1n && base < modulus;
}

/** As `checkedModPow`: compared with BigInt before its first use, and replaced by `nativeModPow` where it fails. */
export function checkedOneOff(oracle: ModPow): ModPow {
  let trusted: boolean | undefined;
  return (base, exponent, modulus) => {
    if (!takes(base, exponent, modulus)) return nativeModPow(base, exponent, modulus);
    trusted ??= agreesWithBigInt(oracle);
    if (!trusted) return nativeModPow(base, exponent, modulus);
    try {
      return oracle(base, exponent, modulus);
    } catch {
      return nativeModPow(base, exponent, modulus);
    }
  };
}

/** base^exponent mod modulus, with the results and errors of `modPow`: what a ceremony calculates with on Node. */
export const ceremonyModPow: ModPow = checkedOneOff(rsaModPow);
