/**
 * Tags: what an edge opens. A tag is made of its owner, two labels and an epoch.
 *
 *   label = HMAC-SHA-256(label key, encodeParts('careledger/label/v1', kind, text))        kind: type | condition
 *   tau   = encodeParts('careledger/tag/v1', owner's ID, type label, condition label, tag epoch)
 *   T     = HT(tau)
 *
 * Labels are keyed by a key that the owner and the hospital at which it is enrolled have, so that a header without its
 * ledger entry cannot be tried against a list of words. The owner is part of every tag.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, bytesToHex } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { invalidInput, shapeOf } from '../core/errors.js';
import { randomBytes } from '../core/random.js';
import { encodeIdentity, type Identity } from '../ibe/index.js';
import type { G1, PairingEngine } from '../pairing/index.js';
import { LABEL_KEY_BYTES } from '../sharing/label-key.js';

const LABEL_BYTES = 32;
const MAX_EPOCH = 1_000_000;
const MAX_TEXT_CHARACTERS = 64;
const CACHED_POINTS = 512;

export interface Tag {
  /** Whose records it is about. */
  readonly owner: Identity;
  /** 32 bytes each. */
  readonly typeLabel: Uint8Array;
  readonly conditionLabel: Uint8Array;
  readonly tagEpoch: number;
}

/** 32 random bytes. */
export const makeLabelKey = (): Uint8Array => randomBytes(LABEL_KEY_BYTES);

/** @param text printable ASCII, at most 64 characters @returns 32 bytes */
export function labelOf(labelKey: Uint8Array, kind: 'type' | 'condition', text: string): Uint8Array {
  assertBytes('labelKey', labelKey, LABEL_KEY_BYTES);
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text) || text.length > MAX_TEXT_CHARACTERS)
    throw invalidInput('text', `1..${MAX_TEXT_CHARACTERS} printable ASCII characters`, shapeOf(text));
  return hmac(sha256, labelKey, encodeParts('careledger/label/v1', kind, text));
}

/** tau. @throws CRYPTO_INVALID_INPUT */
export function encodeTag({ owner, typeLabel, conditionLabel, tagEpoch }: Tag): Uint8Array {
  assertBytes('typeLabel', typeLabel, LABEL_BYTES);
  assertBytes('conditionLabel', conditionLabel, LABEL_BYTES);
  if (!Number.isInteger(tagEpoch) || tagEpoch < 0 || tagEpoch > MAX_EPOCH)
    throw invalidInput('tagEpoch', `0..${MAX_EPOCH}`, shapeOf(tagEpoch));
  return encodeParts('careledger/tag/v1', encodeIdentity(owner), typeLabel, conditionLabel, BigInt(tagEpoch));
}

const points = new WeakMap<PairingEngine, Map<string, G1>>();

/** T; the last few hundred are kept. */
export function tagPoint(engine: PairingEngine, tag: Tag): G1 {
  const bytes = encodeTag(tag);
  const cache = points.get(engine) ?? new Map<string, G1>();
  points.set(engine, cache);
  const key = bytesToHex(sha256(bytes));
  const known = cache.get(key);
  if (known !== undefined) return known;
  const point = engine.hashToG1(bytes, 'tag');
  const [oldest] = cache.keys();
  if (cache.size >= CACHED_POINTS && oldest !== undefined) cache.delete(oldest);
  cache.set(key, point);
  return point;
}
