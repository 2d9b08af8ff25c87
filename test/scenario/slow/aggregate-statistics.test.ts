import { expect } from 'chai';
import fc from 'fast-check';
import { fileURLToPath } from 'node:url';
import type { PanelLayout, PanelRow, Statistic } from '@careledger/crypto';
import { readHeartSamples } from '@careledger/gateway/demo';
import type { Cohort, CohortSubject } from '@careledger/protocol';
import {
  LAYOUT,
  plaintextOf,
  startAggregateWorld,
  type AggregateWorld,
  type Question,
  type Row,
} from '../support/aggregate.js';
import { mustBe } from '../support/world.js';

const SAMPLES = fileURLToPath(new URL('../../../../samples/heart-disease', import.meta.url));
const HOSPITALS = ['h1', 'h2', 'h3', 'h4'];

describe('statistics over several hospitals', function () {
  this.timeout(60_000);

  let world: AggregateWorld;
  before(async () => {
    world = await startAggregateWorld();
  });
  after(() => world.stop());

  /** Asked all at once, so that the gateways have several queries under way. */
  async function expectEqual(
    rows: readonly Row[],
    layout: PanelLayout,
    asked: readonly (readonly [Statistic, string])[],
    question: Partial<Question> = {},
  ): Promise<void> {
    const answers = await Promise.all(
      asked.map(([statistic, field]) => world.ask({ ...question, layout, statistic, field })),
    );
    answers.forEach(({ query }, index) => {
      const [statistic, field] = asked[index]!;
      expect(query.results, `${statistic} of ${field}`).to.deep.equal([
        plaintextOf(layout, rows, { statistic, field }),
      ]);
    });
  }

  const tenths = fc.integer({ min: -50, max: 45 }).map((value) => (value / 10).toFixed(1));
  const sex = fc.constantFrom('female', 'male');
  const complete: fc.Arbitrary<PanelRow> = fc.record({ temperature: tenths, sex });
  const partial: fc.Arbitrary<PanelRow> = fc.record(
    { temperature: fc.option(tenths), sex: fc.option(sex) },
    { requiredKeys: [] },
  );
  /** Enough values of each field for the hospital to contribute them, and rows in which some are missing. */
  const rowsOfOne = fc
    .tuple(fc.array(complete, { minLength: 5, maxLength: 7 }), fc.array(partial, { maxLength: 5 }))
    .map((parts) => parts.flat());

  it('equal the plaintext exactly, whatever the rows: negative, missing, of unequal hospitals', async () => {
    let run = 0;
    const hospitals = fc.tuple(...HOSPITALS.map(() => rowsOfOne));
    await fc.assert(
      fc.asyncProperty(hospitals, async (of) => {
        run += 1;
        const layout = { ...LAYOUT, id: `random-${String(run)}` };
        await world.register(layout);
        const rows = of.map((rowsOf, hospital) =>
          rowsOf.map((value, index): Row => ({
            patient: `${layout.id}/${String(hospital)}/${String(index)}`,
            subject: { conditions: [] },
            values: value,
          })),
        );
        await Promise.all(
          rows.map(async (part, index) => mustBe(201, await world.put(index + 1, part, { layout }))),
        );
        await expectEqual(rows.flat(), layout, [
          ['count', 'temperature'],
          ['sum', 'temperature'],
          ['mean', 'temperature'],
          ['variance', 'temperature'],
          ['histogram', 'sex'],
        ]);
      }),
      { numRuns: 2 },
    );
  });

  it('equal the plaintext on the heart-disease samples', async () => {
    const layout = (id: string, fields: PanelLayout['fields']): PanelLayout => ({
      id,
      version: 1,
      keyBits: 512,
      fields,
      maxRecords: 1000,
      statisticalBits: 40,
    });
    const samples = readHeartSamples(SAMPLES, 512);
    const fieldsOf = (kind: 'numeric' | 'histogram') =>
      samples.layouts.flatMap(({ fields }) => fields.filter((field) => field.kind === kind));
    const numeric = fieldsOf('numeric');
    // Two fields fill a key of test size; the statistics take turns over the fields.
    const moments = numeric.flatMap((field, index) =>
      index % 2 === 0 ? [[field, ...numeric.slice(index + 1, index + 2)]] : [],
    );
    const STATISTICS = ['variance', 'mean', 'sum', 'count'] as const;
    const asked = [...moments, ...fieldsOf('histogram').map((field) => [field])].map((fields, index) => ({
      layout: layout(`heart-${String(index)}`, fields),
      statistics: fields.map(({ name, kind }, place): readonly [Statistic, string] => [
        kind === 'histogram' ? 'histogram' : STATISTICS[(index + 2 * place) % STATISTICS.length]!,
        name,
      ]),
    }));
    const statistics = asked.flatMap((one) => one.statistics.map(([statistic]) => statistic));
    expect(statistics).to.include.members([...STATISTICS, 'histogram']);
    for (const { layout: one, statistics: wanted } of asked) {
      await world.register(one);
      const rows = HOSPITALS.map((hospital) => samples.rowsOf(hospital, one));
      await Promise.all(
        rows.map(async (part, index) => mustBe(201, await world.put(index + 1, part, { layout: one }))),
      );
      await expectEqual(rows.flat(), one, wanted);
    }
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
        expect(query.results).to.deep.equal([
          plaintextOf(layout, chosen, { statistic: 'sum', field: 'temperature' }),
        ]);
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
