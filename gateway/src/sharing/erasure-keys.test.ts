import { CryptoError } from '@careledger/crypto';
import { CareLedgerError, type EmrRecord, type ErrorCode } from '@careledger/protocol';
import { expect } from 'chai';
import { createErasureTrees } from '../custody/erasure-trees.js';
import type { OneTimeKeys } from '../custody/recipient-keys.js';
import type { ErasureCustody } from '../ports/erasure-custody.js';
import { ErasureKeys } from './erasure-keys.js';
import type { ErasureLedger } from './erasure-ledger.js';
import { ERASURE_DEALS_PATH, ERASURE_PARTS_PATH } from './erasure-protocol.js';
import { KeyServer } from './key-server.js';
import { memoryFolder } from './opening.test-support.js';

const [OWNER, FIRST, SECOND, STRANGER] = ['H1MSP', 'H2MSP', 'H3MSP', 'H4MSP'] as const;
const PSEUDONYM = 'a'.repeat(32);
const OF = { pseudonym: PSEUDONYM, recordType: 'laboratory' } as const;
const BATCH = 'b'.repeat(32);

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'given'> {
  return work.then(
    () => 'given' as const,
    (error: unknown) => (error as CareLedgerError).code,
  );
}

/** Four hospitals and the ledger that they all see; the first one seals. */
class Consortium {
  readonly records: EmrRecord[] = [];
  active: string[] = [OWNER, FIRST, SECOND, STRANGER];
  readonly away = new Set<string>();
  /** Changes what a hospital answers on its way. */
  tamper: (mspId: string, answer: { parts: { parts: string }[] }) => object = (_, answer) => answer;
  readonly asked: string[] = [];
  readonly custodies = new Map<string, ErasureCustody>();
  readonly servers = new Map<string, KeyServer>();
  readonly keys: ErasureKeys;

  constructor() {
    for (const mspId of this.active) {
      const custody = createErasureTrees({ mspId }, memoryFolder(), {} as OneTimeKeys);
      this.custodies.set(mspId, custody);
      this.servers.set(mspId, new KeyServer({ ledger: this.ledgerOf(mspId), custody }));
    }
    const ask = async (mspId: string, { path, body }: { path: string; body: object }): Promise<object> => {
      this.asked.push(`${mspId} ${path}`);
      if (this.away.has(mspId)) throw new CareLedgerError('PEER_GATEWAY_UNAVAILABLE');
      const route = this.servers.get(mspId)!.routes.find((candidate) => candidate.path === path);
      const text = await route!.handle(OWNER, JSON.parse(JSON.stringify(body)));
      return this.tamper(mspId, JSON.parse(text) as never);
    };
    this.keys = new ErasureKeys({
      ledger: this.ledgerOf(OWNER),
      custody: this.custodies.get(OWNER)!,
      peers: { ask: ask as never },
    });
  }

  ledgerOf(mspId: string): ErasureLedger {
    return {
      mspId,
      activeMembers: () => Promise.resolve(this.active),
      gatewayUrl: () => Promise.resolve(''),
      hospitalOf: (pseudonym) =>
        pseudonym === PSEUDONYM ? Promise.resolve(OWNER) : Promise.resolve(STRANGER),
      recordsOf: () => Promise.resolve(this.records),
      record: (recordId) => Promise.resolve(this.records.find((record) => record.recordId === recordId)),
    };
  }

  /** Seals a record: its key is what sealing would have used. */
  async seal(): Promise<{ record: EmrRecord; key: string }> {
    const { leaf, key, keyServers } = await this.keys.nextLeaf(OF);
    const record = {
      recordId: `${BATCH}.${String(this.records.length)}`,
      ownerMspId: OWNER,
      pseudonym: PSEUDONYM,
      type: 'laboratory',
      status: 'anchored',
      erasureLeaf: leaf,
      ...(keyServers === undefined ? {} : { keyServers }),
    } as EmrRecord;
    this.records.push(record);
    return { record, key: Buffer.from(key).toString('hex') };
  }

  change(record: EmrRecord, change: Partial<EmrRecord>): void {
    this.records[this.records.indexOf(record)] = { ...record, ...change };
  }

  /** Opens with the right key alone, as a header does. */
  async open(sealed: { record: EmrRecord; key: string }): Promise<string> {
    const openWith = this.keys.openWith(this.records);
    return openWith(sealed.record, (erasureKey) => {
      const found = Buffer.from(erasureKey ?? []).toString('hex');
      if (found === sealed.key) return Promise.resolve('opened');
      return Promise.reject(
        new CryptoError('CRYPTO_AUTHENTICATION_FAILED', { argument: 'x', expected: 'y', came: 'z' }),
      );
    });
  }
}

describe('erasure keys of the owner, and their key servers', () => {
  let consortium: Consortium;
  beforeEach(() => {
    consortium = new Consortium();
  });

  it('names the two that follow as key servers, and gives them their parts', async () => {
    const sealed = await consortium.seal();
    expect(sealed.record.keyServers).to.deep.equal([FIRST, SECOND]);
    expect(await consortium.open(sealed), 'alone').to.equal('opened');
    expect(consortium.asked).to.deep.equal([]);
    expect(await consortium.keys.deal()).to.deep.equal([]);
    expect(consortium.asked).to.deep.equal([FIRST, SECOND].map((mspId) => `${mspId} ${ERASURE_DEALS_PATH}`));
    expect(await consortium.keys.deal()).to.deep.equal([]);
    expect(consortium.asked).to.have.length(2);
    expect(await consortium.open(sealed), 'with a key server').to.equal('opened');
    expect(consortium.asked.at(-1)).to.equal(`${FIRST} ${ERASURE_PARTS_PATH}`);
  });

  it('holds a key alone where there are not two others', async () => {
    consortium.active = [OWNER, FIRST];
    const sealed = await consortium.seal();
    expect(sealed.record.keyServers).to.equal(undefined);
    expect(await consortium.keys.deal()).to.deep.equal([]);
    expect(await consortium.open(sealed)).to.equal('opened');
    expect(consortium.asked).to.deep.equal([]);
  });

  it('makes the key with either key server, asks once for many records, and with neither says who is missing', async () => {
    const sealed = [await consortium.seal(), await consortium.seal(), await consortium.seal()];
    await consortium.keys.deal();
    consortium.asked.length = 0;
    const openWith = consortium.keys.openWith(consortium.records);
    for (const { record } of sealed) await openWith(record, () => Promise.resolve());
    expect(consortium.asked).to.have.length(1);
    consortium.away.add(FIRST);
    expect(await consortium.open(sealed[0]!)).to.equal('opened');
    consortium.away.add(SECOND);
    expect(await codeOf(consortium.open(sealed[0]!))).to.equal('PEER_GATEWAY_UNAVAILABLE');
    expect(await codeOf(consortium.seal()), 'sealing waits for nobody').to.equal('given');
  });

  it('is not led astray by a key server that gives wrong parts, none, or nonsense', async () => {
    const sealed = await consortium.seal();
    await consortium.keys.deal();
    const wrong = Buffer.concat([Buffer.of(1), Buffer.alloc(32, 7)]).toString('base64url');
    for (const parts of [wrong, 'AAAA', undefined]) {
      consortium.tamper = (mspId, answer) =>
        mspId === FIRST
          ? { parts: parts === undefined ? [] : answer.parts.map((given) => ({ ...given, parts })) }
          : answer;
      expect(await consortium.open(sealed), String(parts)).to.equal('opened');
    }
    consortium.tamper = (_, answer) => ({ parts: answer.parts.map((given) => ({ ...given, parts: wrong })) });
    expect(await codeOf(consortium.open(sealed))).to.equal('CRYPTO_AUTHENTICATION_FAILED');
  });

  it('gives parts to the owner alone, of records that stand, by its key servers alone', async () => {
    const { record } = await consortium.seal();
    await consortium.keys.deal();
    const server = consortium.servers.get(FIRST)!;
    const body = { recordIds: [record.recordId] };
    expect((await server.give(OWNER, body)).parts).to.have.length(1);
    for (const caller of [SECOND, STRANGER])
      expect(await codeOf(server.give(caller, body)), caller).to.equal('RELEASE_NOT_AUTHORISED');
    const none = { recordIds: [`${BATCH}.9`] };
    expect(await codeOf(server.give(OWNER, none))).to.equal('RELEASE_NOT_AUTHORISED');
    expect(await codeOf(consortium.servers.get(STRANGER)!.give(OWNER, body))).to.equal(
      'RELEASE_NOT_AUTHORISED',
    );
    expect(await codeOf(server.give(OWNER, { ...body, more: 1 }))).to.equal('SCHEMA_VIOLATION');
    consortium.change(record, { status: 'erased' });
    expect((await server.give(OWNER, body)).parts).to.deep.equal([]);
  });

  it('takes parts from the patient’s hospital alone, for itself, and of members that are active', async () => {
    await consortium.seal();
    const tree = { ...OF, ownerMspId: OWNER, keyServers: [FIRST, SECOND] };
    const dealt = (await consortium.custodies.get(OWNER)!.partsFor(tree, FIRST))!;
    const key = {
      recordType: 'laboratory',
      generation: dealt.generation,
      parts: dealt.parts.map((part) => Buffer.from(part).toString('base64url')),
    };
    const deal = { pseudonym: PSEUDONYM, keyServers: tree.keyServers, keys: [key] };
    const take = (caller: string, change: object = {}, mspId: string = FIRST): Promise<string> =>
      codeOf(consortium.servers.get(mspId)!.take(caller, { ...deal, ...change }));
    expect(await take(SECOND)).to.equal('NOT_OWNER');
    expect(await take(OWNER, { pseudonym: 'f'.repeat(32) })).to.equal('NOT_OWNER');
    expect(await take(OWNER, {}, STRANGER)).to.equal('SCHEMA_VIOLATION');
    expect(await take(OWNER, { keyServers: [FIRST, 'H9MSP'] })).to.equal('SCHEMA_VIOLATION');
    expect(await take(OWNER, { keyServers: [FIRST, OWNER] })).to.equal('SCHEMA_VIOLATION');
    expect(await take(OWNER, { keys: [{ ...key, parts: key.parts.slice(1) }] })).to.equal('SCHEMA_VIOLATION');
    expect(await take(OWNER, { keys: [{ ...key, parts: ['AAAA', 'AAAA'] }] })).to.equal('SCHEMA_VIOLATION');
    expect(await take(OWNER)).to.equal('given');
    expect(await take(OWNER, { keys: [{ ...key, generation: '0'.repeat(32) }] })).to.equal('ALREADY_EXISTS');
  });

  it('is dealt without what was erased or sealed anew before, also when that happens at the same time', async () => {
    const [one, other, third] = [await consortium.seal(), await consortium.seal(), await consortium.seal()];
    consortium.change(one.record, { status: 'erased' });
    const { keyServers = [], erasureLeaf = 0 } = other.record;
    const spentLeaves = [{ leaf: erasureLeaf, keyServers }];
    consortium.change(other.record, {
      erasureLeaf: 9,
      resealed: { times: 1, at: '', txId: '', spentLeaves },
    });
    const custody = consortium.custodies.get(FIRST)!;
    const accept = custody.accept.bind(custody);
    custody.accept = async (...given) => {
      await accept(...given);
      consortium.change(third.record, { status: 'erased' });
    };
    await consortium.keys.deal();
    const tree = { ...OF, ownerMspId: OWNER, keyServers };
    for (const leaf of [0, 1, 2])
      expect((await custody.partsOf({ ...tree, leaf })).size, `leaf ${String(leaf)}`).to.equal(0);
    expect((await custody.partsOf({ ...tree, leaf: 3 })).size).to.equal(2);
  });

  it('deals later what could not be dealt, without asking one that is away for each patient', async () => {
    await consortium.seal();
    await consortium.keys.nextLeaf({ ...OF, recordType: 'imaging' });
    consortium.away.add(SECOND);
    expect((await consortium.keys.deal()).map((error) => (error as CareLedgerError).code)).to.deep.equal([
      'PEER_GATEWAY_UNAVAILABLE',
    ]);
    consortium.away.clear();
    consortium.asked.length = 0;
    expect(await consortium.keys.deal()).to.deep.equal([]);
    expect(consortium.asked, 'both types in one message').to.deep.equal([`${SECOND} ${ERASURE_DEALS_PATH}`]);
  });

  it('is not offered again to a key server that has parts of another making', async () => {
    const sealed = await consortium.seal();
    const tree = { ...OF, ownerMspId: OWNER, keyServers: [FIRST, SECOND] };
    const lost = createErasureTrees({ mspId: OWNER }, memoryFolder(), {} as OneTimeKeys);
    await lost.nextLeaf(tree);
    const before = (await lost.partsFor(tree, FIRST))!;
    await consortium.custodies.get(FIRST)!.accept(tree, { ...before, spent: [] });
    const codes = (await consortium.keys.deal()).map((error) => (error as CareLedgerError).code);
    expect(codes).to.deep.equal(['ALREADY_EXISTS']);
    expect(await consortium.keys.deal()).to.deep.equal([]);
    expect(await consortium.open(sealed), 'the owner goes on alone').to.equal('opened');
  });

  it('refuses a record whose key is punctured here', async () => {
    const sealed = await consortium.seal();
    await consortium.keys.deal();
    const { keyServers = [], erasureLeaf: leaf = 0 } = sealed.record;
    await consortium.custodies.get(OWNER)!.puncture({ ...OF, ownerMspId: OWNER, keyServers, leaf });
    expect(await codeOf(consortium.open(sealed))).to.equal('RELEASE_NOT_AUTHORISED');
    const without = { ...sealed.record };
    delete without.erasureLeaf;
    expect(await consortium.open({ record: without, key: '' })).to.equal('opened');
  });
});
