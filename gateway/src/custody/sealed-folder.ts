import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CareLedgerError } from '@careledger/protocol';
import type { Sealing } from './sealing.js';

const SUFFIX = '.sealed';
const TEMPORARY = '.tmp-';

/**
 * Sealed files of one folder. A name is `kind-id`; the kind is the sealing label. Writing is atomic: a crash leaves
 * the old file or the new one, and what it left half written is removed at the next start.
 *
 * Errors are CUSTODY_LOCKED: for a file that does not open, and for a file system that refuses, with its code only,
 * because its own messages name paths of the machine.
 */
export interface SealedFolder {
  read(kind: string, id: string): Promise<Uint8Array | undefined>;
  /** Durable when it resolves. */
  write(kind: string, id: string, secret: Uint8Array): Promise<void>;
  /** Idempotent; durable when it resolves. */
  remove(kind: string, id: string): Promise<void>;
  /** Ids of a kind, sorted. */
  list(kind: string): Promise<string[]>;
}

export function createSealedFolder(dir: string, sealing: Sealing): SealedFolder {
  const fileName = (kind: string, id: string): string => `${kind}-${id}${SUFFIX}`;
  return {
    read: (kind, id) =>
      guarded(async () => {
        const sealed = await readIfThere(join(dir, fileName(kind, id)));
        return sealed === undefined
          ? undefined
          : sealing.open({ label: kind, name: fileName(kind, id) }, sealed);
      }),
    write: (kind, id, secret) =>
      guarded(() => {
        const name = fileName(kind, id);
        return writeAtomically(dir, name, sealing.seal({ label: kind, name }, secret));
      }),
    remove: (kind, id) =>
      guarded(async () => {
        await rm(join(dir, fileName(kind, id)), { force: true });
        await syncFolder(dir);
      }),
    list: (kind) =>
      guarded(async () => {
        const prefix = `${kind}-`;
        const names = await readdir(dir);
        return names
          .filter((name) => name.startsWith(prefix) && name.endsWith(SUFFIX))
          .map((name) => name.slice(prefix.length, -SUFFIX.length))
          .sort();
      }),
  };
}

/**
 * Makes the folder private, and clears what a crash left half written.
 * @returns whether it holds any sealed file
 */
export function prepareFolder(dir: string): Promise<boolean> {
  return guarded(async () => {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await chmod(dir, 0o700);
    const names = await readdir(dir);
    await Promise.all(
      names.filter((name) => name.startsWith(TEMPORARY)).map((name) => rm(join(dir, name), { force: true })),
    );
    return names.some((name) => name.endsWith(SUFFIX));
  });
}

export async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** A name under which half-written files may lie: `prepareFolder` clears it. */
export function temporaryName(): string {
  return `${TEMPORARY}${randomBytes(8).toString('hex')}`;
}

/** What a disk says that is full or mounted read-only: nothing is wrong with passphrase or folder. */
const DISK_CODES: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EROFS'];

/** Runs file operations; what the file system refuses becomes CUSTODY_LOCKED, or DISK_NOT_WRITABLE. */
export async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CareLedgerError) throw error;
    const code = (error as { readonly code?: unknown }).code;
    throw new CareLedgerError(DISK_CODES.includes(code) ? 'DISK_NOT_WRITABLE' : 'CUSTODY_LOCKED', {
      expected: 'a custody folder that this process can read and write',
      came: typeof code === 'string' ? code : 'another failure',
    });
  }
}

async function writeAtomically(dir: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dir, temporaryName());
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(dir, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dir);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  }
}
