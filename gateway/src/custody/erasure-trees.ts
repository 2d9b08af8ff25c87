import {
  decodePuncturableKey,
  encodePuncturableKey,
  erasureKey,
  makePuncturableKey,
  openErasureKey,
  puncture,
  sealErasureKey,
  wipeReplaced,
  type PuncturableKey,
} from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';
import type { ErasureCustody, ErasureTree } from '../ports/erasure-custody.js';
import type { EventPosition } from '../ports/ledger.js';
import { perKeyQueue } from '../services/per-key-queue.js';
import type { OneTimeKeys } from './recipient-keys.js';
import type { SealedFolder } from './sealed-folder.js';

const KIND = 'erasure-tree';
const POSITION = 'erasure-position';
const POSITION_ID = 'events';
/** Leaves that one write sets aside: a stop in between leaves at most so many unused. */
const SET_ASIDE = 64;
/** Trees kept open; the one used longest ago goes first. */
const MOST_OPEN = 256;
const COUNTER_BYTES = 8;

/** The file of a tree: the first leaf that was not set aside (8 bytes, big endian), then the puncturable key. */
interface Tree {
  key: PuncturableKey;
  /** Next leaf to give. */
  next: number;
  /** First leaf that the file does not set aside. */
  end: number;
}

export interface ErasureTrees extends ErasureCustody {
  /** For the custody itself: the key of a leaf, undefined when it was punctured. */
  keyOf(tree: ErasureTree, leaf: number): Promise<Uint8Array | undefined>;
}

/** One sealed file for each puncturable key; written anew with each puncture, in place of the one before. */
export function createErasureTrees(folder: SealedFolder, oneTime: OneTimeKeys): ErasureTrees {
  const open = new Map<string, Tree>();
  const serially = perKeyQueue();

  const load = async (id: string): Promise<Tree> => {
    const tree = open.get(id) ??
      decode(await folder.read(KIND, id)) ?? { key: makePuncturableKey(), next: 0, end: 0 };
    open.delete(id);
    open.set(id, tree);
    const [oldest] = open.keys();
    if (open.size > MOST_OPEN && oldest !== undefined) open.delete(oldest);
    return tree;
  };
  /** One after another for each tree: every change is written before the next is thought of. */
  const withTree = <Result>(
    of: ErasureTree,
    work: (tree: Tree, id: string) => Promise<Result>,
  ): Promise<Result> => {
    const id = `${of.pseudonym}-${of.recordType}`;
    return serially(id, async () => work(await load(id), id));
  };
  const keep = (id: string, tree: Tree): Promise<void> => folder.write(KIND, id, encode(tree));

  const keyOf = (of: ErasureTree, leaf: number): Promise<Uint8Array | undefined> =>
    // A tree of which nothing was given was made just now: its keys are nobody's.
    withTree(of, (tree) => Promise.resolve(tree.end === 0 ? undefined : erasureKey(tree.key, leaf)));

  return {
    keyOf,

    nextLeaf: (of) =>
      withTree(of, async (tree, id) => {
        for (;;) {
          if (tree.next >= tree.end) {
            const end = tree.next + SET_ASIDE;
            await keep(id, { ...tree, end });
            tree.end = end;
          }
          const leaf = tree.next;
          tree.next += 1;
          const key = erasureKey(tree.key, leaf);
          if (key !== undefined) return { leaf, key };
        }
      }),

    noteLeaf: ({ leaf, ...of }) =>
      withTree(of, async (tree, id) => {
        if (leaf < tree.end) {
          tree.next = Math.max(tree.next, leaf + 1);
          return;
        }
        await keep(id, { ...tree, end: leaf + 1 });
        tree.next = leaf + 1;
        tree.end = leaf + 1;
      }),

    async sealedKey({ leaf, recipientPublicKey, accessId, recordId, ...of }) {
      const key = await keyOf(of, leaf);
      if (key === undefined)
        throw new CareLedgerError('RELEASE_NOT_AUTHORISED', { came: 'a record whose key was erased' });
      try {
        return await sealErasureKey({ erasureKey: key, recipientPublicKey, accessId, recordId });
      } finally {
        key.fill(0);
      }
    },

    async openKey({ recipientPublicKey, ...sealed }) {
      return openErasureKey({ ...sealed, recipientPrivateKey: await oneTime.privateKey(recipientPublicKey) });
    },

    puncture: ({ leaf, ...of }) =>
      withTree(of, async (tree, id) => {
        const key = puncture(tree.key, leaf);
        if (key === tree.key) return;
        const end = Math.max(tree.end, leaf + 1);
        await keep(id, { ...tree, key, end });
        wipeReplaced(tree.key, key);
        tree.key = key;
        if (leaf >= tree.end) tree.next = end;
        tree.end = end;
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

function positionOf(bytes: Uint8Array): EventPosition {
  const [blockNumber = '0', afterTxId = ''] = Buffer.from(bytes).toString('utf8').split(' ');
  return { blockNumber: BigInt(blockNumber), ...(afterTxId === '' ? {} : { afterTxId }) };
}

function encode({ key, end }: Tree): Uint8Array {
  const counter = Buffer.alloc(COUNTER_BYTES);
  counter.writeBigUInt64BE(BigInt(end));
  return new Uint8Array(Buffer.concat([counter, encodePuncturableKey(key)]));
}

function decode(bytes: Uint8Array | undefined): Tree | undefined {
  if (bytes === undefined) return undefined;
  const end = Number(Buffer.from(bytes).readBigUInt64BE());
  // What was set aside and perhaps not given is given up: the file does not say how far it came.
  return { key: decodePuncturableKey(bytes.slice(COUNTER_BYTES)), next: end, end };
}
