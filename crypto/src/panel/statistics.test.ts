import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../test-support.js';
import { assertAsked, type AskedStatistic } from './asked-statistic.js';
import type { PanelRow } from './fields/columns.js';
import { clinicLayout, clinicRow } from './panel-samples.test-support.js';
import { decodeTotals, encodeRow, maskPlaintext, rowEncoder, slotsFor, type PanelTotals } from './panel.js';
import { MAX_CONTRIBUTORS } from './panel-layout.js';
import { plaintextResults, plaintextStatistic } from './plaintext-statistics.js';
import { resultsFromTotals, statisticFromTotals } from './statistics.js';

const NUMERIC = ['temperature', 'baseExcess'];
const QUERIES: readonly AskedStatistic[] = [
  { statistic: 'count', fields: NUMERIC },
  { statistic: 'sum', fields: NUMERIC },
  { statistic: 'mean', fields: NUMERIC },
  { statistic: 'variance', fields: NUMERIC },
  { statistic: 'weightedSum', fields: NUMERIC, weights: ['-1000000000', '7'] },
  { statistic: 'histogram', fields: ['sex'] },
  { statistic: 'groupedCount', fields: ['sexByTemperature'] },
  { statistic: 'covariance', fields: ['excessByTemperature'] },
  { statistic: 'survival', fields: ['followUp'] },
];

/** As it comes out of the decryption: the rows' sum, and 64 masks on what was not asked. */
function totalsOf(
  rows: readonly PanelRow[],
  { fields, statistic }: AskedStatistic,
  random?: (sizeBytes: number) => Uint8Array,
): PanelTotals {
  const asked = slotsFor(clinicLayout, fields, statistic);
  const masks = BigInt(MAX_CONTRIBUTORS) * maskPlaintext(clinicLayout, asked, random);
  const encode = rowEncoder(clinicLayout);
  return decodeTotals(
    clinicLayout,
    rows.reduce((sum, row) => sum + encode(row).plaintext, masks),
    asked,
  );
}

const resultsOf = (rows: readonly PanelRow[], query: AskedStatistic) =>
  resultsFromTotals(clinicLayout, totalsOf(rows, query), query);

describe('statistics', function () {
  this.timeout(20_000);

  for (const query of QUERIES) {
    it(`${query.statistic}: totals give what the rows in the clear give`, () => {
      fc.assert(
        fc.property(fc.array(clinicRow, { maxLength: 8 }), (rows) => {
          expect(resultsOf(rows, query)).to.deep.equal(plaintextResults(clinicLayout, rows, query));
        }),
        { numRuns: 60 },
      );
    });

    it(`${query.statistic}: full totals beside the largest masks are exact`, () => {
      const { maxRecords } = clinicLayout;
      const largest = {
        temperature: '4.5',
        baseExcess: '-0.5',
        sex: 'male',
        months: '10',
        outcome: 'died',
      };
      for (const row of [largest, { ...largest, temperature: '-5', baseExcess: '-30', outcome: 'lost' }]) {
        const rows = Array.from({ length: maxRecords }, () => row);
        const filled = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).fill(255);
        expect(resultsFromTotals(clinicLayout, totalsOf(rows, query, filled), query)).to.deep.equal(
          plaintextResults(clinicLayout, rows, query),
        );
      }
    });
  }

  it('covariance, worked: rows that miss one of the two are in neither sum', () => {
    const rows = [
      { baseExcess: '-1', temperature: '1' },
      { baseExcess: '-2', temperature: '-1' },
      { baseExcess: '-6', temperature: '-3' },
      { baseExcess: '-30', temperature: null },
      { temperature: '4.5' },
    ];
    expect(resultsOf(rows, QUERIES[7]!)).to.deep.equal([
      {
        statistic: 'covariance',
        field: 'excessByTemperature',
        unit: 'mmol/L.Cel',
        count: '3',
        exact: { numerator: '5', denominator: '1' },
        decimal: '5.000000000',
      },
    ]);
    const [one] = resultsOf(rows.slice(0, 1), QUERIES[7]!);
    expect(one).to.deep.equal({
      statistic: 'covariance',
      field: 'excessByTemperature',
      unit: 'mmol/L.Cel',
      count: '1',
    });
    expectCode('CRYPTO_STATISTIC_UNDEFINED', () =>
      statisticFromTotals(
        clinicLayout,
        totalsOf(rows.slice(0, 1), QUERIES[7]!),
        'excessByTemperature',
        'covariance',
      ),
    );
    expectCode('CRYPTO_STATISTIC_UNDEFINED', () =>
      plaintextStatistic(clinicLayout, rows.slice(0, 1), 'excessByTemperature', 'covariance'),
    );
  });

  it('weighted sum, worked: the terms stand beside it, units that differ make 1', () => {
    const rows = [{ temperature: '1.5' }, { temperature: '-0.5', baseExcess: '-2.25' }];
    expect(
      resultsOf(rows, { statistic: 'weightedSum', fields: NUMERIC, weights: ['-3', '2'] }),
    ).to.deep.equal([
      {
        statistic: 'weightedSum',
        field: 'temperature+baseExcess',
        unit: '1',
        count: '3',
        exact: { numerator: '-15', denominator: '2' },
        decimal: '-7.50',
        terms: [
          { field: 'temperature', weight: '-3', count: '2', decimal: '1.0' },
          { field: 'baseExcess', weight: '2', count: '1', decimal: '-2.25' },
        ],
      },
    ]);
    const [single] = resultsOf(rows, { statistic: 'weightedSum', fields: ['temperature'], weights: ['4'] });
    expect([single?.unit, single?.decimal]).to.deep.equal(['Cel', '4.0']);
  });

  it('grouped count, worked: one label per category, the last one fastest', () => {
    const rows = [
      { sex: 'female', temperature: '-5' },
      { sex: 'female', temperature: '4.5' },
      { sex: 'male', temperature: '0' },
      { sex: 'male', temperature: '1.9' },
      { sex: 'male' },
      { temperature: '1' },
    ];
    const [result] = resultsOf(rows, QUERIES[6]!);
    expect(result?.count).to.equal('4');
    expect(result?.groups?.map(({ labels, count }) => [...labels, count])).to.deep.equal([
      ['female', '[-5, 0)', '1'],
      ['female', '[0, 2)', '0'],
      ['female', '[2, 4.5]', '1'],
      ['male', '[-5, 0)', '0'],
      ['male', '[0, 2)', '2'],
      ['male', '[2, 4.5]', '0'],
    ]);
  });

  it('survival, worked: a Kaplan-Meier curve, which ends where nobody is at risk', () => {
    const follow = (months: string, outcome: string) => ({ months, outcome });
    const rows = [
      follow('0', 'died'),
      follow('0.9', 'lost'),
      follow('1', 'died'),
      follow('2', 'died'),
      follow('2.4', 'lost'),
      { months: '9' },
      { months: null, outcome: null },
    ];
    const [result] = resultsOf(rows, QUERIES[8]!);
    expect(result).to.deep.equal({
      statistic: 'survival',
      field: 'followUp',
      unit: 'mo',
      count: '5',
      intervals: [
        {
          label: '[0, 1)',
          events: '1',
          censored: '1',
          atRisk: '5',
          survivor: { exact: { numerator: '4', denominator: '5' }, decimal: '0.800000' },
        },
        {
          label: '[1, 2.5)',
          events: '2',
          censored: '1',
          atRisk: '3',
          survivor: { exact: { numerator: '4', denominator: '15' }, decimal: '0.266667' },
        },
        { label: '[2.5, 10]', events: '0', censored: '0', atRisk: '0' },
      ],
    });
    const [nobody] = resultsOf([], QUERIES[8]!);
    expect(nobody?.intervals?.map(({ survivor }) => survivor)).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('at risk never rises and the curve never either, whatever the rows', () => {
    fc.assert(
      fc.property(fc.array(clinicRow, { maxLength: 8 }), (rows) => {
        const intervals = resultsOf(rows, QUERIES[8]!)[0]?.intervals ?? [];
        const falls = (values: readonly number[]): boolean =>
          values.every((value, index) => index === 0 || value <= values[index - 1]!);
        expect(intervals.map(({ atRisk }) => Number(atRisk))).to.satisfy(falls);
        const curve = intervals.flatMap(({ survivor }) =>
          survivor === undefined ? [] : [Number(survivor.decimal)],
        );
        expect(curve).to.satisfy(falls);
      }),
      { numRuns: 30 },
    );
  });

  it('refuses what is asked of another kind, and weights that are missing, malformed or of another statistic', () => {
    const refused: readonly (readonly [AskedStatistic, string])[] = [
      [{ statistic: 'covariance', fields: ['temperature'] }, 'fields'],
      [{ statistic: 'histogram', fields: ['sexByTemperature'] }, 'fields'],
      [{ statistic: 'groupedCount', fields: ['sex'] }, 'fields'],
      [{ statistic: 'survival', fields: ['excessByTemperature'] }, 'fields'],
      [{ statistic: 'mean', fields: ['months'] }, 'fields'],
      [{ statistic: 'weightedSum', fields: ['sex'], weights: ['1'] }, 'fields'],
      [{ statistic: 'weightedSum', fields: NUMERIC }, 'weights'],
      [{ statistic: 'weightedSum', fields: NUMERIC, weights: ['1'] }, 'weights'],
      [{ statistic: 'sum', fields: NUMERIC, weights: ['1', '1'] }, 'weights'],
      ...['0', '-0', '01', '1.5', '+1', '', '1000000001', '-1000000001', '1e3'].map(
        (weight): [AskedStatistic, string] => [
          { statistic: 'weightedSum', fields: NUMERIC, weights: ['1', weight] },
          'weights[1]',
        ],
      ),
    ];
    for (const query of QUERIES) assertAsked(clinicLayout, query);
    for (const [query, argument] of refused) {
      const check = (): void => {
        assertAsked(clinicLayout, query);
      };
      expectCode('CRYPTO_INVALID_INPUT', check, argument);
      expectCode('CRYPTO_INVALID_INPUT', () => plaintextResults(clinicLayout, [], query), argument);
      const totals = decodeTotals(clinicLayout, 0n, ['temperature:present']);
      expectCode('CRYPTO_INVALID_INPUT', () => resultsFromTotals(clinicLayout, totals, query), argument);
    }
    for (const layout of [clinicLayout, { ...clinicLayout, id: 'other' }]) {
      const totals = decodeTotals(clinicLayout, 0n, ['temperature:present']);
      for (const query of QUERIES.slice(1))
        expectCode('CRYPTO_INVALID_INPUT', () => resultsFromTotals(layout, totals, query), 'totals');
    }
    const weighted = decodeTotals(clinicLayout, 0n, slotsFor(clinicLayout, NUMERIC, 'weightedSum'));
    for (const compute of [
      () => statisticFromTotals(clinicLayout, weighted, 'temperature', 'weightedSum'),
      () => plaintextStatistic(clinicLayout, [], 'temperature', 'weightedSum'),
    ])
      expectCode('CRYPTO_INVALID_INPUT', compute);
  });

  it('names the fields to which a row adds anything, and the cell that it is in', () => {
    const encode = rowEncoder(clinicLayout);
    const { cells } = encode({ temperature: '4.5', sex: 'male', months: '3', outcome: 'lost' });
    expect(cells).to.deep.equal({ sex: 'bin:1', sexByTemperature: 'group:5', followUp: 'censored:2' });
    expect(encode({ temperature: '0', months: '3' }).cells).to.deep.equal({});
    const cases: readonly (readonly [PanelRow, string[]])[] = [
      [{}, []],
      [{ temperature: '0', sex: null }, ['temperature']],
      [{ temperature: '0', sex: 'male' }, ['temperature', 'sex', 'sexByTemperature']],
      [{ temperature: '0', baseExcess: '-1' }, ['temperature', 'baseExcess', 'excessByTemperature']],
      [{ months: '3' }, []],
      [{ months: '3', outcome: 'lost' }, ['followUp']],
    ];
    for (const [row, fields] of cases) {
      expect(encode(row).fields, JSON.stringify(row)).to.deep.equal(fields);
      expect(encode(row).plaintext).to.equal(encodeRow(clinicLayout, row));
      expect(encode(row).plaintext > 0n).to.equal(fields.length > 0);
    }
  });
});
