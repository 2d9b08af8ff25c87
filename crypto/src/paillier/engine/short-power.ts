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

let last: { readonly modulus: bigint; readonly text: string; readonly sizeBytes: number } | undefined;
let lastKey: { readonly modulus: bigint; readonly exponent: bigint; readonly key: KeyObject } | undefined;

function bytesOf(value: bigint, sizeBytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * sizeBytes, '0'), 'hex');
}

function keyOf(modulus: bigint, exponent: bigint): KeyObject {
  if (lastKey?.modulus === modulus && lastKey.exponent === exponent) return lastKey.key;
  if (last?.modulus !== modulus) {
    const sizeBytes = Math.ceil(modulus.toString(16).length / 2);
    last = { modulus, sizeBytes, text: bytesOf(modulus, sizeBytes).toString('base64url') };
  }
  const exponentBytes = Math.ceil(exponent.toString(16).length / 2);
  const e = bytesOf(exponent, exponentBytes).toString('base64url');
  const key = createPublicKey({ key: { kty: 'RSA', n: last.text, e }, format: 'jwk' });
  lastKey = { modulus, exponent, key };
  return key;
}

/** The bare oracle, as `opensslModPow` is. Not for use without `checkedModPow`. */
export const rsaModPow: ModPow = (base, exponent, modulus) => {
  const key = keyOf(modulus, exponent);
  const sizeBytes = last?.sizeBytes ?? 0;
  const power = publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, bytesOf(base, sizeBytes));
  return BigInt(`0x${power.toString('hex')}`);
};

const shortPower = checkedModPow(rsaModPow, { exponentBits: EXPONENT_BITS });

/** base^exponent mod modulus for an exponent that is no secret; same results and errors as `modPow`. */
export const publicModPow: ModPow = (base, exponent, modulus) =>
  exponent >> BigInt(EXPONENT_BITS) === 0n
    ? shortPower(base, exponent, modulus)
    : nativeModPow(base, exponent, modulus);
