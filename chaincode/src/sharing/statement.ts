import { CareLedgerError, type Edge } from '@careledger/protocol';

/** One identity at one epoch of its key. */
export interface IdentityAt {
  readonly name: string;
  readonly keyEpoch: number;
}

/** What a delegator signed about an edge, as far as the contracts compare it; digests and labels are hex. */
export interface Statement {
  readonly edgeId: string;
  readonly owner: IdentityAt;
  readonly typeLabel: string;
  readonly conditionLabel: string;
  readonly tagEpoch: number;
  readonly from: IdentityAt;
  readonly to: IdentityAt;
  readonly parent: string;
  readonly serial: string;
  /** MSP ids in the order of their points, from 1. */
  readonly proxies: readonly string[];
  readonly sharable: boolean;
  readonly maxDepth: number;
  readonly allowsRecoverable: boolean;
}

/** @throws CareLedgerError EDGE_INVALID */
export function readStatement(text: string): Statement {
  throw new CareLedgerError('EDGE_INVALID', { came: `${String(text.length)} characters` });
}

/** @throws CareLedgerError EDGE_INVALID unless the delegator signed it, and W is the one that it names */
export function assertSigned(edge: Edge, { edgeId }: Statement, signingKey: string): void {
  throw new CareLedgerError('EDGE_INVALID', { came: `${edge.w.length} ${edgeId} ${signingKey}` });
}
