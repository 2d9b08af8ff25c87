import { createPaillierPool, type PaillierPool } from '@careledger/crypto';
import { AggregateLedger } from '../aggregate/aggregate-ledger.js';
import { Contributor } from '../aggregate/contributor.js';
import { DealerKeyHolders, type DealtShare } from '../aggregate/dealer-key-holders.js';
import type { AnsweredQuery, LocalKnowledge, LocalPanel } from '../aggregate/local-knowledge.js';
import { PanelsService } from '../aggregate/panels-service.js';
import { DEFAULT_AGGREGATE_POLICY, type AggregatePolicy } from '../aggregate/policy.js';
import { QueryWorker } from '../aggregate/query-worker.js';
import { ShareHolder } from '../aggregate/share-holder.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import { aggregateRoutes } from '../rest/routes/aggregate.js';
import type { Routes } from '../rest/types.js';
import type { LocalTables } from '../services/local-tables.js';
import { pause } from './pause.js';
import { positionOf, type PositionRow } from './positions.js';

export interface AggregationOptions {
  readonly mspId: string;
  /** Members of the consortium in the order of the topology; the first deals the key (docs/adr/0005). */
  readonly members: readonly string[];
  readonly keyBits: number;
  /** Keys below 2048 bits, for tests. */
  readonly allowTestKeySize?: boolean;
  readonly policy?: Partial<AggregatePolicy>;
}

export interface AggregationModules {
  readonly ledger: Ledger;
  readonly store: RecordStore;
  readonly custody: KeyCustody;
  readonly identity: SigningIdentity;
  readonly tables: LocalTables;
  /** Hands a share of the aggregation key to another hospital's gateway over mutual TLS. */
  readonly deliverShare: (mspId: string, dealt: DealtShare, signal: AbortSignal) => Promise<void>;
  readonly onError: (error: unknown, what: string) => void;
}

export interface Aggregation {
  readonly routes: Routes;
  /** A share that the dealer of the key delivers. @throws CareLedgerError NOT_OWNER */
  receiveShare(fromMspId: string, dealt: DealtShare): Promise<void>;
  /** Answers queries until the signal aborts. Never throws. */
  run(signal: AbortSignal): Promise<void>;
}

const POSITION = 'queries';
const RESTART_MS = 2_000;

/** Assembles a hospital's part in aggregates. */
export function createAggregation(options: AggregationOptions, modules: AggregationModules): Aggregation {
  const { ledger, store, custody, identity, tables } = modules;
  const { allowTestKeySize = false } = options;
  const knowledge: LocalKnowledge = {
    panels: tables.table<LocalPanel>('panel-rows'),
    answers: tables.table<AnsweredQuery>('answered-queries'),
  };
  const aggregate = new AggregateLedger({ ledger, identity, allowTestKeySize });
  const [dealerMspId = options.mspId] = options.members;
  const holders = new DealerKeyHolders({
    aggregate,
    custody,
    dealerMspId,
    memberMspIds: options.members,
    keyBits: options.keyBits,
    allowTestKeySize,
    deliver: modules.deliverShare,
  });
  const pool = lazyPool(allowTestKeySize);
  const policy = { ...DEFAULT_AGGREGATE_POLICY, ...options.policy };
  const contributor = new Contributor(aggregate, { store, knowledge, pool, policy });
  const panels = new PanelsService(aggregate, { store, knowledge, pool });
  const positions = tables.table<PositionRow>('positions');
  const worker = new QueryWorker({
    aggregate,
    contributor,
    holders,
    shareHolder: new ShareHolder(aggregate, holders),
    position: {
      load: async () => positionOf(await positions.get(POSITION)),
      save: ({ blockNumber, afterTxId = '' }) =>
        positions.put(POSITION, { blockNumber: blockNumber.toString(), afterTxId }, { sync: false }),
    },
    onProblem: ({ queryId, error }) => {
      modules.onError(error, queryId === '' ? 'the aggregation key' : `query ${queryId}`);
    },
  });
  return {
    routes: aggregateRoutes({ panels, knowledge }),
    receiveShare: (fromMspId, dealt) => holders.receive(fromMspId, dealt),
    async run(signal) {
      while (!signal.aborted) {
        try {
          await worker.run(signal);
        } catch (error) {
          if (!signal.aborted) modules.onError(error, 'reading the ledger for queries');
        }
        await pause(RESTART_MS, signal);
      }
      await pool.close();
    },
  };
}

/** Worker threads start with the first job: a gateway that is asked no statistics has none. */
function lazyPool(allowTestKeySize: boolean): PaillierPool {
  let pool: PaillierPool | undefined;
  const started = () => (pool ??= createPaillierPool({ allowTestKeySize }));
  return {
    encryptRows: (...job) => started().encryptRows(...job),
    partialDecrypt: (...job) => started().partialDecrypt(...job),
    makeContribution: (...job) => started().makeContribution(...job),
    close: async () => {
      await pool?.close();
    },
  };
}
