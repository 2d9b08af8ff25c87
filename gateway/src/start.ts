/**
 * The demonstration behind `npm start`: four hospitals, the samples, sharing that the patient controls step by step, and,
 * with `--once`, every statistic beside its plaintext. It speaks to the gateways over HTTP only, so the embedded ledger and Fabric run the same lines.
 */
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { layoutOf } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';
import { demoNetwork, type DemoNetwork, type DemoNetworkOptions } from './demo/demo-network.js';
import { signInStaff, type Tokens } from './demo/demo-staff.js';
import { DemoState } from './demo/demo-state.js';
import { readHeartSamples, type HeartSamples } from './demo/heart-samples.js';
import { SampleLoad, type LoadOptions } from './demo/load-samples.js';
import { ProgressReport } from './demo/progress-report.js';
import { addresses, comparisonHeader, comparisonLine, linesToPaste, refusedLine } from './demo/report.js';
import { DEMO_STATISTICS, compare, type DemoStatistic } from './demo/statistics.js';
import { tourOf } from './demo/demo-tour.js';
import { stopRequest } from './demo/stop-request.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const USAGE = `npm start [-- OPTIONS]
  --once             compare the statistics with their plaintext, then stop; 1 when anything differs
  --ledger KIND      embedded (default) or fabric (needs: npm run network -- up)
  --data DIR         where the embedded consortium lives (default .careledger/embedded)
`;

/** What a shell shows for a program that SIGINT ended. */
const INTERRUPTED = 130;

/** For tests: other samples, a key of test size, free ports. */
export interface DemoSettings extends Pick<DemoNetworkOptions, 'aggregation' | 'ports'> {
  readonly samplesFolder?: string;
  readonly statistics?: readonly DemoStatistic[];
}

interface Demo {
  readonly network: DemoNetwork;
  readonly state: DemoState;
  readonly tokens: ReadonlyMap<string, Tokens>;
  readonly heart: HeartSamples;
  readonly statistics: readonly DemoStatistic[];
}

/** @returns the process's exit code */
export async function main(argv: readonly string[], settings: DemoSettings = {}): Promise<number> {
  const values = optionsOf(argv);
  if (values === undefined) return 2;
  const { ledger } = values;
  if (values.help || (ledger !== 'embedded' && ledger !== 'fabric')) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 2;
  }
  const dataDir = resolve(values.data ?? join(ROOT, '.careledger', 'embedded'));
  const network = await demoNetwork({ ...settings, ledger, dataDir });
  const stop = stopRequest();
  const { signal, requested } = stop;
  const running = run(network, settings, { once: values.once, signal }).catch((error: unknown) => {
    // Whatever it was waiting for fails when the network stops, and nobody needs to hear of it.
    if (!signal.aborted) throw error;
    return INTERRUPTED;
  });
  try {
    const code = await Promise.race([running, requested.then(() => INTERRUPTED)]);
    if (code === INTERRUPTED) console.log('\nStopped while loading. Started again, it goes on where it was.');
    return code;
  } finally {
    await network.stop();
    stop.release();
  }
}

/** @returns undefined for options that there are not, after saying so */
function optionsOf(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        once: { type: 'boolean', default: false },
        ledger: { type: 'string', default: 'embedded' },
        data: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return undefined;
  }
}

async function run(
  network: DemoNetwork,
  settings: DemoSettings,
  { once, signal }: { readonly once: boolean; readonly signal: AbortSignal },
): Promise<number> {
  const { hospitals, channel } = network;
  if (network.notice !== undefined) console.log(network.notice);
  const samplesFolder = settings.samplesFolder ?? join(ROOT, 'samples');
  const state = new DemoState(network.stateFile);
  const signedIn = await Promise.all(
    hospitals.map(
      async (hospital) => [hospital.client.hospital.id, await signInStaff(hospital, state)] as const,
    ),
  );
  const tokens = new Map(signedIn);
  const heart = readHeartSamples(join(samplesFolder, 'heart-disease'), network.keyBits);
  const demo: Demo = { network, state, tokens, heart, statistics: settings.statistics ?? DEMO_STATISTICS };
  const allEqual = await load(
    demo,
    { hospitals, tokens, state, channel, samplesFolder, heart, signal },
    once,
  );
  const isTourAsExpected = await tourOf({ network, state, tokens, samplesFolder, signal }, { once });
  if (once) return allEqual && isTourAsExpected ? 0 : 1;
  const facts = await pasteFacts(demo);
  if (network.printsTokens) console.log(`\n${addresses(facts)}\n\n${linesToPaste(facts)}`);
  console.log(`\n${network.banner}\nReady. Ctrl-C stops it; the data stay in ${network.home}.`);
  await new Promise((done) => {
    signal.addEventListener('abort', done, { once: true });
  });
  return 0;
}

/**
 * The FHIR patients beside the first layout's rows: those wait for the ledger, these for the processor. With `once`,
 * the statistics over a layout come as soon as its rows are there.
 * @returns whether every statistic that was asked equals its plaintext
 */
async function load(demo: Demo, options: Omit<LoadOptions, 'onProgress'>, once: boolean): Promise<boolean> {
  const progress = new ProgressReport();
  const samples = new SampleLoad({ ...options, onProgress: progress.update });
  const [first, ...others] = demo.heart.layouts;
  let equal = true;
  try {
    await Promise.all([samples.records(), ...(first === undefined ? [] : [samples.panels(first)])]);
    if (once) console.log(`\n${comparisonHeader()}`);
    for (const layout of [first, ...others]) {
      if (layout === undefined) continue;
      if (layout !== first) await samples.panels(layout);
      if (!once) continue;
      progress.pause();
      equal = (await compareOver(demo, layout.id)) && equal;
    }
  } finally {
    progress.pause();
  }
  if (once)
    console.log(
      equal
        ? '\nEvery encrypted result equals its plaintext.'
        : '\nA result is missing or differs from its plaintext.',
    );
  return equal;
}

async function compareOver({ network, tokens, heart, statistics }: Demo, layoutId: string): Promise<boolean> {
  const [first] = network.hospitals;
  const token = first === undefined ? undefined : tokens.get(first.client.hospital.id)?.researcher;
  if (first === undefined || token === undefined) return false;
  const hospitalIds = network.hospitals.map(({ client }) => client.hospital.id);
  let equal = true;
  for (const statistic of statistics.filter(
    ({ fields }) => layoutOf(heart.layouts, fields).id === layoutId,
  )) {
    try {
      const comparison = await compare({ client: first.client, token }, heart, hospitalIds, statistic);
      console.log(comparisonLine(comparison));
      equal &&= comparison.equal;
    } catch (error) {
      if (!(error instanceof CareLedgerError) || error.code !== 'QUERY_REFUSED') throw error;
      console.log(refusedLine(statistic, error.message));
      equal = false;
    }
  }
  return equal;
}

async function pasteFacts({ network, tokens, state }: Demo) {
  const patient = state.facts.patients['h1/1'];
  const first = network.hospitals[0];
  const token = first === undefined ? undefined : tokens.get(first.client.hospital.id)?.officer;
  if (patient === undefined || first === undefined || token === undefined)
    throw new Error('The samples are not loaded.');
  const path = `/v1/records?by=patient&value=${patient.pseudonym}`;
  const { items } = (await first.client.get(path, token)) as { items: { recordId: string; type: string }[] };
  const record = items.find(({ type }) => type === 'laboratory') ?? items[0];
  return {
    hospitals: network.hospitals,
    tokens,
    pseudonym: patient.pseudonym,
    recordId: record?.recordId ?? '',
  };
}
