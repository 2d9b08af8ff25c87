/**
 * What a contributor checks on its own patients before it contributes. Pure; a new reason to refuse is a line in
 * `REFUSAL_REASONS` and a check here.
 *
 * Differencing is looked for in pairs: two cohorts of one researcher, and the patients of each that have a value of a
 * column which both asked for. Three cohorts that together single somebody out, and two researchers who work together,
 * are not seen here; a budget per requester, on the ledger, is the backstop.
 */
import type { Purpose, RefusalReason } from '@careledger/protocol';

export interface AggregatePolicy {
  /** Fewest patients of this hospital in a cohort, and fewest by which two cohorts of one researcher may differ. */
  readonly minimumCohort: number;
  /**
   * Fewest patients of this hospital in a bin, group or interval that is asked for, if there is anyone in it. With it, no
   * published one holds fewer; but a single patient at the end of a scale closes the whole histogram, so 1 by default.
   */
  readonly minimumCell: number;
  readonly purposes: readonly Purpose[];
}

export const DEFAULT_AGGREGATE_POLICY: AggregatePolicy = {
  minimumCohort: 5,
  minimumCell: 1,
  purposes: ['research', 'public-health'],
};

/** This hospital's rows in a cohort: reference of the row, such as `panelId#3`, to the patient it is of. */
export type CohortRows = ReadonlyMap<string, string>;

export interface CohortOfQuery {
  /** Canonical JSON of the cohort that was asked for. */
  readonly predicate: string;
  readonly rows: CohortRows;
  /**
   * Rows that hold a value, by field that was asked for: a statistic is of them, however many others are in the cohort.
   * A field of which the hospital has no value at all is left out: there is nobody to protect.
   */
  readonly holding: ReadonlyMap<string, CohortRows>;
  /**
   * Columns that each of those fields reads. Fields that share one tell of the same values: a sum of everybody's ages
   * less that of those who have a heart rate too is the sum of those few who have none.
   */
  readonly columns: ReadonlyMap<string, readonly string[]>;
}

export interface PolicyInput {
  readonly purpose: Purpose;
  /** Whether the hospital has any row of the layout, in the cohort or not. */
  readonly hasRows: boolean;
  readonly cohort: CohortOfQuery;
  /** Rows of the cohort by each bin, group or interval that is asked for and has any. */
  readonly cells: readonly CohortRows[];
  /** Earlier cohorts of the same researcher to which this hospital contributed. */
  readonly earlier: readonly CohortOfQuery[];
}

/**
 * The reason not to contribute, or undefined. A reason stands on the ledger, so it must not tell more than a statistic
 * would: nobody in the cohort and a few are refused alike.
 */
export function whyNotContribute(policy: AggregatePolicy, input: PolicyInput): RefusalReason | undefined {
  const { purpose, hasRows, cohort, cells, earlier } = input;
  if (!policy.purposes.includes(purpose)) return 'PURPOSE_NOT_ALLOWED';
  if (!hasRows) return 'NO_ROWS';
  const isBelow =
    (fewest: number) =>
    (rows: CohortRows): boolean =>
      patientsOf(rows).size < fewest;
  if ([cohort.rows, ...cohort.holding.values()].some(isBelow(policy.minimumCohort)))
    return 'COHORT_BELOW_MINIMUM';
  if (cells.some(isBelow(policy.minimumCell))) return 'COHORT_BELOW_MINIMUM';
  // A query of several fields is compared with itself, too.
  return [cohort, ...earlier].some((other) => isTooClose(cohort, other, policy)) ? 'DIFFERENCING' : undefined;
}

/**
 * The same question again reveals nothing new, and a few patients apart reveals those. Two questions whose answers are
 * equal are refused too: were only those a few apart refused, the refusal would say whether anybody is between them.
 */
function isTooClose(
  cohort: CohortOfQuery,
  other: CohortOfQuery,
  { minimumCohort }: AggregatePolicy,
): boolean {
  const fewest = cohort.predicate === other.predicate ? 1 : 0;
  const isFew = (apart: number): boolean => apart >= fewest && apart < minimumCohort;
  const pairs: (readonly [CohortRows, CohortRows])[] = [[cohort.rows, other.rows]];
  for (const [field, rows] of cohort.holding) {
    const columns = cohort.columns.get(field) ?? [];
    for (const [otherField, otherRows] of other.holding) {
      const isOfSame = other.columns.get(otherField)?.some((column) => columns.includes(column)) ?? false;
      if (isOfSame) pairs.push([rows, otherRows]);
    }
  }
  return pairs.some(
    ([left, right]) =>
      isFew(patientsApart(patientsOf(left), patientsOf(right))) || isFew(patientsOfRowsApart(left, right)),
  );
}

function patientsOf(rows: CohortRows): ReadonlySet<string> {
  return new Set(rows.values());
}

function patientsApart(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  return missing(left, right).length + missing(right, left).length;
}

/** The same patients with one row more, such as a later visit, reveal that row. */
function patientsOfRowsApart(left: CohortRows, right: CohortRows): number {
  const patients = [
    ...missing(left.keys(), right).map((row) => left.get(row)),
    ...missing(right.keys(), left).map((row) => right.get(row)),
  ];
  return new Set(patients).size;
}

function missing(from: Iterable<string>, others: { has(one: string): boolean }): string[] {
  return [...from].filter((one) => !others.has(one));
}
