/**
 * Encryption under a tag, the check that anybody can make, and opening by the owner.
 *
 *   M random in GT, not 1;   r = Hr(M, ID, tau, aad)
 *   C1 = g2^r,  C2 = T^r,  C3 = M e(H1(ID), P_ID)^r,  h3 = SHA-256(C3),  C4 = HC(ver, ID, tau, aad, C1, C2, h3)^r
 *   public check: e(T, C1) = e(C2, g2),  e(C4, g2) = e(HC(..), C1),  h3 = SHA-256(C3) at hop 0
 *   owner: M = C3 / e(sk, C1); r, C1, C2, C4 and h3 are computed again
 *   wrap key = HKDF-SHA-256(M; 'careledger/pre-wrap-key/v1', ver, ID, tau, aad)
 *
 * C4 makes the header non-malleable in all that proxies see, so that their re-encryption opens nothing but registered
 * headers; computing r again is the check of Fujisaki and Okamoto. Opening has one error for every failure.
 */
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesEqual } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError } from '../core/errors.js';
import { randomBits, randomBytes, type RandomBytes } from '../core/random.js';
import { encodeIdentity, fieldBytes, identityPoint, type IdentityPublicKey } from '../ibe/index.js';
import {
  G2_BYTES,
  hashToScalar,
  mclPairing,
  randomScalar,
  type G1,
  type G2,
  type GT,
  type PairingEngine,
} from '../pairing/index.js';
import {
  NO_EDGE,
  NO_SECRET,
  PRE_VERSION,
  assertAad,
  ciphertextPoint,
  decodePoints,
  digestOfC3,
  encodeHeader,
  handleOf,
  parseHeader,
  type FixedParts,
  type PreHeader,
} from './header.js';
import { encodeTag, tagPoint, type Tag } from './tag.js';

const WRAP_KEY_BYTES = 32;
const WEIGHT_BITS = 128;
const CACHED_BASES = 256;

export interface EncryptOptions {
  /** The owner as the ledger has it; `tag.owner` names the same identity. */
  readonly owner: IdentityPublicKey;
  readonly tag: Omit<Tag, 'owner'>;
  /** Which record of whom the key is for, at most 1 KiB. */
  readonly aad: Uint8Array;
}
export interface Encrypted {
  readonly header: Uint8Array;
  /** For the ledger; hex. */
  readonly handle: string;
  /** 32 bytes; wipe it after use. */
  readonly wrapKey: Uint8Array;
}

const bases = new WeakMap<PairingEngine, Map<string, GT>>();

/** e(H1(ID), P_ID), and P_ID checked; kept, for it is the same for all records of a patient. */
export function ownerBase(engine: PairingEngine, owner: IdentityPublicKey): GT {
  const cache = bases.get(engine) ?? new Map<string, GT>();
  bases.set(engine, cache);
  const key = `${owner.name}#${owner.keyEpoch}#${owner.publicKey}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const publicKey = engine.decodeG2('publicKey', fieldBytes('publicKey', owner.publicKey, G2_BYTES));
  const base = engine.pair(identityPoint(engine, owner), publicKey);
  const [oldest] = cache.keys();
  if (cache.size >= CACHED_BASES && oldest !== undefined) cache.delete(oldest);
  cache.set(key, base);
  return base;
}

/** Draws a key and seals it to the owner under the tag. @throws CRYPTO_INVALID_INPUT */
export function encryptUnderTag(
  { owner, tag: labels, aad }: EncryptOptions,
  engine: PairingEngine = mclPairing(),
  random: RandomBytes = randomBytes,
): Encrypted {
  assertAad(aad);
  const tag: Tag = { ...labels, owner: { name: owner.name, keyEpoch: owner.keyEpoch } };
  const m = engine.gtPower(engine.gt, randomScalar(random));
  const parts = partsFor(engine, { m, tag, aad, base: ownerBase(engine, owner) });
  const header = { ...parts, tag, aad, hop: 0, edgeId: NO_EDGE, w: NO_SECRET, attestations: new Map() };
  return {
    header: encodeHeader(header),
    handle: handleOf(parts),
    wrapKey: wrapKeyOf(engine, m, { tag, aad }),
  };
}

/** All parts of a header that follow from M. */
export function partsFor(
  engine: PairingEngine,
  { m, tag, aad, base }: { readonly m: GT; readonly tag: Tag; readonly aad: Uint8Array; readonly base: GT },
): Pick<PreHeader, 'c1' | 'c2' | 'h3' | 'c4' | 'c3'> {
  const r = exponentOf(engine, m, { tag, aad });
  const c1 = engine.encodeG2(engine.g2Power(engine.g2, r));
  const c2 = engine.encodeG1(engine.g1Power(tagPoint(engine, tag), r));
  const c3 = engine.encodeGT(engine.gtMultiply(m, engine.gtPower(base, r)));
  const h3 = digestOfC3(c3);
  const c4 = engine.encodeG1(engine.g1Power(ciphertextPoint(engine, { tag, aad, c1, c2, h3 }), r));
  return { c1, c2, h3, c4, c3 };
}

function exponentOf(engine: PairingEngine, m: GT, { tag, aad }: Pick<FixedParts, 'tag' | 'aad'>): bigint {
  const id = encodeIdentity(tag.owner);
  return hashToScalar('careledger/pre-r/v1', engine.encodeGT(m), id, encodeTag(tag), aad);
}

function wrapKeyOf(engine: PairingEngine, m: GT, { tag, aad }: Pick<FixedParts, 'tag' | 'aad'>): Uint8Array {
  const info = encodeParts(
    'careledger/pre-wrap-key/v1',
    BigInt(PRE_VERSION),
    encodeIdentity(tag.owner),
    encodeTag(tag),
    aad,
  );
  return hkdf(sha256, engine.encodeGT(m), undefined, info, WRAP_KEY_BYTES);
}

export type CheckedHeader = PreHeader & {
  readonly points: { readonly c1: G2; readonly c2: G1; readonly c4: G1 };
};

/**
 * What proxies and readers check before anything else, for many headers at once: under random 128-bit weights all
 * equations hold together, and when they do not each header is looked at alone.
 * @returns the headers as they were read @throws CRYPTO_AUTHENTICATION_FAILED naming the first wrong one by its place
 */
export function publicCheck(
  headers: readonly Uint8Array[],
  engine: PairingEngine = mclPairing(),
): CheckedHeader[] {
  const checked = readHeaders(headers, engine);
  if (checked.length === 0 || holdTogether(engine, checked)) return checked;
  const wrong = checked.findIndex((header) => !holdTogether(engine, [header]));
  throw notWellFormed(wrong);
}

/**
 * Headers with their points: parsed, in their groups, h3 at hop 0. Enough for a reader, whose opening computes every
 * part again; a proxy makes the whole `publicCheck`.
 * @throws CRYPTO_INVALID_INPUT; CRYPTO_AUTHENTICATION_FAILED naming the first wrong one by its place
 */
export function readHeaders(
  headers: readonly Uint8Array[],
  engine: PairingEngine = mclPairing(),
): CheckedHeader[] {
  return headers.map((bytes, index) => readChecked(engine, bytes, index));
}

function readChecked(engine: PairingEngine, bytes: Uint8Array, index: number): CheckedHeader {
  const header = parseHeader(bytes);
  if (header.hop === 0 && !bytesEqual(header.h3, digestOfC3(header.c3))) throw notWellFormed(index);
  return { ...header, points: decodePoints(engine, header) };
}

/** prod e(T_i^{v_i} HC_i^{w_i}, C1_i) = e(prod C2_i^{v_i} C4_i^{w_i}, g2), with random v_i and w_i. */
function holdTogether(engine: PairingEngine, headers: readonly CheckedHeader[]): boolean {
  const weights = headers.map(() => [randomBits(WEIGHT_BITS), randomBits(WEIGHT_BITS)] as const);
  const left = headers.map(({ points, ...parts }, index) => {
    const [v, w] = weights[index] ?? [0n, 0n];
    const hashed = engine.g1Powers([tagPoint(engine, parts.tag), ciphertextPoint(engine, parts)], [v, w]);
    return [hashed, points.c1] as const;
  });
  const right = engine.g1Powers(
    headers.flatMap(({ points }) => [points.c2, points.c4]),
    weights.flat(),
  );
  const inverse = engine.g1Power(right, ORDER_LESS_ONE);
  const product = engine.pairProduct([...left, [inverse, engine.g2]]);
  return isOne(engine, product);
}

const ORDER_LESS_ONE = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000000n;

function isOne(engine: PairingEngine, value: GT): boolean {
  return engine.gtEqual(value, engine.gtMultiply(value, value));
}

function notWellFormed(index: number): CryptoError {
  return new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
    argument: `headers[${index}]`,
    expected: 'a header whose parts belong together',
    came: 'another',
  });
}

/**
 * The key of a header for the owner of its tag; of any epoch.
 * @param sk 48 bytes
 * @throws CRYPTO_AUTHENTICATION_FAILED, one for every failure
 */
export function openAsOwner(
  sk: Uint8Array,
  owner: IdentityPublicKey,
  header: Uint8Array,
  engine: PairingEngine = mclPairing(),
): Uint8Array {
  return oneRejection(() => {
    const parsed = parseHeader(header);
    const { owner: named } = parsed.tag;
    if (parsed.hop !== 0 || named.name !== owner.name || named.keyEpoch !== owner.keyEpoch)
      throw notWellFormed(0);
    const { c1 } = decodePoints(engine, parsed);
    const shared = engine.pair(engine.decodeG1('identityKey', sk), c1);
    const c3 = engine.decodeGT('preHeader.c3', parsed.c3);
    const m = engine.gtMultiply(c3, engine.gtInverse(shared));
    return openedKey(engine, m, parsed, ownerBase(engine, owner));
  });
}

/**
 * The wrap key, once everything that follows from M is what the header has.
 * @param base e(H1(ID), P_ID) of the owner
 */
export function openedKey(engine: PairingEngine, m: GT, header: FixedParts, base: GT): Uint8Array {
  const { tag, aad } = header;
  if (isOne(engine, m)) throw notWellFormed(0);
  const again = partsFor(engine, { m, tag, aad, base });
  const isSame = (['c1', 'c2', 'h3', 'c4'] as const).every((part) => bytesEqual(again[part], header[part]));
  if (!isSame) throw notWellFormed(0);
  return wrapKeyOf(engine, m, { tag, aad });
}

/** Tells nobody at which check it failed. */
export function oneRejection<Result>(open: () => Result): Result {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'header',
      expected: 'a header that opens with this key along these edges',
      came: 'another',
    });
  }
}
