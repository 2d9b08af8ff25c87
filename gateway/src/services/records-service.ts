import { randomBytes } from 'node:crypto';
import { CareLedgerError, LIMITS, type EmrRecord, type Sensitivity } from '@careledger/protocol';
import type { KeyCustody } from '../ports/key-custody.js';
import type { RecordStore } from '../ports/record-store.js';
import { mapBounded } from './bounded.js';
import type { StaffCaller } from './caller.js';
import type { ContractCaller } from './contract-caller.js';
import type { LocalTable } from './local-tables.js';
import { isSameRecord, saltOf, sealRecord, type AnchorEntry, type PlainRecord } from './record-sealing.js';
import type { PatientSharer, RecordSharer } from './record-sharing.js';
import type { ErasureKeys } from '../sharing/erasure-keys.js';
import { openBatchJournal, type UnfinishedObject } from './unfinished-batches.js';

export interface PutRecords {
  readonly caller: StaffCaller;
  readonly records: readonly PlainRecord[];
  /** Already bound to the route. The same key and the same records give the first outcome; nothing is stored twice. */
  readonly idempotencyKey?: string;
}

export interface PutOutcome {
  readonly txId: string;
  readonly batchId: string;
  readonly records: AnchoredRecord[];
}
export type AnchoredRecord = Pick<
  EmrRecord,
  'recordId' | 'pseudonym' | 'type' | 'contentCid' | 'headerCid' | 'digest'
>;

export interface RecordsService {
  /**
   * Seals every record under a data key of its own, stores ciphertext and header, and anchors all in one transaction.
   * Nothing is anchored when an object cannot be stored; what was stored is let go when the anchoring is refused.
   * @throws CareLedgerError LIMIT_EXCEEDED, STORE_UNAVAILABLE, IDEMPOTENCY_KEY_REUSED and what the ledger refuses.
   */
  put(request: PutRecords): Promise<PutOutcome>;
}

/** Row of the `sensitivities` table, by record id. */
export interface SensitivityRow {
  readonly sensitivity: Sensitivity;
}

export interface RecordsModules {
  readonly contracts: ContractCaller;
  readonly store: RecordStore;
  readonly custody: KeyCustody;
  readonly unfinished: LocalTable<UnfinishedObject>;
  readonly sharer: RecordSharer;
  readonly erasureKeys: Pick<ErasureKeys, 'nextLeaf'>;
  /** Of records that are more than normal and not shared yet: the ledger does not say it. */
  readonly sensitivities: LocalTable<SensitivityRow>;
}

export interface RecordsOptions {
  readonly mspId: string;
  /** Objects that are sealed, stored or read at a time. */
  readonly storeConcurrency: number;
}

export function createRecordsService(options: RecordsOptions, modules: RecordsModules): RecordsService {
  const sealAndAnchor = async (request: PutRecords, batchId: string): Promise<PutOutcome> => {
    const { caller, records } = request;
    const concurrency = options.storeConcurrency;
    const journal = openBatchJournal({ batchId, concurrency }, modules);
    const stored = (cid: string): Promise<void> => journal.stored(cid);
    try {
      const sharers = await sharersOf(records, modules);
      const entries = await mapBounded(records, concurrency, async (record, index): Promise<AnchorEntry> => {
        const { pseudonym, type, sharable, contentType, sensitivity = 'normal' } = record;
        const recordId = `${batchId}.${index}`;
        const sharer = sharable ? sharers.get(pseudonym) : undefined;
        const sealed = await sealRecord(
          { ownerMspId: options.mspId, recordId, record, sharer, stored },
          modules,
        );
        // Of these the document says it; what nothing says counts as the most sensitive when it is sealed for sharing.
        const isSaid = sensitivity === 'normal' && contentType.startsWith('application/fhir+json');
        if (sealed.sharing === undefined && !isSaid)
          await modules.sensitivities.put(recordId, { sensitivity });
        return { pseudonym, type, sharable, ...sealed };
      });
      const argument = { batchId, records: entries };
      const { txId } = await modules.contracts.submit(caller.identity, 'records', 'Anchor', argument);
      await journal.keep();
      return {
        txId,
        batchId,
        records: entries.map((entry, index) => describe(`${batchId}.${index}`, entry)),
      };
    } catch (error) {
      // A transaction whose fate is unknown may stand: its objects are kept and looked at again at the next start.
      if (!isCode(error, 'COMMIT_UNKNOWN')) await journal.discard();
      throw error;
    }
  };

  return {
    async put(request) {
      assertCount(request.records.length);
      const batchId = await batchIdOf(request, modules.custody);
      const earlier = await earlierOutcome(request, batchId, options, modules);
      if (earlier !== undefined) return earlier;
      try {
        return await sealAndAnchor(request, batchId).catch((error: unknown) => {
          // An epoch was raised between the look at the ledger and the anchoring: sealed once more for the present one.
          if (!isCode(error, 'EPOCH_STALE')) throw error;
          return sealAndAnchor(request, batchId);
        });
      } catch (error) {
        // Two requests under one key at once: the second finds what the first anchored.
        if (!isCode(error, 'ALREADY_EXISTS') && !isCode(error, 'LEDGER_CONFLICT')) throw error;
        const winner = await earlierOutcome(request, batchId, options, modules);
        if (winner === undefined) throw error;
        return winner;
      }
    },
  };
}

async function sharersOf(
  records: readonly PlainRecord[],
  { sharer }: RecordsModules,
): Promise<ReadonlyMap<string, PatientSharer | undefined>> {
  const pseudonyms = [...new Set(records.map(({ pseudonym }) => pseudonym))];
  const found = await mapBounded(
    pseudonyms,
    4,
    async (pseudonym) => [pseudonym, await sharer.forPatient(pseudonym)] as const,
  );
  return new Map(found);
}

function assertCount(count: number): void {
  if (count >= 1 && count <= LIMITS.batchRecords) return;
  throw new CareLedgerError('LIMIT_EXCEEDED', {
    expected: `1 to ${LIMITS.batchRecords} records`,
    came: `${count}`,
  });
}

/** Random, or derived from the idempotency key under the custody: others can neither predict nor occupy the id. */
async function batchIdOf({ caller, idempotencyKey }: PutRecords, custody: KeyCustody): Promise<string> {
  if (idempotencyKey === undefined) return randomBytes(16).toString('hex');
  const mac = await custody.mac(
    'batch-id/v1',
    Buffer.from(`${caller.enrolmentId}\n${idempotencyKey}`, 'utf8'),
  );
  return Buffer.from(mac.subarray(0, 16)).toString('hex');
}

/**
 * The outcome of an earlier request under the same key, or undefined when there was none.
 * @throws CareLedgerError IDEMPOTENCY_KEY_REUSED when it anchored other records.
 */
async function earlierOutcome(
  request: PutRecords,
  batchId: string,
  options: RecordsOptions,
  { contracts, custody }: RecordsModules,
): Promise<PutOutcome | undefined> {
  if (request.idempotencyKey === undefined) return undefined;
  const read = (index: number): Promise<EmrRecord | undefined> =>
    orUndefined(
      contracts.evaluate(request.caller.identity, 'records', 'Get', { recordId: `${batchId}.${index}` }),
    );
  const first = await read(0);
  if (first === undefined) return undefined;
  const count = request.records.length;
  const beyond = count < LIMITS.batchRecords ? await read(count) : undefined;
  const records = await mapBounded(request.records, options.storeConcurrency, async (record, index) => {
    const anchored = index === 0 ? first : await read(index);
    if (anchored === undefined) throw new CareLedgerError('IDEMPOTENCY_KEY_REUSED');
    const isSame = isSameRecord(anchored, record, await saltOf(custody, anchored.recordId));
    if (!isSame) throw new CareLedgerError('IDEMPOTENCY_KEY_REUSED');
    return describe(anchored.recordId, anchored);
  });
  if (beyond !== undefined) throw new CareLedgerError('IDEMPOTENCY_KEY_REUSED');
  return { txId: first.txId, batchId, records };
}

function describe(recordId: string, entry: AnchorEntry): AnchoredRecord {
  const { pseudonym, type, contentCid, headerCid, digest } = entry;
  return { recordId, pseudonym, type, contentCid, headerCid, digest };
}

async function orUndefined(record: Promise<EmrRecord>): Promise<EmrRecord | undefined> {
  try {
    return await record;
  } catch (error) {
    if (isCode(error, 'RECORD_NOT_FOUND')) return undefined;
    throw error;
  }
}

function isCode(error: unknown, code: CareLedgerError['code']): boolean {
  return error instanceof CareLedgerError && error.code === code;
}
