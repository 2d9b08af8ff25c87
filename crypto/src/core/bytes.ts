/**
 * Byte strings: strict decoding, fixed-width integers, comparison.
 *
 * Decoders accept exactly one text per byte string, so that a digest or signature over the text is one over the bytes:
 * hex is lower case and of even length; base64url (RFC 4648 section 5) has no padding and zero trailing bits.
 */
import { CryptoError, invalidInput, shapeOf } from './errors.js';

const HEX = '0123456789abcdef';
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BASE64URL_VALUES = new Map(Array.from(BASE64URL, (character, value) => [character, value] as const));

/** Throws CRYPTO_INVALID_INPUT unless `value` is a Uint8Array, of `sizeBytes` when given. */
export function assertBytes(
  argument: string,
  value: unknown,
  sizeBytes?: number,
): asserts value is Uint8Array {
  const expected = sizeBytes === undefined ? 'a Uint8Array' : `${sizeBytes} bytes`;
  if (!(value instanceof Uint8Array)) throw invalidInput(argument, expected, shapeOf(value));
  if (sizeBytes !== undefined && value.length !== sizeBytes)
    throw invalidInput(argument, expected, shapeOf(value));
}

/** Lower-case hex, two characters per byte. */
export function bytesToHex(bytes: Uint8Array): string {
  assertBytes('bytes', bytes);
  let text = '';
  for (const byte of bytes) text += HEX.charAt(byte >> 4) + HEX.charAt(byte & 15);
  return text;
}

/** Inverse of bytesToHex; refuses upper case, odd length and any other character. */
export function hexToBytes(hex: string): Uint8Array {
  if (typeof hex !== 'string' || hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex)) {
    throw invalidInput('hex', 'lower-case hex of even length', shapeOf(hex));
  }
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** base64url without padding. */
export function bytesToBase64Url(bytes: Uint8Array): string {
  assertBytes('bytes', bytes);
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const chunk = bytes.subarray(i, i + 3);
    const bits = ((chunk[0] ?? 0) << 16) | ((chunk[1] ?? 0) << 8) | (chunk[2] ?? 0);
    for (let k = 0; k <= chunk.length; k++) text += BASE64URL.charAt((bits >> (18 - 6 * k)) & 63);
  }
  return text;
}

/** Inverse of bytesToBase64Url; refuses padding, other alphabets and non-zero trailing bits. */
export function base64UrlToBytes(text: string): Uint8Array {
  const bad = (): CryptoError => invalidInput('text', 'canonical unpadded base64url', shapeOf(text));
  if (typeof text !== 'string' || text.length % 4 === 1) throw bad();
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let bitCount = 0;
  let at = 0;
  for (const character of text) {
    const value = BASE64URL_VALUES.get(character);
    if (value === undefined) throw bad();
    bits = (bits << 6) | value;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[at++] = (bits >> bitCount) & 255;
      bits &= (1 << bitCount) - 1;
    }
  }
  if (bits !== 0) throw bad();
  return bytes;
}

/** UTF-8 bytes; refuses text with lone surrogates, which would otherwise collide on U+FFFD. */
export function utf8(argument: string, text: string): Uint8Array {
  if (typeof text !== 'string') throw invalidInput(argument, 'text', shapeOf(text));
  if (/[\uD800-\uDFFF]/u.test(text))
    throw invalidInput(argument, 'well-formed Unicode text', 'a lone surrogate');
  return new TextEncoder().encode(text);
}

/** Joins a list of any length; concatBytes is for a handful (its arguments travel on the stack). */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  return joinBytes(parts);
}

/** Compares without an early exit; the lengths themselves are not hidden. */
export function bytesEqual(left: Uint8Array, right: Uint8Array): boolean {
  assertBytes('left', left);
  assertBytes('right', right);
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let i = 0; i < left.length; i++) difference |= (left[i] ?? 0) ^ (right[i] ?? 0);
  return difference === 0;
}

/** 4-byte big-endian unsigned integer. */
export function uint32(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw invalidInput('value', 'an integer of 0..2^32-1', String(value));
  }
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Big-endian bytes of a non-negative integer, in exactly `sizeBytes`. */
export function bigintToBytes(value: bigint, sizeBytes: number): Uint8Array {
  if (typeof value !== 'bigint' || value < 0n)
    throw invalidInput('value', 'a non-negative bigint', shapeOf(value));
  const hex = value.toString(16);
  if (hex.length > 2 * sizeBytes)
    throw invalidInput('value', `at most ${sizeBytes} bytes`, `${hex.length} hex digits`);
  return hexToBytes(hex.padStart(2 * sizeBytes, '0'));
}

/** Big-endian bytes without leading zeros; 0 is the empty string. */
export function bigintToMinimalBytes(value: bigint): Uint8Array {
  if (typeof value !== 'bigint' || value < 0n)
    throw invalidInput('value', 'a non-negative bigint', shapeOf(value));
  if (value === 0n) return new Uint8Array(0);
  return bigintToBytes(value, Math.ceil(value.toString(16).length / 2));
}

export function bytesToBigint(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytesToHex(bytes)}`);
}
