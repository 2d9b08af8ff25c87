import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonIfExists, writeJsonAtomic } from './files.js';
import type { HospitalPaths } from './home.js';

/** The processes of a hospital, in the order in which they start; they stop in the reverse one. */
export const PROCESS_NAMES = ['ca', 'ipfs', 'orderer', 'peer', 'chaincode', 'gateway'] as const;
export type ProcessName = (typeof PROCESS_NAMES)[number];

/** What must run: the supervisor keeps exactly this alive. Never holds a secret; those are in files. */
export interface ProcessSpec {
  name: ProcessName;
  command: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
  /** Addresses the process will listen on: when a stranger holds one, the process is not started. */
  listens: { host: string; port: number }[];
  /** How long it may take to end by itself when asked to. */
  stopGraceMs: number;
  /** Digest of the process's configuration files: another one restarts it. */
  configDigest: string;
}

export interface ProcessFiles {
  spec: string;
  pid: string;
  log: string;
}

export function processFiles(paths: HospitalPaths, name: ProcessName | 'supervisor'): ProcessFiles {
  return {
    spec: join(paths.run, `${name}.spec.json`),
    pid: join(paths.run, `${name}.pid.json`),
    log: join(paths.logs, `${name}.log`),
  };
}

/** Says that a process shall run. Writing the same again changes nothing; another one restarts it. */
export function declareProcess(paths: HospitalPaths, spec: ProcessSpec): void {
  const file = processFiles(paths, spec.name).spec;
  const current = readJsonIfExists(file);
  if (current !== undefined && specDigest(current as ProcessSpec) === specDigest(spec)) return;
  writeJsonAtomic(file, spec);
}

/** Says that a process shall no longer run. */
export function withdrawProcess(paths: HospitalPaths, name: ProcessName): void {
  rmSync(processFiles(paths, name).spec, { force: true });
}

export function declaredProcesses(paths: HospitalPaths): ProcessSpec[] {
  if (!existsSync(paths.run)) return [];
  const present = new Set(readdirSync(paths.run));
  return PROCESS_NAMES.filter((name) => present.has(`${name}.spec.json`)).map(
    (name) => readJsonIfExists(processFiles(paths, name).spec) as ProcessSpec,
  );
}

/** What a process reads at its start, in a form that tells whether it changed. */
export function configDigest(...texts: string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex');
}

export function specDigest(spec: ProcessSpec): string {
  return createHash('sha256').update(JSON.stringify(spec)).digest('hex');
}
