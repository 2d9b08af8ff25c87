/**
 * Sealing anew: when an epoch was raised, or a patient's identity key came or changed, the owner's records of the tags
 * concerned get a new data key, a new body, new headers and a new leaf. Only then does a grant of the new epoch open them,
 * and nothing that was given for the old epoch helps with what is stored now. What was read stays read.
 *
 * Never half: an attempt at a record is noted before its first object is stored, and stays noted until the ledger says
 * which of the two is in force. Then the objects of the other are let go, and when it is the earlier one, its leaf is
 * punctured, so that no copy of the earlier headers opens either.
 */
import { randomBytes } from 'node:crypto';
import {
  CareLedgerError,
  EVENTS,
  isSealedForSharing,
  pseudonymsOf,
  type EmrRecord,
  type Reseal,
  type Sensitivity,
} from '@careledger/protocol';
import { MAX_HEADER_BYTES } from '@careledger/crypto';
import { sensitivityOf } from '../fhir/index.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import { mapBounded } from '../services/bounded.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';
import { recordsOfPatient } from '../services/patient-records.js';
import { openRecord } from '../services/record-opening.js';
import { contextOf, sealRecord, type SealedRecord } from '../services/record-sealing.js';
import type { PatientSharer, RecordSharer } from '../services/record-sharing.js';
import type { SensitivityRow } from '../services/records-service.js';
import type { ErasureKeys, OpenWithKey } from './erasure-keys.js';

/** Row of the `reseals` table, by pseudonym: a patient whose records are to be looked at. */
export interface ResealRow {
  readonly pseudonym: string;
}

/** Row of the `reseal-attempts` table, under `recordId/attempt`. */
export interface ResealAttempt {
  readonly recordId: string;
  /** What the ledger named when the attempt began. */
  readonly before: {
    readonly cids: readonly string[];
    readonly leaf?: number;
    readonly keyServers?: readonly string[];
  };
  /** Objects of the attempt that are stored. */
  readonly stored: readonly string[];
  readonly storedAtMs: number;
}

export interface ResealOptions {
  readonly mspId: string;
  /** Records at a time. */
  readonly concurrency: number;
  /** Records in one transaction. */
  readonly batchRecords: number;
  /** When an attempt that is not on the ledger counts as given up: its transaction may still come to stand. */
  readonly attemptMinAgeMs: number;
}

export interface ResealModules {
  readonly contracts: Pick<ContractCaller, 'evaluate' | 'submit'>;
  readonly identity: SigningIdentity;
  readonly store: RecordStore;
  readonly custody: KeyCustody;
  readonly sharer: RecordSharer;
  readonly erasureKeys: Pick<ErasureKeys, 'nextLeaf' | 'openWith'>;
  readonly work: LocalTable<ResealRow>;
  readonly attempts: LocalTable<ResealAttempt>;
  readonly sensitivities: LocalTable<SensitivityRow>;
  readonly objectsOf: (record: EmrRecord) => string[];
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly onResealed: (count: number) => void;
}

/** The patient's book may have changed: grants, epochs, identity key. */
const WATCHED: readonly string[] = [
  EVENTS.grantChanged,
  EVENTS.identityRegistered,
  EVENTS.recoveryChanged,
  EVENTS.patientChanged,
  EVENTS.accessDecided,
];

const MOST_SENSITIVE: Sensitivity = 'very-restricted';

interface Change {
  readonly attempt: string;
  readonly entry: Reseal['records'][number];
}

export class ResealWorker {
  constructor(
    private readonly options: ResealOptions,
    private readonly modules: ResealModules,
  ) {}

  /** Notes what an event asks for; durable when it resolves. @returns whether it asked for anything */
  async take({ payload }: Pick<LedgerEvent, 'payload'>): Promise<boolean> {
    const pseudonyms = WATCHED.includes(payload.event) ? pseudonymsOf(payload) : [];
    for (const pseudonym of pseudonyms) await this.modules.work.put(pseudonym, { pseudonym });
    return pseudonyms.length > 0;
  }

  /**
   * Settles attempts that were left, and goes over all patients that are noted, once. What fails stays for the next time.
   * @returns the failures
   */
  async workOff(signal: AbortSignal): Promise<unknown[]> {
    const failures: unknown[] = [];
    const tried = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    for await (const [key, attempt] of this.modules.attempts.entries()) {
      if (signal.aborted) return failures;
      await tried(() => this.#settle(key, attempt));
    }
    for await (const [pseudonym] of this.modules.work.entries()) {
      if (signal.aborted) return failures;
      await tried(async () => {
        if (await this.#resealPatient(pseudonym, signal)) await this.modules.work.delete(pseudonym);
      });
    }
    return failures;
  }

  /** @returns whether nothing is left to do for the patient */
  async #resealPatient(pseudonym: string, signal: AbortSignal): Promise<boolean> {
    const { contracts, identity, sharer, store } = this.modules;
    const book = await contracts.evaluate(identity, 'grants', 'GetSharing', { pseudonym });
    if (book.mspId !== this.options.mspId || book.status !== 'enrolled' || book.identityEpoch === undefined)
      return true;
    const waiting = (await this.#recordsOf(pseudonym)).filter(
      (record) => record.status !== 'erased' && record.sharable && !isSealedForSharing(book, record),
    );
    if (waiting.length === 0) return true;
    // Without the label key it waits until that comes.
    const patient = await sharer.forPatient(pseudonym);
    if (patient === undefined) return false;
    for (const batch of byBatch(waiting, this.options.batchRecords)) {
      if (signal.aborted) return false;
      await this.#resealBatch(batch, patient);
    }
    await store.collect();
    return true;
  }

  async #recordsOf(pseudonym: string): Promise<EmrRecord[]> {
    const { contracts, identity } = this.modules;
    const records = await recordsOfPatient(contracts, identity, pseudonym);
    return records.filter(({ ownerMspId }) => ownerMspId === this.options.mspId);
  }

  /** Records of one anchoring, in one transaction: all or none. */
  async #resealBatch(records: readonly EmrRecord[], patient: PatientSharer): Promise<void> {
    const { contracts, identity, attempts } = this.modules;
    const [batchId = ''] = records[0]?.recordId.split('.') ?? [];
    const openWithKey = this.modules.erasureKeys.openWith(records);
    const changes = await mapBounded(records, this.options.concurrency, (record) =>
      this.#sealAnew(record, patient, openWithKey),
    );
    try {
      const entries = changes.map(({ entry }) => entry);
      await contracts.submit(identity, 'records', 'Reseal', { batchId, records: entries });
    } catch (error) {
      const isUnknown = error instanceof CareLedgerError && error.code === 'COMMIT_UNKNOWN';
      if (!isUnknown) {
        for (const { attempt } of changes) await this.#giveUp(attempt, await attempts.get(attempt));
      }
      throw error;
    }
    this.modules.onResealed(changes.length);
    for (const { attempt } of changes) {
      const row = await attempts.get(attempt);
      if (row !== undefined) await this.#settle(attempt, row);
    }
  }

  async #sealAnew(record: EmrRecord, sharer: PatientSharer, openWithKey: OpenWithKey): Promise<Change> {
    const { store, custody, erasureKeys, attempts, clock, objectsOf } = this.modules;
    const { recordId, ownerMspId, pseudonym, type, sharable, erasureLeaf, keyServers } = record;
    const attempt = `${recordId}/${randomBytes(8).toString('hex')}`;
    const before = {
      cids: objectsOf(record),
      ...(erasureLeaf === undefined ? {} : { leaf: erasureLeaf }),
      ...(keyServers === undefined ? {} : { keyServers }),
    };
    const header = await store.get(record.headerCid, { maxBytes: MAX_HEADER_BYTES });
    const expectedContext = contextOf(record);
    const opened = await openWithKey(record, (erasureKey) =>
      custody.openHeader({ header, expectedContext, erasureKey }),
    );
    const { dataKey, salt } = opened;
    const { contentType } = opened.header;
    const ciphertext = store.get(record.contentCid, { maxBytes: record.sizeBytes });
    const { content } = await openRecord(record, { dataKey, salt, contentType }, ciphertext);
    const sensitivity = await this.#sensitivityOf(record, contentType, content);
    let row: ResealAttempt = { recordId, before, stored: [], storedAtMs: clock() };
    const sealed = await sealRecord(
      {
        ownerMspId,
        recordId,
        record: { pseudonym, type, sensitivity, contentType, content, sharable },
        sharer,
        stored: async (cid) => {
          row = { ...row, stored: [...row.stored, cid] };
          await attempts.put(attempt, row);
        },
      },
      { custody, store, erasureKeys },
    );
    return { attempt, entry: { recordId, ...withSharing(sealed) } };
  }

  /**
   * Where the ledger does not say it, what was noted when the record came, and else the document itself. What nothing says
   * counts as the most sensitive: too little is opened then, which the owner can see, and never too much.
   */
  async #sensitivityOf(
    { recordId, sharing }: EmrRecord,
    contentType: string,
    content: Uint8Array,
  ): Promise<Sensitivity> {
    if (sharing !== undefined) return sharing.sensitivity;
    const noted = await this.modules.sensitivities.get(recordId);
    if (noted !== undefined) return noted.sensitivity;
    return contentType.startsWith('application/fhir+json') ? sensitivityOfFhir(content) : MOST_SENSITIVE;
  }

  /** Looks at the ledger which of the two is in force, and lets go of the other. */
  async #settle(key: string, attempt: ResealAttempt): Promise<void> {
    const { contracts, identity, custody, store, attempts, clock, sensitivities } = this.modules;
    const { recordId, before, stored, storedAtMs } = attempt;
    const record = await contracts.evaluate(identity, 'records', 'Get', { recordId });
    if (!stored.includes(record.contentCid)) {
      if (clock() - storedAtMs >= this.options.attemptMinAgeMs) await this.#giveUp(key, attempt);
      return;
    }
    const { pseudonym, type: recordType } = record;
    const { mspId } = this.options;
    const { leaf, keyServers } = before;
    const servers = keyServers === undefined ? {} : { keyServers };
    if (leaf !== undefined)
      await custody.erasure.puncture({ ownerMspId: mspId, pseudonym, recordType, leaf, ...servers });
    for (const cid of before.cids) await store.unpin(cid);
    await sensitivities.delete(recordId);
    await attempts.delete(key);
  }

  async #giveUp(key: string, attempt: ResealAttempt | undefined): Promise<void> {
    for (const cid of attempt?.stored ?? []) await this.modules.store.unpin(cid);
    await this.modules.attempts.delete(key);
  }
}

function withSharing({ sharing, ...sealed }: SealedRecord): Omit<Reseal['records'][number], 'recordId'> {
  if (sharing === undefined) throw new CareLedgerError('INTERNAL');
  return { ...sealed, sharing };
}

/** A Bundle as `splitFhir` made it: all of its resources are of one sensitivity. */
function sensitivityOfFhir(content: Uint8Array): Sensitivity {
  try {
    const document = JSON.parse(Buffer.from(content).toString('utf8')) as { readonly entry?: unknown } | null;
    if (typeof document !== 'object' || document === null) return MOST_SENSITIVE;
    const entries = Array.isArray(document.entry)
      ? (document.entry as { readonly resource?: unknown }[])
      : [];
    return sensitivityOf({ ...document, contained: entries.map(({ resource }) => resource) });
  } catch {
    return MOST_SENSITIVE;
  }
}

/** Records of one anchoring together, at most so many at a time. */
function byBatch(records: readonly EmrRecord[], most: number): EmrRecord[][] {
  const batches = new Map<string, EmrRecord[]>();
  for (const record of records) {
    const [batchId = ''] = record.recordId.split('.');
    batches.set(batchId, [...(batches.get(batchId) ?? []), record]);
  }
  return [...batches.values()].flatMap((batch) =>
    Array.from({ length: Math.ceil(batch.length / most) }, (_, index) =>
      batch.slice(index * most, (index + 1) * most),
    ),
  );
}
