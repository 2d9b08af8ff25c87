import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../test-support.js';
import {
  MAX_CONTRIBUTORS,
  assertLayout,
  compileLayout,
  layoutBits,
  layoutDigest,
  type PanelLayout,
  type SlotId,
} from './panel-layout.js';
import type { PanelRow } from './fields/columns.js';
import { smallLayout, smallRow, wideLayout, wideRow } from './panel-samples.test-support.js';
import * as panel from './panel.js';
import { plaintextStatistic } from './plaintext-statistics.js';
import { statisticFromTotals } from './statistics.js';

const filled = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).fill(255);
const everySlot = (layout: PanelLayout): SlotId[] => [...compileLayout(layout).slots.keys()];
const sumRows = (layout: PanelLayout, rows: readonly PanelRow[]): bigint =>
  rows.reduce((total, row) => total + panel.encodeRow(layout, row), 0n);

describe('panel layout', () => {
  it('places slots without gaps, each wide enough for all records and 64 masks', () => {
    for (const layout of [smallLayout, wideLayout]) {
      const { slots, totalBits } = compileLayout(layout);
      let offset = 0;
      for (const slot of slots.values()) {
        expect(slot.offsetBits, slot.id).to.equal(offset);
        const most = slot.maxTotal + BigInt(MAX_CONTRIBUTORS) * (2n ** BigInt(slot.maskBits) - 1n);
        expect(most < 2n ** BigInt(slot.widthBits), `${slot.id} is too narrow`).to.equal(true);
        expect(most >= 2n ** BigInt(slot.widthBits - 1), `${slot.id} is wider than it must be`).to.equal(
          true,
        );
        expect(slot.maskBits, slot.id).to.be.at.least(
          slot.maxTotal.toString(2).length + layout.statisticalBits,
        );
        offset += slot.widthBits;
      }
      expect(totalBits).to.equal(offset);
      expect(layoutBits(layout)).to.be.at.most(layout.keyBits - 1);
    }
  });

  it('refuses what does not fit the key, and every malformed part', () => {
    assertLayout(wideLayout);
    const numeric = wideLayout.fields[0]!;
    const refused: Array<Record<string, unknown>> = [
      { keyBits: 1024 },
      { fields: [] },
      { fields: [numeric, numeric] },
      { maxRecords: 0 },
      { maxRecords: 1.5 },
      { statisticalBits: 20 },
      { id: 'A B' },
      { version: 0 },
      { fields: [{ ...numeric, max: 0 }] },
      { fields: [{ ...numeric, name: 'a:b' }] },
      { fields: [{ ...numeric, name: 'constructor' }] },
      { fields: [{ ...numeric, scale: 10 }] },
      { fields: [{ kind: 'histogram', name: 'h', unit: '' }] },
      { fields: [{ kind: 'histogram', name: 'h', unit: '', edges: [1, 1] }] },
      { fields: [{ kind: 'histogram', name: 'h', unit: '', edges: [1] }] },
      { fields: [{ kind: 'histogram', name: 'h', unit: '', categories: ['a', 'a'] }] },
      { fields: [{ kind: 'histogram', name: 'h', unit: '', categories: ['a'], edges: [1, 2] }] },
    ];
    for (const change of refused) {
      const layout = { ...wideLayout, ...change };
      expectCode('CRYPTO_LAYOUT_INVALID', () => {
        assertLayout(layout);
      });
    }
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => {
        assertLayout({
          ...wideLayout,
          fields: [{ kind: 'numeric', name: 'x', unit: '', scale: 0, min: '0.5', max: 2 }],
        });
      },
      'x.min',
    );
  });

  it('has a digest that every part enters', () => {
    const digests = [
      wideLayout,
      smallLayout,
      { ...wideLayout, version: 2 },
      { ...wideLayout, maxRecords: 999 },
      { ...wideLayout, fields: wideLayout.fields.slice(1) },
    ].map(layoutDigest);
    expect(new Set(digests)).to.have.lengthOf(digests.length);
    expect(layoutDigest({ ...wideLayout })).to.equal(digests[0]);
  });
});

describe('panel rows', function () {
  this.timeout(20_000);

  it('totals are exact, negative values included, and equal the plaintext statistic', () => {
    fc.assert(
      fc.property(fc.array(wideRow, { maxLength: 12 }), (rows) => {
        const totals = panel.decodeTotals(wideLayout, sumRows(wideLayout, rows), everySlot(wideLayout));
        for (const field of ['age', 'stDepression', 'baseExcess']) {
          const count = rows.filter((row) => row[field] !== undefined && row[field] !== null).length;
          const statistics = [
            'count',
            'sum',
            ...(count > 0 ? ['mean'] : []),
            ...(count > 1 ? ['variance'] : []),
          ] as panel.Statistic[];
          for (const statistic of statistics) {
            expect(
              statisticFromTotals(wideLayout, totals, field, statistic),
              `${field} ${statistic}`,
            ).to.deep.equal(plaintextStatistic(wideLayout, rows, field, statistic));
          }
        }
        expect(statisticFromTotals(wideLayout, totals, 'ageBand', 'histogram')).to.deep.equal(
          plaintextStatistic(wideLayout, rows, 'ageBand', 'histogram'),
        );
      }),
    );
  });

  it('a worked example', () => {
    const rows = [
      { temperature: '-5.0' },
      { temperature: 4.5, sex: 'male' },
      { temperature: null, sex: 'female' },
      { temperature: 0 },
    ];
    const totals = panel.decodeTotals(smallLayout, sumRows(smallLayout, rows), everySlot(smallLayout));
    expect(totals.numeric['temperature']).to.deep.equal({ count: 3n, sum: -5n, sumOfSquares: 2500n + 2025n });
    expect(totals.histogram['sex']).to.deep.equal([1n, 1n]);
    expect(statisticFromTotals(smallLayout, totals, 'temperature', 'mean')).to.deep.equal({
      statistic: 'mean',
      field: 'temperature',
      unit: 'Cel',
      count: '3',
      exact: { numerator: '-1', denominator: '6' },
      decimal: '-0.1666667',
    });
    expect(statisticFromTotals(smallLayout, totals, 'temperature', 'sum').decimal).to.equal('-0.5');
    expect(statisticFromTotals(smallLayout, totals, 'temperature', 'variance').exact).to.deep.equal({
      numerator: '271',
      denominator: '12',
    });
  });

  it('bins are half-open, the last one closed', () => {
    const bin = (value: number | string): number =>
      plaintextStatistic(wideLayout, [{ ageBand: value }], 'ageBand', 'histogram').bins!.findIndex(
        ({ count }) => count === '1',
      );
    expect([0, '39.999', 40, 60.4, 60.5, 120].map(bin)).to.deep.equal([0, 0, 1, 1, 2, 2]);
    expect(
      plaintextStatistic(wideLayout, [], 'ageBand', 'histogram').bins!.map(({ label }) => label),
    ).to.deep.equal(['[0, 40)', '[40, 60.5)', '[60.5, 120]']);
    for (const value of [-0.001, 120.001])
      expectCode(
        'CRYPTO_VALUE_OUT_OF_RANGE',
        () => panel.encodeRow(wideLayout, { ageBand: value }),
        'row.ageBand',
      );
  });

  it('refuses out-of-range values with the field’s name and without the value', () => {
    panel.encodeRow(wideLayout, { age: 120, baseExcess: '-30.00' });
    for (const row of [{ age: 121 }, { age: -1 }, { baseExcess: '-30.01' }]) {
      expectCode(
        'CRYPTO_VALUE_OUT_OF_RANGE',
        () => panel.encodeRow(wideLayout, row),
        `row.${Object.keys(row)[0] ?? ''}`,
      );
    }
    let message = '';
    try {
      panel.encodeRow(wideLayout, { age: 98765 });
    } catch (error) {
      message = String(error);
    }
    expect(message).to.contain('row.age').and.not.contain('98765');
    expectCode('CRYPTO_VALUE_OUT_OF_RANGE', () => panel.encodeRow(smallLayout, { sex: 'x' }), 'row.sex');
    expectCode('CRYPTO_INVALID_INPUT', () => panel.encodeRow(smallLayout, { weight: 3 }), 'row.weight');
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => panel.encodeRow(smallLayout, { temperature: 'warm' }),
      'row.temperature',
    );
  });
});

describe('panel masks', function () {
  this.timeout(20_000);

  it('64 largest masks over full totals leave every asked slot exact', () => {
    const layout = { ...smallLayout, maxRecords: 20 };
    const rows = Array.from({ length: 20 }, () => ({ temperature: 4.5, sex: 'male' }));
    for (const [fields, statistic] of [
      [['temperature'], 'count'],
      [['temperature'], 'variance'],
      [['sex'], 'histogram'],
    ] as const) {
      const asked = panel.slotsFor(layout, fields, statistic);
      const masks = BigInt(MAX_CONTRIBUTORS) * panel.maskPlaintext(layout, asked, filled);
      const totals = panel.decodeTotals(layout, sumRows(layout, rows) + masks, asked);
      expect(statisticFromTotals(layout, totals, fields[0], statistic)).to.deep.equal(
        plaintextStatistic(layout, rows, fields[0], statistic),
      );
    }
  });

  it('cover what was not asked, and nothing that was', () => {
    fc.assert(
      fc.property(
        fc.array(smallRow, { maxLength: 5 }),
        fc.constantFrom('count' as const, 'sum' as const),
        (rows, statistic) => {
          const asked = panel.slotsFor(smallLayout, ['temperature'], statistic);
          const mask = panel.maskPlaintext(smallLayout, asked);
          panel.assertMaskPlaintext(smallLayout, asked, mask);
          const plain = sumRows(smallLayout, rows);
          expect(panel.decodeTotals(smallLayout, plain + mask, asked)).to.deep.equal(
            panel.decodeTotals(smallLayout, plain, asked),
          );
          for (const slot of compileLayout(smallLayout).slots.values()) {
            const value = BigInt.asUintN(slot.widthBits, mask >> BigInt(slot.offsetBits));
            // A masked slot that stays below 2^40 has probability below 2^-40.
            if (asked.includes(slot.id)) expect(value, slot.id).to.equal(0n);
            else expect(value > 2n ** 40n, slot.id).to.equal(true);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('a mask that touches an asked slot, or is too large, is refused', () => {
    const asked = panel.slotsFor(smallLayout, ['temperature'], 'count');
    const { slots, totalBits } = compileLayout(smallLayout);
    const sum = slots.get('temperature:sum')!;
    const bad = [1n, 2n ** BigInt(sum.offsetBits + sum.maskBits), 2n ** BigInt(totalBits), -1n];
    for (const mask of bad)
      expectCode('CRYPTO_TOTALS_INVALID', () => {
        panel.assertMaskPlaintext(smallLayout, asked, mask);
      });
    panel.assertMaskPlaintext(smallLayout, asked, 2n ** BigInt(sum.offsetBits + sum.maskBits - 1));
  });

  it('slotsFor opens the least that a statistic needs, of the right kind', () => {
    expect(panel.slotsFor(smallLayout, ['temperature'], 'mean')).to.deep.equal([
      'temperature:present',
      'temperature:sum',
    ]);
    expect(panel.slotsFor(smallLayout, ['sex'], 'histogram')).to.deep.equal(['sex:bin:0', 'sex:bin:1']);
    const refused: Array<[string[], string]> = [
      [['sex'], 'mean'],
      [['temperature'], 'histogram'],
      [['other'], 'sum'],
      [[], 'sum'],
      [['temperature', 'temperature'], 'sum'],
      [['temperature'], 'median'],
    ];
    for (const [fields, statistic] of refused)
      expectCode('CRYPTO_INVALID_INPUT', () =>
        panel.slotsFor(smallLayout, fields, statistic as panel.Statistic),
      );
  });
});

describe('panel totals', () => {
  it('refuses plaintexts that no rows add up to', () => {
    const all = everySlot(smallLayout);
    const { slots, totalBits } = compileLayout(smallLayout);
    const at = (id: SlotId): bigint => 2n ** BigInt(slots.get(id)!.offsetBits);
    const one = panel.encodeRow(smallLayout, { temperature: 1, sex: 'male' });
    panel.decodeTotals(smallLayout, one, all);
    const impossible = [
      one + at('temperature:sum'),
      one - at('temperature:squares'),
      one - at('temperature:present'),
      101n * one,
      one + 100n * at('sex:bin:0'),
      2n ** BigInt(totalBits),
      -1n,
    ];
    for (const [index, plaintext] of impossible.entries()) {
      expectCode('CRYPTO_TOTALS_INVALID', () => {
        panel.decodeTotals(smallLayout, plaintext, all);
        throw new Error(`case ${index} passed`);
      });
    }
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => panel.decodeTotals(smallLayout, one, ['temperature:sum']),
      'askedSlots',
    );
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => panel.decodeTotals(smallLayout, one, ['sex:bin:0']),
      'askedSlots',
    );
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => panel.decodeTotals(smallLayout, one, ['other:present']),
      'askedSlots',
    );
    expectCode('CRYPTO_INVALID_INPUT', () => panel.decodeTotals(smallLayout, one, []), 'askedSlots');
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => panel.decodeTotals(smallLayout, one, ['sex:bin:0', 'sex:bin:0', 'sex:bin:1']),
      'askedSlots',
    );
  });

  it('a statistic of too few is undefined, in both computations', () => {
    const totals = (rows: PanelRow[]): panel.PanelTotals =>
      panel.decodeTotals(smallLayout, sumRows(smallLayout, rows), everySlot(smallLayout));
    expect(
      statisticFromTotals(smallLayout, totals([{ temperature: 1 }]), 'temperature', 'mean').decimal,
    ).to.equal('1.0000000');
    for (const [rows, statistic] of [
      [[], 'mean'],
      [[{ temperature: 1 }], 'variance'],
      [[{ sex: 'male' }], 'mean'],
    ] as Array<[PanelRow[], panel.Statistic]>) {
      expectCode(
        'CRYPTO_STATISTIC_UNDEFINED',
        () => statisticFromTotals(smallLayout, totals(rows), 'temperature', statistic),
        'temperature',
      );
      expectCode(
        'CRYPTO_STATISTIC_UNDEFINED',
        () => plaintextStatistic(smallLayout, rows, 'temperature', statistic),
        'temperature',
      );
    }
    const countOnly = panel.decodeTotals(smallLayout, 0n, ['temperature:present']);
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => statisticFromTotals(smallLayout, countOnly, 'temperature', 'sum'),
      'totals',
    );
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => statisticFromTotals(smallLayout, countOnly, 'sex', 'histogram'),
      'totals',
    );
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => statisticFromTotals({ ...smallLayout, id: 'x' }, countOnly, 'temperature', 'count'),
      'totals',
    );
  });
});
