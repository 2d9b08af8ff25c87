/**
 * The record envelope: content sealed in 1 MiB segments.
 *
 * Scheme: STREAM (Hoang, Reyhanitabar, Rogaway, Vizar, "Online Authenticated-Encryption and its Nonce-Reuse
 * Misuse-Resistance", CRYPTO 2015, section 7) over AES-256-GCM (NIST SP 800-38D).
 *
 *   envelope   = header(14) || C_0 || C_1 || ... || C_k
 *   header     = "CLEV" || version(1)=1 || suite(1)=1 || log2 segment size(1)=20 || noncePrefix(7)
 *   N_i        = noncePrefix(7) || u32(i) || (i == k ? 1 : 0)                                       (12 bytes)
 *   A          = encodeParts('careledger/envelope/v1', header, encodeContext(context))
 *   C_i        = AES-256-GCM(dataKey, N_i, A, M_i)                                        (|M_i| + 16-byte tag)
 *   |M_i|      = 2^20 for i < k; 0 < |M_k| <= 2^20, or k = 0 and M_0 empty
 *   size       = 14 + |M| + 16 * max(1, ceil(|M| / 2^20)) bytes
 *
 * Position and end are in the nonce, the record in the associated data: segments reordered, dropped, doubled, cut,
 * extended or moved to another record do not open. Assumption: AES-256-GCM is nonce-respecting AEAD. A data key seals
 * one content only (the 7-byte prefix makes a second use by accident safe up to about 2^20 uses, not by design).
 * AES-GCM is not key-committing; the salted digest on the ledger is what commits to the content.
 * Divergence: the paper's nonce-stealing leaves the field sizes open; 7/4/1 is the choice of Tink and age-like formats.
 */
import { assertBytes, bytesEqual, concatBytes, joinBytes, uint32 } from './bytes.js';
import { encodeContext, type RecordContext } from './context.js';
import { encodeParts } from './encode.js';
import { CryptoError, invalidInput } from './errors.js';
import { randomBytes } from './random.js';
import { cutPieces } from './segments.js';

export const ENVELOPE_HEADER_BYTES = 14;
export const SEGMENT_BYTES = 2 ** 20;
export const DATA_KEY_BYTES = 32;
/** Default bound of the in-memory functions. */
export const MAX_CONTENT_BYTES = 256 * SEGMENT_BYTES;
/** Default bound of the streaming functions. */
export const MAX_STREAM_BYTES = 64 * 1024 * SEGMENT_BYTES;

const TAG_BYTES = 16;
const NONCE_PREFIX_BYTES = 7;
const MAGIC = Uint8Array.of(0x43, 0x4c, 0x45, 0x56);
const VERSION = 1;
const SUITE_AES_256_GCM = 1;
const LOG2_SEGMENT = 20;
const FIXED_HEADER = concatBytes(MAGIC, Uint8Array.of(VERSION, SUITE_AES_256_GCM, LOG2_SEGMENT));

type SubtleKey = Awaited<ReturnType<typeof globalThis.crypto.subtle.importKey>>;

interface StreamOptions {
  readonly dataKey: Uint8Array;
  readonly context: RecordContext;
  readonly maxContentBytes?: number;
}
export interface SealStreamOptions extends StreamOptions {
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}
export interface OpenStreamOptions extends StreamOptions {
  readonly sealed: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

async function importDataKey(dataKey: Uint8Array, usage: 'encrypt' | 'decrypt'): Promise<SubtleKey> {
  assertBytes('dataKey', dataKey, DATA_KEY_BYTES);
  return globalThis.crypto.subtle.importKey('raw', new Uint8Array(dataKey), 'AES-GCM', false, [usage]);
}

function aesGcm(header: Uint8Array, context: RecordContext, index: number, last: boolean) {
  const prefix = header.subarray(ENVELOPE_HEADER_BYTES - NONCE_PREFIX_BYTES);
  return {
    name: 'AES-GCM',
    iv: concatBytes(prefix, uint32(index), Uint8Array.of(last ? 1 : 0)),
    additionalData: encodeParts('careledger/envelope/v1', header, encodeContext(context)),
    tagLength: 8 * TAG_BYTES,
  };
}

function refused(expected: string, came: string, cause?: unknown): CryptoError {
  return new CryptoError('CRYPTO_AUTHENTICATION_FAILED', { argument: 'sealed', expected, came, cause });
}

function assertWithin(argument: string, sizeBytes: number, maxBytes: number): void {
  if (sizeBytes <= maxBytes) return;
  throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
    argument,
    expected: `at most ${maxBytes} bytes of content`,
    came: 'more',
  });
}

/**
 * Seals a stream. Yields the envelope: its header, then one chunk per segment.
 * @throws CRYPTO_INVALID_INPUT (key length, context), CRYPTO_LIMIT_EXCEEDED (content over maxContentBytes)
 */
export async function* sealStream(options: SealStreamOptions): AsyncGenerator<Uint8Array> {
  const { context, maxContentBytes = MAX_STREAM_BYTES } = options;
  const key = await importDataKey(options.dataKey, 'encrypt');
  const header = concatBytes(FIXED_HEADER, randomBytes(NONCE_PREFIX_BYTES));
  encodeContext(context);
  let index = 0;
  let contentBytes = 0;
  let headerSent = false;
  for await (const { bytes, last } of cutPieces(options.content, SEGMENT_BYTES)) {
    contentBytes += bytes.length;
    assertWithin('content', contentBytes, maxContentBytes);
    if (!headerSent) yield header;
    headerSent = true;
    yield new Uint8Array(
      await globalThis.crypto.subtle.encrypt(aesGcm(header, context, index, last), key, bytes),
    );
    index += 1;
  }
}

/**
 * Opens a stream. Each yielded segment is authentic, in order and of this record, but only the normal end of the
 * iteration says that nothing was cut off: discard what was yielded when it throws.
 * @throws CRYPTO_AUTHENTICATION_FAILED, CRYPTO_UNSUPPORTED (version, suite), CRYPTO_INVALID_INPUT, CRYPTO_LIMIT_EXCEEDED
 */
export async function* openStream(options: OpenStreamOptions): AsyncGenerator<Uint8Array> {
  const { context, maxContentBytes = MAX_STREAM_BYTES } = options;
  const key = await importDataKey(options.dataKey, 'decrypt');
  let header: Uint8Array | undefined;
  let index = 0;
  let contentBytes = 0;
  for await (const { bytes, last } of cutPieces(
    options.sealed,
    SEGMENT_BYTES + TAG_BYTES,
    ENVELOPE_HEADER_BYTES,
  )) {
    if (header === undefined) {
      header = parseEnvelopeHeader(bytes, last);
      continue;
    }
    contentBytes += bytes.length - TAG_BYTES;
    assertWithin('sealed', contentBytes, maxContentBytes);
    yield await openSegment({ key, header, context, index, last, bytes });
    index += 1;
  }
}

/** Copies: the queue that cut the stream may still refer to the caller's memory. */
function parseEnvelopeHeader(bytes: Uint8Array, last: boolean): Uint8Array {
  if (last)
    throw refused(`a ${ENVELOPE_HEADER_BYTES}-byte header and at least one segment`, `${bytes.length} bytes`);
  if (!bytesEqual(bytes.subarray(0, 4), MAGIC)) throw refused('an envelope', 'other bytes');
  if (!bytesEqual(bytes.subarray(0, FIXED_HEADER.length), FIXED_HEADER)) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'sealed',
      expected: `envelope version ${VERSION}, suite ${SUITE_AES_256_GCM}, segments of 2^${LOG2_SEGMENT}`,
      came: `version ${bytes[4]}, suite ${bytes[5]}, segments of 2^${bytes[6]}`,
    });
  }
  return new Uint8Array(bytes);
}

interface Segment {
  readonly key: SubtleKey;
  readonly header: Uint8Array;
  readonly context: RecordContext;
  readonly index: number;
  readonly last: boolean;
  readonly bytes: Uint8Array;
}

async function openSegment({ key, header, context, index, last, bytes }: Segment): Promise<Uint8Array> {
  const tooShort = index === 0 ? TAG_BYTES - 1 : TAG_BYTES;
  if (bytes.length <= tooShort)
    throw refused(`segment ${index} of more than ${tooShort} bytes`, `${bytes.length} bytes`);
  try {
    return new Uint8Array(
      await globalThis.crypto.subtle.decrypt(aesGcm(header, context, index, last), key, bytes),
    );
  } catch (cause) {
    throw refused(`segment ${index} sealed for this key, record and position`, 'another', cause);
  }
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return joinBytes(parts);
}

/**
 * Seals `content` (at most 256 MiB) under `dataKey` (32 bytes, used for this content only).
 * @returns the envelope; see the header of this file for its bytes
 */
export async function sealContent(options: {
  content: Uint8Array;
  dataKey: Uint8Array;
  context: RecordContext;
}): Promise<Uint8Array> {
  assertBytes('content', options.content);
  return collect(sealStream({ ...options, content: [options.content], maxContentBytes: MAX_CONTENT_BYTES }));
}

/**
 * Opens an envelope whole: returns the content, or throws and returns nothing.
 * @throws CRYPTO_AUTHENTICATION_FAILED for another key, another record, or any changed, moved or missing byte
 */
export async function openContent(options: {
  sealed: Uint8Array;
  dataKey: Uint8Array;
  context: RecordContext;
  maxContentBytes?: number;
}): Promise<Uint8Array> {
  assertBytes('sealed', options.sealed);
  const maxContentBytes = options.maxContentBytes ?? MAX_CONTENT_BYTES;
  return collect(openStream({ ...options, sealed: [options.sealed], maxContentBytes }));
}

/** Size in bytes of the envelope of `contentBytes` bytes of content. */
export function sealedSizeBytes(contentBytes: number): number {
  if (!Number.isSafeInteger(contentBytes) || contentBytes < 0) {
    throw invalidInput('contentBytes', 'a non-negative integer', String(contentBytes));
  }
  return (
    ENVELOPE_HEADER_BYTES + contentBytes + TAG_BYTES * Math.max(1, Math.ceil(contentBytes / SEGMENT_BYTES))
  );
}
