import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { expect } from 'chai';
import { EmbeddedRecordStore } from '@careledger/gateway/adapters';
import { recordStoreConformance } from './record-store.js';
import { codeOf } from './support/scenario.js';

recordStoreConformance('embedded', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'careledger-store-'));
  const stores: EmbeddedRecordStore[] = [];
  const open = (index: number) =>
    EmbeddedRecordStore.open({
      directory: join(directory, String(index)),
      neighbours: () => stores.filter((_, other) => other !== index),
    });
  stores.push(await open(0), await open(1));
  return {
    store: () => stores[0]!,
    neighbour: () => stores[1]!,
    async reopen() {
      await stores[0]!.close();
      stores[0] = await open(0);
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await rm(directory, { recursive: true, force: true });
    },
  };
});

describe('embedded record store', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'careledger-store-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function flip(key: string): Promise<void> {
    const db = new ClassicLevel<string, Uint8Array>(directory, { valueEncoding: 'view' });
    const block = Uint8Array.from((await db.get(key))!);
    block[0] = block[0]! ^ 1;
    await db.put(key, block);
    await db.close();
  }

  it('finds one flipped byte, and reads no further', async () => {
    const store = await EmbeddedRecordStore.open({ directory });
    const cid = await store.put(new Uint8Array(2_000_000).fill(7));
    await store.close();
    await flip(`block/${cid}`);
    const again = await EmbeddedRecordStore.open({ directory });
    expect(await codeOf(again.get(cid, { maxBytes: 4_000_000 }))).to.equal('CID_MISMATCH');
    expect(await codeOf(again.stat(cid))).to.equal('CID_MISMATCH');
    await again.close();
  });

  it('says so when nobody has the CID', async () => {
    const store = await EmbeddedRecordStore.open({ directory });
    const cid = await store.put(new Uint8Array([1, 2, 3]));
    await store.unpin(cid);
    expect(await store.stat(cid)).to.equal(undefined);
    expect(await codeOf(store.get(cid, { maxBytes: 10 }))).to.equal('STORE_UNAVAILABLE');
    expect(await codeOf(store.pin(cid))).to.equal('STORE_UNAVAILABLE');
    await store.close();
  });

  it('belongs to one process at a time', async () => {
    const store = await EmbeddedRecordStore.open({ directory });
    expect(await codeOf(EmbeddedRecordStore.open({ directory }))).to.equal('STORE_UNAVAILABLE');
    await store.close();
  });
});
