import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { erasureKeyFromParts, type ErasureParts } from '@careledger/crypto';
import { expect } from 'chai';
import type { ErasureCustody, LeafOfTree } from '../ports/erasure-custody.js';
import { createErasureTrees } from './erasure-trees.js';
import { openOneTimeKeys } from './recipient-keys.js';
import { createSealedFolder, prepareFolder, type SealedFolder } from './sealed-folder.js';
import { createSealing } from './sealing.js';

const [OWNER, FIRST, SECOND] = ['H1MSP', 'H2MSP', 'H3MSP'] as const;
const TREE = { ownerMspId: OWNER, pseudonym: 'a'.repeat(32), recordType: 'laboratory' } as const;
const OTHER = { ...TREE, recordType: 'vital-signs' } as const;
const SERVED = { ...TREE, keyServers: [FIRST, SECOND] };
const OPENING = { accessId: 'b'.repeat(64), recordId: `${'c'.repeat(32)}.0` };

describe('erasure keys in the custody', () => {
  let dir: string;
  const sealing = createSealing(randomBytes(32));
  const folderOf = (path: string): SealedFolder => createSealedFolder(path, sealing);
  const start = async (
    path = dir,
    folder = folderOf(path),
    mspId: string = OWNER,
  ): Promise<ErasureCustody> => {
    await prepareFolder(path);
    const options = { maxKeys: 10, maxAgeMs: 1_000_000, clock: Date.now };
    return createErasureTrees({ mspId }, folder, await openOneTimeKeys(options, folder));
  };
  const keyOf = async (
    trees: ErasureCustody,
    leaf: number,
    of: object = TREE,
  ): Promise<Uint8Array | undefined> => erasureKeyFromParts(await trees.partsOf({ ...TREE, ...of, leaf }));
  const hexOf = async (trees: ErasureCustody, leaf: number): Promise<string | undefined> => {
    const key = await keyOf(trees, leaf);
    return key === undefined ? undefined : Buffer.from(key).toString('hex');
  };
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'careledger-erasure-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('gives every record another leaf, also at once, for other types, and after a restart', async () => {
    const trees = await start();
    const given = await Promise.all(Array.from({ length: 100 }, () => trees.nextLeaf(TREE)));
    expect(given.map(({ leaf }) => leaf)).to.deep.equal(given.map((_, index) => index));
    const other = await trees.nextLeaf(OTHER);
    expect(other.leaf).to.equal(0);
    expect(other.key).to.not.deep.equal(given[0]?.key);
    const again = await start();
    expect((await again.nextLeaf(TREE)).leaf).to.be.within(100, 128);
    expect(await keyOf(again, 5)).to.deep.equal(given[5]?.key);
  });

  it('knows no key of a tree that it never made', async () => {
    const trees = await start();
    expect(await keyOf(trees, 0)).to.equal(undefined);
    await trees.puncture({ ...TREE, leaf: 0 });
    expect(await readdir(dir)).to.deep.equal([]);
  });

  it('punctures for good: neighbours derive, nothing on the disk holds the leaf, and a restart changes nothing', async () => {
    const trees = await start();
    const { leaf, key } = await trees.nextLeaf(TREE);
    const neighbour = (await trees.nextLeaf(TREE)).key;
    await trees.puncture({ ...TREE, leaf });
    await trees.puncture({ ...TREE, leaf });
    for (const holder of [trees, await start()]) {
      expect(await keyOf(holder, leaf)).to.equal(undefined);
      expect(await keyOf(holder, 1)).to.deep.equal(neighbour);
    }
    for (const name of await readdir(dir)) {
      expect((await readFile(join(dir, name))).includes(Buffer.from(key)), name).to.equal(false);
    }
  });

  it('gives what it has of a leaf to one opening of one record, and of a punctured one nothing', async () => {
    const folder = folderOf(dir);
    const trees = await start(dir, folder);
    const oneTime = await openOneTimeKeys({ maxKeys: 10, maxAgeMs: 1_000_000, clock: Date.now }, folder);
    const requester = createErasureTrees({ mspId: OWNER }, folder, oneTime);
    const recipientPublicKey = await oneTime.create();
    const { leaf, key } = await trees.nextLeaf(TREE);
    const of = { ...TREE, leaf, recipientPublicKey, ...OPENING };
    const sealed = await trees.sealedParts(of);
    if (sealed === undefined) return expect.fail('nothing was given');
    expect(Buffer.from(sealed).includes(Buffer.from(key))).to.equal(false);
    const opened = await requester.openParts({ recipientPublicKey, sealed, ...OPENING });
    expect(erasureKeyFromParts(opened)).to.deep.equal(key);
    const moved = { recipientPublicKey, sealed, ...OPENING, recordId: `${'c'.repeat(32)}.1` };
    const refused: unknown = await requester.openParts(moved).catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'CRYPTO_AUTHENTICATION_FAILED');
    await trees.puncture({ ...TREE, leaf });
    expect(await trees.sealedParts(of)).to.equal(undefined);
  });

  it('punctures nothing in memory when the disk refuses, and everything when it is tried again', async () => {
    const folder = folderOf(dir);
    let refuses = false;
    const failing: SealedFolder = {
      ...folder,
      write: (...args) => (refuses ? Promise.reject(new Error('full')) : folder.write(...args)),
    };
    const trees = await start(dir, failing);
    const { leaf } = await trees.nextLeaf(TREE);
    const before = await hexOf(trees, leaf);
    refuses = true;
    expect(await trees.puncture({ ...TREE, leaf }).catch(() => 'refused')).to.equal('refused');
    expect(await hexOf(trees, leaf)).to.equal(before);
    refuses = false;
    await trees.puncture({ ...TREE, leaf });
    expect(await hexOf(trees, leaf)).to.equal(undefined);
  });

  it('restored from a backup, has gone over nothing since, and gives no leaf twice once it has', async () => {
    const trees = await start();
    const { leaf } = await trees.nextLeaf(TREE);
    await trees.keepPosition({ blockNumber: 7n, afterTxId: 'd'.repeat(64) });
    const backup = `${dir}-backup`;
    await cp(dir, backup, { recursive: true });
    try {
      await trees.puncture({ ...TREE, leaf });
      for (let count = 0; count < 70; count += 1) await trees.nextLeaf(TREE);
      await trees.keepPosition({ blockNumber: 9n });
      const restored = await start(backup);
      expect(await restored.position()).to.deep.equal({ blockNumber: 7n, afterTxId: 'd'.repeat(64) });
      expect(await hexOf(restored, leaf), 'what the ledger has to refuse').to.not.equal(undefined);
      await restored.noteLeaf({ ...TREE, leaf: 70 });
      await restored.puncture({ ...TREE, leaf });
      expect((await restored.nextLeaf(TREE)).leaf).to.equal(71);
      expect(await hexOf(restored, leaf)).to.equal(undefined);
      expect(await trees.position()).to.deep.equal({ blockNumber: 9n });
    } finally {
      await rm(backup, { recursive: true, force: true });
    }
  });

  describe('in parts, with key servers', () => {
    const dirs: string[] = [];
    const started = async (mspId: string): Promise<ErasureCustody> => {
      const own = await mkdtemp(join(tmpdir(), 'careledger-erasure-'));
      dirs.push(own);
      return start(own, folderOf(own), mspId);
    };
    let [owner, first, second]: ErasureCustody[] = [];
    const custodians = (): ErasureCustody[] => [owner!, first!, second!];
    const deal = async (
      mspId: string,
      server: ErasureCustody,
      spent: readonly number[] = [],
    ): Promise<void> => {
      const dealt = await owner!.partsFor(SERVED, mspId);
      if (dealt === undefined) return expect.fail('nothing to deal');
      await server.accept(SERVED, { ...dealt, spent });
      await owner!.dealt(SERVED, mspId);
    };
    const dealAll = async (): Promise<void> => {
      await deal(FIRST, first!);
      await deal(SECOND, second!);
    };
    const together = async (leaf: number, ...of: ErasureCustody[]): Promise<Uint8Array | undefined> => {
      const parts = await Promise.all(of.map((custody) => custody.partsOf({ ...SERVED, leaf })));
      return erasureKeyFromParts(new Map(parts.flatMap((held: ErasureParts) => [...held])));
    };
    beforeEach(async () => {
      owner = await start();
      first = await started(FIRST);
      second = await started(SECOND);
    });
    afterEach(async () => {
      for (const own of dirs.splice(0)) await rm(own, { recursive: true, force: true });
    });

    it('are made by the owner alone until both have theirs, and then by any two and by none alone', async () => {
      const { leaf, key } = await owner!.nextLeaf(SERVED);
      expect(await owner!.undealt()).to.deep.equal([SERVED]);
      await deal(FIRST, first!);
      expect(await together(leaf, owner!), 'the second is missing').to.deep.equal(key);
      expect(await owner!.partsFor(SERVED, FIRST), 'is not dealt again').to.equal(undefined);
      await deal(SECOND, second!);
      expect(await owner!.undealt()).to.deep.equal([]);
      const [o, f, s] = custodians() as [ErasureCustody, ErasureCustody, ErasureCustody];
      for (const alone of [o, f, s]) expect(await together(leaf, alone)).to.equal(undefined);
      for (const pair of [
        [o, f],
        [o, s],
        [f, s],
      ])
        expect(await together(leaf, ...pair)).to.deep.equal(key);
    });

    it('are given for new records without asking anybody, in the middle of what was set aside and after a restart', async () => {
      const given: { leaf: number; key: Uint8Array }[] = [];
      const give = async (count: number): Promise<void> => {
        for (let at = 0; at < count; at += 1) given.push(await owner!.nextLeaf(SERVED));
      };
      await give(3);
      await dealAll();
      await give(100);
      owner = await start();
      expect(await owner.undealt()).to.deep.equal([]);
      await give(70);
      expect(new Set(given.map(({ leaf }) => leaf)).size).to.equal(given.length);
      for (const { leaf, key } of given) {
        expect(await together(leaf, owner), `leaf ${String(leaf)}`).to.equal(undefined);
        expect(await together(leaf, owner, second!), `leaf ${String(leaf)}`).to.deep.equal(key);
        expect(await together(leaf, first!, second!), `leaf ${String(leaf)}`).to.deep.equal(key);
      }
    });

    it('are ended by any two, the third one restored from a backup of before', async () => {
      const { leaf } = await owner!.nextLeaf(SERVED);
      const neighbour = await owner!.nextLeaf(SERVED);
      await dealAll();
      const backup = `${dir}-backup`;
      dirs.push(backup);
      await cp(dir, backup, { recursive: true });
      for (const custody of [owner!, second!]) await custody.puncture({ ...SERVED, leaf });
      const restored = await start(backup);
      expect(await together(leaf, restored, owner!, second!)).to.equal(undefined);
      // What a third that did not erase still makes, with the backup.
      expect(await together(leaf, restored, first!)).to.not.equal(undefined);
      await first!.puncture({ ...SERVED, leaf });
      expect(await together(leaf, restored, ...custodians())).to.equal(undefined);
      expect(await together(neighbour.leaf, owner!, second!)).to.deep.equal(neighbour.key);
    });

    it('are taken over without what is spent, once, and only of one making', async () => {
      const spent = await owner!.nextLeaf(SERVED);
      const { leaf, key } = await owner!.nextLeaf(SERVED);
      await deal(FIRST, first!, [spent.leaf]);
      expect((await first!.partsOf({ ...SERVED, leaf: spent.leaf })).size).to.equal(0);
      const again = (await owner!.partsFor(SERVED, SECOND))!;
      await second!.accept(SERVED, { ...again, spent: [] });
      await second!.puncture({ ...SERVED, leaf });
      // The answer was lost: dealt again, and nothing comes back.
      await deal(SECOND, second!);
      expect((await second!.partsOf({ ...SERVED, leaf })).size).to.equal(0);
      expect(await together(leaf, owner!, first!)).to.deep.equal(key);
      const other = await started(OWNER);
      await other.nextLeaf(SERVED);
      const made = (await other.partsFor(SERVED, FIRST))!;
      const codeOf = async (work: Promise<void>): Promise<unknown> =>
        work.then(
          () => 'taken',
          (error: unknown) => (error as { code?: unknown }).code,
        );
      expect(await codeOf(first!.accept(SERVED, { ...made, spent: [] }))).to.equal('ALREADY_EXISTS');
      const fresh = { ...SERVED, recordType: 'imaging' } as const;
      for (const parts of [
        [],
        made.parts.slice(1),
        [...made.parts, ...made.parts],
        [new Uint8Array(3), new Uint8Array(3)],
      ])
        expect(await codeOf(first!.accept(fresh, { ...made, parts, spent: [] }))).to.equal(
          'SCHEMA_VIOLATION',
        );
      expect(
        await codeOf(first!.accept({ ...fresh, keyServers: [SECOND, 'H4MSP'] }, { ...made, spent: [] })),
      ).to.equal('SCHEMA_VIOLATION');
    });

    it('leave no key on the owner’s disk that opens what it gave', async () => {
      await owner!.nextLeaf(SERVED);
      await dealAll();
      const { leaf } = await owner!.nextLeaf(SERVED);
      const restarted = await start();
      const held = await restarted.partsOf({ ...SERVED, leaf } satisfies LeafOfTree);
      expect([...held.keys()]).to.deep.equal([2, 3]);
      await restarted.noteLeaf({ ...SERVED, leaf: 500 });
      const next = await restarted.nextLeaf(SERVED);
      expect(next.leaf).to.equal(501);
      expect(await together(501, first!, second!)).to.deep.equal(next.key);
    });
  });
});
