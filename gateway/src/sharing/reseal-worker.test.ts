import { createHash } from 'node:crypto';
import { erasureKeyFromParts, generateHpkeKeyPair, openHeader } from '@careledger/crypto';
import {
  CareLedgerError,
  EVENTS,
  type EmrRecord,
  type Reseal,
  type SharingState,
} from '@careledger/protocol';
import { expect } from 'chai';
import { createErasureTrees } from '../custody/erasure-trees.js';
import type { OneTimeKeys } from '../custody/recipient-keys.js';
import type { LocalTable } from '../services/local-tables.js';
import { sealRecord } from '../services/record-sealing.js';
import { memoryFolder } from './opening.test-support.js';
import { ErasureKeys } from './erasure-keys.js';
import { ResealWorker, type ResealModules } from './reseal-worker.js';

const MSP = 'H1MSP';
const PSEUDONYM = 'a'.repeat(32);
const RECORD_ID = `${'b'.repeat(32)}.0`;
const MINUTE_MS = 60_000;

function memoryTable<Row>(
  rows = new Map<string, Row>(),
): LocalTable<Row> & { readonly rows: Map<string, Row> } {
  return {
    rows,
    get: (key) => Promise.resolve(rows.get(key)),
    put: (key, row) => Promise.resolve(void rows.set(key, row)),
    delete: (key) => Promise.resolve(void rows.delete(key)),
    async *entries() {
      await Promise.resolve();
      yield* [...rows];
    },
  };
}

/** One record of a patient whose epochs the test raises; its gateway may be stopped at any write. */
class Owner {
  readonly objects = new Map<string, Uint8Array>();
  readonly work = memoryTable<{ pseudonym: string }>();
  readonly attempts = memoryTable<never>();
  readonly sensitivities = memoryTable<{ sensitivity: 'restricted' }>();
  readonly #keys = generateHpkeKeyPair();
  readonly erasure = createErasureTrees({ mspId: MSP }, memoryFolder(), {} as OneTimeKeys);
  readonly erasureKeys = new ErasureKeys({
    ledger: { mspId: MSP, activeMembers: () => Promise.resolve([MSP]) },
    custody: this.erasure,
    peers: { ask: () => Promise.reject(new Error('nobody else holds parts')) },
  });
  record!: EmrRecord;
  book: SharingState = { pseudonym: PSEUDONYM, mspId: MSP, status: 'enrolled', identityEpoch: 0 };
  hasLabelKey = true;
  nowMs = 0;
  resealed = 0;
  /** What the ledger does with a re-sealing. */
  submit: 'commit' | 'refuse' | 'lose' | 'commit and lose' = 'commit';
  /** Told of each store operation; a throw is the end of the process. */
  onStore: (operation: string) => void = () => undefined;
  readonly worker: ResealWorker;

  constructor() {
    this.worker = new ResealWorker(
      { mspId: MSP, concurrency: 1, batchRecords: 10, attemptMinAgeMs: MINUTE_MS },
      this.#modules,
    );
  }

  static async make({ contentType = 'text/plain', content = '4.1' } = {}): Promise<Owner> {
    const owner = new Owner();
    const sealed = await sealRecord(
      {
        ownerMspId: MSP,
        recordId: RECORD_ID,
        record: {
          pseudonym: PSEUDONYM,
          type: 'laboratory',
          contentType,
          content: Buffer.from(content),
          sharable: true,
        },
        sharer: owner.#sharer,
        stored: () => Promise.resolve(),
      },
      owner.#modules,
    );
    const record = {
      recordId: RECORD_ID,
      ownerMspId: MSP,
      pseudonym: PSEUDONYM,
      type: 'laboratory',
      sharable: true,
    };
    owner.record = { ...record, status: 'anchored', ...sealed } as EmrRecord;
    return owner;
  }

  get epoch(): number {
    return this.book.tags?.['laboratory/normal']?.epoch ?? 0;
  }

  raise(): void {
    this.book = { ...this.book, tags: { 'laboratory/normal': { epoch: this.epoch + 1, sharable: true } } };
  }

  async run(): Promise<unknown[]> {
    await this.worker.take({ payload: { event: EVENTS.grantChanged, id: 'x', pseudonym: PSEUDONYM } });
    return this.worker.workOff(new AbortController().signal);
  }

  get objectsOfRecord(): string[] {
    const { contentCid, headerCid, sharing } = this.record;
    return [contentCid, headerCid, sharing?.headerCid ?? ''].sort();
  }

  openStored(header: Uint8Array, erasureKey?: Uint8Array) {
    const { ownerMspId, pseudonym, type: recordType, recordId } = this.record;
    const expectedContext = { ownerMspId, pseudonym, recordType, recordId };
    const { privateKey } = this.#keys;
    return openHeader({ header, privateKey, expectedContext, purpose: { kind: 'store' }, erasureKey });
  }

  readonly #sharer = {
    makeHeader: ({ sensitivity, payload }: { sensitivity: 'normal'; payload: { dataKey: Uint8Array } }) =>
      Promise.resolve({
        object: Buffer.concat([Buffer.from('shared'), payload.dataKey]),
        sharing: { handle: 'c'.repeat(64), sensitivity, tagEpoch: this.epoch, keyEpoch: 0 },
      }),
  } as never;

  get #modules(): ResealModules {
    return {
      identity: { mspId: MSP },
      contracts: {
        evaluate: (_: unknown, contract: string, method: string) => {
          if (contract === 'grants') return Promise.resolve(this.book);
          return Promise.resolve(method === 'List' ? { items: [this.record] } : this.record);
        },
        submit: (_: unknown, __: string, ___: string, { records: [change] }: Reseal) => {
          if (this.submit === 'refuse') return Promise.reject(new CareLedgerError('EPOCH_STALE'));
          if (this.submit !== 'lose') this.record = { ...this.record, ...change };
          return this.submit === 'commit'
            ? Promise.resolve({})
            : Promise.reject(new CareLedgerError('COMMIT_UNKNOWN'));
        },
      },
      store: {
        put: (bytes: Uint8Array) => {
          this.onStore('put');
          const cid = createHash('sha256').update(bytes).digest('hex');
          this.objects.set(cid, bytes);
          return Promise.resolve(cid);
        },
        get: (cid: string) => Promise.resolve(this.objects.get(cid)),
        unpin: (cid: string) => {
          this.onStore('unpin');
          return Promise.resolve(void this.objects.delete(cid));
        },
        collect: () => Promise.resolve(),
      },
      custody: {
        erasure: this.erasure,
        encryptionPublicKey: () => Promise.resolve(this.#keys.publicKey),
        mac: () => Promise.resolve(new Uint8Array(32).fill(7)),
        openHeader: ({ header, erasureKey }: { header: Uint8Array; erasureKey?: Uint8Array }) =>
          this.openStored(header, erasureKey),
      },
      erasureKeys: this.erasureKeys,
      sharer: { forPatient: () => Promise.resolve(this.hasLabelKey ? this.#sharer : undefined) },
      work: this.work,
      attempts: this.attempts,
      sensitivities: this.sensitivities,
      objectsOf: ({ contentCid, headerCid, sharing }: EmrRecord) => [
        contentCid,
        headerCid,
        sharing?.headerCid ?? '',
      ],
      clock: () => this.nowMs,
      onResealed: (count: number) => {
        this.resealed += count;
      },
    } as unknown as ResealModules;
  }
}

describe('sealing records anew', () => {
  let owner: Owner;
  let before: EmrRecord;
  let header: Uint8Array;
  beforeEach(async () => {
    owner = await Owner.make();
    before = owner.record;
    header = owner.objects.get(before.headerCid)!;
  });
  const leafKey = async (leaf = 0): Promise<Uint8Array | undefined> =>
    erasureKeyFromParts(
      await owner.erasure.partsOf({ ownerMspId: MSP, pseudonym: PSEUDONYM, recordType: 'laboratory', leaf }),
    );
  /** Nothing of the earlier sealing is left, and the present one opens. */
  const expectAnew = async (): Promise<void> => {
    const { record } = owner;
    expect(record.contentCid).to.not.equal(before.contentCid);
    expect(record.digest).to.equal(before.digest);
    expect(record.sharing?.tagEpoch).to.equal(owner.epoch);
    expect([...owner.objects.keys()].sort()).to.deep.equal(owner.objectsOfRecord);
    expect(owner.attempts.rows.size).to.equal(0);
    expect(await leafKey(before.erasureLeaf), 'the earlier leaf is punctured').to.equal(undefined);
    const present = owner.objects.get(record.headerCid)!;
    expect(await owner.openStored(present, await leafKey(record.erasureLeaf))).to.have.property('dataKey');
  };

  it('gives a record of a raised epoch new keys, body, headers and leaf, and ends what was', async () => {
    const { dataKey } = await owner.openStored(header, await leafKey(before.erasureLeaf));
    owner.raise();
    expect(await owner.run()).to.deep.equal([]);
    await expectAnew();
    const present = owner.objects.get(owner.record.headerCid)!;
    const opened = await owner.openStored(present, await leafKey(owner.record.erasureLeaf));
    expect(opened.dataKey).to.not.deep.equal(dataKey);
    expect(await owner.openStored(header).catch((error: unknown) => error)).to.have.property(
      'code',
      'CRYPTO_AUTHENTICATION_FAILED',
    );
    expect([owner.resealed, owner.work.rows.size]).to.deep.equal([1, 0]);
  });

  it('leaves alone what is of the present epochs, erased, of another hospital, or not for sharing', async () => {
    const untouched = async (change: () => void): Promise<void> => {
      change();
      expect(await owner.run()).to.deep.equal([]);
      expect([owner.resealed, owner.work.rows.size]).to.deep.equal([0, 0]);
    };
    await untouched(() => undefined);
    owner.raise();
    const { record, book } = owner;
    await untouched(() => (owner.record = { ...record, status: 'erased' }));
    await untouched(() => (owner.record = { ...record, sharable: false }));
    owner.record = record;
    await untouched(() => (owner.book = { ...book, mspId: 'H2MSP' }));
    await untouched(() => (owner.book = { pseudonym: PSEUDONYM, mspId: MSP, status: 'enrolled' }));
  });

  it('looks at the records of every patient whose grant book an opening changed, and of nobody else', async () => {
    const pseudonyms = [PSEUDONYM, 'b'.repeat(32)];
    const take = (payload: object) =>
      owner.worker.take({ payload: { event: EVENTS.accessDecided, id: 'x', ...payload } });
    expect(await take({})).to.equal(false);
    expect(
      await owner.worker.take({ payload: { event: EVENTS.receiptPosted, id: 'x', pseudonyms } }),
    ).to.equal(false);
    expect(owner.work.rows.size).to.equal(0);
    expect(await take({ pseudonyms })).to.equal(true);
    expect([...owner.work.rows.keys()]).to.deep.equal(pseudonyms);
  });

  it('takes what says no sensitivity for the most sensitive, and what says one for that', async () => {
    const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
    const labelled = (code: string) => ({ meta: { security: [{ system: CONFIDENTIALITY, code }] } });
    const sensitivityOf = async (contentType: string, content: string, noted?: 'restricted') => {
      owner = await Owner.make({ contentType, content });
      delete (owner.record as { sharing?: object }).sharing;
      if (noted !== undefined) owner.sensitivities.rows.set(RECORD_ID, { sensitivity: noted });
      expect(await owner.run()).to.deep.equal([]);
      return owner.record.sharing?.sensitivity;
    };
    const fhir = 'application/fhir+json';
    expect(await sensitivityOf(fhir, JSON.stringify({ entry: [{ resource: {} }] }))).to.equal('normal');
    expect(await sensitivityOf(fhir, JSON.stringify({ entry: [{ resource: labelled('R') }] }))).to.equal(
      'restricted',
    );
    expect(await sensitivityOf('text/plain', '4.1', 'restricted')).to.equal('restricted');
    for (const unreadable of ['{', 'null', '"R"'])
      expect(await sensitivityOf(fhir, unreadable), unreadable).to.equal('very-restricted');
    expect(await sensitivityOf('text/plain', '4.1')).to.equal('very-restricted');
  });

  it('waits for the patient’s label key', async () => {
    owner.raise();
    owner.hasLabelKey = false;
    expect(await owner.run()).to.deep.equal([]);
    expect([owner.resealed, owner.work.rows.size]).to.deep.equal([0, 1]);
    owner.hasLabelKey = true;
    await owner.run();
    await expectAnew();
  });

  it('goes on after being killed at any step, never half', async () => {
    for (let step = 1; step <= 6; step += 1) {
      owner = await Owner.make();
      before = owner.record;
      owner.raise();
      let count = 0;
      owner.onStore = () => {
        count += 1;
        if (count === step) throw new Error('killed');
      };
      await owner.run();
      owner.onStore = () => undefined;
      owner.nowMs += MINUTE_MS;
      expect(await owner.run(), `killed at step ${String(step)}`).to.deep.equal([]);
      owner.nowMs += MINUTE_MS;
      await owner.run();
      await expectAnew();
    }
  });

  it('lets the new objects go when the ledger refuses, and keeps the record as it was', async () => {
    owner.raise();
    owner.submit = 'refuse';
    expect(await owner.run()).to.have.length(1);
    expect([...owner.objects.keys()].sort()).to.deep.equal(owner.objectsOfRecord);
    expect(await leafKey(before.erasureLeaf)).to.not.equal(undefined);
    owner.submit = 'commit';
    await owner.run();
    await expectAnew();
  });

  it('asks the ledger when a transaction’s fate was unknown, whichever it was', async () => {
    owner.raise();
    owner.submit = 'commit and lose';
    expect(await owner.run()).to.have.length(1);
    expect(await owner.run()).to.deep.equal([]);
    await expectAnew();

    owner = await Owner.make();
    before = owner.record;
    owner.raise();
    owner.submit = 'lose';
    await owner.run();
    expect(owner.objects.size, 'both are kept: it may still come to stand').to.equal(6);
    owner.submit = 'commit';
    await owner.run();
    owner.nowMs += MINUTE_MS;
    await owner.run();
    await expectAnew();
  });
});
