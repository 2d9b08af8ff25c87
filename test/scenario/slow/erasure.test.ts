import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { erasureKeyFromParts, parseHeader, type OpenedHeader } from '@careledger/crypto';
import type { EmrRecord, Erasure } from '@careledger/protocol';
import { startTestConsortium, type TestConsortium } from '../support/consortium.js';
import { makeWorld, mustBe, type World } from '../support/world.js';

const MAX_BYTES = 1_048_576;

describe('scenario: a record is erased for good', function () {
  this.timeout(120_000);

  let consortium: TestConsortium;
  let world: World;
  let record: EmrRecord;
  let neighbour: EmrRecord;
  let accessId: string;
  let storedHeader: Uint8Array;
  let storedBody: Uint8Array;

  before(async () => {
    consortium = await startTestConsortium({ limits: { replicationRetryMs: 50 } });
    world = await makeWorld(consortium);
    const put = mustBe(201, await world.put(['to be erased', 'to stay']));
    const ids = (put.body['records'] as { recordId: string }[]).map(({ recordId }) => recordId);
    const read = async (recordId: string) =>
      (await world.officer.get(`/v1/records/${recordId}`)).body as unknown as EmrRecord;
    [record, neighbour] = [await read(ids[0]!), await read(ids[1]!)];
    accessId = String(mustBe(201, await world.open(ids)).body['accessId']);
    storedHeader = await consortium.storeOf(1).get(record.headerCid, { maxBytes: MAX_BYTES });
    storedBody = await consortium.storeOf(1).get(record.contentCid, { maxBytes: MAX_BYTES });
  });
  after(async () => {
    await consortium.stop();
  });

  const erasure = async (): Promise<Erasure & { readonly document: string }> =>
    mustBe(200, await world.officer.get(`/v1/records/${record.recordId}/erasure`)).body as never;
  /** With the owner's own key, and all parts of the erasure key that any custodian has. */
  const openHere = async (of: EmrRecord, header: Uint8Array): Promise<OpenedHeader> => {
    const { ownerMspId, pseudonym, type: recordType, recordId, erasureLeaf: leaf = 0, keyServers = [] } = of;
    const held = await Promise.all(
      [1, 2, 3].map((hospital) =>
        consortium
          .custodyOf(hospital)
          .erasure.partsOf({ ownerMspId, pseudonym, recordType, keyServers, leaf }),
      ),
    );
    const erasureKey = erasureKeyFromParts(new Map(held.flatMap((parts) => [...parts])));
    const expectedContext = { ownerMspId, pseudonym, recordType, recordId };
    return consortium.custodyOf(1).openHeader({ header, expectedContext, erasureKey });
  };

  it('has an erasure key for each record, and no certificate of one that stands', async () => {
    expect(record.headerVersion).to.equal(2);
    expect(parseHeader(storedHeader).erasureLeaf).to.equal(record.erasureLeaf);
    expect(neighbour.erasureLeaf).to.not.equal(record.erasureLeaf);
    const none = await world.officer.get(`/v1/records/${record.recordId}/erasure`);
    expect(none.body.code).to.equal('TRANSITION_NOT_ALLOWED');
    expect(await openHere(record, storedHeader)).to.have.property('dataKey');
  });

  it('is certified once every hospital has said what it destroyed', async () => {
    const path = `/v1/records/${record.recordId}/erasure`;
    mustBe(200, await world.officer.post(path, { reason: 'asked for by the patient' }));
    const untilMs = Date.now() + 20_000;
    let found = await erasure();
    while (found.certificate === undefined && Date.now() < untilMs) {
      await sleep(100);
      found = await erasure();
    }
    expect(found.certificate?.proven).to.deep.equal([
      'receipts-of-all-active-members',
      'erasure-key-punctured',
      'objects-absent-from-all-nodes',
    ]);
    const receipts = new Map(found.receipts.map((receipt) => [receipt.by.mspId, receipt]));
    expect(receipts.get('Hospital1MSP')).to.include({ erasureKey: 'punctured', answers: 1 });
    for (const mspId of ['Hospital2MSP', 'Hospital3MSP'])
      expect(receipts.get(mspId)).to.include({ erasureKey: 'punctured' });
    expect(receipts.get('Hospital4MSP')).to.include({ erasureKey: 'not-held' });
    expect(receipts.size).to.equal(4);
    expect(found.document).to.match(/Certificate of erasure[^]*nobody can prove[^]*backup/);
  });

  it('leaves nothing on any node, and opens nowhere', async () => {
    for (const hospital of [1, 2, 3, 4])
      for (const cid of [record.contentCid, record.headerCid])
        expect(await consortium.storeOf(hospital).stat(cid), `hospital ${String(hospital)}`).to.equal(
          undefined,
        );
    const again = await world.clinician.get(`/v1/openings/${accessId}/content`);
    expect(again.status).to.not.equal(200);
    const denied = await world.open([record.recordId]);
    expect(denied.body.code).to.equal('ACCESS_DENIED');
    const rest = mustBe(201, await world.open([neighbour.recordId]));
    expect(rest.body['records']).to.have.length(1);
  });

  it('does not open from stored copies with all keys that its custodians still have', async () => {
    const refused: unknown = await openHere(record, storedHeader).catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'CRYPTO_AUTHENTICATION_FAILED');
    // The copy is whole: it is the key that is gone.
    expect(storedBody.length).to.equal(record.sizeBytes);
  });
});
