import { CareLedgerError } from './errors.js';

/**
 * An `Instant` is UTC text with milliseconds, so that the order of the text is the order in time. These helpers take
 * every time as a parameter: nothing here reads a clock.
 */
export function instantFromMs(epochMs: number): string {
  if (!Number.isSafeInteger(epochMs) || epochMs < 0 || epochMs > LAST_INSTANT_MS) {
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: 'a time between 1970 and 9999',
      came: String(epochMs),
    });
  }
  return new Date(epochMs).toISOString();
}

const LAST_INSTANT_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * @throws CareLedgerError SCHEMA_VIOLATION for text of the right form that is no time, such as 30 February: a later
 * comparison as text would silently move it.
 */
export function msFromInstant(instant: string): number {
  const epochMs = Date.parse(instant);
  if (Number.isNaN(epochMs) || new Date(epochMs).toISOString() !== instant) {
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: 'a time that exists',
      came: instant.slice(0, 40),
    });
  }
  return epochMs;
}

export function addMs(instant: string, ms: number): string {
  return instantFromMs(Math.min(msFromInstant(instant) + ms, LAST_INSTANT_MS));
}
