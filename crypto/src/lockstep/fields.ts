/**
 * What is read out of a message or a state: exact keys, exact lengths, ranges. Errors are CRYPTO_INVALID_INPUT; the
 * machine turns one that comes from a message into the name of its sender.
 */
import { assertBytes } from '../core/bytes.js';
import { assertCborMap, decodeCbor, type CborMap } from '../core/cbor.js';
import { invalidInput, shapeOf } from '../core/errors.js';
import { unpackIntegers } from './integers.js';

/** Of one round's own data; the largest message plus what is kept of it. */
export const MAX_STATE_BYTES = 2 ** 26;

/** @throws CRYPTO_INVALID_INPUT unless the bytes are canonical CBOR of a map with exactly these keys */
export function decodeFields(
  argument: string,
  bytes: Uint8Array,
  keys: readonly string[],
  maxBytes: number,
): CborMap {
  return assertCborMap(argument, decodeCbor(bytes, maxBytes), keys);
}

export function bytesOf(fields: CborMap, name: string, sizeBytes?: number): Uint8Array {
  const value = fields[name];
  assertBytes(name, value, sizeBytes);
  return value;
}

export function textOf(fields: CborMap, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw invalidInput(name, 'text', shapeOf(value));
  return value;
}

/** A non-negative safe integer. */
export function countOf(fields: CborMap, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || value < 0) throw invalidInput(name, 'an integer from 0', shapeOf(value));
  return value;
}

export interface IntegersFormat {
  readonly sizeBytes: number;
  readonly count: number;
  /** Each is 0..below-1. */
  readonly below: bigint;
}

export function integersOf(fields: CborMap, name: string, format: IntegersFormat): bigint[] {
  const values = unpackIntegers(bytesOf(fields, name), format.sizeBytes, format.count);
  if (values.some((value) => value >= format.below))
    throw invalidInput(name, 'integers below their bound', 'a larger one');
  return values;
}
