/**
 * The record header: who can open a record's envelope, and what it is.
 *
 *   header  = canonical CBOR { version: 1, suite, purpose, context{4}, contentType, contentLength, keyWrap{enc, ciphertext} }
 *   purpose = { kind: "store" } | { kind: "release", releaseBinding }
 *   payload = canonical CBOR { dataKey: 32 bytes, salt: 32 bytes }                              (the HPKE plaintext)
 *   info    = encodeParts('careledger/store/v1',   encodeContext(context))
 *           | encodeParts('careledger/release/v1', encodeContext(context), releaseBinding)
 *   aad     = canonical CBOR of the header without keyWrap
 *   digest  = SHA-256(encodeParts('careledger/salted-digest/v1', salt) || content)              (anchored on the ledger)
 *
 * A stored header is for the owner's key, a released one for the requester's and for one ledger transaction: the two
 * info strings are domain separated, so neither opens as the other. The salt (random, secret until release) keeps the
 * digest from being a test for guessed contents. The composition is ours; HPKE, SHA-256 and CBOR are standard.
 * Re-wrapping draws fresh randomness: store its result by transaction id to answer a repeated request with the same bytes.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, bytesToHex } from './bytes.js';
import { assertCborMap, decodeCbor, encodeCbor, type CborMap, type CborValue } from './cbor.js';
import {
  assertContextText,
  assertRecordContext,
  assertSameContext,
  CONTEXT_KEYS,
  encodeContext,
  type RecordContext,
} from './context.js';
import { encodeParts } from './encode.js';
import { DATA_KEY_BYTES } from './envelope.js';
import { CryptoError, invalidInput, shapeOf } from './errors.js';
import { HPKE_KEY_BYTES, HPKE_SUITE, unwrap, wrap, type KeyWrap } from './hpke.js';

export const SALT_BYTES = 32;
export const MAX_HEADER_BYTES = 4096;
const VERSION = 1;
const SUITE = `${HPKE_SUITE};STREAM-AES-256-GCM`;
const HEADER_KEYS = [
  'version',
  'suite',
  'purpose',
  'context',
  'contentType',
  'contentLength',
  'keyWrap',
] as const;

export type HeaderPurpose =
  { readonly kind: 'store' } | { readonly kind: 'release'; readonly releaseBinding: string };

export interface RecordHeader {
  readonly version: 1;
  readonly suite: string;
  readonly purpose: HeaderPurpose;
  readonly context: RecordContext;
  readonly contentType: string;
  /** Bytes of plaintext content. */
  readonly contentLength: number;
  readonly keyWrap: KeyWrap;
}
export interface OpenedHeader {
  readonly header: RecordHeader;
  readonly dataKey: Uint8Array;
  readonly salt: Uint8Array;
}
type HeaderFacts = Omit<RecordHeader, 'keyWrap' | 'version' | 'suite'>;

function headerInfo(context: RecordContext, purpose: HeaderPurpose): Uint8Array {
  if (purpose.kind === 'store') return encodeParts('careledger/store/v1', encodeContext(context));
  return encodeParts('careledger/release/v1', encodeContext(context), purpose.releaseBinding);
}

function factsMap(facts: HeaderFacts): Record<string, CborValue> {
  const { purpose, context, contentType, contentLength } = facts;
  return {
    version: VERSION,
    suite: SUITE,
    purpose:
      purpose.kind === 'store'
        ? { kind: 'store' }
        : { kind: 'release', releaseBinding: purpose.releaseBinding },
    context: Object.fromEntries(CONTEXT_KEYS.map((key) => [key, context[key]])),
    contentType,
    contentLength,
  };
}

function assertPurpose(purpose: unknown): asserts purpose is HeaderPurpose {
  const { kind, releaseBinding } = (purpose ?? {}) as { kind?: unknown; releaseBinding?: unknown };
  if (kind === 'store') return;
  if (kind !== 'release') throw invalidInput('purpose.kind', 'store or release', shapeOf(kind));
  assertContextText('purpose.releaseBinding', releaseBinding);
}

function assertFacts(facts: HeaderFacts): void {
  assertRecordContext(facts.context);
  assertPurpose(facts.purpose);
  assertContextText('contentType', facts.contentType);
  if (!Number.isSafeInteger(facts.contentLength) || facts.contentLength < 0) {
    throw invalidInput('contentLength', 'a non-negative safe integer', String(facts.contentLength));
  }
}

async function seal(
  facts: HeaderFacts,
  secrets: { dataKey: Uint8Array; salt: Uint8Array },
  recipientPublicKey: Uint8Array,
): Promise<Uint8Array> {
  assertFacts(facts);
  assertBytes('dataKey', secrets.dataKey, DATA_KEY_BYTES);
  assertBytes('salt', secrets.salt, SALT_BYTES);
  const map = factsMap(facts);
  const { enc, ciphertext } = await wrap({
    recipientPublicKey,
    plaintext: encodeCbor({ dataKey: secrets.dataKey, salt: secrets.salt }),
    info: headerInfo(facts.context, facts.purpose),
    associatedData: encodeCbor(map),
  });
  return encodeCbor({ ...map, keyWrap: { enc, ciphertext } });
}

/**
 * @param options.recipientPublicKey the owner's X25519 key, 32 bytes
 * @param options.dataKey 32 bytes; @param options.salt 32 bytes; @param options.contentLength bytes of plaintext
 * @returns the canonical bytes of a "store" header (about 450 bytes)
 */
export async function makeHeader(options: {
  recipientPublicKey: Uint8Array;
  dataKey: Uint8Array;
  salt: Uint8Array;
  context: RecordContext;
  contentType: string;
  contentLength: number;
}): Promise<Uint8Array> {
  const { context, contentType, contentLength } = options;
  return seal(
    { purpose: { kind: 'store' }, context, contentType, contentLength },
    options,
    options.recipientPublicKey,
  );
}

function parsePurpose(value: CborValue | undefined): HeaderPurpose {
  const kind = (value as CborMap | null | undefined)?.['kind'];
  const map = assertCborMap(
    'header.purpose',
    value,
    kind === 'release' ? ['kind', 'releaseBinding'] : ['kind'],
  );
  assertPurpose(map);
  return map;
}

/**
 * Strict: canonical CBOR, exactly the known keys, this version and suite, at most 4096 bytes. Does not open anything.
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_UNSUPPORTED
 */
export function parseHeader(bytes: Uint8Array): RecordHeader {
  const map = assertCborMap('header', decodeCbor(bytes, MAX_HEADER_BYTES), HEADER_KEYS);
  if (map['version'] !== VERSION || map['suite'] !== SUITE) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'header',
      expected: `version ${VERSION}, suite ${SUITE}`,
      came: 'another version or suite',
    });
  }
  const purpose = parsePurpose(map['purpose']);
  const context: unknown = assertCborMap('header.context', map['context'], CONTEXT_KEYS);
  assertRecordContext(context);
  const keyWrap = assertCborMap('header.keyWrap', map['keyWrap'], ['enc', 'ciphertext']);
  const { enc, ciphertext } = keyWrap;
  assertBytes('header.keyWrap.enc', enc, HPKE_KEY_BYTES);
  assertBytes('header.keyWrap.ciphertext', ciphertext);
  const facts = {
    purpose,
    context,
    contentType: map['contentType'] as string,
    contentLength: map['contentLength'] as number,
  };
  assertFacts(facts);
  return { version: VERSION, suite: SUITE, ...facts, keyWrap: { enc, ciphertext } };
}

function assertSamePurpose(expected: HeaderPurpose, came: HeaderPurpose): void {
  assertPurpose(expected);
  const binding = (purpose: HeaderPurpose): string =>
    purpose.kind === 'release' ? purpose.releaseBinding : '';
  if (expected.kind === came.kind && binding(expected) === binding(came)) return;
  throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
    argument: 'header.purpose',
    expected: `a ${expected.kind} header of the named binding`,
    came: `a ${came.kind} header`,
  });
}

/**
 * Opens a header for the record and purpose that the caller expects, never for those that the header claims.
 * @throws CRYPTO_AUTHENTICATION_FAILED for another key, record, purpose, binding or changed bytes; parseHeader's errors
 */
export async function openHeader(options: {
  header: Uint8Array;
  privateKey: Uint8Array;
  expectedContext: RecordContext;
  purpose: HeaderPurpose;
}): Promise<OpenedHeader> {
  const header = parseHeader(options.header);
  assertSameContext(options.expectedContext, header.context);
  assertSamePurpose(options.purpose, header.purpose);
  const payload = await unwrap({
    recipientPrivateKey: options.privateKey,
    keyWrap: header.keyWrap,
    info: headerInfo(options.expectedContext, options.purpose),
    associatedData: encodeCbor(factsMap(header)),
  });
  const { dataKey, salt } = assertCborMap('header payload', decodeCbor(payload), ['dataKey', 'salt']);
  assertBytes('dataKey', dataKey, DATA_KEY_BYTES);
  assertBytes('salt', salt, SALT_BYTES);
  return { header, dataKey, salt };
}

/**
 * Owner's side of a release: opens the stored header and wraps its keys to the requester, for one ledger transaction.
 * @param options.releaseBinding the ledger transaction id
 * @returns the canonical bytes of a "release" header; not deterministic
 */
export async function rewrapHeader(options: {
  header: Uint8Array;
  ownerPrivateKey: Uint8Array;
  recipientPublicKey: Uint8Array;
  expectedContext: RecordContext;
  releaseBinding: string;
}): Promise<Uint8Array> {
  const { header, ownerPrivateKey: privateKey, expectedContext, releaseBinding } = options;
  const opened = await openHeader({ header, privateKey, expectedContext, purpose: { kind: 'store' } });
  const { context, contentType, contentLength } = opened.header;
  return seal(
    { purpose: { kind: 'release', releaseBinding }, context, contentType, contentLength },
    opened,
    options.recipientPublicKey,
  );
}

/** Incremental form of saltedDigest, for streams. */
export function createSaltedDigest(salt: Uint8Array): { update(chunk: Uint8Array): void; digest(): string } {
  assertBytes('salt', salt, SALT_BYTES);
  const hash = sha256.create().update(encodeParts('careledger/salted-digest/v1', salt));
  return {
    update: (chunk) => {
      assertBytes('chunk', chunk);
      hash.update(chunk);
    },
    digest: () => bytesToHex(hash.digest()),
  };
}

/** SHA-256(encodeParts('careledger/salted-digest/v1', salt) || content), lower-case hex; `salt` is 32 bytes. */
export function saltedDigest(salt: Uint8Array, content: Uint8Array): string {
  const hash = createSaltedDigest(salt);
  hash.update(content);
  return hash.digest();
}
