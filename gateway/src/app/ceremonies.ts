/** Assembles a hospital's part in ceremonies: routes for its people and for other gateways, a figure, and the work. */
import type { AggregationKey } from '@careledger/protocol';
import { Gauge, type Registry } from 'prom-client';
import { CeremonyLedger } from '../ceremony/ceremony-ledger.js';
import { CeremonyWorker } from '../ceremony/ceremony-worker.js';
import { ceremonyRoute, createMessageFetcher } from '../ceremony/message-exchange.js';
import { Participant, type ParticipantOptions } from '../ceremony/participant.js';
import type { CeremonyCustody } from '../ports/ceremony-custody.js';
import { ceremonyRoutes } from '../rest/routes/ceremonies.js';
import type { GatewayExtension, GatewayModules, GatewayServices } from './gateway.js';

export interface CeremonyOptions {
  readonly keyBits: number;
  /** Who has to be an active member before this hospital starts the first ceremony. Absent: another one starts it. */
  readonly startsWith?: readonly string[];
  readonly limits?: Partial<CeremonyLimits>;
}

export interface CeremonyLimits extends Pick<ParticipantOptions, 'roundMs' | 'retryMs' | 'registerAfterMs'> {
  /** How often to look without an event. */
  readonly recheckMs: number;
}

const DEFAULT_LIMITS: CeremonyLimits = {
  roundMs: 120_000,
  retryMs: 500,
  registerAfterMs: 10_000,
  recheckMs: 5_000,
};

/** Figures of every gateway, which `npm run network -- status` reads too: how much of the expected work of the present attempt is done. */
const CEREMONY_FRACTION_METRIC = 'careledger_ceremony_fraction';
const KEY_BITS_METRIC = 'careledger_key_bits';

export function createCeremonies(
  { keyBits, startsWith, limits }: CeremonyOptions,
  { contracts, identity, metrics }: GatewayServices,
  { ledger: events, custody, release }: GatewayModules,
): Required<GatewayExtension> {
  const times = { ...DEFAULT_LIMITS, ...limits };
  const ledger = new CeremonyLedger(contracts, identity);
  const { ceremonies } = custody;
  const onKey = measure(metrics, ceremonies);
  return {
    routes: [ceremonyRoutes({ ledger, custody: ceremonies, keyBits })],
    peerRoutes: [ceremonyRoute({ ledger, custody: ceremonies })],
    async run(signal, { failed, told: tell }) {
      const fetcher = createMessageFetcher({ ledger, connect: release.connect });
      const participant = new Participant(
        { ...times, keyBits },
        { ledger, custody: ceremonies, fetcher, now: () => performance.now(), tell },
      );
      const worker = new CeremonyWorker(
        { ...times, keyBits, ...(startsWith === undefined ? {} : { startsWith }) },
        { ledger, events, custody, participant, tell, onKey, onProblem: failed('the ceremony') },
      );
      await worker.run(signal);
      fetcher.close();
    },
  };
}

function measure(registry: Registry, custody: CeremonyCustody): (key: AggregationKey) => void {
  const registers = [registry];
  new Gauge({
    name: CEREMONY_FRACTION_METRIC,
    help: 'Expected fraction of the work of a ceremony that is done, 0 to 1; no value when there is none.',
    labelNames: ['phase', 'attempt'] as const,
    registers,
    async collect() {
      this.reset();
      for (const ceremonyId of await custody.kept()) {
        const part = await custody.part(ceremonyId);
        if (part === undefined) continue;
        const { attempt, progress } = part;
        this.set({ phase: progress.phase, attempt: String(attempt) }, progress.fraction);
      }
    },
  });
  const keyBits = new Gauge({
    name: KEY_BITS_METRIC,
    help: 'Size of the consortium’s Paillier key; no value before there is one.',
    labelNames: ['epoch'] as const,
    registers,
  });
  return ({ publicKey, sharing }) => {
    keyBits.reset();
    keyBits.set({ epoch: String(sharing.epoch) }, publicKey.keyBits);
  };
}
