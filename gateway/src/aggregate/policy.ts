/**
 * What a contributor checks on its own patients before it contributes. Pure; a new reason to refuse is a line in
 * `REFUSAL_REASONS` and a check here.
 *
 * Differencing is looked for in pairs: two cohorts of one researcher. Three cohorts that together single somebody out,
 * and two researchers who work together, are not seen here; a budget per researcher is another issue.
 */
import type { Purpose, RefusalReason } from '@careledger/protocol';

export interface AggregatePolicy {
  /** Fewest patients of this hospital in a cohort, and fewest by which two cohorts of one researcher may differ. */
  readonly minimumCohort: number;
  readonly purposes: readonly Purpose[];
}

export const DEFAULT_AGGREGATE_POLICY: AggregatePolicy = {
  minimumCohort: 5,
  purposes: ['research', 'public-health'],
};

/** This hospital's rows in a cohort: reference of the row, such as `panelId#3`, to the patient it is of. */
export type CohortRows = ReadonlyMap<string, string>;

export interface PolicyInput {
  readonly purpose: Purpose;
  readonly cohort: CohortRows;
  /** Earlier cohorts of the same researcher to which this hospital contributed. */
  readonly earlier: readonly CohortRows[];
}

/** The reason not to contribute, or undefined. */
export function whyNotContribute(policy: AggregatePolicy, input: PolicyInput): RefusalReason | undefined {
  if (!policy.purposes.includes(input.purpose)) return 'PURPOSE_NOT_ALLOWED';
  if (input.cohort.size === 0) return 'NO_ROWS';
  const patients = new Set(input.cohort.values());
  if (patients.size < policy.minimumCohort) return 'COHORT_BELOW_MINIMUM';
  const isTooClose = (other: CohortRows): boolean =>
    isFew(patientsApart(patients, new Set(other.values())), policy) ||
    isFew(patientsOfRowsApart(input.cohort, other), policy);
  return input.earlier.some(isTooClose) ? 'DIFFERENCING' : undefined;
}

/** Equal cohorts reveal nothing new; cohorts that differ by one patient reveal that patient. */
function isFew(apart: number, { minimumCohort }: AggregatePolicy): boolean {
  return apart > 0 && apart < minimumCohort;
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
