import { expect } from 'chai';
import fc from 'fast-check';
import { fileURLToPath } from 'node:url';
import {
  STATISTICS,
  compileLayout,
  layoutOf,
  packLayouts,
  type AskedStatistic,
  type FieldKind,
  type PanelField,
  type PanelLayout,
  type PanelRow,
  type Statistic,
} from '@careledger/crypto';
import { DEMO_STATISTICS, readHeartSamples } from '@careledger/gateway/demo';
import { matchesCohort, type Cohort, type CohortSubject } from '@careledger/protocol';
import {
  LAYOUT,
  TEST_KEY,
  plaintextOf,
  startAggregateWorld,
  type AggregateWorld,
  type Row,
} from '../support/aggregate.js';
import { mustBe } from '../support/world.js';

const SAMPLES = fileURLToPath(new URL('../../../../samples/heart-disease', import.meta.url));
const HOSPITALS = ['h1', 'h2', 'h3', 'h4'];

/** The statistic that opens all of a field. */
const OF_KIND: Readonly<Record<FieldKind, Statistic>> = {
  numeric: 'variance',
  histogram: 'histogram',
  pair: 'covariance',
  grouped: 'groupedCount',
  survival: 'survival',
};

/** A row without the columns that no field of the layout reads. */
function asRead(layout: PanelLayout, { values, ...row }: Row): Row {
  const { columns } = compileLayout(layout);
  return {
    ...row,
    values: Object.fromEntries(Object.entries(values).filter(([column]) => columns.has(column))),
  };
}

describe('statistics over several hospitals', function () {
  this.timeout(120_000);

  let world: AggregateWorld;
  before(async () => {
    world = await startAggregateWorld();
  });
  after(() => world.stop());

  /** Rows of every column, put at each hospital as far as the layout reads them. */
  async function put(layout: PanelLayout, ofHospitals: readonly (readonly Row[])[]): Promise<void> {
    await world.register(layout);
    await Promise.all(
      ofHospitals.map(async (rows, index) => {
        const read = rows.map((row) => asRead(layout, row));
        mustBe(201, await world.put(index + 1, read, { layout }));
      }),
    );
  }

  /** Asked all at once, so that the gateways have several queries under way. */
  async function expectEqual(
    layouts: readonly PanelLayout[],
    questions: readonly AskedStatistic[],
    plaintextRows: (layout: PanelLayout) => readonly Row[],
  ): Promise<void> {
    const answers = await Promise.all(
      questions.map((asked) => world.ask({ ...asked, layout: layoutOf(layouts, asked.fields) })),
    );
    answers.forEach(({ query, contributions }, index) => {
      const asked = questions[index]!;
      const reasons = contributions.map(({ reason = 'contributed' }) => reason);
      expect(query.status, `${asked.statistic}: ${reasons.join(', ')}`).to.equal('decrypted');
      const layout = layoutOf(layouts, asked.fields);
      expect(query.results, `${asked.statistic} of ${asked.fields.join(', ')}`).to.deep.equal(
        plaintextOf(layout, plaintextRows(layout), asked),
      );
    });
  }

  const tenths = fc.integer({ min: -50, max: 45 }).map((value) => (value / 10).toFixed(1));
  const category = (...names: readonly string[]) => fc.constantFrom(...names);
  const whole = (min: number, max: number) => fc.integer({ min, max }).map(String);
  const sex = category('female', 'male');
  // No two fields read one column: hospitals would refuse the second, for the few who have the one and miss the other.
  const columns = {
    temperature: tenths,
    sex,
    pulse: whole(40, 180),
    dose: whole(-3, 9),
    ward: category('east', 'west'),
    weight: whole(2, 90),
    months: whole(0, 24),
  };
  const outcome = category('died', 'lost');
  const complete: fc.Arbitrary<PanelRow> = fc.record({ ...columns, outcome });
  const partial = fc.record(
    Object.fromEntries(Object.entries(columns).map(([column, value]) => [column, fc.option(value)])),
    { requiredKeys: [] },
  ) as fc.Arbitrary<PanelRow>;
  /** Enough values of each field for the hospital to contribute them, and rows in which some are missing. */
  const rowsOfOne = fc
    .tuple(fc.array(complete, { minLength: 5, maxLength: 7 }), fc.array(partial, { maxLength: 5 }))
    .map((parts) => parts.flat());
  const fields: readonly PanelField[] = [
    ...LAYOUT.fields,
    {
      kind: 'pair',
      name: 'pulseByDose',
      x: { column: 'pulse', unit: '/min', scale: 0, min: '30', max: '250' },
      y: { column: 'dose', unit: 'mg', scale: 0, min: '-3', max: '9' },
    },
    {
      kind: 'grouped',
      name: 'wardByWeight',
      unit: '1',
      by: [
        { column: 'ward', categories: ['east', 'west'] },
        { column: 'weight', edges: ['0', '40', '200'] },
      ],
    },
    {
      kind: 'survival',
      name: 'followUp',
      unit: 'mo',
      edges: ['0', '6', '24'],
      time: 'months',
      event: { column: 'outcome', occurred: 'died', censored: 'lost' },
    },
  ];
  const questions: readonly AskedStatistic[] = [
    { statistic: 'count', fields: ['temperature'] },
    { statistic: 'sum', fields: ['temperature'] },
    { statistic: 'mean', fields: ['temperature'] },
    { statistic: 'variance', fields: ['temperature'] },
    { statistic: 'weightedSum', fields: ['temperature'], weights: ['-1000000000'] },
    { statistic: 'histogram', fields: ['sex'] },
    { statistic: 'groupedCount', fields: ['wardByWeight'] },
    { statistic: 'covariance', fields: ['pulseByDose'] },
    { statistic: 'survival', fields: ['followUp'] },
  ];
  /** Short keys: less head-room than patients' data deserve. */
  const headRoom = { maxRecords: 1000, statisticalBits: 40 };

  it('equal the plaintext exactly, whatever the rows: negative, missing, of unequal hospitals', async () => {
    expect(questions.map(({ statistic }) => statistic)).to.have.members([...STATISTICS]);
    let run = 0;
    const hospitals = fc.tuple(...HOSPITALS.map(() => rowsOfOne));
    await fc.assert(
      fc.asyncProperty(hospitals, async (of) => {
        run += 1;
        const idPrefix = `random-${String(run)}`;
        const { keyBits } = TEST_KEY;
        const layouts = packLayouts(fields, { ...headRoom, idPrefix, version: 1, keyBits, maxFields: 16 });
        const rows = of.map((rowsOf, hospital) =>
          rowsOf.map((values, index): Row => ({
            patient: `${idPrefix}/${String(hospital)}/${String(index)}`,
            subject: { conditions: [] },
            values,
          })),
        );
        for (const layout of layouts) await put(layout, rows);
        await expectEqual(layouts, questions, (layout) => rows.flat().map((row) => asRead(layout, row)));
      }),
      { numRuns: 2 },
    );
  });

  it('equal the plaintext on the heart-disease samples', async () => {
    const samples = readHeartSamples(SAMPLES, TEST_KEY.keyBits, headRoom);
    for (const layout of samples.layouts)
      await put(
        layout,
        HOSPITALS.map((hospital) => samples.rowsOf(hospital, layout)),
      );
    for (const { cohort, ...asked } of DEMO_STATISTICS) {
      const layout = layoutOf(samples.layouts, asked.fields);
      const rows = HOSPITALS.flatMap((hospital) => samples.rowsOf(hospital, layout));
      const { query } = await world.ask({ ...asked, layout, cohort });
      const inCohort = rows.filter(({ subject }) => matchesCohort(cohort, subject));
      expect(query.results, asked.title).to.deep.equal(plaintextOf(layout, inCohort, asked));
    }
    const every = samples.layouts.flatMap((layout) =>
      layout.fields.map(({ kind, name }): AskedStatistic => ({ statistic: OF_KIND[kind], fields: [name] })),
    );
    await expectEqual(samples.layouts, every, (layout) =>
      HOSPITALS.flatMap((hospital) => samples.rowsOf(hospital, layout)),
    );
  });

  describe('over a cohort', () => {
    const SCT = 'http://snomed.info/sct';
    const layout = { ...LAYOUT, id: 'cohorts' };
    /** Every subject of a small world, six times at each hospital, so that every cohort here has at least five. */
    const subjects: CohortSubject[] = [...Array(6).keys()].flatMap((copy) => [
      { sex: 'female', ageYears: 30 + copy, conditions: [], observedOn: '2026-01-10' },
      {
        sex: 'male',
        ageYears: 50,
        conditions: [{ system: SCT, code: '53741008' }],
        observedOn: '2026-02-10',
      },
      { sex: 'female', ageYears: 70, conditions: [{ system: SCT, code: '38341003' }] },
      { ageYears: 90, conditions: [] },
    ]);
    const rows = HOSPITALS.map((hospital) =>
      subjects.map((subject, index): Row => ({
        patient: `${hospital}/${String(index)}`,
        subject,
        values: { temperature: ((index % 90) / 10).toFixed(1).replace(/^/, '-').replace('-0.0', '0') },
      })),
    ).map((part) => part.filter(({ values: { temperature } }) => Number(temperature) >= -5));

    before(async () => {
      await world.register(layout);
      await Promise.all(
        rows.map(async (part, index) => mustBe(201, await world.put(index + 1, part, { layout }))),
      );
    });

    const cases: readonly (readonly [string, Cohort, (subject: CohortSubject) => boolean])[] = [
      ['everyone', { all: true }, () => true],
      ['women', { sex: 'female' }, ({ sex }) => sex === 'female'],
      [
        'an age band, both ends in it',
        { age: { from: 35, to: 50 } },
        ({ ageYears = -1 }) => ageYears >= 35 && ageYears <= 50,
      ],
      [
        'a condition',
        { condition: { system: SCT, code: '53741008' } },
        ({ conditions }) => conditions.some(({ code }) => code === '53741008'),
      ],
      [
        'a span of time, unknown days out of it',
        { observed: { from: '2026-02-01', to: '2026-02-28' } },
        ({ observedOn }) => observedOn === '2026-02-10',
      ],
      [
        'and',
        { and: [{ sex: 'female' }, { age: { from: 60, to: 150 } }] },
        ({ sex, ageYears = -1 }) => sex === 'female' && ageYears >= 60,
      ],
      [
        'or',
        { or: [{ sex: 'male' }, { age: { from: 80, to: 150 } }] },
        ({ sex, ageYears = -1 }) => sex === 'male' || ageYears >= 80,
      ],
      ['not, those without a recorded sex in it', { not: { sex: 'female' } }, ({ sex }) => sex !== 'female'],
    ];
    for (const [name, cohort, isIn] of cases) {
      it(name, async () => {
        // A researcher of its own: these cohorts are too close to one another for a single one.
        const researcher = await world.consortium.person(1, 'researcher');
        const { query, contributions } = await world.ask({ layout, cohort, statistic: 'sum' }, researcher);
        const chosen = rows.flat().filter(({ subject }) => isIn(subject));
        expect(chosen.length).to.be.within(1, rows.flat().length);
        expect(contributions.map(({ outcome }) => outcome)).to.deep.equal(Array(4).fill('contributed'));
        expect(query.results).to.deep.equal(
          plaintextOf(layout, chosen, { statistic: 'sum', fields: ['temperature'] }),
        );
      });
    }

    it('that is too deep, or an empty band, is refused before anybody is asked', async () => {
      const deep = [...Array(9).keys()].reduce<Cohort>((inner) => ({ not: inner }), { all: true });
      for (const cohort of [deep, { age: { from: 40, to: 30 } }]) {
        const query = {
          queryId: 'ab'.repeat(16),
          statistic: 'sum',
          layoutId: layout.id,
          layoutVersion: 1,
          fields: ['temperature'],
          cohort,
          purpose: 'research',
        };
        const { status, body } = await world.researcher.post('/v1/queries', query);
        expect([status, body.code]).to.deep.equal([400, 'COHORT_INVALID']);
        expect((await world.researcher.get(`/v1/queries/${query.queryId}`)).status).to.equal(404);
      }
    });
  });
});
