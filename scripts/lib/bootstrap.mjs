// What every entry point does first on a fresh clone: install from the lockfile, then compile. Plain JavaScript,
// because nothing is installed yet.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const STAMPS = join(ROOT, 'node_modules', '.careledger');
const PACKAGES = [
  ...['protocol', 'crypto', 'chaincode', 'network', 'verifier', 'gateway/client', 'gateway', 'test', 'bench'],
];
const INSTALL_LIMIT_MS = 15 * 60_000;
const BUILD_LIMIT_MS = 10 * 60_000;

/** Installs and compiles what is not up to date; quick when everything is. */
export async function bootstrap() {
  assertNodeVersion();
  await install();
  await build();
}

function assertNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `CareLedger needs Node.js 20.19 or newer; this is ${process.versions.node}. Install a newer one and start again.`,
  );
  process.exit(1);
}

async function install() {
  const lock = sha256(readFileSync(join(ROOT, 'package-lock.json')));
  if (readStamp('install') === lock) return;
  if (isInstalled()) {
    writeStamp('install', lock);
    return;
  }
  console.log('Installing packages from package-lock.json (about a minute, once) ...');
  await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { limitMs: INSTALL_LIMIT_MS });
  writeStamp('install', lock);
}

/** Whether somebody ran `npm ci` by hand: what npm says lies in node_modules is what the lockfile wants. */
function isInstalled() {
  const present = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(present)) return false;
  const [wanted, found] = [join(ROOT, 'package-lock.json'), present].map(
    (file) => JSON.parse(readFileSync(file, 'utf8')).packages,
  );
  return Object.entries(wanted).every(
    ([path, { version, link, optional }]) =>
      !path.startsWith('node_modules/') ||
      found[path]?.version === version ||
      (link === true && found[path]?.link === true) ||
      (optional === true && found[path] === undefined),
  );
}

async function build() {
  const sources = sourcesDigest();
  if (readStamp('build') === sources) return;
  console.log('Compiling TypeScript ...');
  await run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-b'], {
    limitMs: BUILD_LIMIT_MS,
  });
  writeStamp('build', sources);
}

/** Sizes and times of all sources: enough to notice an edit, quick enough for every start. */
function sourcesDigest() {
  const hash = createHash('sha256');
  for (const file of ['tsconfig.json', 'tsconfig.base.json', 'package-lock.json'])
    hash.update(describe(join(ROOT, file)));
  for (const name of PACKAGES) {
    for (const file of walk(join(ROOT, name))) hash.update(describe(file));
    hash.update(existsSync(join(ROOT, name, 'dist')) ? 'built' : 'absent');
  }
  return hash.digest('hex');
}

function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    if (entry.name === 'dist' || entry.name === 'node_modules' || entry.name === 'tools') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (/\.(ts|json)$/.test(entry.name)) yield path;
  }
}

function describe(file) {
  const { size, mtimeMs } = statSync(file);
  return `${file}\0${size}\0${mtimeMs}\n`;
}

/** Runs a program with our output, for a bounded time; rejects with the sentence that says what failed. */
export function run(command, args, { limitMs, env = {} }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new Error(`${command} ${args.join(' ')} did not end within ${limitMs / 1000} s and was stopped.`),
      );
    }, limitMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`${command} could not be started: ${error.message}. Is it installed and on PATH?`));
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? `exit code ${code}`}.`));
    });
  });
}

function readStamp(name) {
  const path = join(STAMPS, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function writeStamp(name, value) {
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(join(STAMPS, name), value);
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
