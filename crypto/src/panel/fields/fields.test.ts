import { expect } from 'chai';
import { expectCode } from '../../test-support.js';
import { clinicLayout } from '../panel-samples.test-support.js';
import { decodeTotals, encodeRow } from '../panel.js';
import {
  assertLayout,
  compileLayout,
  layoutDigest,
  type PanelField,
  type PanelLayout,
} from '../panel-layout.js';
import type { PanelRow } from './columns.js';

const [, , , pair, grouped, survival] = clinicLayout.fields as [
  PanelField,
  PanelField,
  PanelField,
  PanelField & { kind: 'pair' },
  PanelField & { kind: 'grouped' },
  PanelField & { kind: 'survival' },
];
const only = (field: unknown): PanelLayout => ({ ...clinicLayout, fields: [field as PanelField] });
const SEX = { column: 'sex', categories: ['female', 'male'] };
const letters = (count: number): string[] => Array.from({ length: count }, (_, index) => `c${index}`);

describe('kinds of fields', () => {
  it('malformed ones are refused', () => {
    for (const field of clinicLayout.fields) assertLayout(only(field));
    const refused: readonly (readonly [string, unknown])[] = [
      ['fields.kind', { ...pair, kind: 'median' }],
      ['excessByTemperature.x.max', { ...pair, x: { ...pair.x, max: '-30' } }],
      ['excessByTemperature.y.scale', { ...pair, y: { ...pair.y, scale: 10 } }],
      ['excessByTemperature.x.column', { ...pair, x: { ...pair.x, column: 'a:b' } }],
      ['excessByTemperature.x.column', { ...pair, x: { ...pair.x, column: 'constructor' } }],
      ['excessByTemperature.y.column', { ...pair, y: { ...pair.y, column: pair.x.column } }],
      ['sexByTemperature.by', { ...grouped, by: [] }],
      ['sexByTemperature.by', { ...grouped, by: [SEX, SEX] }],
      [
        'sexByTemperature.by',
        { ...grouped, by: [SEX, { column: 'b', categories: ['x'] }, { column: 'c', categories: ['x'] }] },
      ],
      [
        'sexByTemperature.by',
        {
          ...grouped,
          by: [
            { column: 'a', categories: letters(13) },
            { column: 'b', categories: letters(5) },
          ],
        },
      ],
      ['sexByTemperature.by[1]', { ...grouped, by: [SEX, { column: 'age' }] }],
      ['sexByTemperature.by[0].categories', { ...grouped, by: [{ column: 'age', categories: ['a', 'a'] }] }],
      ['followUp.edges', { ...survival, edges: ['0', '2', '1'] }],
      ['followUp.edges', { ...survival, edges: ['0'] }],
      ['followUp.edges', { ...survival, edges: letters(34).map((_, index) => index) }],
      ['followUp.column', { ...survival, time: '' }],
      ['followUp.event.column', { ...survival, event: { ...survival.event, column: survival.time } }],
      ['followUp.event', { ...survival, event: { ...survival.event, occurred: 'lost' } }],
    ];
    for (const [argument, field] of refused)
      expectCode(
        'CRYPTO_LAYOUT_INVALID',
        () => {
          assertLayout(only(field));
        },
        argument,
      );
  });

  it('have a digest that every part enters', () => {
    const { event } = survival;
    const changed: unknown[] = [
      ...clinicLayout.fields,
      { ...pair, x: { ...pair.x, column: 'other' } },
      { ...pair, x: { ...pair.x, min: '-31' } },
      { ...pair, y: { ...pair.y, unit: 'K' } },
      { ...pair, y: { ...pair.y, scale: 2 } },
      { ...pair, x: pair.y, y: pair.x },
      { ...grouped, by: [...grouped.by].reverse() },
      { ...grouped, by: grouped.by.slice(1) },
      { ...grouped, by: [{ column: 'sex', categories: ['male', 'female'] }, grouped.by[1]] },
      { ...grouped, by: [grouped.by[0], { column: 'temperature', edges: ['-5', '0', '3', '4.5'] }] },
      { ...grouped, unit: 'a' },
      { ...survival, edges: ['0', '1', '3', '10'] },
      { ...survival, time: 'other' },
      { ...survival, unit: 'a' },
      { ...survival, event: { ...event, column: 'other' } },
      { ...survival, event: { ...event, occurred: 'other' } },
      { ...survival, event: { ...event, censored: 'other' } },
    ];
    const digests = changed.map((field) => layoutDigest(only(field)));
    expect(new Set(digests)).to.have.lengthOf(changed.length);
  });

  it('rows that do not fit are refused with the column’s name', () => {
    const complete = { temperature: '0', baseExcess: '-1', sex: 'male', months: '3', outcome: 'died' };
    encodeRow(clinicLayout, complete);
    const outside: readonly (readonly [string, PanelRow])[] = [
      ['row.baseExcess', { baseExcess: '-30.01' }],
      ['row.baseExcess', { ...complete, baseExcess: '0.01' }],
      ['row.temperature', { temperature: '4.6' }],
      ['row.sex', { ...complete, sex: 'unknown' }],
      ['row.months', { months: '10.1' }],
      ['row.months', { ...complete, months: '-1' }],
      ['row.outcome', { ...complete, outcome: 'moved' }],
    ];
    for (const [argument, row] of outside)
      expectCode('CRYPTO_VALUE_OUT_OF_RANGE', () => encodeRow(clinicLayout, row), argument);
    const malformed: readonly (readonly [string, unknown])[] = [
      ['row.weight', { weight: '3' }],
      ['row.weight', { weight: null }],
      ['row.followUp', { followUp: '3' }],
      ['row.temperature', { temperature: 'warm' }],
      ['row.months', { outcome: 'died' }],
      ['row.months', { outcome: 'lost', months: null }],
      ['row.sex', { sex: ['female'] }],
      ['row.sex', { sex: ['female', 'male'] }],
      ['row.outcome', { months: '3', outcome: ['died'] }],
    ];
    for (const [argument, row] of malformed)
      expectCode('CRYPTO_INVALID_INPUT', () => encodeRow(clinicLayout, row as PanelRow), argument);
  });

  it('a row adds to exactly one cell of a histogram, a grouped count and a survival', () => {
    const row = { temperature: '4.5', baseExcess: '-1', sex: 'male', months: '10', outcome: 'lost' };
    const { fields } = compileLayout(clinicLayout);
    const added = [...fields.values()].flatMap((field) =>
      field.addends(row).map(([part, amount]) => `${field.field.name}:${part} ${amount}`),
    );
    expect(added).to.include.members(['sex:bin:1 1', 'sexByTemperature:group:5 1', 'followUp:censored:2 1']);
    for (const name of ['sex', 'sexByTemperature', 'followUp'])
      expect(fields.get(name)!.addends(row), name).to.have.lengthOf(1);
  });

  /** Each breaks one bound and keeps all others. */
  describe('doctored totals are refused', () => {
    const decode = (layout: PanelLayout, values: Readonly<Record<string, bigint>>): unknown => {
      const { slots } = compileLayout(layout);
      const plaintext = Object.entries(values).reduce(
        (sum, [id, value]) => sum + (value << BigInt(slots.get(id)!.offsetBits)),
        0n,
      );
      return decodeTotals(layout, plaintext, [...slots.keys()]);
    };
    const box = (count: bigint, sumX: bigint, sumY: bigint, product: bigint) => ({
      'p:present': count,
      'p:sumX': sumX,
      'p:sumY': sumY,
      'p:product': product,
    });
    // x of 0..2, y of 0..3
    const pairLayout = only({
      kind: 'pair',
      name: 'p',
      x: { column: 'x', unit: '1', scale: 0, min: 0, max: 2 },
      y: { column: 'y', unit: '1', scale: 0, min: 0, max: 3 },
    });

    it('of a pair', () => {
      for (const possible of [
        box(0n, 0n, 0n, 0n),
        box(2n, 1n, 6n, 3n),
        box(2n, 4n, 1n, 2n),
        box(1n, 2n, 3n, 6n),
        box(50n, 100n, 150n, 300n),
      ])
        decode(pairLayout, possible);
      for (const impossible of [
        box(2n, 1n, 6n, 4n),
        box(2n, 4n, 1n, 3n),
        box(1n, 2n, 3n, 5n),
        box(1n, 3n, 0n, 0n),
        box(1n, 0n, 4n, 0n),
        box(0n, 0n, 0n, 1n),
        box(51n, 0n, 0n, 0n),
      ])
        expectCode('CRYPTO_TOTALS_INVALID', () => decode(pairLayout, impossible));
    });

    it('of cells', () => {
      const cells = [
        [only(grouped), 'sexByTemperature:group:0', 'sexByTemperature:group:5'],
        [only(survival), 'followUp:event:0', 'followUp:censored:2'],
      ] as const;
      for (const [layout, one, other] of cells) {
        decode(layout, { [one]: 20n, [other]: 30n });
        expectCode('CRYPTO_TOTALS_INVALID', () => decode(layout, { [one]: 20n, [other]: 31n }));
        expectCode('CRYPTO_TOTALS_INVALID', () => decode(layout, { [one]: 51n }));
        expectCode('CRYPTO_INVALID_INPUT', () => decodeTotals(layout, 0n, [one, other]), 'askedSlots');
      }
      expectCode('CRYPTO_INVALID_INPUT', () => decodeTotals(pairLayout, 0n, ['p:sumX']), 'askedSlots');
    });
  });
});
