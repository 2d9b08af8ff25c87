/** Assembles a hospital's part in ceremonies: routes for its people and for other gateways, a figure, and the work. */
import { CEREMONY_SCHEMES } from '@careledger/protocol';
import { Gauge, type Registry } from 'prom-client';
import { CeremonyLedger } from '../ceremony/ceremony-ledger.js';
import { CeremonyWorker } from '../ceremony/ceremony-worker.js';
import { ceremonyRoute, createMessageFetcher } from '../ceremony/message-exchange.js';
import { Participant, type ParticipantOptions } from '../ceremony/participant.js';
import type { CeremonyCustody, KeyInForce } from '../ports/ceremony-custody.js';
import { ceremonyRoutes } from '../rest/routes/ceremonies.js';
import type { GatewayExtension, GatewayModules, GatewayServices } from './gateway.js';

export interface CeremonyOptions {
  /** Of the Paillier key. */
  readonly keyBits: number;
  /** Who has to be an active member before this hospital starts the first ceremonies. Absent: another one starts them. */
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
const IDENTITY_KEY_METRIC = 'careledger_identity_key_holders';

export function createCeremonies(
  { keyBits, startsWith, limits }: CeremonyOptions,
  { contracts, identity, metrics }: GatewayServices,
  { ledger: events, custody, release }: GatewayModules,
): Required<GatewayExtension> {
  const times = { ...DEFAULT_LIMITS, ...limits };
  const { ceremonies } = custody;
  const ledgers = {
    paillier: new CeremonyLedger(contracts, identity, 'paillier'),
    identity: new CeremonyLedger(contracts, identity, 'identity'),
  };
  const onKey = measure(metrics, ceremonies);
  return {
    routes: [ceremonyRoutes({ ledgers, custody: ceremonies, keyBits })],
    peerRoutes: [ceremonyRoute({ ledger: ledgers.paillier, custody: ceremonies })],
    async run(signal, { failed, told: tell }) {
      const fetcher = createMessageFetcher({ ledger: ledgers.paillier, connect: release.connect });
      const now = (): number => performance.now();
      // A worker for each scheme: neither ceremony waits for the other.
      const works = CEREMONY_SCHEMES.map((scheme) => {
        const ledger = ledgers[scheme];
        const participant = new Participant(
          { ...times, keyBits },
          { ledger, custody: ceremonies, fetcher, now, tell },
        );
        const worker = new CeremonyWorker(
          { ...times, keyBits, ...(startsWith === undefined ? {} : { startsWith }) },
          {
            ledger,
            events,
            custody,
            participant,
            tell,
            onKey,
            onProblem: failed(`the ceremony (${scheme})`),
          },
        );
        return worker.run(signal);
      });
      await Promise.all(works);
      fetcher.close();
    },
  };
}

function measure(registry: Registry, custody: CeremonyCustody): (key: KeyInForce) => void {
  const registers = [registry];
  new Gauge({
    name: CEREMONY_FRACTION_METRIC,
    help: 'Expected fraction of the work of a ceremony that is done, 0 to 1; no value when there is none.',
    labelNames: ['scheme', 'phase', 'attempt'] as const,
    registers,
    async collect() {
      this.reset();
      for (const ceremonyId of await custody.kept()) {
        const part = await custody.part(ceremonyId);
        if (part === undefined) continue;
        const { attempt, progress, scheme } = part;
        this.set({ scheme, phase: progress.phase, attempt: String(attempt) }, progress.fraction);
      }
    },
  });
  const keyBits = new Gauge({
    name: KEY_BITS_METRIC,
    help: 'Size of the consortium’s Paillier key; no value before there is one.',
    labelNames: ['epoch'] as const,
    registers,
  });
  const identityKey = new Gauge({
    name: IDENTITY_KEY_METRIC,
    help: 'Holders of the identity master key; no value before there is one.',
    labelNames: ['epoch'] as const,
    registers,
  });
  return (key) => {
    const epoch = String(key.sharing.epoch);
    const gauge = 'masterKey' in key ? identityKey : keyBits;
    gauge.reset();
    gauge.set({ epoch }, 'masterKey' in key ? key.sharing.holders.length : key.publicKey.keyBits);
  };
}
