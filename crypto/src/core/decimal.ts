/**
 * Exact decimals: text or number in, scaled integers out, fractions back to text. No floating-point arithmetic.
 *
 *   parse("-1.25") = { unscaled: -125n, scale: 2 }        a number goes through its shortest round-trip text
 *   fixed point with k digits: round(value * 10^k), half away from zero
 */
import { CryptoError, invalidInput, shapeOf } from './errors.js';

/** Plain decimal text ("-12.5"), or a finite number. */
export type Decimal = number | string;

export interface ExactDecimal {
  readonly unscaled: bigint;
  /** Digits after the point, >= 0. */
  readonly scale: number;
}

const PLAIN = /^(-?)(\d{1,40})(?:\.(\d{1,40}))?$/;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

export function powerOfTen(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

/** @throws CRYPTO_INVALID_INPUT for NaN, infinities, exponents in text, signs other than "-", more than 40 digits */
export function parseDecimal(argument: string, value: unknown): ExactDecimal {
  const text = typeof value === 'number' ? String(value) : value;
  const match = typeof text === 'string' ? (typeof value === 'number' ? NUMBER : PLAIN).exec(text) : null;
  if (match === null) throw invalidInput(argument, 'a plain decimal', shapeOf(value));
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const unscaled = BigInt(`${sign}${whole}${fraction}`);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { unscaled, scale } : { unscaled: unscaled * powerOfTen(-scale), scale: 0 };
}

/** -1, 0 or 1. */
export function compareDecimals(left: ExactDecimal, right: ExactDecimal): number {
  const scale = Math.max(left.scale, right.scale);
  const difference =
    left.unscaled * powerOfTen(scale - left.scale) - right.unscaled * powerOfTen(scale - right.scale);
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}

/** numerator / denominator to the nearest integer, half away from zero; denominator > 0. */
export function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const rounded = (2n * magnitude + denominator) / (2n * denominator);
  return numerator < 0n ? -rounded : rounded;
}

/** round(value * 10^digits), half away from zero. */
export function toFixedPoint(value: ExactDecimal, digits: number): bigint {
  if (value.scale <= digits) return value.unscaled * powerOfTen(digits - value.scale);
  return divideRounded(value.unscaled, powerOfTen(value.scale - digits));
}

/** Like toFixedPoint, but refuses a value with more digits (CRYPTO_INVALID_INPUT). */
export function toExactFixedPoint(argument: string, value: Decimal, digits: number): bigint {
  const parsed = parseDecimal(argument, value);
  const fixed = toFixedPoint(parsed, digits);
  if (compareDecimals(parsed, { unscaled: fixed, scale: digits }) === 0) return fixed;
  throw new CryptoError('CRYPTO_INVALID_INPUT', {
    argument,
    expected: `at most ${digits} digits after the point`,
    came: 'more',
  });
}

/** Decimal text of numerator / denominator with exactly `digits` digits after the point, half away from zero. */
export function fractionToText(numerator: bigint, denominator: bigint, digits: number): string {
  const scaled = divideRounded(numerator * powerOfTen(digits), denominator);
  const magnitude = (scaled < 0n ? -scaled : scaled).toString().padStart(digits + 1, '0');
  const whole = magnitude.slice(0, magnitude.length - digits);
  const sign = scaled < 0n ? '-' : '';
  return digits === 0 ? `${sign}${whole}` : `${sign}${whole}.${magnitude.slice(-digits)}`;
}
