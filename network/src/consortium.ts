import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resolveChaincodeDirectory, buildDigest } from './build-digest.js';
import { NetworkError } from './errors.js';
import { DEFAULT_TOPOLOGY_FILE, hasHospital, hospitalPaths } from './home.js';
import type { ProcessName } from './process-spec.js';
import { runningPid } from './start-process.js';
import { stopHospital } from './supervision.js';
import { ensureTools } from './tools.js';
import { loadTopology, type Topology } from './topology.js';

/** What `npm start -- --ledger fabric` remembers of a network: staff and patients that this network knows. */
const DEMONSTRATION = 'demonstration';
const CLI_ENTRY = join(fileURLToPath(new URL('.', import.meta.url)), 'cli.js');

export interface ConsortiumOptions {
  /** Folder that holds one folder per hospital and the exchange. */
  home: string;
  /** Topology file; this package's consortium.yaml when absent. */
  topology?: string;
  /** Chaincode package to deploy; this repository's when absent. */
  chaincode?: string;
  /** Approve the chaincode's build although the consortium approved another one. */
  approveBuild?: boolean;
  /** `quiet` keeps the progress lines away from our output. */
  quiet?: boolean;
}

/** Brings every hospital up: one `up --only` per hospital, each a process of its own, all at once. */
export async function startConsortium(options: ConsortiumOptions): Promise<Topology> {
  const topology = loadTopology(options.topology ?? DEFAULT_TOPOLOGY_FILE);
  const chaincode = resolveChaincodeDirectory(options.chaincode);
  buildDigest(chaincode);
  await ensureTools(options.quiet ? () => undefined : (text) => process.stderr.write(`${text}\n`));
  const outcomes = await Promise.all(
    topology.hospitals.map(({ id }) => upInOwnProcess(id, { ...options, chaincode })),
  );
  const failed = topology.hospitals.filter((_, index) => outcomes[index] !== '');
  if (failed.length > 0) {
    throw new NetworkError('NET_UP_FAILED', {
      expected: 'every hospital to come up',
      came: topology.hospitals
        .flatMap(({ id }, index) => (outcomes[index] ? [`${id}: ${outcomes[index]}`] : []))
        .join('; '),
      remedy: "mend what the lines say and run 'up' again: it goes on where it stopped",
    });
  }
  return topology;
}

const KEPT_ERROR_CHARACTERS = 4_000;

/** @returns an empty text when the hospital came up, else what its process said last. */
function upInOwnProcess(
  hospitalId: string,
  options: ConsortiumOptions & { chaincode: string },
): Promise<string> {
  const args = [
    CLI_ENTRY,
    'up',
    '--only',
    hospitalId,
    '--home',
    options.home,
    '--chaincode',
    options.chaincode,
  ];
  if (options.topology !== undefined) args.push('--topology', options.topology);
  if (options.approveBuild === true) args.push('--approve-build');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', options.quiet ? 'ignore' : 'inherit', 'pipe'],
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors = (errors + chunk).slice(-KEPT_ERROR_CHARACTERS);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      resolve(code === 0 ? '' : errors.trim() || `exit code ${String(code)}`);
    });
  });
}

/** Stops every process of the hospitals named, of all when none is. Data stays. */
export async function stopConsortium(options: ConsortiumOptions & { only?: string }): Promise<void> {
  const topology = loadTopology(options.topology ?? DEFAULT_TOPOLOGY_FILE);
  const chosen = topology.hospitals.filter(
    ({ id }) => (options.only ?? id) === id && hasHospital(options.home, id),
  );
  await Promise.all(chosen.map(({ id }) => stopHospital(hospitalPaths(options.home, id))));
}

/** Stops everything and removes every hospital's folder and public files: all records of this home are gone. */
export async function resetConsortium(options: ConsortiumOptions & { only?: string }): Promise<void> {
  await stopConsortium(options);
  const topology = loadTopology(options.topology ?? DEFAULT_TOPOLOGY_FILE);
  for (const { id } of topology.hospitals) {
    if ((options.only ?? id) !== id || !existsSync(options.home)) continue;
    const paths = hospitalPaths(options.home, id);
    for (const folder of [paths.root, paths.exchange]) rmSync(folder, { recursive: true, force: true });
  }
  if (options.only === undefined) rmSync(join(options.home, DEMONSTRATION), { recursive: true, force: true });
}

/** Which process is which, for tests that kill one of them. */
export function processId(
  home: string,
  hospitalId: string,
  name: ProcessName | 'supervisor',
): number | undefined {
  return runningPid(hospitalPaths(home, hospitalId), name);
}
