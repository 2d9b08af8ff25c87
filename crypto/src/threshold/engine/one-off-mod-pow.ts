/**
 * Modular exponentiation for a modulus that is used once: a ceremony tests thousands of candidates n, each by one power
 * with an exponent of half the length of n.
 *
 *   publicEncrypt({ key: RSA(n, e), padding: none }, base) = base^e mod n
 *
 * `nativeModPow` runs OpenSSL's DH_check when it first sees a modulus, which costs twice the power itself; an RSA public
 * key is taken as it is. Milliseconds per candidate (2 shared cores, Node 20): 1.1 against 3.1 at 2048 bits, 3.2 against
 * 12.3 at 3072. OpenSSL takes exponents above 64 bits only for moduli of at most 3072 bits; longer ones, and longer
 * exponents, go to `nativeModPow`.
 *
 * Divergence: the public operation of RSA is not constant-time, and the exponent here is secret: (p_i + q_i) / 4. It was
 * made by BigInt arithmetic, which is not constant-time either: SECURITY.md. The shares of a finished key never come
 * here, since they are longer than n.
 */
import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { modPow, type ModPow } from '../../paillier/arithmetic.js';
import { nativeModPow } from '../../paillier/engine/native-mod-pow.js';

const MIN_MODULUS_BITS = 512;
const MAX_MODULUS_BITS = 3072;
/** What an exponent may have above half of the modulus. */
const MARGIN_BITS = 8;

function bytesOf(value: bigint, sizeBytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * sizeBytes, '0'), 'hex');
}

function byteLength(value: bigint): number {
  return Math.ceil(value.toString(16).length / 2);
}

/** The bare oracle: throws outside its domain. */
function rsaModPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  const sizeBytes = byteLength(modulus);
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'RSA',
      n: bytesOf(modulus, sizeBytes).toString('base64url'),
      e: bytesOf(exponent, byteLength(exponent)).toString('base64url'),
    },
  });
  const padding = constants.RSA_NO_PADDING;
  return BigInt(`0x${publicEncrypt({ key, padding }, bytesOf(base, sizeBytes)).toString('hex')}`);
}

/** Even, odd, short and half-length exponents, for a modulus of three primes. */
function agreesWithBigInt(oracle: ModPow): boolean {
  const modulus = (2n ** 521n - 1n) * (2n ** 127n - 1n) * (2n ** 107n - 1n);
  const exponents = [2n, 2n ** 64n - 59n, modulus >> 380n];
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
  const isShort = exponent > 1n && exponent >> BigInt(bits / 2 + MARGIN_BITS) === 0n;
  return groupFits && isShort && base > 1n && base < modulus;
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
