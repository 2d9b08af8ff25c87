import {
  CareLedgerError,
  EVENTS,
  KEYS,
  nextStatus,
  type AggregationKey,
  type Contribution,
  type EventName,
  type PanelLayoutDocument,
  type Query,
} from '@careledger/protocol';
import type { Call, Outcome } from '../shell/call.js';

/** Checks and writes that several steps of a query share. */

/** @throws CareLedgerError NOT_OWNER */
export function assertHolder({ sharing }: AggregationKey, mspId: string): void {
  if (sharing.holders.includes(mspId)) return;
  throw new CareLedgerError('NOT_OWNER', {
    message: 'Only a holder of a share of the key may do this.',
    came: mspId,
  });
}

/**
 * The caller's hospital was asked and has not answered yet.
 * @throws CareLedgerError NOT_OWNER, ALREADY_EXISTS, TRANSITION_NOT_ALLOWED
 */
export async function assertAnswers(call: Call, query: Query): Promise<void> {
  const { mspId } = call.caller;
  if (!query.members.includes(mspId)) {
    throw new CareLedgerError('NOT_OWNER', { message: 'The query did not ask this hospital.', came: mspId });
  }
  // Answers belong before the step that closes them.
  nextStatus('query', query.status, 'complete');
  if (await call.state.exists(KEYS.contribution, [query.queryId, mspId])) {
    throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second answer of this hospital' });
  }
}

/**
 * @returns the CIDs of the panels, in the order in which they are named, and how many rows they have together
 * @throws CareLedgerError PANEL_NOT_FOUND, NOT_OWNER, or CONTRIBUTION_MISMATCH for another layout or key
 */
export async function ownPanels(
  call: Call,
  query: Query,
  panelIds: readonly string[],
): Promise<{ readonly cids: string[]; readonly rows: number }> {
  const cids: string[] = [];
  let rows = 0;
  for (const panelId of panelIds) {
    const panel = await call.state.read(KEYS.panel, [panelId]);
    if (panel === undefined) throw new CareLedgerError('PANEL_NOT_FOUND', { came: panelId });
    if (panel.ownerMspId !== call.caller.mspId) {
      throw new CareLedgerError('NOT_OWNER', {
        message: 'A hospital contributes its own panels only.',
        came: panelId,
      });
    }
    const isFit =
      panel.layoutId === query.layoutId &&
      panel.layoutVersion === query.layoutVersion &&
      panel.keyId === query.keyId;
    if (!isFit) {
      throw new CareLedgerError('CONTRIBUTION_MISMATCH', {
        message: 'The panel has another layout or key than the query.',
        came: panelId,
      });
    }
    cids.push(panel.cid);
    rows += panel.rows;
  }
  return { cids, rows };
}

/**
 * Whether the layout's slots have room for every row of the panels that were contributed. Which of them are in the cohort
 * stays with the hospitals, so all of them count: a total that carries into the next slot would not always be seen.
 */
export function haveRoom(
  { maxRecords }: PanelLayoutDocument,
  contributions: readonly Pick<Contribution, 'panelRows'>[],
): boolean {
  return contributions.reduce((sum, { panelRows = 0 }) => sum + panelRows, 0) <= maxRecords;
}

/** @throws CareLedgerError TRANSITION_NOT_ALLOWED naming those that are missing */
export function assertMissing(
  what: string,
  awaited: readonly string[],
  came: readonly { readonly mspId: string }[],
): void {
  const missing = awaited.filter((mspId) => !came.some((one) => one.mspId === mspId));
  if (missing.length === 0) return;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    expected: `the ${what} of every hospital`,
    came: `none of ${missing.join(', ')}`,
  });
}

export async function savedQuery(call: Call, query: Query, event: EventName): Promise<Outcome> {
  await call.state.write(KEYS.query, [query.queryId], query);
  return {
    result: query,
    event: { event, id: query.queryId, mspId: call.caller.mspId, status: query.status },
  };
}

export function endedQuery(
  call: Call,
  query: Query,
  transition: 'refuse' | 'publish',
  ending: Partial<Pick<Query, 'refusal' | 'results' | 'combined' | 'contributors'>>,
): Promise<Outcome> {
  const status = nextStatus('query', query.status, transition);
  return savedQuery(call, { ...query, ...ending, status, endedAt: call.at }, EVENTS.queryEnded);
}

export async function savedContribution(
  call: Call,
  answer: Omit<Contribution, 'mspId' | 'at' | 'txId'>,
): Promise<Outcome> {
  const { mspId } = call.caller;
  const result: Contribution = { ...answer, mspId, at: call.at, txId: call.txId };
  await call.state.write(KEYS.contribution, [answer.queryId, mspId], result);
  return {
    result,
    event: { event: EVENTS.queryContributed, id: answer.queryId, mspId, status: answer.outcome },
  };
}
