import { CareLedgerError } from './errors.js';

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * The one encoder of everything that is hashed, signed or written to the ledger.
 *
 * RFC 8785 (JCS) restricted to what a ledger needs: keys sorted by UTF-16 code unit, no white space, and only
 * safe integers as numbers, because a fraction has more than one spelling across languages.
 * Properties that are `undefined` are left out.
 * @throws CareLedgerError SCHEMA_VIOLATION for a value that has no canonical form.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'number') return encodeNumber(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (isPlainObject(value)) return encodeObject(value);
  throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'a JSON value', came: typeof value });
}

function encodeString(value: string): string {
  if (!value.isWellFormed()) {
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: 'well-formed Unicode',
      came: 'a lone surrogate',
    });
  }
  return JSON.stringify(value);
}

function encodeNumber(value: number): string {
  if (!Number.isSafeInteger(value)) {
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'a safe integer', came: String(value) });
  }
  return Object.is(value, -0) ? '0' : String(value);
}

function encodeObject(value: Record<string, unknown>): string {
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${encodeString(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
