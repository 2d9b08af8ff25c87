import type { CohortSubject } from '@careledger/protocol';
import { demographicsOf } from './demographics.js';
import { codingsOf, hasCode, resourcesOf, type FhirCoding } from './fhir-shapes.js';
import { latestObservedDay } from './observations.js';

/** Verification statuses that say the patient does not have it. */
const NOT_HELD = ['refuted', 'entered-in-error'];

/**
 * Codings of the patient's Condition resources, each once, in input order. Resolved and inactive conditions count:
 * a cohort asks who has or had it. Refuted and erroneous ones do not.
 */
export function conditionCodings(resources: readonly unknown[]): FhirCoding[] {
  const codings = resourcesOf(resources, 'Condition')
    .filter((condition) => !hasCode(condition['verificationStatus'], NOT_HELD))
    .flatMap((condition) => codingsOf(condition['code']));
  return [...new Map(codings.map((coding) => [`${coding.system}|${coding.code}`, coding])).values()];
}

/**
 * What a cohort predicate may ask of one patient, from that patient's resources. Stays inside the hospital.
 * @param onDay the day on which the age counts, YYYY-MM-DD; observations after it are not looked at
 */
export function cohortSubjectOf(resources: readonly unknown[], onDay: string): CohortSubject {
  const { sex, ageYears } = demographicsOf(resourcesOf(resources, 'Patient')[0], onDay);
  const observedOn = latestObservedDay(resources, onDay);
  return {
    ...(sex === undefined ? {} : { sex }),
    ...(ageYears === undefined ? {} : { ageYears }),
    conditions: conditionCodings(resources),
    ...(observedOn === undefined ? {} : { observedOn }),
  };
}
