/**
 * Encrypted secret file, as text: what key custody keeps on disk, and what a patient's browser keeps or exports.
 *
 *   file = JSON { format: "careledger-key-file", version: 1, label, kdf: { name: "scrypt", N, r, p, salt },
 *                 cipher: { name: "aes-256-gcm", nonce }, ciphertext }             bytes as base64url
 *   key        = scrypt(passphrase, salt(16), N = 2^15, r = 8, p = 1, 32 bytes)    RFC 7914; 32 MiB, about 0.1 s
 *   ciphertext = AES-256-GCM(key, nonce(12), aad, secret), with its 16-byte tag
 *   aad        = encodeParts('careledger/key-file/v1', label, N, r, p, salt)
 *
 * The parameters are read from the file within bounds, so that a changed file can neither weaken them below these nor
 * exhaust memory. A wrong passphrase and a changed byte are the same failure: AES-GCM cannot tell them apart.
 */
import { gcm } from '@noble/ciphers/aes.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';
import { assertBytes, base64UrlToBytes, bytesToBase64Url, utf8 } from './bytes.js';
import { assertContextText } from './context.js';
import { encodeParts } from './encode.js';
import { CryptoError, invalidInput, shapeOf } from './errors.js';
import { randomBytes } from './random.js';

const FORMAT = 'careledger-key-file';
const VERSION = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const MAX_SECRET_BYTES = 2 ** 20;
export const MAX_KEY_FILE_BYTES = 2 ** 21;
const MIN_PASSPHRASE_BYTES = 8;

export interface ScryptParameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array;
}
/** scrypt (RFC 7914) with an output of 32 bytes. */
export type DeriveKey = (passphrase: Uint8Array, parameters: ScryptParameters) => Promise<Uint8Array>;

const DEFAULT_COST = { N: 2 ** 15, r: 8, p: 1 };
const MAX_COST = { N: 2 ** 20, r: 16, p: 4 };

/** In plain JavaScript, in slices that let a browser go on painting. */
const deriveInJavaScript: DeriveKey = (passphrase, { salt, N, r, p }) =>
  scryptAsync(passphrase, salt, { N, r, p, dkLen: KEY_BYTES, maxmem: 256 * N * r * p });

function passphraseBytes(passphrase: string): Uint8Array {
  const bytes = utf8('passphrase', passphrase);
  if (bytes.length < MIN_PASSPHRASE_BYTES)
    throw invalidInput('passphrase', `at least ${MIN_PASSPHRASE_BYTES} bytes`, 'fewer');
  return bytes;
}

function associatedData(label: string, { N, r, p, salt }: ScryptParameters): Uint8Array {
  return encodeParts('careledger/key-file/v1', label, BigInt(N), BigInt(r), BigInt(p), salt);
}

/**
 * The text of a key file with `secret` (1 byte to 1 MiB).
 * @param options.passphrase at least 8 bytes of UTF-8
 * @param options.label what the secret is for; the reader must name the same
 * @throws CRYPTO_INVALID_INPUT
 */
export async function sealKeyFile(
  options: { readonly secret: Uint8Array; readonly passphrase: string; readonly label: string },
  derive: DeriveKey = deriveInJavaScript,
): Promise<string> {
  const { secret, passphrase, label } = options;
  assertBytes('secret', secret);
  assertContextText('label', label);
  if (secret.length < 1 || secret.length > MAX_SECRET_BYTES)
    throw invalidInput('secret', `1..${MAX_SECRET_BYTES} bytes`, shapeOf(secret));
  const parameters = { ...DEFAULT_COST, salt: randomBytes(SALT_BYTES) };
  const nonce = randomBytes(NONCE_BYTES);
  const key = await derive(passphraseBytes(passphrase), parameters);
  const ciphertext = gcm(key, nonce, associatedData(label, parameters)).encrypt(secret);
  key.fill(0);
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
 *         file), CRYPTO_UNSUPPORTED (version or cost out of bounds)
 */
export async function openKeyFile(
  options: { readonly text: string; readonly passphrase: string; readonly label: string },
  derive: DeriveKey = deriveInJavaScript,
): Promise<Uint8Array> {
  const { text, passphrase, label } = options;
  if (text.length > MAX_KEY_FILE_BYTES)
    throw invalidInput('key file', `at most ${MAX_KEY_FILE_BYTES} bytes`, 'more');
  const file = parseFile(text);
  const refused = (came: string, cause?: unknown): CryptoError =>
    new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'key file',
      expected: 'the passphrase, label and bytes it was written with',
      came,
      cause,
    });
  if (file.label !== label) throw refused('another label');
  const key = await derive(passphraseBytes(passphrase), file.parameters);
  try {
    return gcm(key, file.nonce, associatedData(label, file.parameters)).decrypt(file.ciphertext);
  } catch (cause) {
    throw refused('another passphrase or changed bytes', cause);
  } finally {
    key.fill(0);
  }
}
