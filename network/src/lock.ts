import { constants, copyFileSync, linkSync, rmSync, unlinkSync } from 'node:fs';
import { writeJsonAtomic } from './files.js';
import { isRunning, ownIdentity, readPidFile } from './pid.js';
import { waitFor } from './wait.js';

const LOCK_TIMEOUT_MS = 5 * 60_000;

export interface LockOptions {
  /** What the lock is around, as the operator would say it. */
  readonly what: string;
  /** How long to wait for its holder. Default five minutes. */
  readonly timeoutMs?: number;
}

/** Runs `work` while no other process holds the lock. A lock whose holder died is taken over. */
export async function withLock<T>(file: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const release = await takeLock(file, options);
  try {
    return await work();
  } finally {
    release();
  }
}

/**
 * @returns what gives it back
 * @throws NetworkError NET_WAIT_TIMED_OUT while another process holds it; errors of the file system as they come
 */
export async function takeLock(
  file: string,
  { what, timeoutMs = LOCK_TIMEOUT_MS }: LockOptions,
): Promise<() => void> {
  const { failure } = await waitFor(() => attempt(file), {
    what: `the other command that works on ${what} to end`,
    timeoutMs,
    hint: () => `it is process ${String(holderOf(file)?.pid)}, as ${file} says`,
  });
  if (failure !== undefined) throw failure;
  return () => {
    rmSync(file, { force: true });
  };
}

/** An error is no holder that would go away: it ends the wait. */
function attempt(file: string): { readonly failure?: Error } | undefined {
  try {
    return tryLock(file) ? {} : undefined;
  } catch (failure) {
    return { failure: failure as Error };
  }
}

function tryLock(file: string): boolean {
  const holder = holderOf(file);
  if (holder && isRunning(holder)) return false;
  if (holder) removeStale(file);
  const claim = `${file}.${String(process.pid)}`;
  writeJsonAtomic(claim, ownIdentity());
  try {
    return wins(claim, file);
  } finally {
    unlinkSync(claim);
  }
}

/** Under a lock of its own: of two that find the same dead holder, the later would remove the lock of the earlier. */
function removeStale(file: string): void {
  const guard = `${file}.stale`;
  if (!tryLock(guard)) return;
  try {
    const holder = holderOf(file);
    if (holder && !isRunning(holder)) rmSync(file, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

const WITHOUT_LINKS = ['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'];

/** Linking fails when the file is there: of two that try at once, one gets it, and it is never half written. */
function wins(claim: string, file: string): boolean {
  try {
    linkSync(claim, file);
    return true;
  } catch (thrown) {
    if (isThere(thrown)) return false;
    if (!WITHOUT_LINKS.includes(codeOf(thrown))) throw thrown;
  }
  // A file system without links, such as a memory stick's.
  try {
    copyFileSync(claim, file, constants.COPYFILE_EXCL);
    return true;
  } catch (thrown) {
    if (isThere(thrown)) return false;
    throw thrown;
  }
}

/** Undefined, too, for one that is being written. */
function holderOf(file: string): ReturnType<typeof readPidFile> {
  try {
    return readPidFile(file);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

function isThere(thrown: unknown): boolean {
  return codeOf(thrown) === 'EEXIST';
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}
