/** What went wrong, for the person at the terminal: the code where there is one, what happened, and what to do. */
import { GatewayError } from '@careledger/client';
import { CryptoError } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';

export function inWords(error: unknown): string {
  if (error instanceof GatewayError) return `${error.code}: ${error.message}`;
  if (error instanceof CareLedgerError) return `${error.code}: ${error.message} ${error.entry.action}`;
  if (error instanceof CryptoError && error.argument === 'key file')
    return `The key file does not open: expected ${error.expected}; came ${error.came}.`;
  if (error instanceof TypeError && error.message === 'fetch failed') return 'The gateway does not answer.';
  return error instanceof Error ? error.message : String(error);
}
