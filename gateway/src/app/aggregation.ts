import type { PaillierPool } from '@careledger/crypto';
import { Counter, type Registry } from 'prom-client';
import { AggregateLedger } from '../aggregate/aggregate-ledger.js';
import { Contributor } from '../aggregate/contributor.js';
import type { AnsweredQuery, LocalKnowledge, LocalPanel } from '../aggregate/local-knowledge.js';
import { PanelsService } from '../aggregate/panels-service.js';
import { DEFAULT_AGGREGATE_POLICY, type AggregatePolicy } from '../aggregate/policy.js';
import { QueryWorker, type UnfinishedQuery } from '../aggregate/query-worker.js';
import { ShareHolder } from '../aggregate/share-holder.js';
import { aggregateRoutes } from '../rest/routes/aggregate.js';
import { createCeremonies, type CeremonyOptions } from './ceremonies.js';
import type { ExtensionLog, GatewayExtension, GatewayModules, GatewayServices } from './gateway.js';
import { isStopped, pause } from './pause.js';
import { positionOf, type PositionRow } from './positions.js';
import { createRowAudits } from './row-audits.js';

export interface AggregationOptions extends CeremonyOptions {
  /** Keys below 2048 bits, for tests. */
  readonly allowTestKeySize?: boolean;
  readonly policy?: Partial<AggregatePolicy>;
  /** Threads for the arithmetic, which start with the first job. Whoever made the pool closes it. */
  readonly pool: PaillierPool;
}

/** A counter of every gateway: how far the encryption of panels has come. */
export const ENCRYPTED_ROWS_METRIC = 'careledger_panel_rows_encrypted_total';

const POSITION = 'queries';
const RESTART_MS = 2_000;

/** Assembles a hospital's part in aggregates: the ceremonies of the key, routes, and the work on queries. */
export function aggregationExtension(options: AggregationOptions): NonNullable<GatewayModules['extend']> {
  return (services, modules) => createAggregation(options, services, modules);
}

function createAggregation(
  options: AggregationOptions,
  services: GatewayServices,
  modules: GatewayModules,
): GatewayExtension {
  const { ledger, store, custody } = modules;
  const { identity, tables } = services;
  const { allowTestKeySize = false, pool } = options;
  const knowledge: LocalKnowledge = {
    panels: tables.table<LocalPanel>('panel-rows'),
    answers: tables.table<AnsweredQuery>('answered-queries'),
  };
  const aggregate = new AggregateLedger({ ledger, identity, allowTestKeySize });
  const ceremonies = createCeremonies(options, services, modules);
  const policy = { ...DEFAULT_AGGREGATE_POLICY, ...options.policy };
  const positions = tables.table<PositionRow>('positions');
  const stopping = new AbortController();
  const answerQueries = async (signal: AbortSignal, { failed }: ExtensionLog): Promise<void> => {
    // Encrypting a panel takes longer than anybody waits for a gateway to stop.
    signal.addEventListener('abort', () => {
      stopping.abort();
    });
    const worker = new QueryWorker({
      aggregate,
      contributor: new Contributor(aggregate, { store, knowledge, pool, policy }),
      shareHolder: new ShareHolder(aggregate, { holders: custody, pool, policy }),
      position: {
        load: async () => positionOf(await positions.get(POSITION)),
        save: ({ blockNumber, afterTxId = '' }) =>
          positions.put(POSITION, { blockNumber: blockNumber.toString(), afterTxId }, { sync: false }),
      },
      unfinished: tables.table<UnfinishedQuery>('unfinished-queries'),
      onProblem: ({ queryId, error }) => {
        failed(`query ${queryId}`)(error);
      },
    });
    while (!isStopped(signal)) {
      await worker.run(signal).catch(failed('reading the ledger for queries'));
      await pause(RESTART_MS, signal);
    }
  };
  const rowsEncrypted = encryptedRows(services.metrics);
  const panels = new PanelsService(aggregate, {
    store,
    knowledge,
    pool,
    stopping: stopping.signal,
    onRowsEncrypted: (count) => {
      rowsEncrypted.inc(count);
    },
  });
  const auditing = { store, knowledge, pool, stopping: stopping.signal };
  const rowAudits = createRowAudits(aggregate, auditing, services, modules);
  return {
    routes: [aggregateRoutes({ panels, knowledge }), ...rowAudits.routes, ...ceremonies.routes],
    peerRoutes: [...rowAudits.peerRoutes, ...ceremonies.peerRoutes],
    async run(signal, log) {
      await Promise.all([answerQueries(signal, log), ceremonies.run(signal, log)]);
    },
  };
}

function encryptedRows(registry: Registry): Counter {
  return new Counter({
    name: ENCRYPTED_ROWS_METRIC,
    help: 'Rows of panels encrypted, those of panels still under way included.',
    registers: [registry],
  });
}
