import {
  CareLedgerError,
  KEYS,
  type AggregationKey,
  type Contribution,
  type PartialShare,
  type Query,
  type RegisteredLayout,
} from '@careledger/protocol';
import type { Call } from '../shell/call.js';

/** The consortium has one aggregation key: the place where it stands. */
export const CURRENT_KEY = ['current'] as const;

/** Fixed width, so that versions sort. */
export function versionText(version: number): string {
  return String(version).padStart(4, '0');
}

/** @throws CareLedgerError PANEL_NOT_FOUND */
export async function readLayout(call: Call, layoutId: string, version: number): Promise<RegisteredLayout> {
  const layout = await call.state.read(KEYS.panelLayout, [layoutId, versionText(version)]);
  if (layout !== undefined) return layout;
  throw new CareLedgerError('PANEL_NOT_FOUND', {
    message: 'No such panel layout.',
    came: `${layoutId} version ${String(version)}`,
  });
}

/** @throws CareLedgerError KEY_NOT_FOUND */
export async function readKey(call: Call): Promise<AggregationKey> {
  const key = await call.state.read(KEYS.aggregationKey, CURRENT_KEY);
  if (key === undefined) throw new CareLedgerError('KEY_NOT_FOUND');
  return key;
}

/** @throws CareLedgerError KEY_NOT_FOUND unless every holder has accepted the key, and it is the one named. */
export async function requireActiveKey(call: Call, keyId?: string): Promise<AggregationKey> {
  const key = await readKey(call);
  if (key.status !== 'active') {
    throw new CareLedgerError('KEY_NOT_FOUND', {
      message: 'Not every holder has accepted the aggregation key yet.',
    });
  }
  if (keyId !== undefined && keyId !== key.publicKey.keyId) {
    throw new CareLedgerError('KEY_NOT_FOUND', { message: 'Another key is the consortium’s.', came: keyId });
  }
  return key;
}

/** @throws CareLedgerError QUERY_NOT_FOUND */
export async function readQuery(call: Call, queryId: string): Promise<Query> {
  const query = await call.state.read(KEYS.query, [queryId]);
  if (query === undefined) throw new CareLedgerError('QUERY_NOT_FOUND', { came: queryId });
  return query;
}

/** By point reads: who may contribute is fixed when the query opens. */
export async function readContributions(call: Call, query: Query): Promise<Contribution[]> {
  const contributions: Contribution[] = [];
  for (const mspId of query.members) {
    const contribution = await call.state.read(KEYS.contribution, [query.queryId, mspId]);
    if (contribution !== undefined) contributions.push(contribution);
  }
  return contributions;
}

export async function readPartials(
  call: Call,
  queryId: string,
  holders: readonly string[],
): Promise<PartialShare[]> {
  const partials: PartialShare[] = [];
  for (const mspId of holders) {
    const partial = await call.state.read(KEYS.partial, [queryId, mspId]);
    if (partial !== undefined) partials.push(partial);
  }
  return partials;
}
