import { existsSync } from 'node:fs';
import { hospitalPaths } from './home.js';
import { lastLogLine } from './launch.js';
import { isRunning, readPidFile } from './pid.js';
import { isListening, probeHttp } from './probe.js';
import { processFiles, PROCESS_NAMES, type ProcessName } from './process-spec.js';
import type { SupervisedIdentity } from './supervisor.js';
import type { HospitalTopology, Topology } from './topology.js';

export interface ProcessStatus {
  hospital: string;
  process: ProcessName | 'supervisor';
  pid: number | null;
  /** `dead`: it should run and does not; `stopped`: it is not meant to run. */
  health: 'healthy' | 'unhealthy' | 'dead' | 'stopped';
  /** Blocks of the channel, where the process keeps them. */
  blockHeight: number | null;
  restarts: number;
  detail: string;
}

export interface StatusOptions {
  home: string;
  topology: Topology;
}

export async function consortiumStatus(options: StatusOptions): Promise<ProcessStatus[]> {
  const rows = options.topology.hospitals.flatMap((hospital) =>
    (['supervisor', ...PROCESS_NAMES] as const).map((name) => processStatus(options, hospital, name)),
  );
  return Promise.all(rows);
}

/** @returns 0 when everything that should run is healthy, 3 when something is not, 4 when nothing should run. */
export async function printStatus(
  options: StatusOptions & { json: boolean; say: (text: string) => void },
): Promise<number> {
  const rows = await consortiumStatus(options);
  if (options.json) options.say(JSON.stringify(rows, null, 2));
  else for (const line of table(rows)) options.say(line);
  if (rows.every((row) => row.health === 'stopped')) return 4;
  return rows.every((row) => row.health === 'healthy' || row.health === 'stopped') ? 0 : 3;
}

async function processStatus(
  options: StatusOptions,
  hospital: HospitalTopology,
  name: ProcessName | 'supervisor',
): Promise<ProcessStatus> {
  const files = processFiles(hospitalPaths(options.home, hospital.id), name);
  const identity = readPidFile(files.pid) as SupervisedIdentity | undefined;
  const row = { hospital: hospital.id, process: name, blockHeight: null, restarts: identity?.restarts ?? 0 };
  if (!identity || !isRunning(identity)) {
    const shouldRun = name === 'supervisor' ? identity !== undefined : existsSync(files.spec);
    return {
      ...row,
      pid: null,
      health: shouldRun ? 'dead' : 'stopped',
      detail: shouldRun ? lastLogLine(files.log) : '',
    };
  }
  const problem = await healthProblem(hospital, name);
  return {
    ...row,
    pid: identity.pid,
    health: problem === undefined ? 'healthy' : 'unhealthy',
    blockHeight: await blockHeight(hospital, name, options.topology.channel),
    detail: problem === undefined ? await keyDetail(hospital, name) : `${problem}; ${lastLogLine(files.log)}`,
  };
}

type HealthProbe = (hospital: HospitalTopology) => Promise<string | boolean | undefined>;

const HEALTH_PROBES: Record<ProcessName, HealthProbe> = {
  ca: ({ host, ports }) => isListening(host, ports.ca),
  ipfs: ({ ports }) =>
    probeHttp({ host: '127.0.0.1', port: ports.ipfsRpc, path: '/api/v0/id', method: 'POST' }),
  orderer: ({ host, ports }) => probeHttp({ host, port: ports.ordererOperations, path: '/healthz' }),
  peer: ({ host, ports }) => probeHttp({ host, port: ports.peerOperations, path: '/healthz' }),
  chaincode: ({ host, ports }) => isListening(host, ports.chaincode),
  gateway: ({ host, ports }) => probeHttp({ host, port: ports.gatewayRest, path: '/readyz' }),
};

async function healthProblem(
  hospital: HospitalTopology,
  name: ProcessName | 'supervisor',
): Promise<string | undefined> {
  if (name === 'supervisor') return undefined;
  try {
    const answer = await HEALTH_PROBES[name](hospital);
    return answer === undefined || answer === false ? 'does not listen' : undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

async function blockHeight(
  { host, ports }: HospitalTopology,
  name: ProcessName | 'supervisor',
  channel: string,
): Promise<number | null> {
  if (name !== 'peer') return null;
  try {
    const metrics = (await probeHttp({ host, port: ports.peerOperations, path: '/metrics' })) ?? '';
    return parseBlockHeight(metrics, channel);
  } catch {
    return null;
  }
}

/** Reads the channel's height from the peer's Prometheus metrics. */
export function parseBlockHeight(metrics: string, channel: string): number | null {
  const line = metrics
    .split('\n')
    .find((text) => text.startsWith(`ledger_blockchain_height{channel="${channel}"}`));
  return line === undefined ? null : Number(line.slice(line.lastIndexOf(' ') + 1));
}

/** How far the consortium's keys are, as the hospital's gateway measures it. */
async function keyDetail(
  { host, ports }: HospitalTopology,
  name: ProcessName | 'supervisor',
): Promise<string> {
  if (name !== 'gateway') return '';
  try {
    return describeKeys((await probeHttp({ host, port: ports.gatewayRest, path: '/metrics' })) ?? '');
  } catch {
    return '';
  }
}

/** @returns an empty text before there is a key or a ceremony */
export function describeKeys(metrics: string): string {
  const parts = [
    describeCeremony(metrics, 'paillier') ?? describePaillierKey(metrics),
    describeCeremony(metrics, 'identity') ?? describeIdentityKey(metrics),
  ];
  return parts.filter((part) => part !== undefined).join('; ');
}

function describeCeremony(metrics: string, scheme: string): string | undefined {
  const lines = [...metrics.matchAll(/^careledger_ceremony_fraction\{([^}]*)\} (\S+)$/gm)];
  const found = lines.find(([, labels = '']) => labelOf(labels, 'scheme') === scheme);
  if (found === undefined) return undefined;
  const [, labels = '', fraction] = found;
  const percent = String(Math.floor(100 * Number(fraction)));
  return `${scheme} ceremony: ${labelOf(labels, 'phase')}, ${percent} %, attempt ${labelOf(labels, 'attempt')}`;
}

function describePaillierKey(metrics: string): string | undefined {
  const key = /^careledger_key_bits\{([^}]*)\} (\d+)$/m.exec(metrics);
  if (key === null) return undefined;
  const [, labels = '', keyBits = ''] = key;
  return `key of ${keyBits} bits, epoch ${labelOf(labels, 'epoch')}`;
}

function describeIdentityKey(metrics: string): string | undefined {
  const key = /^careledger_identity_key_holders\{([^}]*)\} \d+$/m.exec(metrics);
  return key === null ? undefined : `identity key, epoch ${labelOf(key[1] ?? '', 'epoch')}`;
}

function labelOf(labels: string, name: string): string {
  return new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '?';
}

function table(rows: readonly ProcessStatus[]): string[] {
  const cells = [
    ['HOSPITAL', 'PROCESS', 'PID', 'HEALTH', 'BLOCKS', 'RESTARTS', ''],
    ...rows.map((row) => [
      row.hospital,
      row.process,
      String(row.pid ?? '-'),
      row.health,
      String(row.blockHeight ?? ''),
      String(row.restarts),
      row.detail,
    ]),
  ];
  const widths = [8, 10, 8, 9, 6, 8, 0];
  return cells.map((line) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
