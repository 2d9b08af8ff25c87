import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { CareLedgerError } from './errors.js';

const CALLER_FIELDS: readonly string[] = [
  'caller',
  'requester',
  'submitter',
  'creator',
  'role',
  'enrolmentId',
  'mspId',
];

/**
 * Checks a value against a schema of this package; the value is not changed and no default is filled in.
 * @throws CareLedgerError SCHEMA_VIOLATION naming the first field that is wrong, or CALLER_IN_ARGUMENTS when a
 * field that is not in the schema names a caller.
 */
export function validate<Schema extends TSchema>(schema: Schema, value: unknown): Static<Schema> {
  if (Value.Check(schema, value)) return value;
  throw violation(value, Value.Errors(schema, value));
}

function violation(value: unknown, errors: ReturnType<typeof Value.Errors>): CareLedgerError {
  const strangers = unknownFields(errors);
  const caller = strangers.find((field) => CALLER_FIELDS.includes(field));
  if (caller !== undefined)
    return new CareLedgerError('CALLER_IN_ARGUMENTS', { came: `the field ${caller}` });
  if (strangers[0] !== undefined) {
    const came = `the unknown field ${strangers[0].slice(0, 40)}`;
    return new CareLedgerError('SCHEMA_VIOLATION', { expected: 'only the documented fields', came });
  }
  const { instancePath: path = '', message = 'the documented form' } = errors[0] ?? {};
  return new CareLedgerError('SCHEMA_VIOLATION', {
    expected: `at ${path === '' ? 'the top' : path}: ${message}`,
    came: briefly(valueAt(value, path)),
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
    throw new CareLedgerError('MALFORMED_JSON', {
      came: `${String(text.length)} characters that are not JSON`,
    });
  }
}

/**
 * Fields that a closed object does not have, at any depth. Inside a union every alternative that does not match
 * reports the fields of the others, so those errors say nothing.
 */
function unknownFields(errors: ReturnType<typeof Value.Errors>): string[] {
  return errors.flatMap((error) =>
    error.keyword === 'additionalProperties' && !error.schemaPath.includes('/anyOf/')
      ? [...error.params.additionalProperties]
      : [],
  );
}

function valueAt(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>(
      (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
      value,
    );
}

/** The kind and length of a value, never the value: it may be a secret that landed in the wrong field. */
function briefly(value: unknown): string {
  if (typeof value === 'string') return `a string of ${String(value.length)} characters`;
  if (Array.isArray(value)) return `an array of ${String(value.length)}`;
  return value === null || value === undefined ? 'nothing' : `a value of type ${typeof value}`;
}
