/**
 * Integer arithmetic on BigInt for Paillier's groups. Variable-time: a co-resident process that measures it may learn
 * about secret exponents; see docs/crypto/formats.md.
 */
import { invalidInput, shapeOf } from '../core/errors.js';

/**
 * base^exponent mod modulus for exponent >= 0 and modulus > 1. What exponentiates takes one of these, so that the pure
 * code runs on BigInt (`modPow`) and Node's engine on OpenSSL (engine/native-mod-pow.ts) with the same results.
 */
export type ModPow = (base: bigint, exponent: bigint, modulus: bigint) => bigint;

/** Number of binary digits; 0 for 0. */
export function bitLength(value: bigint): number {
  if (value < 0n) throw invalidInput('value', 'a non-negative bigint', 'a negative one');
  return value === 0n ? 0 : value.toString(2).length;
}

/** Greatest common divisor of two non-negative integers. */
export function gcd(left: bigint, right: bigint): bigint {
  let a = left;
  let b = right;
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

/** Product modulo `modulus`, left to right; 1 for no factors. */
export function modProduct(factors: readonly bigint[], modulus: bigint): bigint {
  return factors.reduce((product, factor) => (product * factor) % modulus, 1n);
}

/** Longest exponents, in bits, for which a window of 1, 2, .. bits takes the fewest products. */
const LONGEST_FOR_WINDOW = [6, 24, 80, 240, 672];

/** Odd powers base^1, base^3, ... below 2^windowBits. */
function oddPowers(base: bigint, windowBits: number, modulus: bigint): bigint[] {
  const powers = [base];
  if (windowBits === 1) return powers;
  const square = (base * base) % modulus;
  for (let i = 1; i < 2 ** (windowBits - 1); i++) powers.push(((powers[i - 1] as bigint) * square) % modulus);
  return powers;
}

/**
 * base^exponent mod modulus by sliding windows of 1 to 6 bits; exponent >= 0, modulus > 1.
 * @throws CRYPTO_INVALID_INPUT for a negative exponent or a modulus below 2
 */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  if (exponent < 0n) throw invalidInput('exponent', 'a non-negative bigint', 'a negative one');
  if (modulus < 2n) throw invalidInput('modulus', 'a bigint above 1', shapeOf(modulus));
  const bits = exponent === 0n ? '' : exponent.toString(2);
  const windowBits = 1 + LONGEST_FOR_WINDOW.filter((longest) => bits.length > longest).length;
  const powers = oddPowers(((base % modulus) + modulus) % modulus, windowBits, modulus);
  let result = 1n;
  let at = 0;
  while (at < bits.length) {
    if (bits.charAt(at) === '0') {
      result = (result * result) % modulus;
      at += 1;
      continue;
    }
    const window = bits.slice(at, at + windowBits).replace(/0+$/, '');
    for (let i = 0; i < window.length; i++) result = (result * result) % modulus;
    result = (result * (powers[(Number.parseInt(window, 2) - 1) / 2] as bigint)) % modulus;
    at += window.length;
  }
  return result;
}

/** @throws CRYPTO_INVALID_INPUT when `value` has no inverse modulo `modulus` */
export function modInverse(value: bigint, modulus: bigint): bigint {
  let [previous, current] = [modulus, ((value % modulus) + modulus) % modulus];
  let [previousFactor, factor] = [0n, 1n];
  while (current !== 0n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [previousFactor, factor] = [factor, previousFactor - quotient * factor];
  }
  if (previous !== 1n)
    throw invalidInput('value', 'an integer coprime to the modulus', 'one with a common factor');
  return ((previousFactor % modulus) + modulus) % modulus;
}
