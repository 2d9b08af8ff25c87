import { setTimeout as pause } from 'node:timers/promises';
import {
  bytesToHex,
  plaintextResults,
  publicKeyFromJson,
  randomBytes,
  type AskedStatistic,
  type PaillierPublicKey,
  type PanelLayout,
  type PanelRow,
} from '@careledger/crypto';
import type { GatewayModules } from '@careledger/gateway';
import type { AggregationKey, Cohort, CohortSubject, Purpose, QueryDetails } from '@careledger/protocol';
import {
  TEST_KEY,
  startTestConsortium,
  type Answer,
  type Person,
  type TestConsortium,
  type TestConsortiumOptions,
} from './consortium.js';
import { Hooks, type SubmitHook } from './hooks.js';
import { mustBe } from './world.js';

export { TEST_KEY };

export const LAYOUT: PanelLayout = {
  id: 'vitals',
  version: 1,
  keyBits: 512,
  fields: [
    { kind: 'numeric', name: 'temperature', unit: 'Cel', scale: 1, min: '-5', max: '4.5' },
    { kind: 'histogram', name: 'sex', unit: '1', categories: ['female', 'male'] },
  ],
  maxRecords: 1000,
  statisticalBits: 80,
};

export interface Row {
  readonly patient: string;
  readonly subject: CohortSubject;
  readonly values: PanelRow;
}

export interface Question extends AskedStatistic {
  readonly cohort: Cohort;
  readonly layout: PanelLayout;
  readonly purpose: Purpose;
}

type Ledger = GatewayModules['ledger'];
export type Store = GatewayModules['store'];

export interface AggregateWorldOptions extends Omit<TestConsortiumOptions, 'wrapModules'> {
  readonly wrapStore?: (mspId: string, store: Store) => Store;
}

export interface AggregateWorld {
  readonly consortium: TestConsortium;
  readonly officers: readonly Person[];
  readonly researcher: Person;
  readonly key: AggregationKey;
  readonly publicKey: PaillierPublicKey;
  ledger(): Ledger;
  /** Called before the hospital's gateway submits, such as `queries:Contribute`; what it returns is submitted instead. */
  beforeSubmitting(hospital: number, method: string, hook: SubmitHook | undefined): void;
  /** What the hospital's gateway sees of queries, instead of what its peer says. */
  seeing(hospital: number, change: ((details: QueryDetails) => QueryDetails) | undefined): void;
  register(layout: PanelLayout): Promise<void>;
  put(hospital: number, rows: readonly Row[], options?: PutOptions): Promise<Answer>;
  open(question: Partial<Question>, who?: Person): Promise<string>;
  until(queryId: string, isThere: (details: QueryDetails) => boolean): Promise<QueryDetails>;
  /** Opens, and waits until it is decrypted or refused. */
  ask(question: Partial<Question>, who?: Person): Promise<QueryDetails>;
  stop(): Promise<void>;
}

export interface PutOptions {
  readonly layout?: PanelLayout;
  readonly panelId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const KEY_LIMIT_MS = 30_000;
const CEREMONY_LIMIT_MS = 100_000;
/** Of each, when a dozen are asked at once on a machine that does other things too. */
const QUERY_LIMIT_MS = 60_000;
const POLL_MS = 25;

/**
 * @param options.realCeremony the key is made by the hospitals and not dealt: some ten seconds
 * @param options.wrapStore a hospital's record store, as its gateway shall see it
 */
export async function startAggregateWorld({
  wrapStore = (_mspId, store) => store,
  ...options
}: AggregateWorldOptions = {}): Promise<AggregateWorld> {
  const { realCeremony = false } = options;
  const hooks = new Hooks();
  let shared: Ledger | undefined;
  const consortium = await startTestConsortium({
    ...options,
    wrapModules(mspId, modules) {
      shared = modules.ledger;
      return hooks.wrap(mspId, { ...modules, store: wrapStore(mspId, modules.store) });
    },
  });
  const officers = await Promise.all([1, 2, 3, 4].map((hospital) => consortium.person(hospital, 'officer')));
  const researcher = await consortium.person(1, 'researcher');
  const key = await activeKey(officers[0]!, realCeremony ? CEREMONY_LIMIT_MS : KEY_LIMIT_MS);
  const mspIdOf = (hospital: number): string => officers[hospital - 1]!.mspId;

  const open: AggregateWorld['open'] = async (question, who = researcher) => {
    const { statistic = 'mean', fields = ['temperature'], weights, layout = LAYOUT } = question;
    const { cohort = { all: true }, purpose = 'research' } = question;
    const queryId = newId();
    const asked = { statistic, fields, ...(weights === undefined ? {} : { weights }) };
    const of = { layoutId: layout.id, layoutVersion: layout.version };
    mustBe(202, await who.post('/v1/queries', { queryId, ...asked, ...of, cohort, purpose }));
    return queryId;
  };
  const until: AggregateWorld['until'] = async (queryId, isThere) => {
    const deadline = Date.now() + QUERY_LIMIT_MS;
    for (;;) {
      const details = mustBe(200, await researcher.get(`/v1/queries/${queryId}`))
        .body as unknown as QueryDetails;
      if (isThere(details)) return details;
      if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(details).slice(0, 800)}`);
      await pause(POLL_MS);
    }
  };

  return {
    consortium,
    officers,
    researcher,
    key,
    publicKey: publicKeyFromJson(key.publicKey, TEST_KEY),
    ledger: () => shared!,
    beforeSubmitting(hospital, method, hook) {
      hooks.beforeSubmit(mspIdOf(hospital), method, hook);
    },
    seeing(hospital, change) {
      const hook = change === undefined ? undefined : (result: object) => change(result as QueryDetails);
      hooks.onRead(mspIdOf(hospital), 'queries:Get', hook);
    },
    async register(layout) {
      mustBe(201, await officers[0]!.post('/v1/panel-layouts', { layout }));
    },
    put(hospital, rows, { layout = LAYOUT, panelId = newId(), headers = {} } = {}) {
      const body = { panelId, layoutId: layout.id, layoutVersion: layout.version, rows };
      return officers[hospital - 1]!.post('/v1/panels', body, headers);
    },
    open,
    until,
    ask: async (question, who) =>
      until(await open(question, who), ({ query }) => ['decrypted', 'refused'].includes(query.status)),
    stop: () => consortium.stop(),
  };
}

export async function activeKey(officer: Person, limitMs = KEY_LIMIT_MS): Promise<AggregationKey> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const { status, body } = await officer.get('/v1/aggregation-key');
    if (status === 200 && body['status'] === 'active') return body as unknown as AggregationKey;
    if (Date.now() > deadline) throw new Error(`no active key: ${JSON.stringify(body)}`);
    await pause(POLL_MS);
  }
}

export function newId(): string {
  return bytesToHex(randomBytes(16));
}

/** The reference; a statistic that is undefined for want of rows is the count alone, as the contract publishes it. */
export function plaintextOf(
  layout: PanelLayout,
  rows: readonly Row[],
  asked: AskedStatistic,
): readonly object[] {
  return plaintextResults(
    layout,
    rows.map((row) => row.values),
    asked,
  );
}
