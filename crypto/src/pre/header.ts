/**
 * The re-encryption header: a key M in GT under an owner's tag, at hop 0 to 8. docs/crypto/pre.md has the equations.
 *
 *   header = canonical CBOR { v, hop, owner, ownerEpoch, typeLabel, conditionLabel, tagEpoch, aad, c1, c2, h3, c4,
 *                             c3, edgeId, w, attestations }
 *   handle = SHA-256(encodeParts('careledger/pre-handle/v1', c1, c2, h3, c4))
 *
 * A hop replaces c3, edgeId, w and attestations and nothing else, and each has one length: hop 0 carries zeros, which are
 * checked, in the last three. So a header is as long at hop 8 as at hop 0.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, bytesEqual, bytesToHex, joinBytes } from '../core/bytes.js';
import { assertCborMap, decodeCbor, encodeCbor } from '../core/cbor.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { encodeIdentity, IDENTITY_OVERHEAD_BYTES } from '../ibe/index.js';
import { G1_BYTES, G2_BYTES, GT_BYTES, type G1, type G2, type PairingEngine } from '../pairing/index.js';
import { encodeTag, type Tag } from './tag.js';

export const PRE_VERSION = 1;
/** Onward hops included: 1 from the owner and up to 8 more. */
export const MAX_HOPS = 9;
export const EDGE_SECRET_BYTES = 32;
/** W: the edge secret, sealed to an identity. */
export const SEALED_SECRET_BYTES = EDGE_SECRET_BYTES + IDENTITY_OVERHEAD_BYTES;
/** One for each proxy that an edge can have, so that any threshold fits; each slot is a point and a signature. */
export const ATTESTATION_SLOTS = 10;
const SLOT_BYTES = 1 + 64;
const ATTESTATION_BYTES = ATTESTATION_SLOTS * SLOT_BYTES;
const DIGEST_BYTES = 32;
export const MAX_AAD_BYTES = 1024;
export const MAX_PRE_HEADER_BYTES = 4096;

const KEYS = [
  'v',
  'hop',
  'owner',
  'ownerEpoch',
  'typeLabel',
  'conditionLabel',
  'tagEpoch',
  'aad',
  'c1',
  'c2',
  'h3',
  'c4',
  'c3',
  'edgeId',
  'w',
  'attestations',
] as const;

/** A header as it is read: encodings are checked, membership in the groups is not. */
export interface PreHeader {
  readonly hop: number;
  readonly tag: Tag;
  /** What the key belongs to; bound, and not interpreted here. */
  readonly aad: Uint8Array;
  readonly c1: Uint8Array;
  readonly c2: Uint8Array;
  readonly h3: Uint8Array;
  readonly c4: Uint8Array;
  readonly c3: Uint8Array;
  /** Of the last hop's edge; zeros at hop 0, as the next two. */
  readonly edgeId: Uint8Array;
  readonly w: Uint8Array;
  /** By the point of the proxy: its signature. */
  readonly attestations: ReadonlyMap<number, Uint8Array>;
}

/** Parts that no hop changes. */
export type FixedParts = Pick<PreHeader, 'tag' | 'aad' | 'c1' | 'c2' | 'h3' | 'c4'>;

export const NO_EDGE = new Uint8Array(DIGEST_BYTES);
export const NO_SECRET = new Uint8Array(SEALED_SECRET_BYTES);

/** @returns canonical bytes */
export function encodeHeader(header: PreHeader): Uint8Array {
  const { hop, tag, aad, c1, c2, h3, c4, c3, edgeId, w, attestations } = header;
  const { owner, typeLabel, conditionLabel, tagEpoch } = tag;
  return encodeCbor({
    v: PRE_VERSION,
    hop,
    ...{ owner: owner.name, ownerEpoch: owner.keyEpoch, typeLabel, conditionLabel, tagEpoch },
    ...{ aad, c1, c2, h3, c4, c3, edgeId, w },
    attestations: encodeAttestations(attestations),
  });
}

/**
 * Strict: canonical, exactly these fields and lengths, zeros where hop 0 has nothing.
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_UNSUPPORTED
 */
export function parseHeader(bytes: Uint8Array): PreHeader {
  const map = assertCborMap('preHeader', decodeCbor(bytes, MAX_PRE_HEADER_BYTES), [...KEYS]);
  if (map['v'] !== PRE_VERSION) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'preHeader',
      expected: `version ${PRE_VERSION}`,
      came: 'another version',
    });
  }
  const bytesOf = (key: (typeof KEYS)[number], sizeBytes?: number): Uint8Array => {
    const value: unknown = map[key];
    assertBytes(`preHeader.${key}`, value, sizeBytes);
    return value;
  };
  const integer = (key: 'hop' | 'ownerEpoch' | 'tagEpoch'): number => {
    const value: unknown = map[key];
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw invalidInput(`preHeader.${key}`, 'an integer', shapeOf(value));
    return value;
  };
  const { owner } = map;
  if (typeof owner !== 'string') throw invalidInput('preHeader.owner', 'text', shapeOf(owner));
  const header: PreHeader = {
    hop: integer('hop'),
    tag: {
      owner: { name: owner, keyEpoch: integer('ownerEpoch') },
      typeLabel: bytesOf('typeLabel'),
      conditionLabel: bytesOf('conditionLabel'),
      tagEpoch: integer('tagEpoch'),
    },
    aad: bytesOf('aad'),
    c1: bytesOf('c1', G2_BYTES),
    c2: bytesOf('c2', G1_BYTES),
    h3: bytesOf('h3', DIGEST_BYTES),
    c4: bytesOf('c4', G1_BYTES),
    c3: bytesOf('c3', GT_BYTES),
    edgeId: bytesOf('edgeId', DIGEST_BYTES),
    w: bytesOf('w', SEALED_SECRET_BYTES),
    attestations: decodeAttestations(bytesOf('attestations', ATTESTATION_BYTES)),
  };
  assertHop(header);
  return header;
}

function assertHop({ hop, tag, aad, edgeId, w, attestations }: PreHeader): void {
  encodeTag(tag);
  assertAad(aad);
  if (hop < 0 || hop > MAX_HOPS) throw invalidInput('preHeader.hop', `0..${MAX_HOPS}`, String(hop));
  const isEmpty = bytesEqual(edgeId, NO_EDGE) && bytesEqual(w, NO_SECRET) && attestations.size === 0;
  const isPartlyEmpty = bytesEqual(edgeId, NO_EDGE) || bytesEqual(w, NO_SECRET);
  if (hop === 0 ? !isEmpty : isPartlyEmpty)
    throw invalidInput('preHeader', 'zeros at hop 0, and an edge after it', `hop ${hop} with something else`);
}

/** @throws CRYPTO_INVALID_INPUT for more than 1 KiB: what is read is bounded, so nothing longer may be made */
export function assertAad(aad: Uint8Array): void {
  assertBytes('preHeader.aad', aad);
  if (aad.length > MAX_AAD_BYTES)
    throw invalidInput('preHeader.aad', `at most ${MAX_AAD_BYTES} bytes`, shapeOf(aad));
}

/** SHA-256 over what no hop changes, lower-case hex: what the ledger registers and policy speaks of. */
export function handleOf({ c1, c2, h3, c4 }: Pick<FixedParts, 'c1' | 'c2' | 'h3' | 'c4'>): string {
  return bytesToHex(sha256(encodeParts('careledger/pre-handle/v1', c1, c2, h3, c4)));
}

export const digestOfC3 = (c3: Uint8Array): Uint8Array => sha256(c3);

/** HC's input: everything that no hop changes but C4 itself. */
export function ciphertextPoint(engine: PairingEngine, parts: Omit<FixedParts, 'c4'>): G1 {
  const { tag, aad, c1, c2, h3 } = parts;
  const message = encodeParts(
    'careledger/pre-ciphertext/v1',
    BigInt(PRE_VERSION),
    encodeIdentity(tag.owner),
    encodeTag(tag),
    aad,
    c1,
    c2,
    h3,
  );
  return engine.hashToG1(message, 'ciphertext');
}

/** The points of a header, each checked to be in its group. @throws CRYPTO_INVALID_INPUT */
export function decodePoints(
  engine: PairingEngine,
  { c1, c2, c4 }: FixedParts,
): { readonly c1: G2; readonly c2: G1; readonly c4: G1 } {
  return {
    c1: engine.decodeG2('preHeader.c1', c1),
    c2: engine.decodeG1('preHeader.c2', c2),
    c4: engine.decodeG1('preHeader.c4', c4),
  };
}

function encodeAttestations(attestations: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const sorted = [...attestations].sort(([left], [right]) => left - right);
  if (sorted.length > ATTESTATION_SLOTS)
    throw invalidInput('attestations', `at most ${ATTESTATION_SLOTS}`, String(sorted.length));
  const filled = sorted.map(([point, signature]) => joinBytes([Uint8Array.of(point), signature]));
  const empty = new Uint8Array((ATTESTATION_SLOTS - sorted.length) * SLOT_BYTES);
  return joinBytes([...filled, empty]);
}

/** Slots in the order of their points, then zeros: one encoding of one set. */
function decodeAttestations(bytes: Uint8Array): Map<number, Uint8Array> {
  const attestations = new Map<number, Uint8Array>();
  let previous = 0;
  let ended = false;
  for (let at = 0; at < ATTESTATION_BYTES; at += SLOT_BYTES) {
    const slot = bytes.slice(at, at + SLOT_BYTES);
    const point = slot[0] ?? 0;
    const isEmpty = slot.every((byte) => byte === 0);
    ended ||= isEmpty;
    if (isEmpty) continue;
    if (ended || point <= previous)
      throw invalidInput('preHeader.attestations', 'slots in order, then zeros', 'others');
    attestations.set(point, slot.slice(1));
    previous = point;
  }
  return attestations;
}
