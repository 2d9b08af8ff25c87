// npm test: everything, the real Fabric and Kubo included.  npm run test:fast: what needs no Fabric.
// Closes with one line `N passed, N failed`. A step that cannot run is a failure with the sentence that mends it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap, run } from './lib/bootstrap.mjs';

const MINUTE_MS = 60_000;
const fast = process.argv.includes('--fast');
const totals = { passed: 0, failed: 0 };
const scratch = mkdtempSync(join(tmpdir(), 'careledger-test-'));
const failures = [];

/** A step that is one check: it passes or fails as a whole. */
async function check(title, work) {
  const started = Date.now();
  console.log(`\n== ${title}`);
  try {
    await work();
    totals.passed += 1;
    console.log(`== ${title}: ${((Date.now() - started) / 1000).toFixed(1)} s`);
    return true;
  } catch (error) {
    totals.failed += 1;
    failures.push(`${title}: ${error.message}`);
    console.error(error.message);
    return false;
  }
}

/** A mocha run: every test counts. */
async function mocha(title, patterns, { timeoutMs, limitMs, parallel = false, env = {} }) {
  const started = Date.now();
  console.log(`\n== ${title}`);
  const counts = join(scratch, `${totals.passed + totals.failed}-${Date.now()}.json`);
  const options = [
    '--reporter',
    join('scripts', 'lib', 'count-reporter.cjs'),
    '--timeout',
    String(timeoutMs),
    '--exit',
  ];
  if (parallel) options.push('--parallel', '--jobs', '2');
  let problem;
  try {
    await run(process.execPath, [join('node_modules', 'mocha', 'bin', 'mocha.js'), ...options, ...patterns], {
      limitMs,
      // The contracts' decorators log a line per method while they are loaded.
      env: { CORE_CHAINCODE_LOGGING_LEVEL: 'CRITICAL', ...env, CARELEDGER_TEST_COUNTS: counts },
    });
  } catch (error) {
    problem = error.message;
  }
  const counted = readCounts(counts);
  totals.passed += counted.passed;
  totals.failed += counted.failed;
  if (problem !== undefined && counted.failed === 0) totals.failed += 1;
  if (problem !== undefined) failures.push(`${title}: ${problem}`);
  if (problem === undefined && counted.passed === 0) {
    totals.failed += 1;
    failures.push(`${title}: no test was found; see the patterns in scripts/test.mjs.`);
  }
  console.log(
    `== ${title}: ${counted.passed} passed, ${counted.failed} failed, ${((Date.now() - started) / 1000).toFixed(1)} s`,
  );
}

function readCounts(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { passed: 0, failed: 0 };
  }
}

const node = (args, limitMs, env) => run(process.execPath, args, { limitMs, env });

async function fastSuite() {
  await mocha(
    'unit, conformance and scenario tests (no Fabric)',
    [
      '{protocol,crypto,chaincode,network,verifier,gateway/client,gateway}/dist/**/*.test.js',
      'test/dist/{conformance,scenario}/!(*.fabric).test.js',
      '--ignore',
      '**/dist/**/slow/**',
    ],
    { timeoutMs: 20_000, limitMs: 10 * MINUTE_MS, parallel: true },
  );
}

/** What takes longer than a loop of edit and test should: larger ceremonies, all samples, npm start killed and resumed. */
async function slowSuite() {
  await mocha(
    'slow: larger ceremonies, statistics over the samples, forged contributions, SIGKILL of ledger and of npm start',
    [
      '{crypto,gateway}/dist/**/slow/**/*.test.js',
      'test/dist/{conformance,scenario}/slow/**/*.test.js',
      'test/dist/start/**/*.test.js',
    ],
    { timeoutMs: 2 * MINUTE_MS, limitMs: 15 * MINUTE_MS },
  );
}

async function style() {
  await check('lint', () => node([join('node_modules', 'eslint', 'bin', 'eslint.js'), '.'], 5 * MINUTE_MS));
  await check('format', () =>
    node(
      [join('node_modules', 'prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn', '.'],
      2 * MINUTE_MS,
    ),
  );
  await check('samples fit their panels', () =>
    node([join('scripts', 'samples', 'check-panels.mjs')], MINUTE_MS),
  );
  await check('error catalogue in docs/errors.md', () =>
    node([join('scripts', 'docs-errors.mjs'), '--check'], MINUTE_MS),
  );
}

/** A ceremony of 2048 bits is over in a fraction of the time that one of 3072 takes; what it goes through is the same. */
const TEST_KEY_BITS = process.env.CARELEDGER_KEY_BITS ?? '2048';

async function fabricSuite() {
  const env = { CARELEDGER_HOME: join(scratch, 'consortium'), CARELEDGER_KEY_BITS: TEST_KEY_BITS };
  console.log(
    `\nThe hospitals of these tests make a key of ${TEST_KEY_BITS} bits: smaller than production's 3072 (network/consortium.yaml).`,
  );
  const tools = await check('Fabric, Fabric CA and Kubo tools', () =>
    node([join('scripts', 'network.mjs'), 'tools'], 30 * MINUTE_MS, env),
  );
  if (!tools) return;
  const up = await check('network up: four hospitals from nothing', () =>
    node([join('scripts', 'network.mjs'), 'up'], 10 * MINUTE_MS, env),
  );
  try {
    if (!up) return;
    await mocha(
      'end to end on Fabric and Kubo',
      [
        'test/dist/conformance/*.fabric.test.js',
        'test/dist/e2e/**/*.test.js',
        'test/dist/interop/**/*.test.js',
        'test/dist/chaos/**/*.test.js',
      ],
      { timeoutMs: 3 * MINUTE_MS, limitMs: 20 * MINUTE_MS, env },
    );
  } finally {
    await check('network down', () => node([join('scripts', 'network.mjs'), 'down'], 3 * MINUTE_MS, env));
  }
}

const ready = await check('install and compile', bootstrap);
if (ready) {
  await fastSuite();
  if (!fast) {
    await style();
    await slowSuite();
    await fabricSuite();
  }
}
if (totals.failed === 0 || process.env.CARELEDGER_KEEP_LOGS === undefined)
  rmSync(scratch, { recursive: true, force: true });
else console.error(`Logs are kept in ${scratch}`);
for (const failure of failures) console.error(`FAILED ${failure}`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
