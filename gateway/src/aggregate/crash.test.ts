import {
  bytesToBase64Url,
  ciphertextFromText,
  createPaillierPool,
  encodePanelBlock,
  encryptorOf,
  plaintextProofFromJson,
  publicKeyToJson,
  verifyPlaintextKnowledge,
  type PaillierPool,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { dealThresholdKey } from '@careledger/crypto/testing';
import { CareLedgerError, type Query } from '@careledger/protocol';
import { expect } from 'chai';
import type { RecordStore } from '../ports/record-store.js';
import { Contributor } from './contributor.js';
import { FakeLedger, FakeTable, MEMBERS, refusalOf } from './fakes.test-support.js';
import type { AnsweredQuery, KeptRow, LocalPanel } from './local-knowledge.js';
import { DEFAULT_AGGREGATE_POLICY } from './policy.js';

const PANEL = 'ab'.repeat(16);
const SEED = new Uint8Array(32).fill(7);
const seed = bytesToBase64Url(SEED);
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
  before(() => {
    pool = createPaillierPool({ workers: 1, allowTestKeySize: true });
    ({ publicKey } = dealThresholdKey({ keyBits: 512, holders: MEMBERS, allowTestKeySize: true }));
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
      sharing: { holders: MEMBERS },
      status: 'active',
    });
    ledger.answers['GetLayout'] = () => ({ layout: LAYOUT, digest: DIGEST });
    ledger.answers['List'] = () => ({ items: [panel] });
    ledger.answers['Get'] = () => panel;
    const rows = [...Array(8).keys()];
    const block = encodePanelBlock(
      publicKey,
      DIGEST,
      rows.map((index) => encryptorOf(publicKey).encryptSeeded(1n, { seed: SEED, index })),
    );
    const panels = new FakeTable<LocalPanel>();
    panels.rows.set(PANEL, { ...panel, seed, rows: rows.map(rowOf), inputDigest: '' });
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
    const [again] = ledger.submitted;
    expect(ledger.methods).to.deep.equal(['Contribute']);
    expect({ ...again!.argument, proof: null }).to.deep.equal({ ...lost[0], proof: null });
    expect(lost[0]).to.have.property('panelIds').that.deep.equals([PANEL]);
  });

  it('what is posted is proved for this hospital, query and panel, and for no other', async () => {
    const { ledger, answer } = hospital();
    await answer(query());
    const [{ argument }] = ledger.submitted as [(typeof ledger.submitted)[number]];
    const verify = (changes: object): void => {
      const context = { mspId: 'AlphaMSP', queryId: 'cd'.repeat(16), panels: ['cid'], ...changes };
      const ciphertext = ciphertextFromText(publicKey, String(argument['ciphertext']));
      const proof = plaintextProofFromJson(publicKey, argument['proof']);
      verifyPlaintextKnowledge({ publicKey, ciphertext, proof, context });
    };
    verify({});
    for (const other of [{ mspId: 'BravoMSP' }, { queryId: 'ef'.repeat(16) }, { panels: ['another'] }])
      expect(() => {
        verify(other);
      }, JSON.stringify(other)).to.throw('CRYPTO_PROOF_INVALID');
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
