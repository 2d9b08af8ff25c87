import { expect } from 'chai';
import fc from 'fast-check';
import { whyNotContribute, type AggregatePolicy, type CohortOfQuery, type PolicyInput } from './policy.js';

const POLICY: AggregatePolicy = { minimumCohort: 5, minimumCell: 1, purposes: ['research'] };

const AGE = new Map([['age', ['age']]]);

/** One row of each patient. */
function cohortOf(patients: Iterable<number>, predicate = 'all'): CohortOfQuery {
  const rows = new Map([...patients].map((patient) => [`row-${String(patient)}`, String(patient)]));
  return { predicate, rows, holding: new Map([['age', rows]]), columns: AGE };
}

function decide(input: Partial<PolicyInput>, policy = POLICY): string {
  const nothing = { hasRows: true, cohort: cohortOf([]), cells: [], earlier: [] };
  return whyNotContribute(policy, { purpose: 'research', ...nothing, ...input }) ?? 'contributes';
}

const range = (from: number, to: number): number[] => [...Array(to - from).keys()].map((at) => from + at);
const patients = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 25 });

describe('the policy of a contributor', () => {
  it('asks for a purpose first, then for patients', () => {
    const cohort = cohortOf(range(0, 5));
    expect(decide({ cohort })).to.equal('contributes');
    expect(decide({ cohort, purpose: 'treatment' })).to.equal('PURPOSE_NOT_ALLOWED');
    expect(decide({ cohort: cohortOf([]), purpose: 'treatment' })).to.equal('PURPOSE_NOT_ALLOWED');
    expect(decide({ cohort: cohortOf([]), hasRows: false })).to.equal('NO_ROWS');
  });

  it('the minimum is of patients, not of rows', () => {
    fc.assert(
      fc.property(patients, fc.integer({ min: 1, max: 3 }), (of, visits) => {
        const rows = new Map(
          of.flatMap((patient) =>
            range(0, visits).map(
              (visit) => [`${String(patient)}#${String(visit)}`, String(patient)] as const,
            ),
          ),
        );
        const expected = of.length < POLICY.minimumCohort ? 'COHORT_BELOW_MINIMUM' : 'contributes';
        const cohort = { predicate: 'all', rows, holding: new Map(), columns: new Map() };
        expect(decide({ cohort })).to.equal(expected);
      }),
    );
  });

  it('a cell of too few is refused where the hospital says how many; an empty one is not', () => {
    const cohort = cohortOf(range(0, 9));
    const cell = (count: number) => cohortOf(range(0, count)).rows;
    const visits = new Map(range(0, 5).map((visit) => [`row-${String(visit)}`, 'one patient']));
    const strict = { ...POLICY, minimumCell: 3 };
    expect(decide({ cohort, cells: [cell(3), cell(6)] }, strict)).to.equal('contributes');
    expect(decide({ cohort, cells: [] }, strict)).to.equal('contributes');
    for (const cells of [[cell(6), cell(2)], [cell(1)], [visits]]) {
      expect(decide({ cohort, cells }, strict)).to.equal('COHORT_BELOW_MINIMUM');
      expect(decide({ cohort, cells })).to.equal('contributes');
    }
  });

  it('the same question again is answered, whoever was asked before', () => {
    fc.assert(
      fc.property(patients, (of) => {
        fc.pre(of.length >= POLICY.minimumCohort);
        const cohort = cohortOf(of);
        expect(decide({ cohort, earlier: [cohort, cohort] })).to.equal('contributes');
      }),
    );
  });

  it('two cohorts of a researcher are the minimum apart, in both directions together, or one is refused', () => {
    fc.assert(
      fc.property(patients, patients, (left, right) => {
        fc.pre(left.length >= POLICY.minimumCohort && right.length >= POLICY.minimumCohort);
        const apart =
          left.filter((one) => !right.includes(one)).length +
          right.filter((one) => !left.includes(one)).length;
        const input = { cohort: cohortOf(left, 'left'), earlier: [cohortOf(right, 'right')] };
        const expected = apart < POLICY.minimumCohort ? 'DIFFERENCING' : 'contributes';
        expect(decide(input)).to.equal(expected);
        // Whichever was asked first.
        expect(decide({ cohort: cohortOf(right, 'right'), earlier: [cohortOf(left, 'left')] })).to.equal(
          expected,
        );
      }),
    );
  });

  it('unions and differences at the edge', () => {
    const earlier = [cohortOf(range(0, 10), 'ten')];
    const cases: readonly (readonly [string, number[], string])[] = [
      ['one more', range(0, 11), 'DIFFERENCING'],
      ['one less', range(0, 9), 'DIFFERENCING'],
      ['four more', range(0, 14), 'DIFFERENCING'],
      ['five more', range(0, 15), 'contributes'],
      ['five less', range(0, 5), 'contributes'],
      ['two exchanged: four apart', range(2, 12), 'DIFFERENCING'],
      ['three exchanged: six apart', range(3, 13), 'contributes'],
      ['disjoint', range(20, 25), 'contributes'],
    ];
    for (const [what, of, expected] of cases)
      expect(decide({ cohort: cohortOf(of, what), earlier }), what).to.equal(expected);
    // The nearest of the earlier ones decides.
    const far = cohortOf(range(20, 30), 'far');
    expect(decide({ cohort: cohortOf(range(0, 11), 'near'), earlier: [far, ...earlier, far] })).to.equal(
      'DIFFERENCING',
    );
  });

  it('fields that read one column are told apart like one field: those who miss the other column would show', () => {
    const { rows } = cohortOf(range(0, 20));
    const asked = (field: string, columns: string[], missing: number): CohortOfQuery => ({
      predicate: 'all',
      rows,
      holding: new Map([[field, cohortOf(range(missing, 20)).rows]]),
      columns: new Map([[field, columns]]),
    });
    const age = asked('age', ['age'], 0);
    for (const missing of [1, 4]) {
      const pair = asked('ageByRate', ['age', 'rate'], missing);
      expect(decide({ cohort: pair, earlier: [age] })).to.equal('DIFFERENCING');
      expect(decide({ cohort: age, earlier: [pair] })).to.equal('DIFFERENCING');
      // In one query, too.
      const both = { ...age, holding: new Map([...age.holding, ...pair.holding]) };
      const columns = new Map([...age.columns, ...pair.columns]);
      expect(decide({ cohort: { ...both, columns } })).to.equal('DIFFERENCING');
      // Nothing in common.
      expect(decide({ cohort: asked('rate', ['rate'], missing), earlier: [age] })).to.equal('contributes');
    }
    for (const missing of [0, 5])
      expect(decide({ cohort: asked('ageByRate', ['age', 'rate'], missing), earlier: [age] })).to.equal(
        'contributes',
      );
  });

  it('the same patients with a few rows more reveal those rows', () => {
    const visits = (more: number): CohortOfQuery => {
      const rows = new Map(cohortOf(range(0, 8)).rows);
      for (const patient of range(0, more)) rows.set(`later-${String(patient)}`, String(patient));
      return { predicate: 'all', rows, holding: new Map(), columns: new Map() };
    };
    expect(decide({ cohort: visits(1), earlier: [visits(0)] })).to.equal('DIFFERENCING');
    expect(decide({ cohort: visits(0), earlier: [visits(4)] })).to.equal('DIFFERENCING');
    expect(decide({ cohort: visits(5), earlier: [visits(0)] })).to.equal('contributes');
    expect(decide({ cohort: visits(1), earlier: [visits(1)] })).to.equal('contributes');
  });
});
