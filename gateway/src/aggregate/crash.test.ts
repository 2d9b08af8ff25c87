import {
  createPaillierPool,
  dealKeyShares,
  encodePanelBlock,
  encrypt,
  publicKeyToJson,
  type PaillierPool,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { CareLedgerError, type Query } from '@careledger/protocol';
import { expect } from 'chai';
import type { KeyCustody } from '../ports/key-custody.js';
import type { RecordStore } from '../ports/record-store.js';
import { Contributor } from './contributor.js';
import { DealerKeyHolders, type DealtShare } from './dealer-key-holders.js';
import { FakeLedger, FakeTable, MEMBERS, refusalOf } from './fakes.test-support.js';
import type { AnsweredQuery, KeptRow, LocalPanel } from './local-knowledge.js';
import { DEFAULT_AGGREGATE_POLICY } from './policy.js';

const PANEL = 'ab'.repeat(16);
const LAYOUT = {
  id: 'vitals',
  version: 1,
  keyBits: 512,
  fields: [{ kind: 'numeric', name: 'temperature', unit: 'Cel', scale: 1, min: '-5', max: '4.5' }],
  maxRecords: 100,
  statisticalBits: 40,
};
const DIGEST = 'ef'.repeat(32);

describe('a crash while contributing', function () {
  this.timeout(20_000);
  let pool: PaillierPool;
  let publicKey: PaillierPublicKey;
  before(async () => {
    pool = createPaillierPool({ workers: 1, allowTestKeySize: true });
    ({ publicKey } = await dealKeyShares({ keyBits: 512, holders: MEMBERS, allowTestKeySize: true }));
  });
  after(() => pool.close());

  const rowOf = (patient: number): KeptRow => ({
    patient: String(patient),
    subject: { conditions: [] },
    fields: ['temperature'],
  });

  /** A hospital of eight patients, whose panel and answers survive; `contributor` is made anew after each crash. */
  function hospital() {
    const ledger = new FakeLedger();
    const { keyId } = publicKey;
    const panel = { panelId: PANEL, layoutId: 'vitals', layoutVersion: 1, keyId, cid: 'cid' };
    ledger.answers['GetKey'] = () => ({
      publicKey: publicKeyToJson(publicKey),
      holders: MEMBERS,
      status: 'active',
    });
    ledger.answers['GetLayout'] = () => ({ layout: LAYOUT, digest: DIGEST });
    ledger.answers['List'] = () => ({ items: [panel] });
    ledger.answers['Get'] = () => panel;
    const rows = [...Array(8).keys()];
    const block = encodePanelBlock(
      publicKey,
      DIGEST,
      rows.map(() => encrypt(publicKey, 1n)),
    );
    const panels = new FakeTable<LocalPanel>();
    panels.rows.set(PANEL, { ...panel, rows: rows.map(rowOf), inputDigest: '' });
    const answers = new FakeTable<AnsweredQuery>();
    const store = { get: () => Promise.resolve(block) } as unknown as RecordStore;
    const modules = { store, knowledge: { panels, answers }, pool, policy: DEFAULT_AGGREGATE_POLICY };
    const answer = (query: object): Promise<void> =>
      new Contributor(ledger.as('AlphaMSP'), modules).answer(query as Query);
    return { ledger, panels, answers, answer };
  }

  const query = (queryId = 'cd'.repeat(16)): object => ({
    queryId,
    statistic: 'sum',
    layoutId: 'vitals',
    layoutVersion: 1,
    keyId: publicKey.keyId,
    fields: ['temperature'],
    cohort: { all: true },
    purpose: 'research',
    researcher: { mspId: 'BravoMSP', enrolmentId: 'r', role: 'researcher' },
  });

  it('after the opening was stored: the same ciphertext under the same commitment, whatever rows came since', async () => {
    const { ledger, panels, answers, answer } = hospital();
    const lost: object[] = [];
    ledger.onSubmit = (_method, argument) => {
      lost.push(argument);
      throw new CareLedgerError('COMMIT_UNKNOWN');
    };
    expect(await refusalOf(answer(query()))).to.equal('COMMIT_UNKNOWN');
    expect([...answers.rows.keys()]).to.deep.equal(['cd'.repeat(16)]);
    ledger.onSubmit = () => undefined;
    const kept = panels.rows.get(PANEL)!;
    panels.rows.set(PANEL, { ...kept, rows: [...kept.rows, rowOf(8)] });
    await answer(query());
    expect(ledger.submitted).to.deep.equal([{ method: 'Contribute', argument: lost[0] }]);
    expect(lost[0]).to.have.property('panelIds').that.deep.equals([PANEL]);
  });

  it('another query of the same cohort has another mask and another ciphertext', async () => {
    const { ledger, answer } = hospital();
    await answer(query());
    await answer(query('ef'.repeat(16)));
    const [first, second] = ledger.submitted.map(({ argument }) => argument);
    expect(first?.['ciphertext']).to.be.a('string').and.not.to.equal(second?.['ciphertext']);
    expect(first?.['commitment']).to.be.a('string').and.not.to.equal(second?.['commitment']);
  });

  it('before the opening was stored: nothing is posted, and nothing counts as an earlier cohort', async () => {
    const { ledger, answers, answer } = hospital();
    const put = answers.put.bind(answers);
    answers.put = () => Promise.reject(new CareLedgerError('CUSTODY_LOCKED'));
    expect(await refusalOf(answer(query()))).to.equal('CUSTODY_LOCKED');
    expect([ledger.submitted, answers.rows.size]).to.deep.equal([[], 0]);
    answers.put = put;
    await answer(query());
    expect(ledger.methods).to.deep.equal(['Contribute']);
  });
});

describe('dealing the key', function () {
  this.timeout(20_000);
  const { signal } = new AbortController();

  class Held implements Pick<KeyCustody, 'storeKeyShare' | 'hasKeyShare'> {
    readonly shares = new Map<string, unknown>();
    storeKeyShare({ keyId, shareJson }: { keyId: string; shareJson: unknown }): Promise<void> {
      this.shares.set(keyId, shareJson);
      return Promise.resolve();
    }
    hasKeyShare(keyId: string): Promise<boolean> {
      return Promise.resolve(this.shares.has(keyId));
    }
  }

  function consortium() {
    const ledger = new FakeLedger();
    const active = new Set<string>(MEMBERS);
    let key: Record<string, unknown> | undefined;
    ledger.answers['GetKey'] = () => {
      if (key === undefined) throw new CareLedgerError('KEY_NOT_FOUND');
      return key;
    };
    ledger.answers['List'] = () => ({
      items: MEMBERS.map((mspId) => ({ mspId, status: active.has(mspId) ? 'active' : 'proposed' })),
    });
    const register = (registeredBy: string, registration: object): void => {
      key = { ...registration, acceptedBy: [], registeredBy, status: 'registered' };
    };
    ledger.onSubmit = (method, argument, { mspId }) => {
      if (method === 'RegisterKey') register(mspId, argument);
    };
    const delivered: { readonly mspId: string; readonly dealt: DealtShare }[] = [];
    const network = { isDown: false };
    const holderOf = (mspId: string) => {
      const custody = new Held();
      const holders = new DealerKeyHolders({
        aggregate: ledger.as(mspId),
        custody: custody as unknown as KeyCustody,
        dealerMspId: MEMBERS[0],
        memberMspIds: MEMBERS,
        keyBits: 256,
        allowTestKeySize: true,
        deliver: (to, dealt) => {
          if (network.isDown && to === MEMBERS[3])
            return Promise.reject(new CareLedgerError('PEER_GATEWAY_UNAVAILABLE'));
          delivered.push({ mspId: to, dealt });
          return Promise.resolve();
        },
      });
      return { custody, holders };
    };
    return { ledger, active, register, delivered, network, holderOf };
  }

  it('takes shares from the dealer only', async () => {
    const { custody, holders } = consortium().holderOf(MEMBERS[1]);
    const dealt = { keyId: 'ab'.repeat(32), share: 'share' };
    for (const other of MEMBERS.slice(1))
      expect(await refusalOf(holders.receive(other, dealt))).to.equal('NOT_OWNER');
    expect([...custody.shares]).to.deep.equal([]);
    await holders.receive(MEMBERS[0], dealt);
    expect([...custody.shares]).to.deep.equal([[dealt.keyId, 'share']]);
  });

  it('accepts the key that is registered and of which it holds a share, and no other', async () => {
    const { ledger, register, holderOf } = consortium();
    const { holders } = holderOf(MEMBERS[1]);
    const of = (keyId: string): object => ({ publicKey: { keyId }, holders: MEMBERS });
    register(MEMBERS[0], of('ab'.repeat(32)));
    await holders.receive(MEMBERS[0], { keyId: 'cd'.repeat(32), share: 'of another key' });
    await holders.ensureKey(signal);
    expect(ledger.methods).to.deep.equal([]);
    register(MEMBERS[2], of('cd'.repeat(32)));
    await holders.ensureKey(signal);
    expect(ledger.methods, 'registered by somebody else').to.deep.equal([]);
    register(MEMBERS[0], of('cd'.repeat(32)));
    await holders.ensureKey(signal);
    expect(ledger.submitted).to.deep.equal([{ method: 'AcceptKey', argument: { keyId: 'cd'.repeat(32) } }]);
  });

  it('registers a key only when every share is delivered; the retry deals the same key', async () => {
    const { ledger, delivered, network, holderOf } = consortium();
    const { holders } = holderOf(MEMBERS[0]);
    network.isDown = true;
    expect(await refusalOf(holders.ensureKey(signal))).to.equal('PEER_GATEWAY_UNAVAILABLE');
    expect(ledger.methods).to.deep.equal([]);
    network.isDown = false;
    await holders.ensureKey(signal);
    expect(ledger.methods).to.deep.equal(['RegisterKey', 'AcceptKey']);
    expect(new Set(delivered.map(({ dealt }) => dealt.keyId)).size, 'keys').to.equal(1);
    const [bravo] = delivered;
    const again = delivered.filter(({ mspId }) => mspId === MEMBERS[1]);
    expect(again.map(({ dealt }) => dealt)).to.deep.equal([bravo?.dealt, bravo?.dealt]);
  });

  it('waits for every member, and deals nowhere but at the dealer', async () => {
    const { ledger, active, delivered, holderOf } = consortium();
    active.delete(MEMBERS[3]);
    expect(await holderOf(MEMBERS[0]).holders.ensureKey(signal)).to.equal(undefined);
    active.add(MEMBERS[3]);
    expect(await holderOf(MEMBERS[1]).holders.ensureKey(signal)).to.equal(undefined);
    expect([ledger.methods, delivered]).to.deep.equal([[], []]);
  });
});
