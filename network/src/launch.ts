import { spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateDirectory, PRIVATE_FILE_MODE } from './files.js';
import { identifyProcess, type ProcessIdentity } from './pid.js';

export interface LaunchOptions {
  command: string;
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  logFile: string;
  onExit?: () => void;
}

/** What a child inherits from our environment; everything else it gets is said explicitly. */
const INHERITED_VARIABLES = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];
const MAXIMUM_LOG_BYTES = 64 * 1024 * 1024;
const TAIL_BYTES = 16 * 1024;

/**
 * Starts a process in a session of its own with all three streams redirected, so that it outlives its
 * starter and holds none of the starter's pipes open.
 */
export function launch(options: LaunchOptions): ProcessIdentity {
  makePrivateDirectory(dirname(options.logFile));
  rotateAtStart(options.logFile);
  const log = openSync(options.logFile, 'a', PRIVATE_FILE_MODE);
  try {
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { ...inheritedEnvironment(), ...options.env },
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.on('error', () => options.onExit?.());
    child.on('exit', () => options.onExit?.());
    child.unref();
    const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (!identity) throw new Error(`${options.command} did not start; see ${options.logFile}`);
    return identity;
  } finally {
    closeSync(log);
  }
}

function inheritedEnvironment(): Record<string, string> {
  const present = INHERITED_VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(present);
}

/** Keeps the log of the run before: it usually holds the reason for this start. */
function rotateAtStart(logFile: string): void {
  if (!existsSync(logFile) || statSync(logFile).size === 0) return;
  if (existsSync(`${logFile}.1`)) renameSync(`${logFile}.1`, `${logFile}.2`);
  renameSync(logFile, `${logFile}.1`);
}

/** Bounds the log of a long run. The writer appends, so that emptying the file under it is safe. */
export function boundLog(logFile: string): void {
  if (!existsSync(logFile) || statSync(logFile).size < MAXIMUM_LOG_BYTES) return;
  copyFileSync(logFile, `${logFile}.1`);
  truncateSync(logFile);
}

/** The last `count` lines of a log, without its colours. */
export function tailOfLog(logFile: string, count: number): string[] {
  if (!existsSync(logFile)) return [];
  const size = statSync(logFile).size;
  const length = Math.min(size, Math.max(TAIL_BYTES, count * 400));
  const buffer = Buffer.alloc(length);
  const descriptor = openSync(logFile, 'r');
  try {
    readSync(descriptor, buffer, 0, length, size - length);
  } finally {
    closeSync(descriptor);
  }
  const lines = buffer
    .toString('utf8')
    .replace(/\u001b\[[0-9;]*m/g, '')
    .split('\n');
  return lines.filter((line) => line.trim() !== '').slice(-count);
}

export function lastLogLine(logFile: string): string {
  return `last line of ${logFile}: ${tailOfLog(logFile, 1)[0] ?? '(empty)'}`;
}
