/**
 * RecordContext: which record a ciphertext belongs to. It enters the associated data of every segment and the HPKE
 * info string, so an envelope or header moved to another patient, record or type does not open.
 */
import { utf8 } from './bytes.js';
import { encodeParts } from './encode.js';
import { CryptoError, invalidInput, shapeOf } from './errors.js';

export interface RecordContext {
  readonly ownerMspId: string;
  readonly pseudonym: string;
  readonly recordType: string;
  readonly recordId: string;
}

export const CONTEXT_KEYS = ['ownerMspId', 'pseudonym', 'recordType', 'recordId'] as const;
const MAX_CONTEXT_TEXT_BYTES = 256;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** A short printable text: 1..256 bytes of UTF-8 without control characters. */
export function assertContextText(argument: string, text: unknown): asserts text is string {
  if (typeof text !== 'string') throw invalidInput(argument, 'text', shapeOf(text));
  const sizeBytes = utf8(argument, text).length;
  if (sizeBytes < 1 || sizeBytes > MAX_CONTEXT_TEXT_BYTES || CONTROL.test(text)) {
    throw invalidInput(
      argument,
      `1..${MAX_CONTEXT_TEXT_BYTES} bytes without control characters`,
      `${sizeBytes} bytes`,
    );
  }
}

export function assertRecordContext(context: unknown): asserts context is RecordContext {
  if (context === null || typeof context !== 'object')
    throw invalidInput('context', 'an object', shapeOf(context));
  const entries = context as Record<string, unknown>;
  for (const key of CONTEXT_KEYS) assertContextText(`context.${key}`, entries[key]);
}

/** encodeParts('careledger/record-context/v1', ownerMspId, pseudonym, recordType, recordId) */
export function encodeContext(context: RecordContext): Uint8Array {
  assertRecordContext(context);
  return encodeParts('careledger/record-context/v1', ...CONTEXT_KEYS.map((key) => context[key]));
}

/** @throws CRYPTO_AUTHENTICATION_FAILED naming the first part that differs */
export function assertSameContext(expected: RecordContext, came: RecordContext): void {
  assertRecordContext(expected);
  assertRecordContext(came);
  const different = CONTEXT_KEYS.find((key) => expected[key] !== came[key]);
  if (different !== undefined) {
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: `context.${different}`,
      expected: 'the record that was asked for',
      came: 'another',
    });
  }
}
