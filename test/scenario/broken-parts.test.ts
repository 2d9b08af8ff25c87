import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { makeHeader, saltedDigest, sealContent } from '@careledger/crypto';
import { replicaHolders, type GatewayModules } from '@careledger/gateway';
import { CareLedgerError, type EmrRecord, type Page } from '@careledger/protocol';
import { startTestConsortium, type TestConsortium } from './support/consortium.js';
import { randomHex } from './support/patient.js';
import { corruptStoredBlocks } from './support/stored-blocks.js';
import {
  RECORD_TYPE,
  enrolPatient,
  makeWorld,
  mustBe,
  plain,
  recordIdsOf,
  type World,
} from './support/world.js';

/** Switches of the parts that break; all off between tests. */
const broken = { ledgerOfOpener: false, storeOfOwner: false, releaseToOpener: false };
let releasesAsked = 0;

/** Hospital 1 owns, hospital 2 opens. */
function breakable(mspId: string, modules: GatewayModules): GatewayModules {
  if (mspId === 'Hospital1MSP') {
    const put = (bytes: Uint8Array): Promise<string> =>
      broken.storeOfOwner
        ? Promise.reject(new CareLedgerError('STORE_UNAVAILABLE'))
        : modules.store.put(bytes);
    return { ...modules, store: overriding(modules.store, { put }) };
  }
  if (mspId !== 'Hospital2MSP') return modules;
  const submit: GatewayModules['ledger']['submit'] = (...transaction) =>
    broken.ledgerOfOpener
      ? Promise.reject(new CareLedgerError('LEDGER_UNAVAILABLE'))
      : modules.ledger.submit(...transaction);
  const request: GatewayModules['release']['request'] = (question) => {
    releasesAsked += 1;
    if (broken.releaseToOpener) return Promise.reject(new CareLedgerError('PEER_GATEWAY_UNAVAILABLE'));
    return modules.release.request(question);
  };
  return {
    ...modules,
    ledger: overriding(modules.ledger, { submit }),
    release: { ...modules.release, request },
  };
}

/** The same object with some methods replaced; the others keep their `this`. */
function overriding<Target extends object>(target: Target, methods: Partial<Target>): Target {
  return new Proxy(target, {
    get(original, name) {
      const replaced: unknown = Reflect.get(methods, name);
      const value: unknown = replaced ?? Reflect.get(original, name);
      return typeof value === 'function' ? (value.bind(original) as unknown) : value;
    },
  });
}

describe('scenario: what broken parts get', function () {
  this.timeout(60_000);

  let consortium: TestConsortium;
  let world: World;

  before(async () => {
    consortium = await startTestConsortium({
      wrapModules: breakable,
      limits: { replicationRetryMs: 50, unfinishedMinAgeMs: 500 },
    });
    world = await makeWorld(consortium);
  });
  afterEach(() => {
    Object.assign(broken, { ledgerOfOpener: false, storeOfOwner: false, releaseToOpener: false });
  });
  after(async () => {
    await consortium.stop();
  });

  const recordsOf = async (): Promise<EmrRecord[]> => {
    const list = await world.officer.get(
      `/v1/records?by=patient&value=${world.patient.pseudonym}&pageSize=100`,
    );
    return (list.body as unknown as Page<EmrRecord>).items;
  };

  it('ledger not writable: nothing is released, nothing is asked', async () => {
    const recordIds = recordIdsOf(await world.put(['sodium 140 mmol/L']));
    broken.ledgerOfOpener = true;
    releasesAsked = 0;
    const answer = await world.open(recordIds);
    expect(answer.status).to.equal(503);
    expect(answer.body.code).to.equal('LEDGER_UNAVAILABLE');
    expect(answer.body).to.not.have.property('records');
    expect(releasesAsked).to.equal(0);
    broken.ledgerOfOpener = false;
    mustBe(201, await world.open(recordIds));
    expect(releasesAsked).to.equal(1);
  });

  it('owner’s gateway silent: the access entry stands, and its content can be fetched later', async () => {
    const recordIds = recordIdsOf(await world.put(['potassium 4 mmol/L']));
    broken.releaseToOpener = true;
    const silent = await world.open(recordIds);
    expect(silent.body.code).to.equal('PEER_GATEWAY_UNAVAILABLE');
    const accessId = String(silent.body['accessId']);
    broken.releaseToOpener = false;
    const later = mustBe(200, await world.clinician.get(`/v1/openings/${accessId}/content`));
    expect(contentsOf(later.body)).to.deep.equal(['potassium 4 mmol/L']);
  });

  it('store not writable: nothing is anchored', async () => {
    const before = (await recordsOf()).length;
    broken.storeOfOwner = true;
    const answer = await world.put(['never anchored']);
    expect(answer.body.code).to.equal('STORE_UNAVAILABLE');
    expect((await recordsOf()).length).to.equal(before);
  });

  it('anchoring refused: what was stored is let go', async () => {
    const unknown = { ...plain(world.patient, 'for nobody'), pseudonym: randomHex(16) };
    const stored = await consortium.recordingPuts(1, async () => {
      const answer = await world.officer.post('/v1/records', {
        records: [plain(world.patient, 'a'), unknown],
      });
      expect(answer.body.code).to.equal('PATIENT_NOT_FOUND');
    });
    expect(stored.length).to.equal(4);
    for (const cid of stored) {
      expect((await consortium.storeOf(1).stat(cid))?.pinned ?? false, `pin of ${cid}`).to.equal(false);
    }
  });

  it('gateway gone between storing and anchoring: its objects are let go, those of the ledger are kept', async () => {
    const { tables } = consortium.gateway(1).services;
    const unfinished = tables.table<{ batchId: string; cid: string; storedAtMs: number }>('unfinished');
    const [recordId] = recordIdsOf(await world.put(['anchored all the same']));
    const { contentCid } = (await recordsOf()).find((candidate) => candidate.recordId === recordId)!;
    const orphan = await consortium.storeOf(1).put(randomBytes(100));
    const rows = [
      { batchId: randomHex(16), cid: orphan, storedAtMs: Date.now() },
      { batchId: recordId!.split('.')[0]!, cid: contentCid, storedAtMs: Date.now() },
    ];
    for (const row of rows) await unfinished.put(`${row.batchId}/${row.cid}`, row);
    await until(async () => (await consortium.storeOf(1).stat(orphan))?.pinned !== true);
    await until(async () => (await unfinished.get(`${rows[1]!.batchId}/${contentCid}`)) === undefined);
    expect((await consortium.storeOf(1).stat(contentCid))?.pinned).to.equal(true);
  });

  describe('idempotency', () => {
    const key = () => ({ 'idempotency-key': randomHex(8) });

    it('records: the first outcome again, and nothing twice', async () => {
      const headers = key();
      const first = mustBe(201, await world.put(['one', 'two'], headers));
      const count = (await recordsOf()).length;
      const second = mustBe(201, await world.put(['one', 'two'], headers));
      expect(second.body).to.deep.equal(first.body);
      expect((await recordsOf()).length).to.equal(count);
    });

    it('records: two at once come to one batch', async () => {
      const headers = key();
      const [left, right] = await Promise.all([world.put(['race'], headers), world.put(['race'], headers)]);
      expect(mustBe(201, left).body).to.deep.equal(mustBe(201, right).body);
    });

    it('records: another body under the same key', async () => {
      const headers = key();
      mustBe(201, await world.put(['one', 'two'], headers));
      for (const other of [['one'], ['one', 'three'], ['one', 'two', 'three']]) {
        const answer = await world.put(other, headers);
        expect(answer.body.code, other.join()).to.equal('IDEMPOTENCY_KEY_REUSED');
      }
    });

    it('openings: one access entry, the same content', async () => {
      const recordIds = recordIdsOf(await world.put(['glucose 5 mmol/L']));
      const headers = key();
      const first = mustBe(201, await world.open(recordIds, headers));
      const second = mustBe(201, await world.open(recordIds, headers));
      expect(second.body).to.deep.equal(first.body);
      const [other] = recordIdsOf(await world.put(['else']));
      expect((await world.open([other!], headers)).body.code).to.equal('IDEMPOTENCY_KEY_REUSED');
    });
  });

  describe('tampering', () => {
    it('one flipped byte in a stored block: CID_MISMATCH, and nothing is shown', async () => {
      const [recordId] = recordIdsOf(await world.put(['to be flipped']));
      const record = (await recordsOf()).find((candidate) => candidate.recordId === recordId)!;
      await until(async () => (await copies(record)).length === consortium.gateways.length - 1);
      await corruptStoredBlocks(
        [1, 2, 3, 4].map((hospital) => consortium.storeOf(hospital)),
        record.contentCid,
      );
      const answer = await world.open([recordId!]);
      expect(answer.body.code, JSON.stringify(answer.body)).to.equal('CID_MISMATCH');
      expect(answer.body).to.not.have.property('records');
      expect(answer.body).to.have.property('accessId');
    });

    it('one damaged record does not keep the others back', async () => {
      const [good, bad] = recordIdsOf(await world.put(['good', 'bad']));
      const record = (await recordsOf()).find((candidate) => candidate.recordId === bad)!;
      await until(async () => (await copies(record)).length === consortium.gateways.length - 1);
      await corruptStoredBlocks(
        [1, 2, 3, 4].map((hospital) => consortium.storeOf(hospital)),
        record.contentCid,
      );
      const { body } = mustBe(201, await world.open([good!, bad!]));
      expect(contentsOf(body)).to.deep.equal(['good']);
      expect((body['failed'] as { recordId: string; code: string }[])[0]).to.include({
        recordId: bad,
        code: 'CID_MISMATCH',
      });
    });

    it('an envelope moved from another patient', async () => {
      const other = await enrolPatient(consortium, world.officer);
      const source = mustBe(
        201,
        await world.officer.post('/v1/records', { records: [plain(other, 'of another')] }),
      );
      const [moved] = source.body['records'] as EmrRecord[];
      const recordId = await anchorForged({
        contentCid: moved!.contentCid,
        headerCid: moved!.headerCid,
        digest: moved!.digest,
      });
      expect((await world.open([recordId])).body.code).to.equal('RECORD_TAMPERED');
    });

    it('segments reordered, and segments cut', async () => {
      const SEGMENT_BYTES = 1_048_576;
      const content = randomBytes(2 * SEGMENT_BYTES + 1000);
      const reordered = await anchorForgedContent(content, (sealed) => swapSegments(sealed));
      expect((await world.open([reordered])).body.code).to.equal('RECORD_TAMPERED');
      const cut = await anchorForgedContent(content, (sealed) => sealed.subarray(0, sealed.length - 1016));
      expect((await world.open([cut])).body.code).to.equal('RECORD_TAMPERED');
      const whole = await anchorForgedContent(content, (sealed) => sealed);
      mustBe(201, await world.open([whole]));
    });

    it('another content than the digest on the ledger', async () => {
      const forged = await anchorForgedContent(
        Buffer.from('changed'),
        (sealed) => sealed,
        saltedDigest(randomBytes(32), Buffer.from('original')),
      );
      expect((await world.open([forged])).body.code).to.equal('RECORD_TAMPERED');
    });
  });

  it('keeps copies at as many hospitals as the consortium says, and lets go of what was erased', async () => {
    const [recordId] = recordIdsOf(await world.put(['replicated']));
    const record = (await recordsOf()).find((candidate) => candidate.recordId === recordId)!;
    const members = consortium.gateways.map(({ mspId }) => mspId);
    const holders = replicaHolders(recordId!.split('.')[0]!, 'Hospital1MSP', members, 3);
    await until(async () => (await copies(record)).length === 3);
    expect(await copies(record)).to.have.members(['Hospital1MSP', ...holders]);
    mustBe(200, await world.officer.post(`/v1/records/${recordId!}/erasure`, { reason: 'wrong patient' }));
    await until(async () => (await copies(record)).length === 0);
    const denied = await world.open([recordId!]);
    expect(denied.body.code).to.equal('ACCESS_DENIED');
  });

  async function copies(record: EmrRecord): Promise<string[]> {
    const pinned: string[] = [];
    for (const [index, { mspId }] of consortium.gateways.entries()) {
      if ((await consortium.storeOf(index + 1).stat(record.contentCid))?.pinned === true) pinned.push(mspId);
    }
    return pinned;
  }

  /** What a hospital with a changed gateway could do: anchors whatever it likes under its own name. */
  async function anchorForged(
    forged: { readonly contentCid: string; readonly headerCid: string; readonly digest: string },
    batchId = randomHex(16),
  ): Promise<string> {
    const { contracts, staff } = consortium.gateway(1).services;
    const { identity } = await staff.callerFor({ enrolmentId: world.officer.enrolmentId, role: 'officer' });
    const { pseudonym } = world.patient;
    const record = {
      pseudonym,
      type: RECORD_TYPE,
      ...forged,
      sizeBytes: 4_000_000,
      headerVersion: 1,
      sharable: true,
    };
    await contracts.submit(identity, 'records', 'Anchor', { batchId, records: [record] });
    return `${batchId}.0`;
  }

  async function anchorForgedContent(
    content: Uint8Array,
    change: (sealed: Uint8Array) => Uint8Array,
    digest?: string,
  ): Promise<string> {
    const batchId = randomHex(16);
    const dataKey = randomBytes(32);
    const salt = randomBytes(32);
    const { pseudonym } = world.patient;
    const context = {
      ownerMspId: 'Hospital1MSP',
      pseudonym,
      recordType: RECORD_TYPE,
      recordId: `${batchId}.0`,
    };
    const recipientPublicKey = await consortium.custodyOf(1).encryptionPublicKey();
    const contentLength = content.length;
    const header = await makeHeader({
      recipientPublicKey,
      dataKey,
      salt,
      context,
      contentType: 'text/plain',
      contentLength,
    });
    const store = consortium.storeOf(1);
    const contentCid = await store.put(change(await sealContent({ content, dataKey, context })));
    const headerCid = await store.put(header);
    return anchorForged({ contentCid, headerCid, digest: digest ?? saltedDigest(salt, content) }, batchId);
  }
});

/** Exchanges two stretches of a segment's length inside the ciphertext. */
function swapSegments(sealed: Uint8Array): Uint8Array {
  const length = 1_048_576 + 16;
  const start = sealed.length - 2 * length - 1016;
  const [head, first, second, tail] = [
    sealed.subarray(0, start),
    sealed.subarray(start, start + length),
    sealed.subarray(start + length, start + 2 * length),
    sealed.subarray(start + 2 * length),
  ];
  return Buffer.concat([head, second, first, tail]);
}

function contentsOf(body: Readonly<Record<string, unknown>>): string[] {
  const records = body['records'] as { content: string }[];
  return records.map(({ content }) => Buffer.from(content, 'base64').toString('utf8'));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const giveUpAtMs = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > giveUpAtMs) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
