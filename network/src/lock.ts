import { linkSync, rmSync, unlinkSync } from 'node:fs';
import { writeJsonAtomic } from './files.js';
import { isRunning, ownIdentity, readPidFile } from './pid.js';
import { waitFor } from './wait.js';

const LOCK_TIMEOUT_MS = 5 * 60_000;

/** Runs `work` while no other process holds the lock. A lock whose holder died is taken over. */
export async function withLock<T>(file: string, what: string, work: () => Promise<T>): Promise<T> {
  await waitFor(() => (tryLock(file) ? true : undefined), {
    what: `the other command that works on ${what} to end`,
    timeoutMs: LOCK_TIMEOUT_MS,
    hint: () => `it is process ${String(readPidFile(file)?.pid)}`,
  });
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryLock(file: string): boolean {
  const holder = readPidFile(file);
  if (holder && isRunning(holder)) return false;
  if (holder) rmSync(file, { force: true });
  // Linking fails when the file is there: of two that try at once, one gets it, and it is never half written.
  const claim = `${file}.${String(process.pid)}`;
  writeJsonAtomic(claim, ownIdentity());
  try {
    linkSync(claim, file);
    return true;
  } catch {
    return false;
  } finally {
    unlinkSync(claim);
  }
}
