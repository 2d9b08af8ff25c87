import { expect } from 'chai';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('./support/demo-process.js', import.meta.url));
const SAMPLES = fileURLToPath(new URL('../../../samples', import.meta.url));
const HOSPITALS = ['h1', 'h2', 'h3', 'h4'];
const PATIENTS = 6;
const LIMIT_MS = 60_000;

/** A patient of each hospital with their records, and six with one numeric field and one histogram. */
function smallSamples(folder: string): void {
  const heart = join(folder, 'heart-disease');
  mkdirSync(heart, { recursive: true });
  for (const hospital of HOSPITALS) {
    mkdirSync(join(folder, 'fhir', hospital), { recursive: true });
    cpSync(join(SAMPLES, 'fhir', hospital, '1.json'), join(folder, 'fhir', hospital, '1.json'));
    const lines = readFileSync(join(SAMPLES, 'heart-disease', `${hospital}.csv`), 'utf8').split('\n');
    writeFileSync(join(heart, `${hospital}.csv`), `${lines.slice(0, PATIENTS + 1).join('\n')}\n`);
  }
  const definitions = JSON.parse(readFileSync(join(SAMPLES, 'heart-disease', 'panels.json'), 'utf8')) as {
    panels: { name: string; kind: string; fields?: string[] }[];
  };
  const panels = definitions.panels
    .filter(({ name, kind }) => kind === 'moments' || name === 'chestPainType')
    .map((panel) => (panel.kind === 'moments' ? { ...panel, fields: ['age'] } : panel));
  writeFileSync(join(heart, 'panels.json'), JSON.stringify({ ...definitions, panels }));
}

interface State {
  readonly staffSecrets: Readonly<Record<string, string>>;
  readonly patients: Readonly<Record<string, { readonly pseudonym: string }>>;
  readonly done: Readonly<Record<string, unknown>>;
}

class Demo {
  readonly #child: ChildProcess;
  out = '';
  err = '';

  constructor(
    private readonly dataDir: string,
    samples: string,
    args: readonly string[] = [],
  ) {
    this.#child = spawn(process.execPath, [SCRIPT, samples, '--data', dataDir, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (text: Buffer) => (this.out += text.toString()));
    this.#child.stderr?.on('data', (text: Buffer) => (this.err += text.toString()));
  }

  get state(): State {
    try {
      return JSON.parse(readFileSync(join(this.dataDir, 'demonstration.json'), 'utf8')) as State;
    } catch {
      return { staffSecrets: {}, patients: {}, done: {} };
    }
  }

  async until(isThere: () => boolean): Promise<void> {
    const deadline = Date.now() + LIMIT_MS;
    while (!isThere()) {
      if (this.#child.exitCode !== null || Date.now() > deadline)
        throw new Error(`it never came: ${this.out}\n${this.err}`);
      await pause(5);
    }
  }

  /** @returns the exit code, or the signal that ended it */
  async end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    if (signal !== undefined) this.#child.kill(signal);
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode ?? signalCode;
    const [code, killedBy] = (await once(this.#child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? killedBy;
  }
}

describe('npm start', function () {
  this.timeout(120_000);

  let folder = '';
  let started: Demo[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'careledger-demo-'));
    smallSamples(join(folder, 'samples'));
  });
  afterEach(async () => {
    for (const demo of started.splice(0)) await demo.end('SIGKILL');
  });
  after(() => {
    started = [];
    rmSync(folder, { recursive: true, force: true });
  });
  const start = (...args: string[]): Demo => {
    const demo = new Demo(join(folder, 'data'), join(folder, 'samples'), args);
    started.push(demo);
    return demo;
  };

  it('goes on where it was killed or interrupted, loses nothing that was acknowledged, and writes nothing twice', async () => {
    const random = (): Promise<void> => pause(Math.random() * 200);
    let acknowledged: string[] = [];
    const isFurther = ({ done }: State): boolean => Object.keys(done).length > acknowledged.length;
    const moments = [
      ({ staffSecrets }: State) => Object.keys(staffSecrets).length >= 2,
      isFurther,
      isFurther,
    ];
    for (const [round, isTime] of moments.entries()) {
      const demo = start();
      await demo.until(() => isTime(demo.state));
      await random();
      if (round === 1) await expectOrderlyEnd(demo);
      else expect(await demo.end('SIGKILL')).to.equal('SIGKILL');
      expect(Object.keys(demo.state.done)).to.include.members(acknowledged);
      acknowledged = Object.keys(demo.state.done);
    }

    const demo = start('--once');
    expect(await demo.end(), demo.out + demo.err).to.equal(0);
    expect(demo.out).to.match(/Every encrypted result equals its plaintext/);
    expect(demo.out).to.match(/mean age +all +24 /);
    expect(demo.err).to.equal('');
    const { done } = demo.state;
    expect(Object.keys(done)).to.include.members(acknowledged);
    const steps = { patients: HOSPITALS.length, grant: 1, layouts: 2, panels: 2 * HOSPITALS.length, tour: 1 };
    expect(Object.keys(done)).to.have.length(Object.values(steps).reduce((sum, count) => sum + count));
    expect(demo.out).to.contain('The patient’s log').and.not.contain('EXPECTED');
  });

  it('prints lines that work when they are pasted, and ends on Ctrl-C', async () => {
    const demo = start();
    await demo.until(() => demo.out.includes('Ready.'));
    expect(demo.out, 'nothing is loaded again').not.to.match(/rows encrypted/);
    for (const hospital of HOSPITALS)
      expect(demo.out).to.match(new RegExp(`${hospital} .*http://127.0.0.1:\\d+`));
    for (const role of ['clinician', 'officer', 'researcher', 'auditor'])
      expect(demo.out.match(new RegExp(`^ *${role}-h[1-4](-\\d+)? +ey`, 'gm'))).to.have.length(4);

    const lines = demo.out.split('\n').filter((line) => line.startsWith('curl '));
    expect(lines).to.have.length(3);
    const [opened, denied, audit] = await inOrder(lines, async (line) => {
      const { stdout } = await promisify(execFile)('bash', ['-c', line], { timeout: LIMIT_MS });
      return JSON.parse(stdout) as Record<string, unknown>;
    });
    expect(JSON.stringify(opened)).to.match(/"content":/);
    expect(denied).to.include({ status: 403, code: 'ACCESS_DENIED' });
    const entries = audit?.['items'] as { decisions: { outcome: string }[] }[];
    const outcomes = entries.flatMap(({ decisions }) => decisions.map(({ outcome }) => outcome));
    expect(outcomes).to.include.members(['grant', 'deny']);

    for (const hospital of HOSPITALS) {
      const types = await recordTypesOf(demo, hospital);
      expect(types.length, 'records of each patient').to.be.at.least(3);
      expect(new Set(types).size, 'none twice').to.equal(types.length);
    }

    expect(await demo.end('SIGINT')).to.equal(0);
    expect(demo.err).to.equal('');
  });

  it('answers an unknown option with what there is', async () => {
    const demo = start('--ledger', 'paper');
    expect([await demo.end(), demo.err]).to.deep.equal([2, '']);
    expect(demo.out).to.match(/npm start \[-- OPTIONS\]/);
  });
});

async function recordTypesOf({ out, state }: Demo, hospital: string): Promise<string[]> {
  const url = new RegExp(`^ *${hospital} .*?(http://\\S+)`, 'm').exec(out)?.[1] ?? '';
  const token = new RegExp(`^ *officer-${hospital}\\S* +(\\S+)`, 'm').exec(out)?.[1] ?? '';
  const pseudonym = state.patients[`${hospital}/1`]?.pseudonym ?? '';
  const response = await fetch(`${url}/v1/records?by=patient&value=${pseudonym}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { items } = (await response.json()) as { items: { type: string }[] };
  return items.map(({ type }) => type);
}

/** Ctrl-C while it loads: at once, without a stack trace. */
async function expectOrderlyEnd(demo: Demo): Promise<void> {
  const interruptedAt = Date.now();
  expect(await demo.end('SIGINT')).to.equal(130);
  expect(Date.now() - interruptedAt).to.be.lessThan(6_000);
  expect(demo.out).to.match(/Stopped while loading/);
  expect(demo.err).to.equal('');
}

async function inOrder<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
