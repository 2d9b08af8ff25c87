import { CryptoError, type CryptoErrorCode } from '@careledger/crypto';
import { CareLedgerError, type ErrorCode } from '@careledger/protocol';

/**
 * What an error of the crypto package means to whoever called the gateway. A ciphertext or key that does not
 * authenticate is a damaged record: everything that authenticates in this process belongs to one.
 */
const MEANING: Readonly<Record<CryptoErrorCode, ErrorCode>> = {
  CRYPTO_INVALID_INPUT: 'RECORD_TAMPERED',
  CRYPTO_AUTHENTICATION_FAILED: 'RECORD_TAMPERED',
  CRYPTO_UNSUPPORTED: 'RECORD_TAMPERED',
  CRYPTO_LIMIT_EXCEEDED: 'LIMIT_EXCEEDED',
  CRYPTO_INVALID_CIPHERTEXT: 'CIPHERTEXT_INVALID',
  CRYPTO_VALUE_OUT_OF_RANGE: 'SCHEMA_VIOLATION',
  CRYPTO_LAYOUT_INVALID: 'SCHEMA_VIOLATION',
  CRYPTO_TOTALS_INVALID: 'RESULT_MISMATCH',
  CRYPTO_STATISTIC_UNDEFINED: 'SCHEMA_VIOLATION',
  CRYPTO_SHARES_INCOMPLETE: 'RESULT_MISMATCH',
  CRYPTO_DECRYPTION_FAILED: 'CIPHERTEXT_INVALID',
  CRYPTO_PROOF_INVALID: 'PROOF_INVALID',
  CRYPTO_CONTRIBUTION_MISMATCH: 'CONTRIBUTION_MISMATCH',
  CRYPTO_CANCELLED: 'NOT_READY',
  CRYPTO_WORKER_FAILED: 'INTERNAL',
};

/** A CryptoError as the catalogue knows it; anything else as it came. */
export function toCareLedgerError(error: unknown): unknown {
  if (!(error instanceof CryptoError)) return error;
  const code = MEANING[error.code];
  if (code === 'INTERNAL') return new CareLedgerError(code, { cause: error });
  return new CareLedgerError(code, {
    expected: `${error.argument}: ${error.expected}`,
    came: error.came,
    cause: error,
  });
}
