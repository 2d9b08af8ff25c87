/**
 * Encrypted secret file: what key custody keeps on disk.
 *
 *   file = JSON { format: "careledger-key-file", version: 1, label, kdf: { name: "scrypt", N, r, p, salt },
 *                 cipher: { name: "aes-256-gcm", nonce }, ciphertext }             bytes as base64url
 *   key        = scrypt(passphrase, salt(16), N = 2^15, r = 8, p = 1, 32 bytes)    RFC 7914; 32 MiB, about 0.1 s
 *   ciphertext = AES-256-GCM(key, nonce(12), aad, secret), with its 16-byte tag
 *   aad        = encodeParts('careledger/key-file/v1', label, N, r, p, salt)
 *
 * The parameters are read from the file within bounds, so that a changed file can neither weaken them below these nor
 * exhaust memory. A wrong passphrase and a changed byte are the same failure: AES-GCM cannot tell them apart. Mode 0600;
 * written beside the target, synced, renamed, so a crash leaves the old file or the new one.
 */
import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  assertBytes,
  base64UrlToBytes,
  bytesToBase64Url,
  bytesToHex,
  concatBytes,
  utf8,
} from '../core/bytes.js';
import { assertContextText } from '../core/context.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { randomBytes } from '../core/random.js';

const FORMAT = 'careledger-key-file';
const VERSION = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const MAX_SECRET_BYTES = 2 ** 20;
const MAX_FILE_BYTES = 2 ** 21;
const MIN_PASSPHRASE_BYTES = 8;

interface ScryptParameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array;
}
const DEFAULT_COST = { N: 2 ** 15, r: 8, p: 1 };
const MAX_COST = { N: 2 ** 20, r: 16, p: 4 };

async function deriveKey(passphrase: string, { N, r, p, salt }: ScryptParameters): Promise<Uint8Array> {
  const secret = utf8('passphrase', passphrase);
  if (secret.length < MIN_PASSPHRASE_BYTES)
    throw invalidInput('passphrase', `at least ${MIN_PASSPHRASE_BYTES} bytes`, 'fewer');
  const maxmem = 256 * N * r * p;
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, KEY_BYTES, { N, r, p, maxmem }, (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(error);
    });
  });
}

function associatedData(label: string, { N, r, p, salt }: ScryptParameters): Uint8Array {
  return encodeParts('careledger/key-file/v1', label, BigInt(N), BigInt(r), BigInt(p), salt);
}

/** The text of a key file. */
async function sealSecret(secret: Uint8Array, passphrase: string, label: string): Promise<string> {
  const parameters = { ...DEFAULT_COST, salt: randomBytes(SALT_BYTES) };
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', await deriveKey(passphrase, parameters), nonce);
  cipher.setAAD(associatedData(label, parameters));
  const ciphertext = concatBytes(cipher.update(secret), cipher.final(), cipher.getAuthTag());
  const { salt, ...cost } = parameters;
  const file = {
    format: FORMAT,
    version: VERSION,
    label,
    kdf: { name: 'scrypt', ...cost, salt: bytesToBase64Url(salt) },
    cipher: { name: 'aes-256-gcm', nonce: bytesToBase64Url(nonce) },
    ciphertext: bytesToBase64Url(ciphertext),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

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
  const { path, secret, passphrase, label } = options;
  assertBytes('secret', secret);
  assertContextText('label', label);
  if (secret.length < 1 || secret.length > MAX_SECRET_BYTES)
    throw invalidInput('secret', `1..${MAX_SECRET_BYTES} bytes`, shapeOf(secret));
  const text = await sealSecret(secret, passphrase, label);
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

function record(argument: string, value: unknown): Record<string, unknown> {
  if (value === null || typeof value !== 'object') throw invalidInput(argument, 'an object', shapeOf(value));
  return value as Record<string, unknown>;
}

function bytesOf(argument: string, value: unknown, sizeBytes?: number): Uint8Array {
  if (typeof value !== 'string') throw invalidInput(argument, 'base64url text', shapeOf(value));
  const bytes = base64UrlToBytes(value);
  assertBytes(argument, bytes, sizeBytes);
  return bytes;
}

function costOf(kdf: Record<string, unknown>, name: 'N' | 'r' | 'p'): number {
  const value = kdf[name];
  const powerOfTwo = typeof value === 'number' && Number.isInteger(Math.log2(value));
  const whole = name === 'N' ? powerOfTwo : Number.isInteger(value);
  if (whole && typeof value === 'number' && value >= DEFAULT_COST[name] && value <= MAX_COST[name])
    return value;
  throw new CryptoError('CRYPTO_UNSUPPORTED', {
    argument: `kdf.${name}`,
    expected: `${DEFAULT_COST[name]}..${MAX_COST[name]}`,
    came: shapeOf(value),
  });
}

interface ParsedFile {
  readonly label: unknown;
  readonly parameters: ScryptParameters;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

function parseFile(text: string): ParsedFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new CryptoError('CRYPTO_INVALID_INPUT', {
      argument: 'key file',
      expected: 'JSON',
      came: 'text that is not',
      cause,
    });
  }
  const file = record('key file', json);
  const kdf = record('kdf', file['kdf']);
  const cipher = record('cipher', file['cipher']);
  const names = [file['format'], file['version'], kdf['name'], cipher['name']];
  if (names.join() !== [FORMAT, VERSION, 'scrypt', 'aes-256-gcm'].join()) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'key file',
      expected: `${FORMAT} version ${VERSION}`,
      came: 'another',
    });
  }
  const parameters = {
    N: costOf(kdf, 'N'),
    r: costOf(kdf, 'r'),
    p: costOf(kdf, 'p'),
    salt: bytesOf('kdf.salt', kdf['salt'], SALT_BYTES),
  };
  const ciphertext = bytesOf('ciphertext', file['ciphertext']);
  if (ciphertext.length <= TAG_BYTES)
    throw invalidInput('ciphertext', `more than ${TAG_BYTES} bytes`, shapeOf(ciphertext));
  return {
    label: file['label'],
    parameters,
    nonce: bytesOf('cipher.nonce', cipher['nonce'], NONCE_BYTES),
    ciphertext,
  };
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
  const { path, passphrase, label } = options;
  const text = await readFile(path, 'utf8');
  if (text.length > MAX_FILE_BYTES) throw invalidInput('key file', `at most ${MAX_FILE_BYTES} bytes`, 'more');
  const file = parseFile(text);
  const refused = (came: string, cause?: unknown): CryptoError =>
    new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'key file',
      expected: 'the passphrase, label and bytes it was written with',
      came,
      cause,
    });
  if (file.label !== label) throw refused('another label');
  const key = await deriveKey(passphrase, file.parameters);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, file.nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associatedData(label, file.parameters));
    decipher.setAuthTag(file.ciphertext.subarray(file.ciphertext.length - TAG_BYTES));
    return concatBytes(decipher.update(file.ciphertext.subarray(0, -TAG_BYTES)), decipher.final());
  } catch (cause) {
    throw refused('another passphrase or changed bytes', cause);
  }
}
