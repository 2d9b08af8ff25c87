/** The folder that everything lasting is in: whether it can be used, said before anything is opened in it. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { writeProbe } from '../services/disk.js';

/** A sentence for whoever started the program: what is wrong with the folder and what to do. */
export class DataFolderError extends Error {}

const LOCK = 'in-use';

/**
 * Makes the folder and takes it for this process.
 * @returns what lets it go
 * @throws DataFolderError when it cannot be written, is no folder, or another process has taken it
 */
export async function takeDataFolder(dataDir: string): Promise<() => Promise<void>> {
  try {
    makeFolder(dataDir);
    writeProbe(dataDir);
    // LevelDB's lock goes with the process, however that ends.
    const lock = new ClassicLevel(join(dataDir, LOCK));
    await lock.open();
    return () => lock.close();
  } catch (error) {
    throw inWords(dataDir, error);
  }
}

/** One folder at a time: Node's own recursion does not end under /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) return;
    throw Object.assign(new Error('no folder'), { code: 'ENOTDIR' });
  }
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

const WRONG: Readonly<Record<string, string>> = {
  LEVEL_LOCKED:
    'is in use by another CareLedger process. Stop that one (Ctrl-C where it runs), or name another folder with --data DIR.',
  ENOSPC: 'is on a disk that is full. Make room there, or name another folder with --data DIR.',
  EDQUOT: 'is on a disk whose quota is used up. Make room there, or name another folder with --data DIR.',
  EROFS: 'is on a disk that cannot be written. Name another folder with --data DIR.',
  EACCES: 'may not be written by this user. Change its permissions, or name another folder with --data DIR.',
  EPERM: 'may not be written by this user. Change its permissions, or name another folder with --data DIR.',
  ENOTDIR: 'is not a folder. Name a folder with --data DIR.',
  ENOENT: 'cannot be made. Name another folder with --data DIR.',
};

/** @returns the error as a sentence about the folder when it or one of its causes is one; else the error itself */
export function inWords(dataDir: string, error: unknown): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof DataFolderError) return cause;
    const wrong = WRONG[codeOf(cause)];
    if (wrong !== undefined)
      return new DataFolderError(`The data folder ${dataDir} ${wrong}`, { cause: error });
  }
  return error;
}

/** LevelDB has one code for all input and output; the words are the system's. */
function codeOf(error: Error & { readonly code?: unknown }): string {
  if (/no space left on device/i.test(error.message)) return 'ENOSPC';
  if (/read-only file system/i.test(error.message)) return 'EROFS';
  return typeof error.code === 'string' ? error.code : '';
}
