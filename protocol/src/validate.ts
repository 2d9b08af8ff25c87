import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { CareLedgerError } from './errors.js';

const CALLER_FIELDS: readonly string[] = ['caller', 'requester', 'submitter', 'creator', 'role', 'enrolmentId', 'mspId'];

/**
 * Checks a value against a schema of this package; the value is not changed and no default is filled in.
 * @throws CareLedgerError SCHEMA_VIOLATION naming the first field that is wrong, or CALLER_IN_ARGUMENTS when a
 * field that is not in the schema names a caller.
 */
export function validate<Schema extends TSchema>(schema: Schema, value: unknown): Static<Schema> {
  if (Value.Check(schema, value)) return value;
  const first = Value.Errors(schema, value)[0];
  const path = first?.instancePath ?? '';
  const stranger = firstUnknownField(schema, value);
  if (stranger !== undefined && CALLER_FIELDS.includes(stranger)) {
    throw new CareLedgerError('CALLER_IN_ARGUMENTS', { came: `the field ${stranger}` });
  }
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: `at ${path === '' ? 'the top' : path}: ${first?.message ?? 'the documented form'}`,
    came: stranger === undefined ? briefly(valueAt(value, path)) : `the unknown field ${stranger.slice(0, 40)}`,
  });
}

/**
 * @throws CareLedgerError MALFORMED_JSON when the text is not JSON; otherwise as `validate`.
 */
export function parseArgument<Schema extends TSchema>(schema: Schema, text: string): Static<Schema> {
  return validate(schema, parseJson(text));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new CareLedgerError('MALFORMED_JSON', { came: `${String(text.length)} characters that are not JSON` });
  }
}

function firstUnknownField(schema: TSchema, value: unknown): string | undefined {
  const properties = (schema as { properties?: Record<string, unknown> }).properties;
  if (properties === undefined || typeof value !== 'object' || value === null) return undefined;
  return Object.keys(value).find((key) => !Object.hasOwn(properties, key));
}

function valueAt(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined), value);
}

/** The kind and length of a value, never the value: it may be a secret that landed in the wrong field. */
function briefly(value: unknown): string {
  if (typeof value === 'string') return `a string of ${String(value.length)} characters`;
  if (Array.isArray(value)) return `an array of ${String(value.length)}`;
  return value === null || value === undefined ? 'nothing' : `a value of type ${typeof value}`;
}
