import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

export const PRIVATE_FILE_MODE = 0o600;
export const PUBLIC_FILE_MODE = 0o644;
const PRIVATE_DIRECTORY_MODE = 0o700;

/** Makes a folder that only its owner can enter. */
export function makePrivateDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
  return path;
}

/**
 * Writes a whole file or nothing: a reader, and a start after a crash, sees the old or the new content,
 * never a part of it.
 */
export function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  mode: number = PRIVATE_FILE_MODE,
): void {
  makePrivateDirectory(dirname(path));
  const temporary = `${path}.${String(process.pid)}-${randomBytes(4).toString('hex')}.tmp`;
  const descriptor = openSync(temporary, 'wx', mode);
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    let written = 0;
    while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
}

export function writeJsonAtomic(path: string, value: unknown, mode: number = PRIVATE_FILE_MODE): void {
  writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`, mode);
}

/** Writes only what differs, so that modification times tell when something really changed. */
export function writeFileIfChanged(path: string, content: string, mode: number = PRIVATE_FILE_MODE): void {
  if (readTextIfExists(path) !== content) writeFileAtomic(path, content, mode);
}

export function readTextIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

export function readJsonIfExists(path: string): unknown {
  const text = readTextIfExists(path);
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

export function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

/** Did the operating system say that there is no such file? */
export function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}
