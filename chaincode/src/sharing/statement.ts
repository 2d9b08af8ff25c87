import { createHash } from 'node:crypto';
import {
  CryptoError,
  base64UrlToBytes,
  parseStatement,
  verifyStatementSignature,
  type EdgeStatement,
} from '@careledger/crypto/core';
import { CareLedgerError, type Edge } from '@careledger/protocol';

/**
 * What a delegator signed about an edge. The contracts read it and compare; its values in the groups are the proxies'
 * to verify, before they acknowledge.
 * @throws CareLedgerError EDGE_INVALID
 */
export function readStatement({ statement }: Pick<Edge, 'statement'>): EdgeStatement {
  return asEdgeError(() => parseStatement(base64UrlToBytes(statement)));
}

/** @throws CareLedgerError EDGE_INVALID unless the delegator signed it, and W is the one that it names */
export function assertSigned(edge: Edge, statement: EdgeStatement, signingKey: string): void {
  asEdgeError(() => {
    verifyStatementSignature(statement, signingKey);
  });
  const wHash = asEdgeError(() => createHash('sha256').update(base64UrlToBytes(edge.w)).digest('hex'));
  if (wHash !== statement.wHash)
    throw new CareLedgerError('EDGE_INVALID', { message: 'W is not the one that the statement names.' });
}

function asEdgeError<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof CryptoError) throw new CareLedgerError('EDGE_INVALID', { cause });
    throw cause;
  }
}
