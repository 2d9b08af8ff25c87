import { createHash, randomBytes } from 'node:crypto';
import {
  ERASURE_PART_PLACES,
  WHOLE_ERASURE_KEY,
  decodePuncturableKey,
  encodePuncturableKey,
  erasureKey,
  erasureKeyFromParts,
  makePuncturableKey,
  openErasureParts,
  placesOfCustodian,
  puncture,
  punctureBelow,
  sealErasureParts,
  wipeReplaced,
  type ErasureParts,
  type PuncturableKey,
} from '@careledger/crypto';
import { CareLedgerError, canonicalJson, custodiansOf } from '@careledger/protocol';
import type { ErasureCustody, ErasureTree } from '../ports/erasure-custody.js';
import type { EventPosition } from '../ports/ledger.js';
import { perKeyQueue } from '../services/per-key-queue.js';
import { decodeTree, encodeTree, type Tree } from './erasure-tree-file.js';
import type { OneTimeKeys } from './recipient-keys.js';
import type { SealedFolder } from './sealed-folder.js';

const KIND = 'erasure-tree';
/** Beside each tree that was not dealt yet: which one it is. */
const UNDEALT = 'erasure-deal';
const POSITION = 'erasure-position';
const POSITION_ID = 'events';
/** Leaves that one write sets aside: a stop in between leaves at most so many unused. */
const SET_ASIDE = 64;
/** Trees kept open; the one used longest ago goes first. */
const MOST_OPEN = 256;
/** Place of the part that the owner does not hold of leaves that it gave: it is the first custodian. */
const SERVERS_PART = 1;
const GENERATION_BYTES = 16;
/** Of the digest of the key servers' names, in a file's name. */
const SERVERS_CHARACTERS = 16;

/** A tree in memory. */
interface OpenTree extends Tree {
  /** Next leaf to give. */
  readonly next: number;
  /** Nodes of its own for the part of place 1, of leaves that are set aside and not given: in memory alone. */
  readonly ahead?: PuncturableKey | undefined;
}

/** One sealed file for each tree; written anew with each puncture, in place of the one before. */
export function createErasureTrees(
  { mspId }: { readonly mspId: string },
  folder: SealedFolder,
  oneTime: OneTimeKeys,
): ErasureCustody {
  const open = new Map<string, OpenTree>();
  const serially = perKeyQueue();
  const markers = onceLoaded(() => folder.list(UNDEALT));

  const keepOpen = (id: string, tree: OpenTree): OpenTree => {
    open.delete(id);
    open.set(id, tree);
    const [oldest] = open.keys();
    if (open.size > MOST_OPEN && oldest !== undefined) open.delete(oldest);
    return tree;
  };
  const load = async (id: string): Promise<OpenTree | undefined> => {
    const held = open.get(id);
    if (held !== undefined) return keepOpen(id, held);
    const tree = decodeTree(await folder.read(KIND, id));
    // What was set aside and perhaps not given is given up: the file does not say how far it came.
    return tree === undefined ? undefined : keepOpen(id, { ...tree, next: tree.end });
  };
  /** One after another for each tree: every change is written before the next is thought of. */
  const withTree = <Result>(
    of: ErasureTree,
    work: (tree: OpenTree | undefined, id: string) => Promise<Result>,
  ): Promise<Result> => {
    const id = idOf(of);
    return serially(id, async () => work(await load(id), id));
  };
  /** Writes the change, and only then has it in memory; what it replaced is wiped. */
  const change = async (id: string, tree: OpenTree, changes: Partial<OpenTree>): Promise<OpenTree> => {
    const after = settled({ ...tree, ...changes });
    await folder.write(KIND, id, encodeTree(after));
    for (const [place, before] of tree.parts) {
      const present = after.parts.get(place);
      if (present !== undefined) wipeReplaced(before, present);
    }
    return keepOpen(id, after);
  };
  const make = async (id: string, of: ErasureTree): Promise<OpenTree> => {
    const servers = of.keyServers ?? [];
    const places = servers.length === 0 ? [WHOLE_ERASURE_KEY] : ERASURE_PART_PLACES;
    if (servers.length > 0) {
      // Before the tree: a stop in between leaves a marker without a tree, which says nothing.
      await folder.write(UNDEALT, id, Buffer.from(JSON.stringify(treeOf(of)), 'utf8'));
      (await markers()).add(id);
    }
    return {
      parts: new Map(places.map((place) => [place, makePuncturableKey()])),
      generation: Buffer.from(randomBytes(GENERATION_BYTES)).toString('hex'),
      undealt: servers,
      end: 0,
      next: 0,
    };
  };

  const partsOf: ErasureCustody['partsOf'] = ({ leaf, ...of }) =>
    withTree(of, (tree) => {
      // A leaf that was not set aside is nobody's.
      const isGiven = tree !== undefined && (of.ownerMspId !== mspId || leaf < tree.end);
      return Promise.resolve(isGiven ? partsAt(tree.parts, leaf) : new Map());
    });

  return {
    partsOf,

    nextLeaf: (of) =>
      withTree(of, async (found, id) => {
        let tree = found ?? (await make(id, of));
        for (;;) {
          if (tree.next >= tree.end) {
            const ahead = tree.undealt.length > 0 ? undefined : copyOf(tree.parts.get(SERVERS_PART));
            tree = await change(id, tree, { end: tree.next + SET_ASIDE, ahead });
          }
          const leaf = tree.next;
          const parts = new Map(partsAt(tree.parts, leaf));
          const ahead = tree.ahead === undefined ? undefined : erasureKey(tree.ahead, leaf);
          if (ahead !== undefined) parts.set(SERVERS_PART, ahead);
          tree = keepOpen(id, spendOne(tree));
          const key = erasureKeyFromParts(parts);
          wipe(parts);
          if (key !== undefined) return { leaf, key };
        }
      }),

    noteLeaf: ({ leaf, ...of }) =>
      withTree(of, async (found, id) => {
        const tree = found ?? (await make(id, of));
        const next = Math.max(tree.next, leaf + 1);
        if (leaf >= tree.end) await change(id, tree, { end: leaf + 1, next });
        else keepOpen(id, { ...tree, next });
      }),

    async undealt() {
      const trees = await Promise.all([...(await markers())].map((id) => folder.read(UNDEALT, id)));
      return trees.flatMap((bytes) =>
        bytes === undefined ? [] : [JSON.parse(Buffer.from(bytes).toString('utf8')) as ErasureTree],
      );
    },

    partsFor: (of, keyServer) =>
      withTree(of, (tree) => {
        // One that is not on the disk yet may still be made anew.
        if (tree === undefined || tree.end === 0 || !tree.undealt.includes(keyServer))
          return Promise.resolve(undefined);
        const parts = placesOf(of, keyServer).flatMap((place) => {
          const part = tree.parts.get(place);
          return part === undefined ? [] : [encodePuncturableKey(part)];
        });
        return Promise.resolve({ generation: tree.generation, parts });
      }),

    dealt: (of, keyServer) =>
      withTree(of, async (tree, id) => {
        if (!(tree?.undealt.includes(keyServer) ?? false) || tree === undefined) return;
        const undealt = tree.undealt.filter((server) => server !== keyServer);
        const part = undealt.length > 0 ? undefined : tree.parts.get(SERVERS_PART);
        const ahead = part === undefined ? undefined : copyOf(punctureBelow(part, tree.next));
        await change(id, tree, { undealt, ahead });
        if (undealt.length > 0) return;
        await folder.remove(UNDEALT, id);
        (await markers()).delete(id);
      }),

    accept: (of, { generation, parts, spent }) =>
      withTree(of, async (held, id) => {
        if (held !== undefined) {
          if (held.generation === generation) return;
          throw new CareLedgerError('ALREADY_EXISTS', { came: 'parts of another making of an erasure key' });
        }
        const places = placesOf(of, mspId);
        if (parts.length !== places.length)
          throw new CareLedgerError('SCHEMA_VIOLATION', {
            expected: `${String(places.length)} parts of an erasure key`,
            came: String(parts.length),
          });
        const entries = places.map(
          (place, index) =>
            [place, spent.reduce(puncture, partFrom(parts[index] ?? new Uint8Array(0)))] as const,
        );
        const tree = { parts: new Map(entries), generation, undealt: [], end: 0, next: 0 };
        await folder.write(KIND, id, encodeTree(tree));
        keepOpen(id, tree);
      }),

    async sealedParts({ recipientPublicKey, accessId, recordId, ...of }) {
      const parts = await partsOf(of);
      try {
        return parts.size === 0
          ? undefined
          : await sealErasureParts({ parts, recipientPublicKey, accessId, recordId });
      } finally {
        wipe(parts);
      }
    },

    async openParts({ recipientPublicKey, ...sealed }) {
      return openErasureParts({
        ...sealed,
        recipientPrivateKey: await oneTime.privateKey(recipientPublicKey),
      });
    },

    puncture: ({ leaf, ...of }) =>
      withTree(of, async (tree, id) => {
        if (tree === undefined) return;
        const parts = new Map([...tree.parts].map(([place, key]) => [place, puncture(key, leaf)]));
        const isNew = [...parts].some(([place, key]) => key !== tree.parts.get(place));
        const ahead = tree.ahead === undefined ? undefined : puncture(tree.ahead, leaf);
        if (of.ownerMspId === mspId && leaf >= tree.end)
          await change(id, tree, { parts, ahead, end: leaf + 1, next: leaf + 1 });
        else if (isNew || ahead !== tree.ahead) await change(id, tree, { parts, ahead });
      }),

    async position() {
      const kept = await folder.read(POSITION, POSITION_ID);
      return kept === undefined ? { blockNumber: 0n } : positionOf(kept);
    },
    async keepPosition({ blockNumber, afterTxId = '' }) {
      await folder.write(
        POSITION,
        POSITION_ID,
        Buffer.from(`${blockNumber.toString()} ${afterTxId}`, 'utf8'),
      );
    },
  };
}

/** Of a tree that was dealt, the owner's part of place 1 has no leaf that was given or set aside. */
function settled<Kept extends Tree>(tree: Kept): Kept {
  const part = tree.parts.get(SERVERS_PART);
  if (part === undefined || tree.undealt.length > 0 || tree.end === 0) return tree;
  return { ...tree, parts: new Map(tree.parts).set(SERVERS_PART, punctureBelow(part, tree.end)) };
}

function partsAt(keys: ReadonlyMap<number, PuncturableKey>, leaf: number): ErasureParts {
  const parts = new Map<number, Uint8Array>();
  for (const [place, key] of keys) {
    const part = erasureKey(key, leaf);
    if (part !== undefined) parts.set(place, part);
  }
  return parts;
}

function wipe(parts: ErasureParts): void {
  for (const part of parts.values()) part.fill(0);
}

/** The tree after its next leaf was given, or passed over. */
function spendOne(tree: OpenTree): OpenTree {
  const next = tree.next + 1;
  if (tree.ahead === undefined) return { ...tree, next };
  const ahead = punctureBelow(tree.ahead, next);
  wipeReplaced(tree.ahead, ahead);
  return { ...tree, next, ahead };
}

/** With nodes of its own: what it is a copy of can be wiped. */
function copyOf(key: PuncturableKey | undefined): PuncturableKey | undefined {
  return key === undefined ? undefined : decodePuncturableKey(encodePuncturableKey(key));
}

function placesOf(of: ErasureTree, custodian: string): number[] {
  const { ownerMspId, keyServers = [] } = of;
  const place = custodiansOf({ ownerMspId, keyServers: [...keyServers] }).indexOf(custodian);
  if (place > 0) return placesOfCustodian(place + 1);
  throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'a key server of this erasure key' });
}

/** @throws CareLedgerError SCHEMA_VIOLATION */
function partFrom(bytes: Uint8Array): PuncturableKey {
  try {
    return decodePuncturableKey(bytes);
  } catch (cause) {
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'an encoded puncturable key', cause });
  }
}

function treeOf({ ownerMspId, pseudonym, recordType, keyServers }: ErasureTree): ErasureTree {
  return { ownerMspId, pseudonym, recordType, ...(keyServers === undefined ? {} : { keyServers }) };
}

function idOf({ ownerMspId, pseudonym, recordType, keyServers }: ErasureTree): string {
  const alone = `${ownerMspId}-${pseudonym}-${recordType}`;
  if (keyServers === undefined) return alone;
  const digest = createHash('sha256')
    .update(canonicalJson([...keyServers]))
    .digest('hex');
  return `${alone}-${digest.slice(0, SERVERS_CHARACTERS)}`;
}

function onceLoaded(load: () => Promise<readonly string[]>): () => Promise<Set<string>> {
  let loaded: Promise<Set<string>> | undefined;
  return () => {
    loaded ??= load().then(
      (ids) => new Set(ids),
      (error: unknown) => {
        loaded = undefined;
        throw error;
      },
    );
    return loaded;
  };
}

function positionOf(bytes: Uint8Array): EventPosition {
  const [blockNumber = '0', afterTxId = ''] = Buffer.from(bytes).toString('utf8').split(' ');
  return { blockNumber: BigInt(blockNumber), ...(afterTxId === '' ? {} : { afterTxId }) };
}
