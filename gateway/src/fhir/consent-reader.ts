/** Reading a FHIR document so that nothing is overlooked: every object says which of its elements are understood. */
import { notMappable } from './consent-codes.js';
import { isObject, type FhirObject } from './fhir-shapes.js';

/** The element as an object that has no other elements than those named. `id` of an element says nothing. */
export function only(path: string, value: unknown, known: readonly string[]): FhirObject {
  if (!isObject(value)) throw notMappable(path, value === undefined ? 'missing' : 'form', 'an object');
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    // Names come from outside: one that is no name of FHIR's is not repeated.
    const named = /^_?[A-Za-z]{1,40}$/.test(name) ? name : 'an element of another name';
    throw notMappable(`${path}.${named}`, 'element-not-supported', `only ${known.join(', ')}`);
  }
  return value;
}

/** R4 writes an element that repeats as an array of at least one. */
export function items(path: string, value: unknown, bounds: { readonly max: number }): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length === 0)
    throw notMappable(path, 'form', 'an array of at least one');
  if (value.length > bounds.max) throw notMappable(path, 'form', `at most ${String(bounds.max)}`);
  return value as readonly unknown[];
}

export function required(path: string, list: readonly unknown[]): readonly unknown[] {
  if (list.length === 0) throw notMappable(path, 'missing', 'at least one');
  return list;
}

export function text(path: string, value: unknown, pattern: RegExp, expected: string): string {
  if (value === undefined) throw notMappable(path, 'missing', expected);
  if (typeof value !== 'string' || !pattern.test(value)) throw notMappable(path, 'form', expected);
  return value;
}

/** One of `codes` in `system`; `display` is the code's own name and adds nothing. */
export function code(path: string, value: unknown, system: string, codes: readonly string[]): string {
  const coding = only(path, value, ['id', 'system', 'code', 'display']);
  const came = coding['code'];
  if (coding['system'] !== system || typeof came !== 'string' || !codes.includes(came))
    throw notMappable(path, 'code-not-supported', `${codes.join(', ')} of ${system}`);
  return came;
}

/** A CodeableConcept of exactly one coding. Its text is the coding's in words. */
export function concept(path: string, value: unknown, system: string, codes: readonly string[]): string {
  const { coding } = only(path, value, ['id', 'coding', 'text']);
  const codings = required(`${path}.coding`, items(`${path}.coding`, coding, { max: 1 }));
  return code(`${path}.coding[0]`, codings[0], system, codes);
}

/** The value of a Reference that names something by an identifier of `system`. */
export function identified(path: string, value: unknown, system: string, pattern: RegExp): string {
  const reference = only(path, value, ['id', 'type', 'identifier', 'display']);
  const identifier = only(`${path}.identifier`, reference['identifier'], ['id', 'use', 'system', 'value']);
  if (identifier['system'] !== system) throw notMappable(`${path}.identifier.system`, 'form', system);
  return text(`${path}.identifier.value`, identifier['value'], pattern, `a value of ${system}`);
}

const DATE_TIME =
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)$/;

/** UTC with milliseconds. A day without a time of day is no instant anywhere, so it is refused; so is 30 February. */
export function instant(path: string, value: unknown): string {
  const expected = 'a time of day with its time zone, at most to the millisecond';
  const came = text(path, value, DATE_TIME, expected);
  const ms = Date.parse(came);
  if (Number.isNaN(ms) || !isOnTheCalendar(came)) throw notMappable(path, 'form', expected);
  return new Date(ms).toISOString();
}

/** Date.parse moves a day that its month does not have, and 24 o'clock, into what follows. */
function isOnTheCalendar(dateTime: string): boolean {
  const local = `${dateTime.slice(0, 'YYYY-MM-DDThh:mm:ss'.length)}.000Z`;
  const ms = Date.parse(local);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === local;
}
