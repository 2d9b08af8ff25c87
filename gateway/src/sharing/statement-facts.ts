import { CryptoError, base64UrlToBytes, parseStatement, type EdgeStatement } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';

/** What a gateway reads in an edge's statement without computing anything. */
export type StatementFacts = Pick<EdgeStatement, 'edgeId' | 'from' | 'to' | 'tagEpoch' | 'proxies'>;

export type ReadStatement = (statement: string) => StatementFacts;

/** @param statement base64url @throws CareLedgerError EDGE_INVALID for what is no statement */
export const readStatement: ReadStatement = (statement) => {
  try {
    return parseStatement(base64UrlToBytes(statement));
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new CareLedgerError('EDGE_INVALID', { expected: cause.expected, came: cause.came, cause });
  }
};
