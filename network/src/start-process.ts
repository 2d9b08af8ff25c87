import { type HospitalContext, logHint } from './context.js';
import { isRunning, readPidFile } from './pid.js';
import type { HospitalPaths } from './home.js';
import {
  declareProcess,
  processFiles,
  type ProcessName,
  type ProcessSpec,
  specDigest,
} from './process-spec.js';
import type { SupervisedIdentity } from './supervisor.js';
import { waitFor } from './wait.js';

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

/**
 * Declares a process and waits until the supervisor runs it from this very specification: a process that is
 * about to be restarted still answers, and must not be taken for the new one.
 */
export async function startProcess(context: HospitalContext, spec: ProcessSpec): Promise<void> {
  declareProcess(context.paths, spec);
  const wanted = specDigest(spec);
  await waitFor(
    () => {
      const identity = readPidFile(processFiles(context.paths, spec.name).pid) as
        SupervisedIdentity | undefined;
      return identity?.specDigest === wanted && isRunning(identity) ? true : undefined;
    },
    {
      what: `${context.hospital.id}'s supervisor to start ${spec.name}`,
      timeoutMs: START_TIMEOUT_MS + spec.stopGraceMs,
      intervalMs: POLL_MS,
      hint: logHint(context, spec.name),
    },
  );
}

/** @returns undefined when the process does not run. */
export function runningPid(paths: HospitalPaths, name: ProcessName | 'supervisor'): number | undefined {
  const identity = readPidFile(processFiles(paths, name).pid);
  return identity && isRunning(identity) ? identity.pid : undefined;
}
