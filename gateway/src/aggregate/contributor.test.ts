import { publicKeyToJson, type PaillierPublicKey } from '@careledger/crypto';
import { dealThresholdKey } from '@careledger/crypto/testing';
import type { Cohort, Query } from '@careledger/protocol';
import { expect } from 'chai';
import type { RecordStore } from '../ports/record-store.js';
import type { LocalTable } from '../services/local-tables.js';
import { AggregateLedger } from './aggregate-ledger.js';
import { Contributor } from './contributor.js';
import type { AnsweredQuery, KeptRow, LocalPanel } from './local-knowledge.js';
import { DEFAULT_AGGREGATE_POLICY, type AggregatePolicy } from './policy.js';

const HOLDERS = ['AlphaMSP', 'BravoMSP', 'CharlieMSP'];
const PANEL = 'ab'.repeat(16);
const HIV = { condition: { system: 'http://snomed.info/sct', code: '86406008' } } as const;

function memoryTable<Row>(rows = new Map<string, Row>()): LocalTable<Row> {
  return {
    get: (key) => Promise.resolve(rows.get(key)),
    put: (key, row) => Promise.resolve(void rows.set(key, row)),
    delete: (key) => Promise.resolve(void rows.delete(key)),
    // A macrotask, as a disk is: whoever else is at work gets its turn.
    async *entries() {
      await new Promise((resolve) => setImmediate(resolve));
      yield* rows;
    },
  };
}

const layout = {
  id: 'vitals',
  version: 1,
  keyBits: 512,
  fields: [
    { kind: 'numeric', name: 'temperature', unit: 'Cel', scale: 0, min: '30', max: '45' },
    { kind: 'numeric', name: 'viralLoad', unit: '1', scale: 0, min: '0', max: '9' },
    { kind: 'histogram', name: 'ward', unit: '1', categories: ['east', 'west'] },
  ],
  maxRecords: 100,
  statisticalBits: 40,
};

/** A hospital of these patients, and what its gateway answers on the ledger: `Contribute`, or the reason. */
class Hospital {
  readonly answers: string[] = [];
  private readonly contributor: Contributor;
  private asked = 0;

  constructor(
    rows: readonly KeptRow[],
    publicKey: PaillierPublicKey,
    policy: AggregatePolicy = DEFAULT_AGGREGATE_POLICY,
  ) {
    const json = publicKeyToJson(publicKey);
    const panel = { panelId: PANEL, layoutId: 'vitals', layoutVersion: 1, keyId: json.keyId, cid: '' };
    const answersOf: Record<string, unknown> = {
      GetKey: { publicKey: json, sharing: { holders: HOLDERS }, status: 'active' },
      GetLayout: { layout },
      List: { items: rows.length === 0 ? [] : [panel] },
    };
    const ledger = {
      evaluate: (_identity: unknown, _contract: string, method: string) => Promise.resolve(answersOf[method]),
      submit: (_identity: unknown, _contract: string, method: string, argument: { reason?: string }) =>
        Promise.resolve(void this.answers.push(argument.reason ?? method)),
    };
    const sign = (): Promise<never> => Promise.reject(new Error('nothing is signed here'));
    const aggregate = new AggregateLedger({
      ledger: ledger as unknown as AggregateLedger['ledger'],
      identity: { mspId: 'AlphaMSP', certificate: '', sign },
      allowTestKeySize: true,
    });
    const kept: LocalPanel = { ...panel, seed: '', rows, inputDigest: '' };
    const panels = memoryTable(new Map(rows.length === 0 ? [] : [[PANEL, kept]]));
    const knowledge = { panels, answers: memoryTable<AnsweredQuery>() };
    const pool = { makeContribution: () => Promise.resolve(2n) } as never;
    const store = {} as RecordStore;
    this.contributor = new Contributor(aggregate, {
      store,
      knowledge,
      pool,
      policy,
    });
    // The rows' ciphertexts are not what this is about.
    Object.defineProperty(aggregate, 'panel', { value: () => Promise.reject(new Contributed()) });
  }

  async ask(cohort: Cohort, field = 'temperature'): Promise<void> {
    this.asked += 1;
    const query = {
      queryId: String(this.asked).padStart(32, '0'),
      statistic: field === 'ward' ? 'histogram' : 'sum',
      layoutId: 'vitals',
      layoutVersion: 1,
      keyId: this.keyId,
      fields: [field],
      cohort,
      purpose: 'research',
      researcher: { mspId: 'BravoMSP', enrolmentId: 'r', role: 'researcher' },
    };
    await this.contributor.answer(query as unknown as Query).catch((error: unknown) => {
      if (!(error instanceof Contributed)) throw error;
      this.answers.push('Contribute');
    });
  }

  keyId = '';
}

class Contributed extends Error {}

function patients(count: number, change: (index: number) => Partial<KeptRow> = () => ({})): KeptRow[] {
  return Array.from({ length: count }, (_, index) => ({
    patient: String(index),
    subject: { conditions: [] },
    fields: ['temperature'],
    ...change(index),
  }));
}

const withHiv = (index: number): Partial<KeptRow> =>
  index === 0 ? { subject: { conditions: [HIV.condition] } } : {};

describe('what a refusal and a statistic give away', () => {
  let publicKey: PaillierPublicKey;
  before(() => {
    ({ publicKey } = dealThresholdKey({ keyBits: 512, holders: HOLDERS, allowTestKeySize: true }));
  });
  const answersOf = async (
    rows: readonly KeptRow[],
    ask: (hospital: Hospital) => Promise<unknown>,
    policy?: AggregatePolicy,
  ): Promise<string[]> => {
    const hospital = new Hospital(rows, publicKey, policy);
    hospital.keyId = publicKey.keyId;
    await ask(hospital);
    return hospital.answers;
  };

  it('nobody in the cohort is refused like a few: the reason must not tell whether one is there', async () => {
    for (const rows of [patients(8), patients(8, withHiv)]) {
      expect(await answersOf(rows, (hospital) => hospital.ask(HIV))).to.deep.equal(['COHORT_BELOW_MINIMUM']);
    }
    expect(await answersOf([], (hospital) => hospital.ask(HIV))).to.deep.equal(['NO_ROWS']);
  });

  it('a bin of few patients is refused where the policy says so, and only when it is asked for', async () => {
    const inWards = (east: number): KeptRow[] =>
      patients(9, (index) => ({
        fields: ['temperature', 'ward'],
        cells: { ward: index < east ? 'bin:0' : 'bin:1' },
      }));
    const strict = { ...DEFAULT_AGGREGATE_POLICY, minimumCell: 3 };
    const ward = (hospital: Hospital): Promise<unknown> => hospital.ask({ all: true }, 'ward');
    expect(await answersOf(inWards(2), ward, strict)).to.deep.equal(['COHORT_BELOW_MINIMUM']);
    expect(await answersOf(inWards(2), ward)).to.deep.equal(['Contribute']);
    for (const east of [0, 3, 9])
      expect(await answersOf(inWards(east), ward, strict), String(east)).to.deep.equal(['Contribute']);
    const other = (hospital: Hospital): Promise<unknown> => hospital.ask({ all: true });
    expect(await answersOf(inWards(2), other, strict)).to.deep.equal(['Contribute']);
  });

  it('another question with the same answer is refused like one a patient apart', async () => {
    const both = async (hospital: Hospital): Promise<void> => {
      await hospital.ask({ all: true });
      await hospital.ask({ not: HIV });
      await hospital.ask({ all: true });
    };
    for (const rows of [patients(8), patients(8, withHiv)]) {
      expect(await answersOf(rows, both)).to.deep.equal(['Contribute', 'DIFFERENCING', 'Contribute']);
    }
  });

  it('two questions at once are told apart like one after the other', async () => {
    const both = (hospital: Hospital): Promise<unknown> =>
      Promise.all([hospital.ask({ all: true }), hospital.ask({ not: HIV })]);
    expect(await answersOf(patients(8, withHiv), both)).to.have.members(['Contribute', 'DIFFERENCING']);
  });

  it('the minimum is of those with a value, not of the cohort around them', async () => {
    const few = patients(8, (index) => (index === 0 ? { fields: ['temperature', 'viralLoad'] } : {}));
    const ask = (hospital: Hospital): Promise<void> => hospital.ask({ all: true }, 'viralLoad');
    expect(await answersOf(few, ask)).to.deep.equal(['COHORT_BELOW_MINIMUM']);
    // A field that the hospital never records says nothing of its patients.
    expect(await answersOf(patients(8), ask)).to.deep.equal(['Contribute']);
  });

  it('cohorts far apart are refused when those with a value are not', async () => {
    const rows = patients(16, (index) => ({
      subject: { conditions: [], sex: index < 8 ? 'female' : 'male' },
      fields: index < 6 || index === 8 ? ['viralLoad'] : ['temperature'],
    }));
    const both = async (hospital: Hospital): Promise<void> => {
      await hospital.ask({ sex: 'female' }, 'viralLoad');
      await hospital.ask({ all: true }, 'viralLoad');
    };
    expect(await answersOf(rows, both)).to.deep.equal(['Contribute', 'DIFFERENCING']);
  });
});
