/**
 * The demonstration behind `npm start`: four hospitals, the samples, and, with `--once`, every statistic beside its
 * plaintext. It speaks to the gateways over HTTP only, so the embedded ledger and Fabric run the same lines.
 */
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { demoNetwork, type DemoNetwork } from './demo/demo-network.js';
import { signInStaff, type Tokens } from './demo/demo-staff.js';
import { DemoState } from './demo/demo-state.js';
import { readHeartSamples, type HeartSamples } from './demo/heart-samples.js';
import { loadSamples } from './demo/load-samples.js';
import { addresses, comparisonHeader, comparisonLine, linesToPaste } from './demo/report.js';
import { DEMO_STATISTICS, compare } from './demo/statistics.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const USAGE = `npm start [-- OPTIONS]
  --once             compare the statistics with their plaintext, then stop
  --ledger KIND      embedded (default) or fabric (needs: npm run network -- up)
  --data DIR         where the embedded consortium lives (default .careledger/embedded)
`;

/** @returns the process's exit code */
export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      once: { type: 'boolean', default: false },
      ledger: { type: 'string', default: 'embedded' },
      data: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || !['embedded', 'fabric'].includes(values.ledger)) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 2;
  }
  const network = await demoNetwork({
    ledger: values.ledger as 'embedded' | 'fabric',
    dataDir: resolve(values.data ?? join(ROOT, '.careledger', 'embedded')),
  });
  try {
    return await run(network, values.once);
  } finally {
    await network.stop();
  }
}

async function run(network: DemoNetwork, once: boolean): Promise<number> {
  const { hospitals } = network;
  const state = new DemoState(network.stateFile);
  const tokens = new Map<string, Tokens>();
  for (const hospital of hospitals)
    tokens.set(hospital.client.hospital.id, await signInStaff(hospital, state));
  const samplesFolder = join(ROOT, 'samples');
  const heart = readHeartSamples(join(samplesFolder, 'heart-disease'), network.keyBits);
  await withProgress((onProgress) =>
    loadSamples({ hospitals, tokens, state, channel: network.channel, samplesFolder, heart, onProgress }),
  );
  if (once) return (await compareAll(network, tokens, heart)) ? 0 : 1;
  const facts = await pasteFacts(network, tokens, state);
  if (network.printsTokens) console.log(`\n${addresses(facts)}\n\n${linesToPaste(facts)}`);
  console.log(`\n${network.banner}\nReady. Ctrl-C stops it; the data stay in ${network.home}.`);
  await untilSignal();
  return 0;
}

async function compareAll(
  network: DemoNetwork,
  tokens: ReadonlyMap<string, Tokens>,
  heart: HeartSamples,
): Promise<boolean> {
  const [first] = network.hospitals;
  const token = first === undefined ? undefined : tokens.get(first.client.hospital.id)?.researcher;
  if (first === undefined || token === undefined) return false;
  const hospitalIds = network.hospitals.map(({ client }) => client.hospital.id);
  console.log(`\n${comparisonHeader()}`);
  let equal = true;
  for (const statistic of DEMO_STATISTICS) {
    const comparison = await compare({ client: first.client, token }, heart, hospitalIds, statistic);
    console.log(comparisonLine(comparison));
    equal &&= comparison.equal;
  }
  console.log(
    equal ? '\nEvery encrypted result equals its plaintext.' : '\nA result differs from its plaintext.',
  );
  return equal;
}

async function pasteFacts(network: DemoNetwork, tokens: ReadonlyMap<string, Tokens>, state: DemoState) {
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

type OnProgress = Parameters<typeof loadSamples>[0]['onProgress'];

async function withProgress(work: (onProgress: OnProgress) => Promise<void>): Promise<void> {
  if (!process.stdout.isTTY) {
    await work(({ done, total, what }) => {
      console.log(`[${done}/${total}] ${what}`);
    });
    return;
  }
  const bar = new SingleBar({ format: 'Loading samples [{bar}] {value}/{total} {what}', hideCursor: true });
  bar.start(1, 0, { what: '' });
  try {
    await work(({ done, total, what }) => {
      bar.setTotal(total);
      bar.update(done, { what });
    });
  } finally {
    bar.stop();
  }
}

function untilSignal(): Promise<void> {
  return new Promise((done) => {
    process.once('SIGINT', done);
    process.once('SIGTERM', done);
  });
}
