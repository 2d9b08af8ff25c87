import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HospitalContext } from './context.js';
import type { HospitalPaths } from './home.js';
import { launch } from './launch.js';
import { isRunning, readPidFile, removePidFile, stopProcess, writePidFile } from './pid.js';
import { declaredProcesses, processFiles, PROCESS_NAMES, withdrawProcess } from './process-spec.js';

const SUPERVISOR_ENTRY = join(fileURLToPath(new URL('.', import.meta.url)), 'supervisor-main.js');
const SUPERVISOR_GRACE_MS = 5_000;
const DEFAULT_GRACE_MS = 10_000;

/** Starts the hospital's supervisor unless it runs. */
export function startSupervisor(context: HospitalContext): void {
  const files = processFiles(context.paths, 'supervisor');
  const known = readPidFile(files.pid);
  if (known && isRunning(known)) return;
  const identity = launch({
    command: process.execPath,
    args: [SUPERVISOR_ENTRY, '--home', context.home, '--hospital', context.hospital.id],
    cwd: context.paths.root,
    env: {},
    logFile: files.log,
  });
  writePidFile(files.pid, identity);
}

/** Stops the supervisor first, then what it kept alive, last started first. Data stays. */
export async function stopHospital(paths: HospitalPaths): Promise<void> {
  const supervisor = processFiles(paths, 'supervisor').pid;
  const identity = readPidFile(supervisor);
  if (identity) await stopProcess(identity, SUPERVISOR_GRACE_MS);
  removePidFile(supervisor);
  const graces = new Map(declaredProcesses(paths).map((spec) => [spec.name, spec.stopGraceMs]));
  for (const name of PROCESS_NAMES.toReversed()) {
    withdrawProcess(paths, name);
    const file = processFiles(paths, name).pid;
    const running = readPidFile(file);
    if (running) await stopProcess(running, graces.get(name) ?? DEFAULT_GRACE_MS);
    removePidFile(file);
  }
}
