import type { IdentityAt } from '../ports/sharing-custody.js';

/** What a gateway reads in an edge's statement without computing anything. */
export interface StatementFacts {
  /** SHA-256 of the edge, hex. */
  readonly edgeId: string;
  readonly from: IdentityAt;
  readonly to: IdentityAt;
  readonly tagEpoch: number;
  /** MSP ids. */
  readonly proxies: readonly string[];
}

/** @throws CareLedgerError EDGE_INVALID for what is no statement */
export type ReadStatement = (statement: string) => StatementFacts;
