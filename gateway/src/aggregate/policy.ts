/**
 * What a contributor checks on its own patients before it contributes. Pure; a new reason to refuse is a line in
 * `REFUSAL_REASONS` and a check here.
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

export interface PolicyInput {
  readonly purpose: Purpose;
  /** Patients of this hospital in the cohort. */
  readonly cohort: ReadonlySet<string>;
  /** Earlier cohorts of the same researcher to which this hospital contributed. */
  readonly earlier: readonly ReadonlySet<string>[];
}

/** The reason not to contribute, or undefined. */
export function whyNotContribute(policy: AggregatePolicy, input: PolicyInput): RefusalReason | undefined {
  if (!policy.purposes.includes(input.purpose)) return 'PURPOSE_NOT_ALLOWED';
  if (input.cohort.size === 0) return 'NO_ROWS';
  if (input.cohort.size < policy.minimumCohort) return 'COHORT_BELOW_MINIMUM';
  return input.earlier.some((other) => isTooClose(input.cohort, other, policy.minimumCohort))
    ? 'DIFFERENCING'
    : undefined;
}

/** Equal cohorts reveal nothing new; cohorts that differ by one patient reveal that patient. */
function isTooClose(left: ReadonlySet<string>, right: ReadonlySet<string>, minimum: number): boolean {
  const difference = countMissing(left, right) + countMissing(right, left);
  return difference > 0 && difference < minimum;
}

function countMissing(from: ReadonlySet<string>, others: ReadonlySet<string>): number {
  let missing = 0;
  for (const member of from) if (!others.has(member)) missing += 1;
  return missing;
}
