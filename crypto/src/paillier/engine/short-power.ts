/**
 * Powers with short public exponents, by OpenSSL's RSA public operation without padding: c^e mod m for e below 2^64,
 * less than two thirds of the time of nativeModPow. RSA's public operation does not hide e: only for weights that
 * everybody knows. Longer exponents go to nativeModPow.
 *
 * Divergence: as there, OpenSSL is given a modulus that is no RSA modulus (n^2), so it is compared with BigInt first.
 */
import { constants, createPublicKey, publicEncrypt, type KeyObject } from 'node:crypto';
import type { ModPow } from '../arithmetic.js';
import { checkedModPow, nativeModPow } from './native-mod-pow.js';

/** OpenSSL refuses longer public exponents with large moduli. */
const EXPONENT_BITS = 64;

/** Weights of one study, and more; a key for another exponent costs a tenth of an exponentiation. */
const MAX_CACHED_EXPONENTS = 128;

/** OpenSSL's keys (modulus, exponent) of one modulus. */
class RsaKeys {
  readonly sizeBytes: number;
  readonly #modulusText: string;
  readonly #byExponent = new Map<bigint, KeyObject>();

  constructor(readonly modulus: bigint) {
    this.sizeBytes = sizeInBytes(modulus);
    this.#modulusText = bytesOf(modulus, this.sizeBytes).toString('base64url');
  }

  key(exponent: bigint): KeyObject {
    const kept = this.#byExponent.get(exponent);
    if (kept !== undefined) return kept;
    if (this.#byExponent.size >= MAX_CACHED_EXPONENTS) this.#byExponent.clear();
    const e = bytesOf(exponent, sizeInBytes(exponent)).toString('base64url');
    const key = createPublicKey({ key: { kty: 'RSA', n: this.#modulusText, e }, format: 'jwk' });
    this.#byExponent.set(exponent, key);
    return key;
  }
}

let keysOfLastModulus: RsaKeys | undefined;

function sizeInBytes(value: bigint): number {
  return Math.ceil(value.toString(16).length / 2);
}

function bytesOf(value: bigint, sizeBytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * sizeBytes, '0'), 'hex');
}

/** The bare oracle, as `opensslModPow` is. Not for use without `checkedModPow`. */
export const rsaModPow: ModPow = (base, exponent, modulus) => {
  if (keysOfLastModulus?.modulus !== modulus) keysOfLastModulus = new RsaKeys(modulus);
  const key = keysOfLastModulus.key(exponent);
  const input = bytesOf(base, keysOfLastModulus.sizeBytes);
  const power = publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, input);
  return BigInt(`0x${power.toString('hex')}`);
};

const shortPower = checkedModPow(rsaModPow, { exponentBits: EXPONENT_BITS });

/** base^exponent mod modulus for an exponent that is no secret; same results and errors as `modPow`. */
export const publicModPow: ModPow = (base, exponent, modulus) =>
  exponent >> BigInt(EXPONENT_BITS) === 0n
    ? shortPower(base, exponent, modulus)
    : nativeModPow(base, exponent, modulus);
