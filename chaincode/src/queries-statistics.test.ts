import { expect } from 'chai';
import { STATISTICS as COMPUTED, plaintextResults, type PanelRow } from '@careledger/crypto/core';
import { STATISTICS, type PanelLayoutDocument, type Query } from '@careledger/protocol';
import { LAYOUT, TestAggregate } from './testing/aggregation.js';
import { ALPHA, BRAVO, CHARLIE, DELTA, HOSPITALS, fourHospitals, staff } from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections } from './testing/rejections.js';

const KINDS: PanelLayoutDocument = {
  ...LAYOUT,
  id: 'kinds',
  maxRecords: 20,
  fields: [
    {
      kind: 'pair',
      name: 'ageByDose',
      x: { column: 'age', unit: 'a', scale: 0, min: '0', max: '15' },
      y: { column: 'dose', unit: 'mg', scale: 1, min: '-1', max: '1' },
    },
    { kind: 'grouped', name: 'bySex', unit: '1', by: [{ column: 'sex', categories: ['female', 'male'] }] },
    {
      kind: 'survival',
      name: 'followUp',
      unit: 'mo',
      edges: ['0', '12'],
      time: 'months',
      event: { column: 'outcome', occurred: 'died', censored: 'lost' },
    },
  ],
};
const ROWS: Readonly<Record<string, readonly PanelRow[]>> = {
  [ALPHA]: [{ age: '3', dose: '-1', sex: 'male', months: '0', outcome: 'died' }],
  [BRAVO]: [{ age: '5', dose: '0.5', sex: 'female' }, { sex: 'male' }],
  [CHARLIE]: [{ age: '15', dose: '1', months: '12', outcome: 'lost' }],
  [DELTA]: [{ age: '7', months: '3.5', outcome: 'died' }],
};
const AGES: Readonly<Record<string, readonly PanelRow[]>> = {
  [ALPHA]: [{ age: '30' }, { age: '41' }],
  [BRAVO]: [{ age: '52' }],
  [CHARLIE]: [],
  [DELTA]: [{ sex: 'male' }],
};

describe('statistics of the contracts', () => {
  let ledger: MemoryLedger;
  let aggregate: TestAggregate;
  before(async () => {
    ledger = await fourHospitals();
    aggregate = await new TestAggregate(ledger).setUp();
    await ledger.submit(staff(ALPHA, 'officer'), 'panels:RegisterLayout', { layout: KINDS });
  });

  it('are those that crypto computes', () => {
    expect([...STATISTICS]).to.deep.equal([...COMPUTED]);
  });

  const cases = [
    { statistic: 'weightedSum', fields: ['age'], weights: ['-3'], layout: LAYOUT, rows: AGES },
    { statistic: 'covariance', fields: ['ageByDose'], layout: KINDS, rows: ROWS },
    { statistic: 'groupedCount', fields: ['bySex'], layout: KINDS, rows: ROWS },
    { statistic: 'survival', fields: ['followUp'], layout: KINDS, rows: ROWS },
  ] as const;
  for (const { layout, rows, ...asked } of cases) {
    it(`decrypts a ${asked.statistic} to what the plaintexts say`, async () => {
      const queryId = await aggregate.query({ ...asked, layoutId: layout.id });
      for (const mspId of HOSPITALS) {
        const { argument } = await aggregate.contributionOf(queryId, mspId, rows[mspId] ?? [], layout);
        await ledger.submit(staff(mspId, 'gateway'), 'queries:Contribute', argument);
      }
      const completed = await ledger.submit(staff(DELTA, 'gateway'), 'queries:Complete', { queryId });
      const query = completed.response as Query;
      for (const mspId of HOSPITALS)
        await ledger.submit(staff(mspId, 'gateway'), 'queries:Share', aggregate.share(query, mspId));
      const published = await ledger.submit(staff(BRAVO, 'gateway'), 'queries:Publish', { queryId });
      const plaintexts = HOSPITALS.flatMap((mspId) => rows[mspId] ?? []);
      expect((published.response as Query).results).to.deep.equal(
        plaintextResults(layout, plaintexts, asked),
      );
    });
  }

  it('ends a query over more records than the layout’s slots have room for, before anything is decrypted', async () => {
    // Each panel of these tests has three rows, whichever of them are in the cohort.
    for (const [maxRecords, status] of [
      [12, 'contributed'],
      [11, 'refused'],
    ] as const) {
      const layout = { ...KINDS, id: `room-${String(maxRecords)}`, maxRecords };
      await ledger.submit(staff(ALPHA, 'officer'), 'panels:RegisterLayout', { layout });
      const asked = { statistic: 'groupedCount', fields: ['bySex'], layoutId: layout.id };
      const queryId = await aggregate.query(asked);
      for (const mspId of HOSPITALS) {
        const { argument } = await aggregate.contributionOf(queryId, mspId, [{ sex: 'male' }], layout);
        await ledger.submit(staff(mspId, 'gateway'), 'queries:Contribute', argument);
      }
      const completed = await ledger.submit(staff(DELTA, 'gateway'), 'queries:Complete', { queryId });
      const query = completed.response as Query;
      expect([query.status, query.aggregate !== undefined]).to.deep.equal([status, status === 'contributed']);
      expect(query.refusal?.reason).to.equal(status === 'refused' ? 'TOO_MANY_RECORDS' : undefined);
    }
  });

  it('refuses a query of another kind of field, an unknown one, and weights out of place', async () => {
    const open = (changes: object) => aggregate.queryFields(changes);
    const kinds = { layoutId: KINDS.id };
    const refused: readonly (readonly [string, object])[] = [
      ['a covariance of a numeric field', { statistic: 'covariance' }],
      ['a grouped count of a pair', { ...kinds, statistic: 'groupedCount', fields: ['ageByDose'] }],
      ['a survival of an unknown field', { ...kinds, statistic: 'survival', fields: ['months'] }],
      ['a weighted sum without weights', { statistic: 'weightedSum' }],
      ['more weights than fields', { statistic: 'weightedSum', weights: ['1', '1'] }],
      ['a weight of nothing', { statistic: 'weightedSum', weights: ['0'] }],
      ['a weight that is too large', { statistic: 'weightedSum', weights: ['1000000001'] }],
      ['weights of a sum', { statistic: 'sum', weights: ['1'] }],
    ];
    await expectRejections(
      ledger,
      'queries:Open',
      refused.map(([why, changes]) => ({
        why,
        code: 'SCHEMA_VIOLATION',
        caller: staff(ALPHA, 'researcher'),
        argument: open(changes),
      })),
    );
  });

  it('refuses a layout whose groups are too many, and one that reads a column twice', async () => {
    const letters = (count: number) => Array.from({ length: count }, (_, index) => `c${String(index)}`);
    const [pair] = KINDS.fields;
    const by = [
      { column: 'a', categories: letters(13) },
      { column: 'b', categories: letters(5) },
    ];
    const fields: readonly (readonly [string, object])[] = [
      ['65 groups', { kind: 'grouped', name: 'g', unit: '1', by }],
      ['one column twice', { ...pair, y: { column: 'age', unit: 'a', scale: 0, min: '0', max: '1' } }],
      ['no categories', { kind: 'grouped', name: 'g', unit: '1', by: [{ column: 'a' }] }],
    ];
    await expectRejections(
      ledger,
      'panels:RegisterLayout',
      fields.map(([why, field]) => ({
        why,
        code: 'SCHEMA_VIOLATION',
        caller: staff(ALPHA, 'officer'),
        argument: { layout: { ...KINDS, id: 'other', keyBits: 4096, fields: [field] } },
      })),
    );
  });
});
