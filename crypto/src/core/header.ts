/**
 * The record header: who can open a record's envelope, and what it is.
 *
 *   header  = canonical CBOR { version, suite, purpose, context{4}, contentType, contentLength, keyWrap{enc, ciphertext} }
 *   purpose = { kind: "store" } | { kind: "release", releaseBinding }
 *   payload = canonical CBOR { dataKey: 32 bytes, salt: 32 bytes }
 *   info    = encodeParts('careledger/store/v<version>', encodeContext(context))
 *           | encodeParts('careledger/release/v1', encodeContext(context), releaseBinding)
 *
 * Version 1: the HPKE plaintext is the payload. Version 2, of store headers only: the header also names `erasureLeaf`,
 * and the HPKE plaintext is sealErasable('careledger/store-payload/v2', encodeContext(context), [E_leaf], payload), so
 * that puncturing the leaf (crypto/src/erasure) ends every copy, whoever holds the owner's key.
 *
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
import { openErasable, sealErasable, type ErasableFor } from '../erasure/erasable.js';
import { MAX_ERASURE_LEAF } from '../erasure/puncturable-key.js';
import { HPKE_KEY_BYTES, HPKE_SUITE, unwrap, wrap, type KeyWrap } from './hpke.js';

export const SALT_BYTES = 32;
export const MAX_HEADER_BYTES = 4096;
const PLAIN = 1;
const ERASABLE = 2;
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
  readonly version: 1 | 2;
  readonly suite: string;
  readonly purpose: HeaderPurpose;
  readonly context: RecordContext;
  readonly contentType: string;
  /** Bytes of plaintext content. */
  readonly contentLength: number;
  /** Of version 2: leaf of the owner's puncturable key for this patient and record type. */
  readonly erasureLeaf?: number;
  readonly keyWrap: KeyWrap;
}
/** A leaf of the owner's puncturable key, with its key of 32 bytes. */
export interface ErasureLeaf {
  readonly leaf: number;
  readonly key: Uint8Array;
}
export interface OpenedHeader {
  readonly header: RecordHeader;
  readonly dataKey: Uint8Array;
  readonly salt: Uint8Array;
}
type HeaderFacts = Omit<RecordHeader, 'keyWrap' | 'suite'>;

function headerInfo({ context, purpose, version }: Omit<HeaderFacts, 'contentType'>): Uint8Array {
  if (purpose.kind === 'store') return encodeParts(`careledger/store/v${version}`, encodeContext(context));
  return encodeParts('careledger/release/v1', encodeContext(context), purpose.releaseBinding);
}

function erasableFor(context: RecordContext, erasureKey: Uint8Array): ErasableFor {
  return { label: 'careledger/store-payload/v2', binding: encodeContext(context), secrets: [erasureKey] };
}

function factsMap(facts: HeaderFacts): Record<string, CborValue> {
  const { version, purpose, context, contentType, contentLength, erasureLeaf } = facts;
  return {
    version,
    suite: SUITE,
    purpose:
      purpose.kind === 'store'
        ? { kind: 'store' }
        : { kind: 'release', releaseBinding: purpose.releaseBinding },
    context: Object.fromEntries(CONTEXT_KEYS.map((key) => [key, context[key]])),
    contentType,
    contentLength,
    ...(erasureLeaf === undefined ? {} : { erasureLeaf }),
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
  assertVersion(facts);
}

/** An erasure leaf belongs to version 2, and version 2 to what is stored: a released header is for one opening. */
function assertVersion({ version, purpose, erasureLeaf }: HeaderFacts): void {
  if (version === PLAIN && erasureLeaf === undefined) return;
  const leaf = erasureLeaf ?? -1;
  const isLeaf = Number.isInteger(leaf) && leaf >= 0 && leaf <= MAX_ERASURE_LEAF;
  if (version === ERASABLE && purpose.kind === 'store' && isLeaf) return;
  throw invalidInput('erasureLeaf', 'a leaf in a store header of version 2', shapeOf(erasureLeaf));
}

async function seal(
  facts: HeaderFacts,
  secrets: { dataKey: Uint8Array; salt: Uint8Array; erasure?: ErasureLeaf | undefined },
  recipientPublicKey: Uint8Array,
): Promise<Uint8Array> {
  assertFacts(facts);
  assertBytes('dataKey', secrets.dataKey, DATA_KEY_BYTES);
  assertBytes('salt', secrets.salt, SALT_BYTES);
  const map = factsMap(facts);
  const { dataKey, salt, erasure } = secrets;
  const payload = encodeCbor({ dataKey, salt });
  const { enc, ciphertext } = await wrap({
    recipientPublicKey,
    plaintext:
      erasure === undefined ? payload : sealErasable(erasableFor(facts.context, erasure.key), payload),
    info: headerInfo(facts),
    associatedData: encodeCbor(map),
  });
  return encodeCbor({ ...map, keyWrap: { enc, ciphertext } });
}

/**
 * @param options.recipientPublicKey the owner's X25519 key, 32 bytes
 * @param options.dataKey 32 bytes; @param options.salt 32 bytes; @param options.contentLength bytes of plaintext
 * @param options.erasure the record's leaf; absent: a header of version 1, of which single copies cannot be ended
 * @returns the canonical bytes of a "store" header (about 500 bytes)
 */
export async function makeHeader(options: {
  recipientPublicKey: Uint8Array;
  dataKey: Uint8Array;
  salt: Uint8Array;
  context: RecordContext;
  contentType: string;
  contentLength: number;
  erasure?: ErasureLeaf;
}): Promise<Uint8Array> {
  const { context, contentType, contentLength, erasure } = options;
  const facts = { purpose: { kind: 'store' }, context, contentType, contentLength } as const;
  const versioned: HeaderFacts =
    erasure === undefined
      ? { ...facts, version: PLAIN }
      : { ...facts, version: ERASABLE, erasureLeaf: erasure.leaf };
  return seal(versioned, options, options.recipientPublicKey);
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
  const decoded = decodeCbor(bytes, MAX_HEADER_BYTES);
  const version = (decoded as CborMap | null)?.['version'];
  const keys = version === ERASABLE ? [...HEADER_KEYS, 'erasureLeaf'] : HEADER_KEYS;
  const map = assertCborMap('header', decoded, keys);
  if ((version !== PLAIN && version !== ERASABLE) || map['suite'] !== SUITE) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'header',
      expected: `version ${PLAIN} or ${ERASABLE}, suite ${SUITE}`,
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
  const facts: HeaderFacts = {
    version,
    purpose,
    context,
    contentType: map['contentType'] as string,
    contentLength: map['contentLength'] as number,
    ...(version === ERASABLE ? { erasureLeaf: map['erasureLeaf'] as number } : {}),
  };
  assertFacts(facts);
  return { suite: SUITE, ...facts, keyWrap: { enc, ciphertext } };
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
 * @param options.erasureKey of the leaf that a header of version 2 names
 * @throws CRYPTO_AUTHENTICATION_FAILED for another key, record, purpose, binding or changed bytes, and for a header of
 * version 2 without its erasure key; parseHeader's errors
 */
export async function openHeader(options: {
  header: Uint8Array;
  privateKey: Uint8Array;
  expectedContext: RecordContext;
  purpose: HeaderPurpose;
  erasureKey?: Uint8Array | undefined;
}): Promise<OpenedHeader> {
  const header = parseHeader(options.header);
  assertSameContext(options.expectedContext, header.context);
  assertSamePurpose(options.purpose, header.purpose);
  const plaintext = await unwrap({
    recipientPrivateKey: options.privateKey,
    keyWrap: header.keyWrap,
    info: headerInfo(header),
    associatedData: encodeCbor(factsMap(header)),
  });
  const payload = header.version === PLAIN ? plaintext : openPayload(plaintext, options);
  const { dataKey, salt } = assertCborMap('header payload', decodeCbor(payload), ['dataKey', 'salt']);
  assertBytes('dataKey', dataKey, DATA_KEY_BYTES);
  assertBytes('salt', salt, SALT_BYTES);
  return { header, dataKey, salt };
}

function openPayload(
  sealed: Uint8Array,
  { expectedContext, erasureKey }: { expectedContext: RecordContext; erasureKey?: Uint8Array | undefined },
): Uint8Array {
  if (erasureKey !== undefined) return openErasable(erasableFor(expectedContext, erasureKey), sealed);
  throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
    argument: 'erasureKey',
    expected: 'the key of the leaf that the header names',
    came: 'none: the record was erased, or the leaf is not in this custody',
  });
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
  erasureKey?: Uint8Array | undefined;
}): Promise<Uint8Array> {
  const { header, ownerPrivateKey: privateKey, expectedContext, releaseBinding, erasureKey } = options;
  const purpose = { kind: 'store' } as const;
  const opened = await openHeader({ header, privateKey, expectedContext, purpose, erasureKey });
  const { context, contentType, contentLength } = opened.header;
  const { dataKey, salt } = opened;
  return seal(
    {
      version: PLAIN,
      purpose: { kind: 'release', releaseBinding },
      context,
      contentType,
      contentLength,
    },
    { dataKey, salt },
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
