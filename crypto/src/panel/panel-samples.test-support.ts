/** Layouts and rows for tests. */
import fc from 'fast-check';
import type { PanelLayout } from './panel-layout.js';
import type { PanelRow } from './fields/columns.js';

/** Fits a 512-bit test key: one signed numeric field, one histogram. */
export const smallLayout: PanelLayout = {
  id: 'small',
  version: 1,
  keyBits: 512,
  fields: [
    { kind: 'numeric', name: 'temperature', unit: 'Cel', scale: 1, min: '-5', max: '4.5' },
    { kind: 'histogram', name: 'sex', unit: '', categories: ['female', 'male'] },
  ],
  maxRecords: 100,
  statisticalBits: 80,
};

/** The shape of the heart-disease sample; fits 2048 bits. */
export const wideLayout: PanelLayout = {
  id: 'heart',
  version: 1,
  keyBits: 2048,
  fields: [
    { kind: 'numeric', name: 'age', unit: 'a', scale: 0, min: 0, max: 120 },
    { kind: 'numeric', name: 'stDepression', unit: 'mm', scale: 1, min: 0, max: 10 },
    { kind: 'numeric', name: 'baseExcess', unit: 'mmol/L', scale: 2, min: '-30', max: '30' },
    { kind: 'histogram', name: 'ageBand', unit: 'a', edges: [0, 40, '60.5', 120] },
  ],
  maxRecords: 1_000_000,
  statisticalBits: 80,
};

/** Every kind of field, with bounds below zero, and columns that several fields read. */
export const clinicLayout: PanelLayout = {
  id: 'clinic',
  version: 1,
  keyBits: 3072,
  fields: [
    { kind: 'numeric', name: 'temperature', unit: 'Cel', scale: 1, min: '-5', max: '4.5' },
    { kind: 'numeric', name: 'baseExcess', unit: 'mmol/L', scale: 2, min: '-30', max: '-0.5' },
    { kind: 'histogram', name: 'sex', unit: '1', categories: ['female', 'male'] },
    {
      kind: 'pair',
      name: 'excessByTemperature',
      x: { column: 'baseExcess', unit: 'mmol/L', scale: 2, min: '-30', max: '0' },
      y: { column: 'temperature', unit: 'Cel', scale: 1, min: '-5', max: '4.5' },
    },
    {
      kind: 'grouped',
      name: 'sexByTemperature',
      unit: '1',
      by: [
        { column: 'sex', categories: ['female', 'male'] },
        { column: 'temperature', edges: ['-5', '0', '2', '4.5'] },
      ],
    },
    {
      kind: 'survival',
      name: 'followUp',
      unit: 'mo',
      edges: ['0', '1', '2.5', '10'],
      time: 'months',
      event: { column: 'outcome', occurred: 'died', censored: 'lost' },
    },
  ],
  maxRecords: 50,
  statisticalBits: 80,
};

const tenths = (min: number, max: number): fc.Arbitrary<string> =>
  fc.integer({ min, max }).map((value) => (value / 10).toFixed(1));

export const smallRow: fc.Arbitrary<PanelRow> = fc.record(
  { temperature: fc.option(tenths(-50, 45)), sex: fc.option(fc.constantFrom('female', 'male')) },
  { requiredKeys: [] },
);
export const wideRow: fc.Arbitrary<PanelRow> = fc.record(
  {
    age: fc.option(fc.integer({ min: 0, max: 120 })),
    stDepression: fc.option(tenths(0, 100)),
    baseExcess: fc.option(fc.integer({ min: -3000, max: 3000 }).map((value) => value / 100)),
    ageBand: fc.option(fc.integer({ min: 0, max: 120 })),
  },
  { requiredKeys: [] },
);

const hundredths = (min: number, max: number): fc.Arbitrary<string> =>
  fc.integer({ min, max }).map((value) => (value / 100).toFixed(2));
const followed = fc.record(
  { months: tenths(0, 100), outcome: fc.constantFrom('died', 'lost') },
  { requiredKeys: ['months'] },
);
export const clinicRow: fc.Arbitrary<PanelRow> = fc
  .tuple(
    fc.record(
      {
        temperature: fc.option(tenths(-50, 45)),
        baseExcess: fc.option(hundredths(-3000, -50)),
        sex: fc.option(fc.constantFrom('female', 'male')),
      },
      { requiredKeys: [] },
    ),
    fc.option(followed),
  )
  .map(([row, survival]): PanelRow => ({ ...row, ...survival }));
