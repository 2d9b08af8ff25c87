import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { EmrRecord } from '@careledger/protocol';
import type { RecordStore } from '@careledger/gateway/adapters';
import { createTextSearch, identifyingFacts } from './support/identifying.js';
import type { Person } from './support/people.js';
import { tourHospitals, tourOfSample, type SharingConsortium } from './sharing.js';
import { searchFolder, type SecretSearch, type Sighting } from './support/secret-search.js';
import { mustBe } from './support/world.js';

const SAMPLE = new URL('../../../samples/fhir/h1/1.json', import.meta.url);
const MAX_OBJECT_BYTES = 64 * 1_048_576;

/** Hospitals whose folders can be read. */
export interface ConsortiumWithFolders extends SharingConsortium {
  storeOf(hospital: number): RecordStore;
  /** Of ledgers, orderers and record stores: block files, state, objects. */
  readonly folders: readonly string[];
}

/** Neither ledger nor record store says who a patient is; and the search would find it if they did. */
export function nothingIdentifyingScenario(
  name: string,
  start: () => Promise<ConsortiumWithFolders>,
  options: { readonly timeoutMs: number },
): void {
  describe(`${name}: nothing identifies a patient`, function () {
    this.timeout(options.timeoutMs);

    // Planted later, on purpose; no sample's.
    const marker = `Planted${randomBytes(6).toString('hex')}`;
    const facts = identifyingFacts();
    const search = createTextSearch([...facts, { what: 'planted', text: marker }]);
    let consortium: ConsortiumWithFolders;
    let officer: Person;
    let auditor: Person;
    let records: EmrRecord[];

    before(async () => {
      consortium = await start();
      officer = await consortium.person(1, 'officer');
      auditor = await consortium.person(1, 'auditor');
      // Everything that sharing writes: identities, edges, shares, openings, forwards, a revocation.
      const { pseudonym } = await tourOfSample(consortium, await tourHospitals(consortium));
      const listed = mustBe(200, await officer.get(`/v1/records?by=patient&value=${pseudonym}`));
      records = listed.body['items'] as EmrRecord[];
    });
    after(() => consortium.stop());

    it('looks for names, identifiers and dates of birth of eight patients', async () => {
      expect(new Set(facts.map(({ what }) => what)).size).to.equal(3 * 8);
      const found = new Set(search('the sample', await readFile(SAMPLE)).map(({ secret }) => secret));
      expect([...found].filter((what) => what.endsWith('h1/1.json')).length).to.equal(3);
    });

    it('is in no block', async () => {
      const { sightings, blocks } = await searchBlocks(auditor, search);
      expect(sightings).to.deep.equal([]);
      expect(blocks).to.be.greaterThan(3);
    });

    it('is in no object, by CID, of any record of any hospital', async () => {
      let objects = 0;
      for (const hospital of [1, 2, 3, 4]) {
        for (const recordId of await recordsOf(officer, `Hospital${String(hospital)}MSP`)) {
          for (const [cid, bytes] of await objectsOf(officer, recordId, consortium)) {
            expect(search(cid, Buffer.from(bytes))).to.deep.equal([]);
            objects += 1;
          }
        }
      }
      expect(objects).to.be.at.least(2 * records.length);
    });

    it('is in no file of a ledger, an orderer or a record store', async () => {
      for (const folder of consortium.folders) {
        const { sightings, files } = await searchFolder(folder, search);
        expect(sightings).to.deep.equal([]);
        expect(files, folder).to.be.greaterThan(0);
      }
    });

    it('would be found: in a block and its file, in an object and the store’s files', async () => {
      const [{ recordId } = { recordId: '' }] = records;
      mustBe(200, await officer.post(`/v1/records/${recordId}/erasure`, { reason: `asked by ${marker}` }));
      const planted = Buffer.from(`{"family":"${marker}"}`);
      const store = consortium.storeOf(1);
      const cid = await store.put(planted);
      try {
        const { sightings } = await searchBlocks(auditor, search);
        expect(sightings.map(({ secret }) => secret)).to.include('planted');
        const bytes = await store.get(cid, { maxBytes: MAX_OBJECT_BYTES });
        expect(search(cid, Buffer.from(bytes)).map(({ form }) => form)).to.include('text');
        const inFolders = await Promise.all(
          consortium.folders.map(async (folder) => (await searchFolder(folder, search)).sightings.length > 0),
        );
        expect(inFolders.filter(Boolean).length).to.be.at.least(2);
        const hidden = Buffer.from(Buffer.from(`x${marker}`).toString('base64'));
        expect(search('base64', hidden).length).to.be.greaterThan(0);
        expect(search('cut', planted.subarray(0, 15))).to.deep.equal([]);
      } finally {
        await store.unpin(cid);
      }
    });
  });
}

async function searchBlocks(
  auditor: Person,
  search: SecretSearch,
): Promise<{ readonly sightings: Sighting[]; readonly blocks: number }> {
  const sightings: Sighting[] = [];
  for (let from = 0; ;) {
    const { body } = mustBe(200, await auditor.get(`/v1/ledger/blocks?from=${String(from)}`));
    const blocks = body['blocks'] as string[];
    if (blocks.length === 0) return { sightings, blocks: from };
    for (const block of blocks)
      sightings.push(...search(`block ${String(from++)}`, Buffer.from(block, 'base64')));
  }
}

async function recordsOf(officer: Person, mspId: string): Promise<string[]> {
  const recordIds: string[] = [];
  let bookmark = '';
  do {
    const next = bookmark === '' ? '' : `&bookmark=${encodeURIComponent(bookmark)}`;
    const { body } = mustBe(200, await officer.get(`/v1/records?by=hospital&value=${mspId}${next}`));
    recordIds.push(...(body['items'] as EmrRecord[]).map(({ recordId }) => recordId));
    bookmark = (body['bookmark'] as string | undefined) ?? '';
  } while (bookmark !== '');
  return recordIds;
}

/**
 * By CID, from a node that has it. Erased records have none, nor have those that other tests anchored on the same ledger
 * without storing anything. The revocation of the tour has records sealed anew meanwhile: what is let go between the look
 * at the ledger and the look at the store is looked for under its present CIDs.
 */
async function objectsOf(
  officer: Person,
  recordId: string,
  consortium: ConsortiumWithFolders,
): Promise<[cid: string, bytes: Uint8Array][]> {
  let cids = await cidsOf(officer, recordId);
  for (;;) {
    try {
      const objects = await Promise.all(cids.map((cid) => objectOf(cid, consortium)));
      const present = await cidsOf(officer, recordId);
      if (present.join() === cids.join()) return objects.flat();
      cids = present;
    } catch (error) {
      const present = await cidsOf(officer, recordId);
      if (present.join() === cids.join()) throw error;
      cids = present;
    }
  }
}

/** Nothing of what no node has. */
async function objectOf(
  cid: string,
  consortium: ConsortiumWithFolders,
): Promise<[cid: string, bytes: Uint8Array][]> {
  for (const hospital of [1, 2, 3, 4]) {
    const store = consortium.storeOf(hospital);
    if ((await store.stat(cid)) !== undefined)
      return [[cid, await store.get(cid, { maxBytes: MAX_OBJECT_BYTES })]];
  }
  return [];
}

async function cidsOf(officer: Person, recordId: string): Promise<string[]> {
  const { body } = mustBe(200, await officer.get(`/v1/records/${recordId}`));
  const { status, contentCid, headerCid, sharing } = body as unknown as EmrRecord;
  if (status === 'erased') return [];
  return [contentCid, headerCid, ...(sharing === undefined ? [] : [sharing.headerCid])];
}
