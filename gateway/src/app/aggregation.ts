import type { PaillierPool } from '@careledger/crypto';
import { Counter, type Registry } from 'prom-client';
import { AggregateLedger } from '../aggregate/aggregate-ledger.js';
import { Contributor } from '../aggregate/contributor.js';
import { DealerKeyHolders, type DealtShare } from '../aggregate/dealer-key-holders.js';
import type { AnsweredQuery, LocalKnowledge, LocalPanel } from '../aggregate/local-knowledge.js';
import { PanelsService } from '../aggregate/panels-service.js';
import { DEFAULT_AGGREGATE_POLICY, type AggregatePolicy } from '../aggregate/policy.js';
import { QueryWorker, type UnfinishedQuery } from '../aggregate/query-worker.js';
import { ShareHolder } from '../aggregate/share-holder.js';
import { CareLedgerError, Sha256, closed, validate } from '@careledger/protocol';
import { Type } from 'typebox';
import { aggregateRoutes } from '../rest/routes/aggregate.js';
import type { GatewayExtension, GatewayModules, GatewayServices, Logged } from './gateway.js';
import { isStopped, pause } from './pause.js';
import { positionOf, type PositionRow } from './positions.js';

export interface AggregationOptions {
  /** Members of the consortium in the order of the topology; the first deals the key (docs/adr/0005). */
  readonly members: readonly string[];
  readonly keyBits: number;
  /** Keys below 2048 bits, for tests. */
  readonly allowTestKeySize?: boolean;
  readonly policy?: Partial<AggregatePolicy>;
  /** Threads for the arithmetic, which start with the first job. Whoever made the pool closes it. */
  readonly pool: PaillierPool;
}

/** What `paillier-bigint` affords; a faster engine raises it to 3072. */
export const DEFAULT_KEY_BITS = 2048;

/** A counter of every gateway: how far the encryption of panels has come. */
export const ENCRYPTED_ROWS_METRIC = 'careledger_panel_rows_encrypted_total';

const POSITION = 'queries';
const RESTART_MS = 2_000;
const SHARE_PATH = '/key-share/v1';
const SHARE_LIMIT_MS = 15_000;
const DealtShareSchema = closed({ keyId: Sha256, share: Type.Unknown() });

/** Assembles a hospital's part in aggregates: routes, the answer to the dealer, and the work on queries. */
export function aggregationExtension(options: AggregationOptions): NonNullable<GatewayModules['extend']> {
  return (services, modules) => createAggregation(options, services, modules);
}

function createAggregation(
  options: AggregationOptions,
  services: GatewayServices,
  modules: GatewayModules,
): GatewayExtension {
  const { ledger, store } = modules;
  const { identity, tables } = services;
  const { allowTestKeySize = false, pool } = options;
  const knowledge: LocalKnowledge = {
    panels: tables.table<LocalPanel>('panel-rows'),
    answers: tables.table<AnsweredQuery>('answered-queries'),
  };
  const aggregate = new AggregateLedger({ ledger, identity, allowTestKeySize });
  const holders = dealerKeyHolders(options, aggregate, services, modules);
  const policy = { ...DEFAULT_AGGREGATE_POLICY, ...options.policy };
  const positions = tables.table<PositionRow>('positions');
  const stopping = new AbortController();
  const run = async (signal: AbortSignal, logged: Logged): Promise<void> => {
    // Encrypting a panel takes longer than anybody waits for a gateway to stop.
    signal.addEventListener('abort', () => {
      stopping.abort();
    });
    const worker = new QueryWorker({
      aggregate,
      holders,
      contributor: new Contributor(aggregate, { store, knowledge, pool, policy }),
      shareHolder: new ShareHolder(aggregate, holders),
      position: {
        load: async () => positionOf(await positions.get(POSITION)),
        save: ({ blockNumber, afterTxId = '' }) =>
          positions.put(POSITION, { blockNumber: blockNumber.toString(), afterTxId }, { sync: false }),
      },
      unfinished: tables.table<UnfinishedQuery>('unfinished-queries'),
      onProblem: ({ queryId, error }) => {
        logged(queryId === '' ? 'the aggregation key' : `query ${queryId}`)(error);
      },
    });
    while (!isStopped(signal)) {
      await worker.run(signal).catch(logged('reading the ledger for queries'));
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
  return { routes: [aggregateRoutes({ panels, knowledge })], peerRoutes: [shareRoute(holders)], run };
}

function encryptedRows(registry: Registry): Counter {
  return new Counter({
    name: ENCRYPTED_ROWS_METRIC,
    help: 'Rows of panels encrypted, those of panels still under way included.',
    registers: [registry],
  });
}

function shareRoute(holders: DealerKeyHolders): NonNullable<GatewayExtension['peerRoutes']>[number] {
  return {
    path: SHARE_PATH,
    async handle(callerMspId, body) {
      await holders.receive(callerMspId, validate(DealtShareSchema, body));
      return '{}';
    },
  };
}

function dealerKeyHolders(
  options: AggregationOptions,
  aggregate: AggregateLedger,
  { contracts, identity }: GatewayServices,
  { custody, release }: GatewayModules,
): DealerKeyHolders {
  const { members, keyBits, allowTestKeySize = false } = options;
  const [dealerMspId = identity.mspId] = members;
  const deliver = async (mspId: string, dealt: DealtShare, signal: AbortSignal): Promise<void> => {
    const { gatewayUrl } = await contracts.evaluate(identity, 'members', 'Get', { mspId });
    const connection = release.connect({ mspId, gatewayUrl });
    try {
      const request = {
        path: SHARE_PATH,
        body: dealt,
        maxResponseBytes: 65_536,
        timeoutMs: SHARE_LIMIT_MS,
        signal,
      };
      const { status } = await connection.post(request);
      if (status !== 200)
        throw new CareLedgerError('PEER_GATEWAY_UNAVAILABLE', { came: `HTTP ${status} of ${mspId}` });
    } finally {
      connection.close();
    }
  };
  return new DealerKeyHolders({
    aggregate,
    custody,
    dealerMspId,
    memberMspIds: members,
    keyBits,
    allowTestKeySize,
    deliver,
  });
}
