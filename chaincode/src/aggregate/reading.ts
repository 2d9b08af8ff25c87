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

/** Fixed width, so that keys sort. */
export function numberText(number: number): string {
  return String(number).padStart(4, '0');
}

/** @throws CareLedgerError PANEL_NOT_FOUND */
export async function readLayout(call: Call, layoutId: string, version: number): Promise<RegisteredLayout> {
  const layout = await call.state.read(KEYS.panelLayout, [layoutId, numberText(version)]);
  if (layout !== undefined) return layout;
  throw new CareLedgerError('PANEL_NOT_FOUND', {
    message: 'No such panel layout.',
    came: `${layoutId} version ${String(version)}`,
  });
}

/**
 * The key in force or, with an epoch, as it was shared then.
 * @throws CareLedgerError KEY_NOT_FOUND
 */
export async function readKey(call: Call, epoch?: number): Promise<AggregationKey> {
  const key =
    epoch === undefined
      ? await call.state.read(KEYS.aggregationKey, CURRENT_KEY)
      : await call.state.read(KEYS.keyEpoch, [numberText(epoch)]);
  if (key === undefined) throw new CareLedgerError('KEY_NOT_FOUND');
  return key;
}

/** @throws CareLedgerError KEY_NOT_FOUND unless the key is the one named. */
export async function requireKey(call: Call, keyId: string): Promise<AggregationKey> {
  const key = await readKey(call);
  if (keyId === key.publicKey.keyId) return key;
  throw new CareLedgerError('KEY_NOT_FOUND', { message: 'Another key is the consortium’s.', came: keyId });
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

/** Those of the present sharing, in the order of its holders, by point reads: shares of two epochs do not mix. */
export async function readPartials(
  call: Call,
  queryId: string,
  { holders, epoch }: AggregationKey['sharing'],
): Promise<PartialShare[]> {
  const partials: PartialShare[] = [];
  for (const mspId of holders) {
    const partial = await call.state.read(KEYS.partial, [queryId, mspId]);
    if (partial?.epoch === epoch) partials.push(partial);
  }
  return partials;
}

/** For ranges that are bounded by what the contracts write there. */
export async function allOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}
