import { expect } from 'chai';
import fc from 'fast-check';
import {
  CODE_SYSTEMS,
  CohortSchema,
  assertCohort,
  matchesCohort,
  type Cohort,
  type CohortSubject,
} from './cohort.js';
import { LIMITS } from './limits.js';
import { validate } from './validate.js';

const SNOMED = CODE_SYSTEMS[0];
const subject: CohortSubject = {
  sex: 'female',
  ageYears: 40,
  conditions: [{ system: SNOMED, code: '44054006' }],
  observedOn: '2026-05-01',
};
const unknown: CohortSubject = { conditions: [] };

const leaf: fc.Arbitrary<Cohort> = fc.oneof(
  fc.constant<Cohort>({ all: true }),
  fc.constantFrom('female' as const, 'male' as const).map((sex): Cohort => ({ sex })),
  fc.integer({ min: 0, max: 100 }).map((from): Cohort => ({ age: { from, to: from + 20 } })),
  fc.constantFrom('44054006', '38341003').map((code): Cohort => ({ condition: { system: SNOMED, code } })),
);
const subjects: fc.Arbitrary<CohortSubject> = fc.record({
  sex: fc.constantFrom('female' as const, 'male' as const),
  ageYears: fc.integer({ min: 0, max: 120 }),
  conditions: fc.subarray([
    { system: SNOMED, code: '44054006' },
    { system: SNOMED, code: '38341003' },
  ]),
});

describe('cohort', () => {
  it('matches each predicate, and not its opposite', () => {
    const matching: Cohort[] = [
      { all: true },
      { sex: 'female' },
      { age: { from: 40, to: 40 } },
      { condition: { system: SNOMED, code: '44054006' } },
      { observed: { from: '2026-01-01', to: '2026-05-01' } },
    ];
    for (const cohort of matching) {
      expect(matchesCohort(cohort, subject), JSON.stringify(cohort)).to.equal(true);
      expect(matchesCohort({ not: cohort }, subject), `not ${JSON.stringify(cohort)}`).to.equal(false);
    }
    const others: Cohort[] = [
      { sex: 'male' },
      { age: { from: 41, to: 90 } },
      { condition: { system: SNOMED, code: '38341003' } },
      { condition: { system: 'http://loinc.org', code: '44054006' } },
      { observed: { from: '2026-05-02', to: '2026-06-01' } },
    ];
    for (const cohort of others)
      expect(matchesCohort(cohort, subject), JSON.stringify(cohort)).to.equal(false);
  });

  it('puts a patient of whom a fact is unknown into no cohort of that fact', () => {
    for (const cohort of [
      { sex: 'female' },
      { sex: 'male' },
      { age: { from: 0, to: 150 } },
      { observed: { from: '0001-01-01', to: '9999-12-31' } },
    ] as Cohort[]) {
      expect(matchesCohort(cohort, unknown), JSON.stringify(cohort)).to.equal(false);
    }
  });

  it('obeys the laws of logic', () => {
    fc.assert(
      fc.property(fc.array(leaf, { minLength: 1, maxLength: 4 }), subjects, (parts, who) => {
        const each = parts.map((part) => matchesCohort(part, who));
        expect(matchesCohort({ and: parts }, who)).to.equal(!each.includes(false));
        expect(matchesCohort({ or: parts }, who)).to.equal(each.includes(true));
        const deMorgan: Cohort = { not: { or: parts.map((part) => ({ not: part })) } };
        expect(matchesCohort(deMorgan, who)).to.equal(matchesCohort({ and: parts }, who));
      }),
    );
  });

  it('is bounded in depth and size, and a band is not empty', () => {
    const nested = (levels: number): Cohort =>
      Array.from({ length: levels - 1 }).reduce<Cohort>((cohort) => ({ not: cohort }), { all: true });
    const wide = (leaves: number): Cohort => ({
      or: Array.from({ length: leaves }, (): Cohort => ({ all: true })),
    });
    assertCohort(nested(LIMITS.cohortDepth));
    assertCohort(wide(LIMITS.cohortNodes - 1));
    const refused: Cohort[] = [
      nested(LIMITS.cohortDepth + 1),
      wide(LIMITS.cohortNodes),
      { not: { age: { from: 5, to: 4 } } },
      { observed: { from: '2026-02-01', to: '2026-01-01' } },
    ];
    for (const cohort of refused) {
      expect(
        () => {
          assertCohort(cohort);
        },
        JSON.stringify(cohort).slice(0, 60),
      )
        .to.throw()
        .with.property('code', 'COHORT_INVALID');
    }
  });

  it('takes no predicate that is not in the language', () => {
    validate(CohortSchema, { and: [{ sex: 'female' }, { not: { age: { from: 0, to: 17 } } }] });
    const strangers = [
      { code: 'true' },
      { sex: 'female', age: { from: 0, to: 1 } },
      { and: [] },
      { sex: 'x' },
      { condition: { system: 'urn:x', code: '1' } },
      {},
    ];
    for (const cohort of strangers) {
      expect(() => validate(CohortSchema, cohort), JSON.stringify(cohort))
        .to.throw()
        .with.property('code', 'SCHEMA_VIOLATION');
    }
  });
});
