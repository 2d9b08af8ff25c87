/**
 * Many integers as bytes: each big-endian in the same number of bytes, one after the other. A ceremony moves some ten
 * thousand of them per round, so text is made once for all and the engine's own parser reads each.
 */
import { assertBytes } from '../core/bytes.js';
import { invalidInput, shapeOf } from '../core/errors.js';

const DIGITS = '0123456789abcdef';
/** Two characters for each byte. */
const PAIRS = new Uint8Array(512);
/** Value of a character's digit. */
const VALUES = new Uint8Array(128);
for (let digit = 0; digit < 16; digit++) VALUES[DIGITS.charCodeAt(digit)] = digit;
for (let byte = 0; byte < 256; byte++) {
  PAIRS[2 * byte] = DIGITS.charCodeAt(byte >> 4);
  PAIRS[2 * byte + 1] = DIGITS.charCodeAt(byte & 15);
}

function toHex(bytes: Uint8Array): string {
  const characters = new Uint8Array(2 * bytes.length);
  for (let at = 0; at < bytes.length; at++) {
    const pair = 2 * (bytes[at] ?? 0);
    characters[2 * at] = PAIRS[pair] ?? 0;
    characters[2 * at + 1] = PAIRS[pair + 1] ?? 0;
  }
  return new TextDecoder('latin1').decode(characters);
}

function fromHex(hex: string): Uint8Array {
  const characters = new TextEncoder().encode(hex);
  const bytes = new Uint8Array(hex.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    const high = VALUES[characters[2 * at] ?? 0] ?? 0;
    bytes[at] = (high << 4) | (VALUES[characters[2 * at + 1] ?? 0] ?? 0);
  }
  return bytes;
}

/** @throws CRYPTO_INVALID_INPUT for a negative integer or one that does not fit */
export function packIntegers(values: readonly bigint[], sizeBytes: number): Uint8Array {
  const digits = 2 * sizeBytes;
  const parts = values.map((value) => {
    const hex = value.toString(16);
    if (value < 0n || hex.length > digits)
      throw invalidInput('values', `integers of 0..2^${8 * sizeBytes}-1`, 'another');
    return hex.padStart(digits, '0');
  });
  return fromHex(parts.join(''));
}

/** @throws CRYPTO_INVALID_INPUT unless there are `count` integers of `sizeBytes` */
export function unpackIntegers(bytes: Uint8Array, sizeBytes: number, count: number): bigint[] {
  assertBytes('integers', bytes);
  if (bytes.length !== sizeBytes * count)
    throw invalidInput('integers', `${count} of ${sizeBytes} bytes`, shapeOf(bytes));
  const hex = toHex(bytes);
  const digits = 2 * sizeBytes;
  return Array.from({ length: count }, (_, index) =>
    BigInt(`0x${hex.slice(index * digits, (index + 1) * digits)}`),
  );
}
