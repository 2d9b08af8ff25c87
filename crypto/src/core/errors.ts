/**
 * The one error class of this package.
 *
 * An error names the argument, what was expected and what came. `came` describes shape only (a length, a type, a
 * range): it never holds a key, a plaintext or a passphrase.
 */

/** Stable codes; the gateway's catalogue maps each to an HTTP status. */
export const CRYPTO_ERROR_CODES = [
  /** An argument has the wrong type, length, encoding or range. */
  'CRYPTO_INVALID_INPUT',
  /** A tag, signature or binding does not verify: wrong key, wrong context, or changed bytes. */
  'CRYPTO_AUTHENTICATION_FAILED',
  /** A version, suite or format that this build does not know. */
  'CRYPTO_UNSUPPORTED',
  /** A bound on size, queue or count is exceeded. */
  'CRYPTO_LIMIT_EXCEEDED',
  /** Not a Paillier ciphertext under this key. */
  'CRYPTO_INVALID_CIPHERTEXT',
  /** A row's value is outside its field's declared range or categories. */
  'CRYPTO_VALUE_OUT_OF_RANGE',
  /** A panel layout is malformed or does not fit its key. */
  'CRYPTO_LAYOUT_INVALID',
  /** Decrypted totals cannot be the sum of rows of this layout. */
  'CRYPTO_TOTALS_INVALID',
  /** A mean of nobody, a variance of fewer than two. */
  'CRYPTO_STATISTIC_UNDEFINED',
  /** Partial decryptions are missing, doubled, or of another ciphertext. */
  'CRYPTO_SHARES_INCOMPLETE',
  /** Shares combine to something that is not a decryption. */
  'CRYPTO_DECRYPTION_FAILED',
  /** A zero-knowledge proof does not verify: false statement, other context, or changed bytes. */
  'CRYPTO_PROOF_INVALID',
  /** An opened contribution is not what was committed or posted. */
  'CRYPTO_CONTRIBUTION_MISMATCH',
  /** The caller's signal stopped the job, or the pool was closed. */
  'CRYPTO_CANCELLED',
  /** A worker thread died. */
  'CRYPTO_WORKER_FAILED',
] as const;

export type CryptoErrorCode = (typeof CRYPTO_ERROR_CODES)[number];

/** Every failure of this package; `code` is what callers decide on, the message is for people. */
export class CryptoError extends Error {
  readonly code: CryptoErrorCode;
  readonly argument: string;
  readonly expected: string;
  readonly came: string;

  constructor(
    code: CryptoErrorCode,
    details: { argument: string; expected: string; came: string; cause?: unknown },
  ) {
    super(
      `${code}: ${details.argument}: expected ${details.expected}, came ${details.came}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = 'CryptoError';
    this.code = code;
    this.argument = details.argument;
    this.expected = details.expected;
    this.came = details.came;
  }
}

/** Shorthand for CRYPTO_INVALID_INPUT. */
export function invalidInput(argument: string, expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_INVALID_INPUT', { argument, expected, came });
}

/** Describes a value's shape without its contents. */
export function shapeOf(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `array of ${value.length}`;
  if (typeof value === 'string') return `text of ${value.length} characters`;
  return typeof value;
}
