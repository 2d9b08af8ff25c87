import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  nextStatus,
  type AnchorResult,
  type BatchEntry,
  type EmrRecord,
  type GrantBook,
  type ListRecords,
  type RecordBatch,
  type Role,
} from '@careledger/protocol';
import { requireActiveMember, type Call, type Outcome } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { readGrantBook } from './shell/grant-books.js';
import { writeNotice } from './shell/notices.js';
import { readPage, type Index } from './shell/paging.js';
import { assertEnrolled } from './shell/patient-authority.js';
import { placeOf, readBatch, recordAt } from './shell/record-batches.js';
import { assertKeyServers, assertPresentSharing, resealed } from './sharing/resealing.js';

/** What stands on the ledger of the records: where the ciphertext is, whose it is, and its salted digest. */
export class RecordsContract extends CareLedgerContract<'records'> {
  constructor() {
    super('records');
  }

  /** The whole batch or nothing. One document for the batch: 500 records cost two keys and one per patient. */
  @Transaction()
  Anchor(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'Anchor',
      { argumentJson, idempotencyKey },
      async (call, { batchId, records }) => {
        requireRole(call.caller, ['clinician', 'officer', 'gateway']);
        const consortium = await requireActiveMember(call);
        const before = await call.state.read(KEYS.recordBatch, [batchId]);
        if (before !== undefined)
          throw new CareLedgerError('ALREADY_EXISTS', { came: 'the id of an anchored batch' });
        const pseudonyms = [...new Set(records.map((record) => record.pseudonym))];
        const books = new Map<string, GrantBook>();
        for (const pseudonym of pseudonyms) books.set(pseudonym, await readOwnBook(call, pseudonym));
        const { mspId } = call.caller;
        for (const record of records) {
          assertPresentSharing(books.get(record.pseudonym), record);
          assertKeyServers(mspId, record, consortium);
        }

        const status = nextStatus('record', undefined, 'anchor');
        const batch = {
          batchId,
          ownerMspId: mspId,
          anchoredBy: call.caller,
          anchoredAt: call.at,
          txId: call.txId,
          entries: records.map((record): BatchEntry => ({ ...record, status })),
        };
        await call.state.writeOwned(KEYS.recordBatch, [batchId], batch, {
          mspId,
          consortium,
          previousEpoch: undefined,
        });
        for (const pseudonym of pseudonyms)
          await call.state.mark(KEYS.recordsByPatient, [pseudonym, call.at, batchId]);
        await call.state.mark(KEYS.recordsByHospital, [mspId, call.at, batchId]);
        const result: AnchorResult = {
          batchId,
          records: records.length,
          anchoredAt: call.at,
          txId: call.txId,
        };
        return { result, event: { event: EVENTS.recordsAnchored, id: batchId, mspId, status } };
      },
    );
  }

  @Transaction()
  Supersede(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'Supersede',
      { argumentJson, idempotencyKey },
      async (call, { recordId, supersededBy }) => {
        const replacement = placeOf(supersededBy);
        const { pseudonym } = recordAt(await readBatch(call, replacement.batchId), replacement.index);
        return changeEntry(call, recordId, ['clinician', 'officer'], (entry) => {
          if (pseudonym !== entry.pseudonym || recordId === supersededBy) {
            throw new CareLedgerError('RECORD_NOT_FOUND', {
              message: 'A record is superseded by another record of the same patient.',
              came: supersededBy,
            });
          }
          return { status: nextStatus('record', entry.status, 'supersede'), supersededBy };
        });
      },
    );
  }

  /** By an officer. The evidence stays; the content is no longer released. Removing the ciphertext is the gateway's part. */
  @Transaction()
  Erase(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Erase', { argumentJson, idempotencyKey }, (call, { recordId, reason }) =>
      changeEntry(call, recordId, ['officer'], (entry) => ({
        status: nextStatus('record', entry.status, 'erase'),
        erasedBecause: reason,
      })),
    );
  }

  /** Ciphertext and keys anew under the present epochs; records, types and statuses stay what they are. */
  @Transaction()
  Reseal(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Reseal', { argumentJson, idempotencyKey }, resealed);
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, async (call, { recordId }) => {
      const { batchId, index } = placeOf(recordId);
      return recordAt(await readBatch(call, batchId), index);
    });
  }

  /** All records of one anchoring in one read: what a hospital that keeps copies asks. */
  @Transaction(false)
  GetBatch(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetBatch', argumentJson, (call, { batchId }) => readBatch(call, batchId));
  }

  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, (call, request) =>
      readPage(call.state, indexFor(call, request), request),
    );
  }
}

function indexFor(call: Call, { by, value }: ListRecords): Index<EmrRecord> {
  const isShown = (record: EmrRecord) => by === 'hospital' || record.pseudonym === value;
  return {
    prefix: by === 'patient' ? KEYS.recordsByPatient : KEYS.recordsByHospital,
    attributes: [value],
    load: async ([, batchId = '']) => {
      const batch = await readBatch(call, batchId);
      return batch.entries.map((_, index) => recordAt(batch, index)).filter(isShown);
    },
  };
}

/**
 * The grant book says where the patient is enrolled, and the epochs that headers are made for: an anchoring that raced a
 * revocation is invalidated.
 */
async function readOwnBook(call: Call, pseudonym: string): Promise<GrantBook> {
  const book = await readGrantBook(call, pseudonym);
  if (book.mspId !== call.caller.mspId) {
    throw new CareLedgerError('NOT_OWNER', {
      message: 'The pseudonym is enrolled at another hospital.',
      came: pseudonym,
    });
  }
  assertEnrolled(book);
  return book;
}

type EntryChange = Pick<BatchEntry, 'status'> & Partial<Pick<BatchEntry, 'supersededBy' | 'erasedBecause'>>;

async function changeEntry(
  call: Call,
  recordId: string,
  roles: readonly Role[],
  change: (entry: BatchEntry) => EntryChange,
): Promise<Outcome> {
  requireRole(call.caller, roles);
  const consortium = await requireActiveMember(call);
  const { batchId, index } = placeOf(recordId);
  const batch = await readBatch(call, batchId);
  const mspId = call.caller.mspId;
  if (batch.ownerMspId !== mspId)
    throw new CareLedgerError('NOT_OWNER', { expected: batch.ownerMspId, came: mspId });
  const before = recordAt(batch, index);
  const entries = batch.entries.map((entry, at) =>
    at === index ? { ...entry, ...change(entry), changedAt: call.at } : entry,
  );
  const owner = { mspId, consortium, previousEpoch: batch.membersEpoch };
  const written: RecordBatch = await call.state.writeOwned(
    KEYS.recordBatch,
    [batchId],
    { ...batch, entries },
    owner,
  );
  const result = recordAt(written, index);
  const { status } = result;
  const { pseudonym } = before;
  if (status === 'erased')
    await writeNotice(
      call,
      { pseudonym, kind: 'erasure', caseId: call.txId, status, about: recordId },
      mspId,
    );
  const event = { event: EVENTS.recordChanged, id: recordId, mspId, status, pseudonym };
  return { result, event };
}
