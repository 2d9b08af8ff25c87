import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { errorText, NetworkError } from './errors.js';
import { isFile } from './files.js';
import { TOOLS_DIRECTORY } from './home.js';
import { commandFailed, runToEnd } from './run.js';

/** The Go modules under network/tools and the commands each one builds. */
export const TOOL_MODULES = {
  fabric: ['peer', 'orderer', 'configtxgen', 'configtxlator', 'osnadmin'],
  'fabric-ca': ['fabric-ca-server', 'fabric-ca-client'],
  kubo: ['ipfs'],
} as const;
export type ToolModule = keyof typeof TOOL_MODULES;
export type ToolName = (typeof TOOL_MODULES)[ToolModule][number];

export const MODULE_NAMES = Object.keys(TOOL_MODULES) as ToolModule[];
const BUILD_TIMEOUT_MS = 20 * 60_000;
export const BUILD_COMMAND = 'npm run network -- tools';

/** Identifies what a module's lock files say, so that a changed pin is another folder, never a mixture. */
export function moduleDigest(module: ToolModule, toolsDirectory: string = TOOLS_DIRECTORY): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) {
    const bytes = readFileSync(join(toolsDirectory, module, file));
    hash.update(`${file} ${String(bytes.length)}\n`).update(bytes);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Where a module's commands are: CARELEDGER_BIN as it is, else a cache outside the work tree. */
export function moduleDirectory(module: ToolModule): string {
  const given = process.env['CARELEDGER_BIN'];
  if (given !== undefined && given !== '') return given;
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'careledger', 'bin', `${module}-${moduleDigest(module)}`);
}

export function missingTools(module: ToolModule): string[] {
  return TOOL_MODULES[module].filter((name) => !isFile(join(moduleDirectory(module), name)));
}

/** @throws NetworkError NET_TOOL_MISSING with the command that mends it. */
export function toolPath(name: ToolName): string {
  const module = moduleOf(name);
  const path = join(moduleDirectory(module), name);
  if (isFile(path)) return path;
  throw new NetworkError('NET_TOOL_MISSING', {
    expected: `the command ${name} in ${dirname(path)}`,
    came: 'no such file',
    remedy: process.env['CARELEDGER_BIN']
      ? 'put it there, or unset CARELEDGER_BIN'
      : `run '${BUILD_COMMAND}'`,
  });
}

function moduleOf(name: ToolName): ToolModule {
  const found = MODULE_NAMES.find((module) => (TOOL_MODULES[module] as readonly string[]).includes(name));
  if (!found) throw new Error(`no module builds ${name}`);
  return found;
}

/** Builds what is missing. A module that was built stays built when a later one fails or is interrupted. */
export async function ensureTools(say: (text: string) => void): Promise<void> {
  const wanted = MODULE_NAMES.filter((module) => missingTools(module).length > 0);
  if (wanted.length === 0) return;
  if (process.env['CARELEDGER_BIN'])
    for (const module of wanted) for (const name of TOOL_MODULES[module]) toolPath(name);
  await requireBuildTools();
  for (const [index, module] of wanted.entries()) {
    say(
      `building ${TOOL_MODULES[module].join(', ')} (${String(index + 1)} of ${String(wanted.length)}; a few minutes)`,
    );
    await buildModule(module, say);
  }
}

async function buildModule(module: ToolModule, say: (text: string) => void): Promise<void> {
  const target = moduleDirectory(module);
  mkdirSync(dirname(target), { recursive: true });
  // On the same file system as the target, so that the rename at the end is atomic.
  const temporary = mkdtempSync(`${target}.building-`);
  const startedMs = Date.now();
  const progress = setInterval(() => {
    say(`  ${module}: ${String(Math.round((Date.now() - startedMs) / 1000))} s`);
  }, PROGRESS_EVERY_MS);
  try {
    const args = ['install', '-trimpath', 'tool'];
    const result = await runToEnd('go', args, {
      cwd: join(TOOLS_DIRECTORY, module),
      env: { GOBIN: temporary, CGO_ENABLED: '1', GOFLAGS: '-mod=readonly -buildvcs=false' },
      timeoutMs: BUILD_TIMEOUT_MS,
    });
    if (result.code !== 0) throw buildFailed(module, commandFailed('go', args, result));
    rmSync(target, { recursive: true, force: true });
    renameSync(temporary, target);
    say(`  ${module}: built in ${String(Math.round((Date.now() - startedMs) / 1000))} s`);
  } finally {
    clearInterval(progress);
    rmSync(temporary, { recursive: true, force: true });
  }
}

const PROGRESS_EVERY_MS = 15_000;

function buildFailed(module: ToolModule, cause: NetworkError): NetworkError {
  return new NetworkError('NET_TOOL_BUILD_FAILED', {
    expected: `the Go module network/tools/${module} to build`,
    came: cause.came,
    remedy: `run '${BUILD_COMMAND}' again (what was built is kept), or set CARELEDGER_BIN to a folder with the commands`,
    cause,
  });
}

/** What building needs, with the words that mend its absence. */
export const BUILD_REQUIREMENTS = [
  {
    command: 'go',
    args: ['version'],
    remedy: 'install Go 1.25 or later, or set CARELEDGER_BIN to a folder with the commands',
  },
  {
    command: 'gcc',
    args: ['--version'],
    remedy: "install a C compiler for SQLite in fabric-ca-server ('apt-get install gcc libc6-dev')",
  },
] as const;

async function requireBuildTools(): Promise<void> {
  for (const { command, args, remedy } of BUILD_REQUIREMENTS) {
    const failure = await probeCommand(command, args);
    if (failure !== undefined) {
      throw new NetworkError('NET_TOOL_MISSING', {
        expected: `the command ${command}`,
        came: failure,
        remedy,
      });
    }
  }
}

/** @returns why the command cannot be used, or undefined when it can. */
export async function probeCommand(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const result = await runToEnd(command, args, { timeoutMs: 20_000 });
    return result.code === 0 ? undefined : `exit code ${String(result.code)}`;
  } catch (thrown) {
    return errorText(thrown);
  }
}
