import { readFileSync, rmSync } from 'node:fs';
import { isMissing, readJsonIfExists, writeJsonAtomic } from './files.js';
import { sleep } from './wait.js';

/**
 * A process, told apart from a later one that got the same number by the time it started
 * (field 22 of /proc/PID/stat, in clock ticks since boot) and by the boot itself.
 */
export interface ProcessIdentity {
  pid: number;
  startTicks: string;
  bootId: string;
}

const STATE_FIELD = 0;
const START_TIME_FIELD = 19;

interface ProcessStat {
  state: string;
  startTicks: string;
}

/** Fields after the command name, which may itself hold spaces and brackets. */
export function parseProcessStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[STATE_FIELD] ?? '', startTicks: fields[START_TIME_FIELD] ?? '' };
}

/** @returns undefined when no such process runs (a zombie no longer runs). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  try {
    const stat = parseProcessStat(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'));
    if (stat.state === 'Z' || stat.state === 'X') return undefined;
    return { pid, startTicks: stat.startTicks, bootId: currentBootId() };
  } catch (thrown) {
    if (isMissing(thrown) || isGone(thrown)) return undefined;
    throw thrown;
  }
}

export function isRunning(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

export function writePidFile(path: string, identity: ProcessIdentity): void {
  writeJsonAtomic(path, identity);
}

/** @returns undefined when the file is absent or holds no process identity. */
export function readPidFile(path: string): ProcessIdentity | undefined {
  const value = readJsonIfExists(path);
  return isProcessIdentity(value) ? value : undefined;
}

export function removePidFile(path: string): void {
  rmSync(path, { force: true });
}

/** Asks the process to end, and ends it when it has not after `graceMs`. Never signals a recycled pid. */
export async function stopProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  signal(identity, 'SIGTERM');
  if (await hasEnded(identity, graceMs)) return;
  signal(identity, 'SIGKILL');
  await hasEnded(identity, KILL_WAIT_MS);
}

const KILL_WAIT_MS = 5_000;
const END_POLL_MS = 50;

async function hasEnded(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(identity)) {
    if (Date.now() >= deadline) return false;
    await sleep(END_POLL_MS);
  }
  return true;
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (thrown) {
    if (!isGone(thrown)) throw thrown;
  }
}

function isGone(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH';
}

function currentBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTicks, bootId } = value as Partial<Record<string, unknown>>;
  return typeof pid === 'number' && typeof startTicks === 'string' && typeof bootId === 'string';
}

/** The identity of this very process, for its pid file. */
export function ownIdentity(): ProcessIdentity {
  const identity = identifyProcess(process.pid);
  if (!identity) throw new Error('/proc tells nothing about this process: Linux is needed');
  return identity;
}
