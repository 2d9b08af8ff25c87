import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateHpkeKeyPair } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';
import { expect } from 'chai';
import { createErasureTrees, type ErasureTrees } from './erasure-trees.js';
import { openOneTimeKeys } from './recipient-keys.js';
import { createSealedFolder, prepareFolder, type SealedFolder } from './sealed-folder.js';
import { createSealing } from './sealing.js';

const TREE = { pseudonym: 'a'.repeat(32), recordType: 'laboratory' } as const;
const OTHER = { ...TREE, recordType: 'vital-signs' } as const;
const OPENING = { accessId: 'b'.repeat(64), recordId: `${'c'.repeat(32)}.0` };

describe('erasure keys in the custody', () => {
  let dir: string;
  const sealing = createSealing(randomBytes(32));
  const folderOf = (path: string): SealedFolder => createSealedFolder(path, sealing);
  const start = async (path = dir, folder = folderOf(path)): Promise<ErasureTrees> => {
    await prepareFolder(path);
    const options = { maxKeys: 10, maxAgeMs: 1_000_000, clock: Date.now };
    return createErasureTrees(folder, await openOneTimeKeys(options, folder));
  };
  const hexOf = async (trees: ErasureTrees, leaf: number): Promise<string | undefined> => {
    const key = await trees.keyOf(TREE, leaf);
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
    expect(await again.keyOf(TREE, 5)).to.deep.equal(given[5]?.key);
  });

  it('knows no key of a tree that it never made', async () => {
    const trees = await start();
    expect(await trees.keyOf(TREE, 0)).to.equal(undefined);
    expect(await readdir(dir)).to.deep.equal([]);
  });

  it('punctures for good: neighbours derive, nothing on the disk holds the leaf, and a restart changes nothing', async () => {
    const trees = await start();
    const { leaf, key } = await trees.nextLeaf(TREE);
    const neighbour = (await trees.nextLeaf(TREE)).key;
    await trees.puncture({ ...TREE, leaf });
    await trees.puncture({ ...TREE, leaf });
    for (const holder of [trees, await start()]) {
      expect(await holder.keyOf(TREE, leaf)).to.equal(undefined);
      expect(await holder.keyOf(TREE, 1)).to.deep.equal(neighbour);
    }
    for (const name of await readdir(dir)) {
      expect((await readFile(join(dir, name))).includes(Buffer.from(key)), name).to.equal(false);
    }
  });

  it('gives the key of a leaf to one opening of one record, and that of a punctured one to none', async () => {
    const trees = await start();
    const { leaf, key } = await trees.nextLeaf(TREE);
    const { publicKey } = generateHpkeKeyPair();
    const sealed = await trees.sealedKey({ ...TREE, leaf, recipientPublicKey: publicKey, ...OPENING });
    expect(Buffer.from(sealed).includes(Buffer.from(key))).to.equal(false);
    await trees.puncture({ ...TREE, leaf });
    const refused: unknown = await trees
      .sealedKey({ ...TREE, leaf, recipientPublicKey: publicKey, ...OPENING })
      .catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(CareLedgerError).with.property('code', 'RELEASE_NOT_AUTHORISED');
  });

  it('opens what another custody sealed to its one-time key, and only that', async () => {
    const [owner, folder] = [await start(), folderOf(dir)];
    const oneTime = await openOneTimeKeys({ maxKeys: 10, maxAgeMs: 1_000_000, clock: Date.now }, folder);
    const requester = createErasureTrees(folder, oneTime);
    const recipientPublicKey = await oneTime.create();
    const { leaf, key } = await owner.nextLeaf(TREE);
    const sealed = await owner.sealedKey({ ...TREE, leaf, recipientPublicKey, ...OPENING });
    expect(await requester.openKey({ recipientPublicKey, sealed, ...OPENING })).to.deep.equal(key);
    const moved = { recipientPublicKey, sealed, ...OPENING, recordId: `${'c'.repeat(32)}.1` };
    const refused: unknown = await requester.openKey(moved).catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'CRYPTO_AUTHENTICATION_FAILED');
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
});
