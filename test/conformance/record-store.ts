import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { RecordStore } from '@careledger/gateway/adapters';
import { codeOf } from './support/scenario.js';

const MIB = 1_048_576;

/** Made once with Kubo 0.42 (`ipfs add --cid-version 1 --raw-leaves --chunker size-1048576`) over `patterned(size)`. */
export const KNOWN_CIDS: readonly (readonly [sizeBytes: number, cid: string])[] = [
  [1, 'bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu'],
  [MIB, 'bafkreidddocae7lltzjlkooe5a3tmiwsgazn7logjvqk7bzttsidpzhxne'],
  [MIB + 1, 'bafybeidjogjfwuhbzwopgd4bn3skcf5m6oz72xshywcndzxgqb623nfclu'],
  [5 * MIB, 'bafybeif3cqzr34eco3pr3jiypjq5j5ine35czekpyoa6q5uvwecywczeem'],
  // One chunk more than a node links to, so that the tree has a second level.
  [175 * MIB, 'bafybeiggcya5u7ya63vppywumuurt4sf6y27h7rglxuspmsh2jdkiypbye'],
];

/** Bytes that anyone can make again: byte i is i mod 251. */
export function patterned(sizeBytes: number): Uint8Array {
  const pattern = Uint8Array.from({ length: 251 }, (_, index) => index);
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += pattern.length)
    bytes.set(pattern.subarray(0, Math.min(pattern.length, sizeBytes - at)), at);
  return bytes;
}

export interface RecordStoreHarness {
  store(): RecordStore;
  /** Another hospital's store, from which blocks can be fetched. */
  neighbour(): RecordStore;
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** The conformance suite of the `RecordStore` port. */
export function recordStoreConformance(name: string, makeHarness: () => Promise<RecordStoreHarness>): void {
  describe(`${name}: record store port`, () => {
    let harness: RecordStoreHarness;
    const store = (): RecordStore => harness.store();
    const maxBytes = 300 * MIB;

    before(async () => {
      harness = await makeHarness();
    });
    after(() => (harness as RecordStoreHarness | undefined)?.close());

    for (const [sizeBytes, cid] of KNOWN_CIDS) {
      it(`gives ${String(sizeBytes)} bytes the CID that every adapter gives them, and the bytes back`, async () => {
        const bytes = patterned(sizeBytes);
        expect(await store().put(bytes)).to.equal(cid);
        const back = await store().get(cid, { maxBytes });
        expect(Buffer.compare(back, bytes)).to.equal(0);
        expect(await store().stat(cid)).to.deep.equal({ sizeBytes, pinned: true });
      });
    }

    it('keeps the same bytes once, however often they are put', async () => {
      const bytes = randomBytes(3000);
      const cids = await Promise.all([store().put(bytes), store().put(bytes), store().put(bytes)]);
      expect(new Set(cids).size).to.equal(1);
      await store().unpin(cids[0]);
      expect((await store().stat(cids[0]))?.pinned ?? false).to.equal(false);
    });

    it('refuses to store nothing', async () => {
      expect(await codeOf(store().put(new Uint8Array()))).to.equal('SCHEMA_VIOLATION');
    });

    it('refuses what is not a CID, or not one of ours', async () => {
      const cid = await store().put(randomBytes(10));
      const identity = 'bafkqaddimvwgy3zao5xxe3debi';
      const versionZero = 'QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n';
      for (const text of [
        '',
        'no',
        cid.slice(0, -1),
        cid.toUpperCase(),
        identity,
        versionZero,
        `/ipfs/${cid}`,
      ]) {
        expect(await codeOf(store().get(text, { maxBytes })), text).to.equal('CID_INVALID');
        expect(await codeOf(store().pin(text)), text).to.equal('CID_INVALID');
        expect(await codeOf(store().unpin(text)), text).to.equal('CID_INVALID');
        expect(await codeOf(store().stat(text)), text).to.equal('CID_INVALID');
      }
    });

    it('hands out no more bytes than were asked for', async () => {
      for (const sizeBytes of [2000, MIB + 2000]) {
        const cid = await store().put(randomBytes(sizeBytes));
        expect(await codeOf(store().get(cid, { maxBytes: sizeBytes - 1 })), String(sizeBytes)).to.equal(
          'BODY_TOO_LARGE',
        );
        expect((await store().get(cid, { maxBytes: sizeBytes })).length).to.equal(sizeBytes);
      }
    });

    it('fetches and keeps what another hospital stored', async () => {
      const bytes = randomBytes(2 * MIB + 7);
      const cid = await harness.neighbour().put(bytes);
      expect(Buffer.compare(await store().get(cid, { maxBytes }), bytes)).to.equal(0);
      await store().pin(cid);
      expect(await store().stat(cid)).to.deep.equal({ sizeBytes: bytes.length, pinned: true });
      await harness.neighbour().unpin(cid);
      expect(Buffer.compare(await store().get(cid, { maxBytes }), bytes)).to.equal(0);
    });

    it('forgets a pin, twice over, and keeps blocks that another file shares', async () => {
      const shared = randomBytes(MIB);
      const first = await store().put(Buffer.concat([shared, randomBytes(100)]));
      const second = await store().put(Buffer.concat([shared, randomBytes(100)]));
      await store().unpin(first);
      await store().unpin(first);
      expect((await store().stat(first))?.pinned ?? false).to.equal(false);
      expect((await store().get(second, { maxBytes })).length).to.equal(MIB + 100);
    });

    it('collects what was unpinned, and nothing that is pinned', async () => {
      const [gone, kept] = [await store().put(randomBytes(2000)), await store().put(randomBytes(2000))];
      await store().unpin(gone);
      await store().collect();
      expect(await store().stat(gone)).to.equal(undefined);
      expect(await store().stat(kept)).to.deep.equal({ sizeBytes: 2000, pinned: true });
    });

    it('has no figures of what it has not got', async () => {
      const elsewhere = await harness.neighbour().put(randomBytes(100));
      expect(await store().stat(elsewhere)).to.equal(undefined);
    });

    it('stops when the reader does', async () => {
      const cid = await store().put(randomBytes(100));
      const stop = new AbortController();
      stop.abort();
      const failure: unknown = await store()
        .get(cid, { maxBytes, signal: stop.signal })
        .catch((error: unknown) => error);
      expect((failure as Error).name).to.equal('AbortError');
    });

    it('has everything after a restart', async () => {
      const bytes = randomBytes(MIB + 1);
      const cid = await store().put(bytes);
      await harness.reopen();
      expect(Buffer.compare(await store().get(cid, { maxBytes }), bytes)).to.equal(0);
      expect(await store().stat(cid)).to.deep.equal({ sizeBytes: bytes.length, pinned: true });
    });
  });
}
