import { createHash } from 'node:crypto';
import { EVENTS, type EmrRecord } from '@careledger/protocol';
import type { Ledger, LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';
import { listOf } from '../services/members.js';
import { followEvents } from './follow-events.js';
import { isStopped, pause } from './pause.js';
import { positionOf, type PositionRow } from './positions.js';

/** Row of the `replication` table: work that an event asked for. Kept until it is done, whatever happens in between. */
export type ReplicationRow =
  { readonly task: 'pin'; readonly batchId: string } | { readonly task: 'unpin'; readonly recordId: string };

/**
 * Row of the `kept-objects` table, under the CID: the records of others for which this hospital keeps the object. Whoever
 * anchors writes any CID it likes, so an erasure lets go only of what is kept for the erased record and for no other.
 */
export interface KeptObject {
  readonly recordIds: readonly string[];
}

/** Row of the `kept-records` table, under the record id: the objects that were kept for it last. */
export interface KeptRecord {
  readonly cids: readonly string[];
}

export interface ReplicationOptions {
  readonly mspId: string;
  readonly replicationFactor: number;
  readonly retryMs: number;
}

/** What a hospital keeps of others, and where it says so. */
export interface KeptModules {
  readonly store: RecordStore;
  readonly kept: LocalTable<KeptObject>;
  readonly keptRecords: LocalTable<KeptRecord>;
}

export interface ReplicationModules extends KeptModules {
  readonly ledger: Ledger;
  readonly contracts: ContractCaller;
  readonly identity: SigningIdentity;
  readonly positions: LocalTable<PositionRow>;
  readonly work: LocalTable<ReplicationRow>;
  readonly onError: (error: unknown) => void;
}

const POSITION = 'replication';
/** Records of one object that are remembered. More of them keep it as well as these. */
const MOST_NAMED = 100;

/**
 * Which members keep a batch besides its owner: those with the highest hash of (batch, member). Every member comes to
 * the same answer alone, and a change of members moves only what it must.
 */
export function replicaHolders(
  batchId: string,
  ownerMspId: string,
  members: readonly string[],
  replicationFactor: number,
): string[] {
  const score = (mspId: string): string => createHash('sha256').update(`${batchId}\n${mspId}`).digest('hex');
  return members
    .filter((mspId) => mspId !== ownerMspId)
    .map((mspId) => ({ mspId, score: score(mspId) }))
    .sort((left, right) => (left.score < right.score ? 1 : -1))
    .slice(0, Math.max(0, replicationFactor - 1))
    .map(({ mspId }) => mspId);
}

/** Keeps copies of other members' ciphertext and lets go of what was erased, until the signal aborts. */
export async function replicate(
  options: ReplicationOptions,
  modules: ReplicationModules,
  signal: AbortSignal,
): Promise<void> {
  const { positions, work } = modules;
  // Asked once, and again when the ledger says that a member changed: every anchoring needs the answer.
  let members: Promise<readonly string[]> | undefined;
  const active = () => (members ??= activeMembers(modules));
  const following = followEvents(
    {
      ...modules,
      retryMs: options.retryMs,
      position: {
        load: async () => positionOf(await positions.get(POSITION)),
        save: async ({ blockNumber, afterTxId = '' }) =>
          positions.put(POSITION, { blockNumber: blockNumber.toString(), afterTxId }, { sync: false }),
      },
      take: async (event) => {
        if (event.payload.event === EVENTS.memberChanged) members = undefined;
        const row = await taskOf(event, options, active);
        if (row !== undefined) await work.put(`${event.payload.event}/${event.payload.id}`, row);
        return row !== undefined;
      },
    },
    signal,
  );
  await Promise.all([following, workOff(options, modules, signal)]);
}

async function activeMembers({ contracts, identity }: ReplicationModules): Promise<readonly string[]> {
  const members = await listOf(contracts, identity);
  return members.filter(({ status }) => status === 'active').map(({ mspId }) => mspId);
}

async function taskOf(
  { payload }: LedgerEvent,
  options: ReplicationOptions,
  active: () => Promise<readonly string[]>,
): Promise<ReplicationRow | undefined> {
  if (payload.event === EVENTS.recordChanged && payload.status === 'erased')
    return { task: 'unpin', recordId: payload.id };
  const isSealed = payload.event === EVENTS.recordsAnchored || payload.event === EVENTS.recordsResealed;
  if (!isSealed || payload.mspId === undefined) return undefined;
  const holders = replicaHolders(payload.id, payload.mspId, await active(), options.replicationFactor);
  return holders.includes(options.mspId) ? { task: 'pin', batchId: payload.id } : undefined;
}

async function workOff(
  options: ReplicationOptions,
  modules: ReplicationModules,
  signal: AbortSignal,
): Promise<void> {
  while (!isStopped(signal)) {
    try {
      for await (const [key, row] of modules.work.entries()) {
        if (isStopped(signal)) return;
        await attempt(key, row, options, modules);
      }
    } catch (error) {
      if (!isStopped(signal)) modules.onError(error);
    }
    await pause(options.retryMs, signal);
  }
}

/** One failure does not keep other batches back: the row stays, and its turn comes again. */
async function attempt(
  key: string,
  row: ReplicationRow,
  { mspId }: ReplicationOptions,
  modules: ReplicationModules,
): Promise<void> {
  try {
    if (row.task === 'pin') await pinBatch(row.batchId, modules);
    else await unpinRecord(row.recordId, mspId, modules);
    await modules.work.delete(key);
  } catch (error) {
    modules.onError(error);
  }
}

/** Also of a batch that was sealed anew: what its records named before is let go once the new objects are kept. */
async function pinBatch(batchId: string, modules: ReplicationModules): Promise<void> {
  const { contracts, identity } = modules;
  const { entries } = await contracts.evaluate(identity, 'records', 'GetBatch', { batchId });
  for (const [index, entry] of entries.entries()) {
    if (entry.status === 'erased') continue;
    const recordId = `${batchId}.${index}`;
    const cids = objectsOf(entry);
    for (const cid of cids) await keep(cid, recordId, modules);
    for (const cid of await keptFor(recordId, modules)) {
      if (!cids.includes(cid)) await letGo(cid, recordId, modules);
    }
    await modules.keptRecords.put(recordId, { cids });
  }
}

/** Objects of a record in the record store. */
export function objectsOf({
  contentCid,
  headerCid,
  sharing,
}: Pick<EmrRecord, 'contentCid' | 'headerCid' | 'sharing'>): string[] {
  return [...new Set([contentCid, headerCid, ...(sharing === undefined ? [] : [sharing.headerCid])])];
}

/** Of a record that was kept before rows by record were, what the objects' own rows say. */
async function keptFor(recordId: string, { kept, keptRecords }: KeptModules): Promise<readonly string[]> {
  const row = await keptRecords.get(recordId);
  if (row !== undefined) return row.cids;
  const cids: string[] = [];
  for await (const [cid, { recordIds }] of kept.entries()) if (recordIds.includes(recordId)) cids.push(cid);
  return cids;
}

/** What is pinned without a row is this hospital's own, and stays so whoever else names it. */
async function keep(cid: string, recordId: string, { store, kept }: KeptModules): Promise<void> {
  const row = await kept.get(cid);
  if (row === undefined && (await store.stat(cid))?.pinned === true) return;
  const recordIds = row?.recordIds ?? [];
  if (!recordIds.includes(recordId) && recordIds.length < MOST_NAMED)
    await kept.put(cid, { recordIds: [...recordIds, recordId] });
  await store.pin(cid);
}

async function unpinRecord(recordId: string, ownMspId: string, modules: ReplicationModules): Promise<void> {
  const record = await modules.contracts.evaluate(modules.identity, 'records', 'Get', { recordId });
  await letGoOfRecord(record, ownMspId, modules);
}

/**
 * Lets go of every object of an erased record that is kept for it and for no other. Idempotent. */
export async function letGoOfRecord(
  record: EmrRecord,
  ownMspId: string,
  modules: KeptModules,
): Promise<void> {
  const { recordId, ownerMspId } = record;
  const cids =
    ownerMspId === ownMspId
      ? objectsOf(record)
      : [...new Set([...objectsOf(record), ...(await keptFor(recordId, modules))])];
  for (const cid of cids) {
    if (ownerMspId === ownMspId) await modules.store.unpin(cid);
    else await letGo(cid, recordId, modules);
  }
  await modules.keptRecords.delete(recordId);
}

async function letGo(cid: string, recordId: string, { store, kept }: KeptModules): Promise<void> {
  const row = await kept.get(cid);
  if (row?.recordIds.includes(recordId) !== true) return;
  const recordIds = row.recordIds.filter((named) => named !== recordId);
  if (recordIds.length > 0) {
    await kept.put(cid, { recordIds });
    return;
  }
  await store.unpin(cid);
  await kept.delete(cid);
}
