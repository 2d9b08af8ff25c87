/**
 * Canonical CBOR: RFC 8949 section 4.2.1 (core deterministic encoding) by cborg, restricted to what headers need: maps
 * with text keys, arrays, text, byte strings, safe integers, booleans, null.
 *
 * Decoding re-encodes and compares, so one value has one accepted byte string: indefinite lengths, long integer forms,
 * unsorted or doubled keys, floats, tags, undefined and trailing bytes all fail.
 */
import { decode, encode, rfc8949EncodeOptions } from 'cborg';
import { assertBytes, bytesEqual } from './bytes.js';
import { CryptoError, invalidInput, shapeOf } from './errors.js';

export type CborValue = string | number | boolean | null | Uint8Array | readonly CborValue[] | CborMap;
export interface CborMap {
  readonly [key: string]: CborValue;
}

const MAX_DEPTH = 8;

function isScalar(value: unknown): boolean {
  if (value === null || value instanceof Uint8Array) return true;
  return typeof value === 'boolean' || typeof value === 'string' || Number.isSafeInteger(value);
}

function assertEncodable(value: unknown, path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw invalidInput(path, `nesting of at most ${MAX_DEPTH}`, 'deeper nesting');
  if (isScalar(value)) return;
  if (typeof value !== 'object' || value === null || !(Array.isArray(value) || isPlain(value))) {
    throw invalidInput(path, 'text, bytes, safe integer, boolean, null, array or map', shapeOf(value));
  }
  for (const [key, entry] of Object.entries(value)) assertEncodable(entry, `${path}.${key}`, depth + 1);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** @throws CRYPTO_INVALID_INPUT for a value outside CborValue */
export function encodeCbor(value: CborValue): Uint8Array {
  assertEncodable(value, 'value', 0);
  return new Uint8Array(encode(value, rfc8949EncodeOptions));
}

/**
 * @param maxBytes refuse longer input before parsing
 * @throws CRYPTO_INVALID_INPUT when the bytes are not the canonical encoding of a CborValue
 */
export function decodeCbor(bytes: Uint8Array, maxBytes = 65536): CborValue {
  assertBytes('cbor', bytes);
  if (bytes.length > maxBytes) throw invalidInput('cbor', `at most ${maxBytes} bytes`, shapeOf(bytes));
  let value: unknown;
  try {
    value = decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
    });
  } catch (cause) {
    throw new CryptoError('CRYPTO_INVALID_INPUT', {
      argument: 'cbor',
      expected: 'canonical CBOR',
      came: 'bytes that do not decode',
      cause,
    });
  }
  assertEncodable(value, 'cbor', 0);
  const decoded = value as CborValue;
  if (!bytesEqual(encodeCbor(decoded), bytes)) {
    throw invalidInput('cbor', 'canonical CBOR', 'another encoding of the same value');
  }
  return decoded;
}

/** @throws CRYPTO_INVALID_INPUT unless `value` is a map with exactly `keys` */
export function assertCborMap(
  argument: string,
  value: CborValue | undefined,
  keys: readonly string[],
): CborMap {
  if (
    value === undefined ||
    value === null ||
    typeof value !== 'object' ||
    value instanceof Uint8Array ||
    Array.isArray(value)
  ) {
    throw invalidInput(argument, `a map of ${keys.join(', ')}`, shapeOf(value));
  }
  const came = Object.keys(value).sort();
  if (came.join() !== [...keys].sort().join())
    throw invalidInput(argument, `keys ${keys.join(', ')}`, `keys ${came.join(', ')}`);
  return value as CborMap;
}
