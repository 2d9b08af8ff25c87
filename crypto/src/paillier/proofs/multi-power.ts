/**
 * Product of many powers, prod base_i^exponent_i mod modulus, faster than one by one.
 *
 *   exponents are cut into digits of c bits, all bases share the squarings (Straus 1964); at a digit either
 *   bits     each bit of each digit multiplies its base in:      about c / 2 multiplications per digit that is not 0
 *   buckets  bases of equal digits are multiplied first (Pippenger 1976):    1 per digit, and 2^(c + 1) in all
 *
 * whichever is less. Exponents may be sparse and of different lengths: a digit 0 costs nothing. Variable-time; for public
 * values only.
 */
import { invalidInput } from '../../core/errors.js';
import { modPow as bigintModPow, type ModPow } from '../arithmetic.js';

/** base^exponent; exponent >= 0. */
export type Power = readonly [base: bigint, exponent: bigint];

/** Up to so many powers are cheaper one by one. */
const FEW_POWERS = 3;
const MAX_DIGIT_BITS = 8;

interface Digits {
  readonly base: bigint;
  /** Least significant first. */
  readonly digits: readonly number[];
}

function digitsOf([base, exponent]: Power, digitBits: number): Digits {
  if (exponent < 0n) throw invalidInput('exponent', 'a non-negative bigint', 'a negative one');
  const bits = exponent.toString(2);
  const digits: number[] = [];
  for (let end = bits.length; end > 0; end -= digitBits)
    digits.push(Number.parseInt(bits.slice(Math.max(0, end - digitBits), end), 2));
  return { base, digits };
}

/** Digits of about log2(count) bits balance one multiplication per digit with the buckets' share. */
function digitBitsFor(count: number): number {
  return Math.min(MAX_DIGIT_BITS, Math.max(2, Math.floor(Math.log2(count)) - 1));
}

type Factor = readonly [base: bigint, digit: number];

function multiplyBits(start: bigint, factors: readonly Factor[], digitBits: number, modulus: bigint): bigint {
  let result = start;
  for (let bit = digitBits - 1; bit >= 0; bit--) {
    result = (result * result) % modulus;
    for (const [base, digit] of factors) if (((digit >> bit) & 1) === 1) result = (result * base) % modulus;
  }
  return result;
}

/** prod of bucket_d^d = product over d, from the highest, of the product of all buckets from d on. */
function multiplyBuckets(
  start: bigint,
  factors: readonly Factor[],
  digitBits: number,
  modulus: bigint,
): bigint {
  const buckets = new Map<number, bigint>();
  for (const [base, digit] of factors) {
    const bucket = buckets.get(digit);
    buckets.set(digit, bucket === undefined ? base : (bucket * base) % modulus);
  }
  let result = start;
  for (let i = 0; i < digitBits; i++) result = (result * result) % modulus;
  let running: bigint | undefined;
  for (let digit = 2 ** digitBits - 1; digit > 0; digit--) {
    const bucket = buckets.get(digit);
    if (bucket !== undefined) running = running === undefined ? bucket : (running * bucket) % modulus;
    if (running !== undefined) result = (result * running) % modulus;
  }
  return result;
}

/**
 * prod base_i^exponent_i mod modulus; 1 for no powers.
 * @param modPow used when there are a few powers only
 * @throws CRYPTO_INVALID_INPUT for a negative exponent
 */
export function multiPower(powers: readonly Power[], modulus: bigint, modPow: ModPow = bigintModPow): bigint {
  if (powers.length <= FEW_POWERS) {
    return powers.reduce(
      (product, [base, exponent]) => (product * modPow(base, exponent, modulus)) % modulus,
      1n,
    );
  }
  const digitBits = digitBitsFor(powers.length);
  const rows = powers.map((power) => digitsOf(power, digitBits));
  const places = rows.reduce((most, { digits }) => Math.max(most, digits.length), 0);
  let result = 1n;
  for (let place = places - 1; place >= 0; place--) {
    const factors: Factor[] = [];
    for (const { base, digits } of rows) {
      const digit = digits[place] ?? 0;
      if (digit !== 0) factors.push([base, digit]);
    }
    const isDense = factors.length * (digitBits / 2 - 1) > 2 ** (digitBits + 1);
    const multiply = isDense ? multiplyBuckets : multiplyBits;
    result = multiply(result, factors, digitBits, modulus);
  }
  return result;
}
