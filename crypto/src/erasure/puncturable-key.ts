/**
 * A key for 2^32 records of which single ones can be erased for good: the puncturable PRF of Goldreich, Goldwasser and
 * Micali (JACM 1986), punctured as by Boneh and Waters, Kiayias et al., and Boyle, Goldwasser and Ivan (2013/14).
 *
 *   k_root = 32 random bytes,      k_{v0} = HMAC-SHA-256(k_v, 0x00),      k_{v1} = HMAC-SHA-256(k_v, 0x01)
 *   E_i    = HMAC-SHA-256(k_i, encodeParts('careledger/erasure-key/v1')),      i = 32 bits, the most significant first
 *   puncture(i): the one kept node v above leaf i is replaced by the siblings of the path from v to i (the co-path)
 *
 * What is kept is a set of subtrees that do not overlap; a leaf under none of them cannot be derived, if HMAC-SHA-256 is
 * a PRF. Erasing means that no copy of an earlier state is left anywhere: this module makes the new state, and its
 * caller keeps that in place of the old one and wipes the latter. Which leaves were punctured is public.
 * State: at most 32 - depth(v) more nodes with each puncture, so at most MAX_NODES; leaves punctured side by side share.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes } from '../core/bytes.js';
import { assertCborMap, decodeCbor, encodeCbor, type CborValue } from '../core/cbor.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { randomBytes, type RandomBytes } from '../core/random.js';

export const ERASURE_KEY_BYTES = 32;
export const ERASURE_TREE_DEPTH = 32;
/** Leaves are 0 .. 2^32 - 1. */
export const MAX_ERASURE_LEAF = 2 ** ERASURE_TREE_DEPTH - 1;
const NODE_BYTES = 32;
const MAX_NODES = 65_536;
/** CBOR of a node: its key, two short integers and what CBOR puts around them. */
const MAX_ENCODED_NODE_BYTES = 64;
const VERSION = 1;

/** A subtree that is still whole: the node `index` (from the left) of the level `depth`. */
interface Subtree {
  readonly depth: number;
  readonly index: number;
  readonly key: Uint8Array;
}

/** Subtrees from left to right. Never changed: puncturing gives another one. */
export interface PuncturableKey {
  readonly subtrees: readonly Subtree[];
}

export function makePuncturableKey(random: RandomBytes = randomBytes): PuncturableKey {
  const key = random(NODE_BYTES);
  assertBytes('random', key, NODE_BYTES);
  return { subtrees: [{ depth: 0, index: 0, key }] };
}

/**
 * E_i, 32 bytes; undefined when the leaf was punctured.
 * @throws CRYPTO_INVALID_INPUT for what is no leaf
 */
export function erasureKey({ subtrees }: PuncturableKey, leaf: number): Uint8Array | undefined {
  assertLeaf(leaf);
  const above = subtrees.find((subtree) => covers(subtree, leaf));
  if (above === undefined) return undefined;
  let key = above.key;
  for (let depth = above.depth; depth < ERASURE_TREE_DEPTH; depth += 1) key = child(key, bitOf(leaf, depth));
  return hmac(sha256, key, encodeParts('careledger/erasure-key/v1'));
}

/**
 * The key without this leaf; the same one when it was punctured before. The earlier one still has it: keep the new one
 * durably, then `wipeReplaced`.
 * @throws CRYPTO_INVALID_INPUT for what is no leaf; CRYPTO_LIMIT_EXCEEDED when the state would outgrow its bound, with
 * nothing punctured
 */
export function puncture(key: PuncturableKey, leaf: number): PuncturableKey {
  assertLeaf(leaf);
  const at = key.subtrees.findIndex((subtree) => covers(subtree, leaf));
  const above = key.subtrees[at];
  if (above === undefined) return key;
  if (key.subtrees.length + ERASURE_TREE_DEPTH > MAX_NODES) {
    throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
      argument: 'key',
      expected: `at most ${MAX_NODES} subtrees`,
      came: `${key.subtrees.length} before this puncture`,
    });
  }
  const left: Subtree[] = [];
  const right: Subtree[] = [];
  let node = above.key;
  for (let depth = above.depth; depth < ERASURE_TREE_DEPTH; depth += 1) {
    const bit = bitOf(leaf, depth);
    const sibling = {
      depth: depth + 1,
      index: 2 * prefixOf(leaf, depth) + (1 - bit),
      key: child(node, 1 - bit),
    };
    if (bit === 1) left.push(sibling);
    else right.unshift(sibling);
    const next = child(node, bit);
    if (node !== above.key) node.fill(0);
    node = next;
  }
  if (node !== above.key) node.fill(0);
  return { subtrees: [...key.subtrees.slice(0, at), ...left, ...right, ...key.subtrees.slice(at + 1)] };
}

/**
 * The key without any leaf before `end`, as if each had been punctured; at most 32 more nodes.
 * @throws CRYPTO_INVALID_INPUT for what is no leaf
 */
export function punctureBelow({ subtrees }: PuncturableKey, end: number): PuncturableKey {
  assertLeaf(end);
  return {
    subtrees: subtrees.flatMap((subtree) => {
      const [first, last] = leavesOf(subtree);
      if (last < end) return [];
      return first >= end ? [subtree] : upperPart(subtree, end);
    }),
  };
}

/** The leaves from `end` on of a subtree that has leaves before it. */
function upperPart(whole: Subtree, end: number): Subtree[] {
  const upper: Subtree[] = [];
  let node = whole;
  while (leavesOf(node)[0] < end) {
    const bit = bitOf(end, node.depth);
    const [left, right] = ([0, 1] as const).map((side) => ({
      depth: node.depth + 1,
      index: 2 * node.index + side,
      key: child(node.key, side),
    })) as [Subtree, Subtree];
    if (node !== whole) node.key.fill(0);
    if (bit === 0) upper.unshift(right);
    else left.key.fill(0);
    node = bit === 0 ? left : right;
  }
  return [node, ...upper];
}

/** Overwrites what `earlier` holds and `present` does not; the earlier key is of no use afterwards. */
export function wipeReplaced(earlier: PuncturableKey, present: PuncturableKey): void {
  const kept = new Set(present.subtrees.map(({ key }) => key));
  for (const { key } of earlier.subtrees) if (!kept.has(key)) key.fill(0);
}

/** Canonical CBOR { version: 1, subtrees: [[depth, index, key], ..] }: a secret. */
export function encodePuncturableKey({ subtrees }: PuncturableKey): Uint8Array {
  return encodeCbor({
    version: VERSION,
    subtrees: subtrees.map(({ depth, index, key }) => [depth, index, key]),
  });
}

/** @throws CRYPTO_INVALID_INPUT, also when subtrees overlap or are out of order; CRYPTO_UNSUPPORTED for another version */
export function decodePuncturableKey(bytes: Uint8Array): PuncturableKey {
  const map = assertCborMap('key', decodeCbor(bytes, MAX_NODES * MAX_ENCODED_NODE_BYTES), [
    'version',
    'subtrees',
  ]);
  if (map['version'] !== VERSION)
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'key',
      expected: `version ${VERSION}`,
      came: 'another',
    });
  const entries = map['subtrees'];
  if (!Array.isArray(entries) || entries.length > MAX_NODES)
    throw invalidInput('key.subtrees', `at most ${MAX_NODES}`, shapeOf(entries));
  const subtrees = entries.map(decodeSubtree);
  subtrees.reduce((end, subtree) => {
    const [first, last] = leavesOf(subtree);
    if (first < end) throw invalidInput('key.subtrees', 'subtrees from left to right', 'overlapping ones');
    return last + 1;
  }, 0);
  return { subtrees };
}

function decodeSubtree(entry: CborValue): Subtree {
  const [depth, index, key, ...more] = Array.isArray(entry) ? (entry as CborValue[]) : [];
  const isPlace =
    more.length === 0 &&
    typeof depth === 'number' &&
    typeof index === 'number' &&
    depth >= 0 &&
    depth <= ERASURE_TREE_DEPTH &&
    index >= 0 &&
    index < 2 ** depth;
  if (!isPlace) throw invalidInput('key.subtrees', 'a depth and an index of that level', shapeOf(entry));
  assertBytes('key.subtrees.key', key, NODE_BYTES);
  return { depth, index, key };
}

function leavesOf({ depth, index }: Pick<Subtree, 'depth' | 'index'>): [first: number, last: number] {
  const width = 2 ** (ERASURE_TREE_DEPTH - depth);
  return [index * width, (index + 1) * width - 1];
}

function covers(subtree: Subtree, leaf: number): boolean {
  return subtree.index === prefixOf(leaf, subtree.depth);
}

/** The first `depth` bits of a leaf: its ancestor's index on that level. */
function prefixOf(leaf: number, depth: number): number {
  return Math.floor(leaf / 2 ** (ERASURE_TREE_DEPTH - depth));
}

/** Which way the path to a leaf goes below the level `depth`. */
function bitOf(leaf: number, depth: number): 0 | 1 {
  return prefixOf(leaf, depth + 1) % 2 === 1 ? 1 : 0;
}

function child(key: Uint8Array, bit: number): Uint8Array {
  return hmac(sha256, key, Uint8Array.of(bit));
}

function assertLeaf(leaf: unknown): asserts leaf is number {
  if (Number.isInteger(leaf) && (leaf as number) >= 0 && (leaf as number) <= MAX_ERASURE_LEAF) return;
  throw invalidInput('leaf', `an integer of 0..${MAX_ERASURE_LEAF}`, shapeOf(leaf));
}
