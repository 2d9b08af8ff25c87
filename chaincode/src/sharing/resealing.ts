import {
  CareLedgerError,
  EVENTS,
  KEYS,
  LIMITS,
  isSealedForSharing,
  nextStatus,
  type AnchorResult,
  type BatchEntry,
  type Consortium,
  type EmrRecord,
  type GrantBook,
  type RecordBatch,
  type Reseal,
  type SpentLeaf,
} from '@careledger/protocol';
import { requireActiveMember, type Call, type Outcome } from '../shell/call.js';
import { requireRole } from '../shell/caller.js';
import { readGrantBook } from '../shell/grant-books.js';
import { placeOf, readBatch, recordAt } from '../shell/record-batches.js';

type Sealed = Pick<EmrRecord, 'type' | 'sharing'>;

/**
 * A sharing header is of the epochs that its patient's book has now, and of nobody's without an identity key.
 * @throws CareLedgerError EPOCH_STALE
 */
export function assertPresentSharing(book: GrantBook | undefined, record: Sealed): void {
  if (record.sharing === undefined) return;
  if (book !== undefined && isSealedForSharing(book, record)) return;
  throw new CareLedgerError('EPOCH_STALE', {
    message: 'The sharing header is of other epochs than the patient’s grant book.',
  });
}

/**
 * Key servers are two other active members, and only of a record that has an erasure key.
 * @throws CareLedgerError SCHEMA_VIOLATION
 */
export function assertKeyServers(
  ownerMspId: string,
  { erasureLeaf, keyServers }: Pick<EmrRecord, 'erasureLeaf' | 'keyServers'>,
  { activeMembers }: Consortium,
): void {
  if (keyServers === undefined) return;
  const areOthers = keyServers.every((mspId) => mspId !== ownerMspId && activeMembers.includes(mspId));
  if (erasureLeaf !== undefined && areOthers) return;
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: 'as key servers of an erasure key two active members beside the owner',
    came: keyServers.join(', '),
  });
}

/**
 * By the owner's gateway, which alone has the keys, the records of one batch that wait for it: new ciphertext, headers and digest. What stood here before
 * stands in the blocks. The whole request or nothing.
 */
export async function resealed(call: Call, { batchId, records }: Reseal): Promise<Outcome> {
  requireRole(call.caller, ['gateway']);
  const consortium = await requireActiveMember(call);
  const batch = await readBatch(call, batchId);
  const { mspId } = call.caller;
  if (batch.ownerMspId !== mspId)
    throw new CareLedgerError('NOT_OWNER', { expected: batch.ownerMspId, came: mspId });
  for (const record of records) assertKeyServers(mspId, record, consortium);
  const changes = changesByIndex(batch, records);
  const books = new Map<string, GrantBook>();
  for (const index of changes.keys()) {
    const { pseudonym } = recordAt(batch, index);
    if (!books.has(pseudonym)) books.set(pseudonym, await readGrantBook(call, pseudonym));
  }
  const entries = batch.entries.map((entry, index) => {
    const change = changes.get(index);
    return change === undefined ? entry : entryAfter(call, entry, change, books.get(entry.pseudonym));
  });
  const owner = { mspId, consortium, previousEpoch: batch.membersEpoch };
  await call.state.writeOwned(KEYS.recordBatch, [batchId], { ...batch, entries }, owner);
  const result: AnchorResult = {
    batchId,
    records: records.length,
    anchoredAt: batch.anchoredAt,
    txId: call.txId,
  };
  return { result, event: { event: EVENTS.recordsResealed, id: batchId, mspId, status: 'resealed' } };
}

type Change = Omit<Reseal['records'][number], 'recordId'>;

function changesByIndex(batch: RecordBatch, records: Reseal['records']): Map<number, Change> {
  const changes = new Map<number, Change>();
  for (const { recordId, ...change } of records) {
    const place = placeOf(recordId);
    if (place.batchId !== batch.batchId || changes.has(place.index))
      throw new CareLedgerError('SCHEMA_VIOLATION', {
        expected: 'records of the one batch, each once',
        came: recordId,
      });
    recordAt(batch, place.index);
    changes.set(place.index, change);
  }
  return changes;
}

function entryAfter(call: Call, entry: BatchEntry, change: Change, book: GrantBook | undefined): BatchEntry {
  const status = nextStatus('record', entry.status, 'reseal');
  if (book !== undefined && isSealedForSharing(book, entry)) {
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
      message: 'The record is sealed under the present epochs already.',
    });
  }
  if (entry.sharing !== undefined && entry.sharing.sensitivity !== change.sharing.sensitivity)
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: `the sensitivity ${entry.sharing.sensitivity}`,
    });
  const isSameKey = custodyOf(entry) === custodyOf(change);
  if (isSameKey && entry.erasureLeaf === change.erasureLeaf)
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: 'another leaf of the erasure key than before',
    });
  // Without those of before: a change without key servers has none.
  const kept = { ...entry };
  delete kept.keyServers;
  const after = { ...kept, ...change, status };
  assertPresentSharing(book, after);
  const times = (entry.resealed?.times ?? 0) + 1;
  const spentLeaves = spentLeavesOf(entry);
  return { ...after, resealed: { times, at: call.at, txId: call.txId, spentLeaves }, changedAt: call.at };
}

function custodyOf({ keyServers = [] }: Pick<BatchEntry, 'keyServers'>): string {
  return keyServers.join();
}

/** Those of before and the present one; the oldest give way. */
function spentLeavesOf({ erasureLeaf: leaf, keyServers, resealed }: BatchEntry): SpentLeaf[] {
  const before = resealed?.spentLeaves ?? [];
  if (leaf === undefined) return before;
  return [...before, { leaf, ...(keyServers === undefined ? {} : { keyServers }) }].slice(
    -LIMITS.spentLeaves,
  );
}
