/** What goes on with records that stand: sealing anew after an epoch was raised, ending what is over, erasing for good. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger, LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import type { AnswerStore } from '../release/answer-store.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTable, LocalTables } from '../services/local-tables.js';
import type { RecordSharer } from '../services/record-sharing.js';
import type { SensitivityRow } from '../services/records-service.js';
import type { ErasureKeys } from '../sharing/erasure-keys.js';
import { ErasureWorker, type ErasureRow } from '../sharing/erasure-worker.js';
import {
  ExpiryWorker,
  expiringEmergencies,
  expiringGrants,
  type EndRow,
  type Expiring,
} from '../sharing/expiry-worker.js';
import { ResealWorker, type ResealAttempt, type ResealRow } from '../sharing/reseal-worker.js';
import { followEvents, type Following } from './follow-events.js';
import type { ExtensionLog } from './gateway.js';
import { isStopped, pause } from './pause.js';
import { positionOf, type PositionRow } from './positions.js';
import { letGoOfRecord, objectsOf, type KeptModules } from './replication.js';

export interface RecordCareOptions {
  readonly mspId: string;
  readonly retryMs: number;
  /** See `GatewayLimits.unfinishedMinAgeMs`. */
  readonly attemptMinAgeMs: number;
}

export interface RecordCareModules {
  readonly ledger: Ledger;
  readonly contracts: ContractCaller;
  readonly identity: SigningIdentity;
  readonly store: RecordStore;
  readonly custody: KeyCustody;
  readonly tables: LocalTables;
  readonly kept: KeptModules;
  readonly sharer: RecordSharer;
  readonly erasureKeys: Pick<ErasureKeys, 'nextLeaf' | 'openWith'>;
  readonly answers: readonly Pick<AnswerStore, 'forget'>[];
  readonly metrics: Registry;
  readonly log: ExtensionLog;
}

/** Records sealed at a time, and in one transaction. */
const CONCURRENCY = 4;
const BATCH_RECORDS = 50;
const RESEAL_POSITION = 'reseals';
const EXPIRY_POSITION = 'ends';
/** How long a grant or a case may be over before it is ended; decisions do not wait for it. */
const EXPIRY_LOOK_MS = 30_000;

/** Until the signal aborts; never rejects. */
export async function careForRecords(
  options: RecordCareOptions,
  modules: RecordCareModules,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([
    erase(options, modules, signal),
    reseal(options, modules, signal),
    endExpired(options, modules, signal),
  ]);
}

async function erase(
  { mspId, retryMs }: RecordCareOptions,
  modules: RecordCareModules,
  signal: AbortSignal,
): Promise<void> {
  const { ledger, identity, custody, tables, kept, log } = modules;
  const { erasure } = custody;
  const sensitivities = tables.table<SensitivityRow>('sensitivities');
  const worker = new ErasureWorker({
    ...modules,
    custody: erasure,
    work: tables.table<ErasureRow>('erasures'),
    letGo: (record) => letGoOfRecord(record, mspId, kept),
    objectsOf,
    forgetNotes: (recordId) => sensitivities.delete(recordId),
  });
  let heightAtStart: bigint | undefined;
  const onError = log.failed('following erasures');
  const following = followEvents(
    {
      ledger,
      identity,
      retryMs,
      onError,
      position: { load: () => erasure.position(), save: (position) => erasure.keepPosition(position) },
      take: async (event) => {
        heightAtStart ??= await ledger.height(identity);
        return worker.take(event, event.blockNumber < heightAtStart);
      },
    },
    signal,
  );
  const working = workOff(
    () => worker.workOff(),
    { retryMs, onError: log.failed('erasing a record') },
    signal,
  );
  await Promise.all([following, working]);
}

async function reseal(
  { mspId, retryMs, attemptMinAgeMs }: RecordCareOptions,
  modules: RecordCareModules,
  signal: AbortSignal,
): Promise<void> {
  const { ledger, identity, tables, metrics, log } = modules;
  const work = tables.table<ResealRow>('reseals');
  const resealed = measure(metrics, work);
  const worker = new ResealWorker(
    { mspId, attemptMinAgeMs, concurrency: CONCURRENCY, batchRecords: BATCH_RECORDS },
    {
      ...modules,
      work,
      attempts: tables.table<ResealAttempt>('reseal-attempts'),
      sensitivities: tables.table<SensitivityRow>('sensitivities'),
      objectsOf,
      clock: Date.now,
      onResealed: (count) => {
        resealed.inc(count);
        log.told('records sealed anew', { count });
      },
    },
  );
  const following = followEvents(
    {
      ledger,
      identity,
      retryMs,
      onError: log.failed('following grants for sealing anew'),
      position: keptPosition(tables, RESEAL_POSITION),
      take: (event) => worker.take(event),
    },
    signal,
  );
  const onError = log.failed('sealing records anew');
  const working = workOff(() => worker.workOff(signal), { retryMs, onError }, signal);
  await Promise.all([following, working]);
}

async function endExpired(
  { mspId, retryMs }: RecordCareOptions,
  { ledger, contracts, identity, tables, log }: RecordCareModules,
  signal: AbortSignal,
): Promise<void> {
  const workerOf = (expiring: Expiring, table: string): ExpiryWorker =>
    new ExpiryWorker(expiring, {
      ends: tables.table<EndRow>(table),
      now: () => new Date().toISOString(),
    });
  const grants = workerOf(expiringGrants(mspId, contracts, identity), 'grant-ends');
  const emergencies = workerOf(expiringEmergencies(mspId, contracts, identity), 'emergency-ends');
  const onError = log.failed('following what time ends');
  const position = keptPosition(tables, EXPIRY_POSITION);
  const take = async (event: LedgerEvent): Promise<boolean> =>
    (await grants.take(event)) || (await emergencies.take(event));
  const following = followEvents({ ledger, identity, retryMs, onError, position, take }, signal);
  const working = workOff(
    async () => [...(await grants.sweep()), ...(await emergencies.sweep())],
    { retryMs: EXPIRY_LOOK_MS, onError: log.failed('ending what is over') },
    signal,
  );
  await Promise.all([following, working]);
}

function keptPosition(tables: LocalTables, name: string): Following['position'] {
  const positions = tables.table<PositionRow>('positions');
  return {
    load: async () => positionOf(await positions.get(name)),
    save: async ({ blockNumber, afterTxId = '' }) =>
      positions.put(name, { blockNumber: blockNumber.toString(), afterTxId }, { sync: false }),
  };
}

async function workOff(
  work: () => Promise<unknown[]>,
  { retryMs, onError }: { readonly retryMs: number; readonly onError: (error: unknown) => void },
  signal: AbortSignal,
): Promise<void> {
  while (!isStopped(signal)) {
    try {
      for (const failure of await work()) onError(failure);
    } catch (error) {
      if (!isStopped(signal)) onError(error);
    }
    await pause(retryMs, signal);
  }
}

function measure(registry: Registry, work: LocalTable<ResealRow>): Counter {
  const registers = [registry];
  new Gauge({
    name: 'careledger_reseals_waiting',
    help: 'Patients whose records are looked at, or wait to be sealed anew.',
    registers,
    async collect() {
      const waiting: string[] = [];
      for await (const [pseudonym] of work.entries()) waiting.push(pseudonym);
      this.set(waiting.length);
    },
  });
  return new Counter({
    name: 'careledger_records_resealed_total',
    help: 'Records sealed anew after an epoch was raised or a patient’s identity key came.',
    registers,
  });
}
