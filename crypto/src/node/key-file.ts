/**
 * A key file (`core/key-file.ts`) on a disk. Mode 0600; written beside the target, synced, renamed, so a crash leaves the
 * old file or the new one. The key is derived by Node's scrypt, off the event loop.
 */
import { scrypt } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { bytesToHex } from '../core/bytes.js';
import { openKeyFile, sealKeyFile, type DeriveKey } from '../core/key-file.js';
import { randomBytes } from '../core/random.js';

const KEY_BYTES = 32;

const derive: DeriveKey = (passphrase, { N, r, p, salt }) =>
  new Promise((resolve, reject) => {
    scrypt(passphrase, salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r * p }, (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(error);
    });
  });

/**
 * Writes `secret` (1 byte to 1 MiB) encrypted, atomically, mode 0600; replaces an existing file.
 * @param options.passphrase at least 8 bytes of UTF-8
 * @param options.label what the secret is for; the reader must name the same
 * @throws CRYPTO_INVALID_INPUT; errors of the file system as they come
 */
export async function writeKeyFile(options: {
  path: string;
  secret: Uint8Array;
  passphrase: string;
  label: string;
}): Promise<void> {
  const { path, ...sealed } = options;
  const text = await sealKeyFile(sealed, derive);
  const temporary = join(dirname(path), `.${basename(path)}.${bytesToHex(randomBytes(8))}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * @param options.label must be the one it was written with
 * @returns the secret
 * @throws CRYPTO_AUTHENTICATION_FAILED (wrong passphrase, label, or a changed byte), CRYPTO_INVALID_INPUT (not a key
 *         file), CRYPTO_UNSUPPORTED (version or cost out of bounds); errors of the file system as they come
 */
export async function readKeyFile(options: {
  path: string;
  passphrase: string;
  label: string;
}): Promise<Uint8Array> {
  const { path, ...rest } = options;
  return openKeyFile({ ...rest, text: await readFile(path, 'utf8') }, derive);
}
