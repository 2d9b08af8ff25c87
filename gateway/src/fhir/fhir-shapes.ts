/**
 * The few shapes of FHIR R4 that this gateway reads. No FHIR R4 validation library is among the dependencies (those
 * that are kept up need a newer Node or bring their own server), so what is relied on is checked here and in
 * `split.ts`, and nothing else: profiles, cardinalities and value sets stay with the sender's own validator.
 */
export type FhirObject = Readonly<Record<string, unknown>>;

export interface FhirResource extends FhirObject {
  readonly resourceType: string;
}

/** @see https://hl7.org/fhir/R4/datatypes.html#Coding */
export interface FhirCoding {
  readonly system: string;
  readonly code: string;
}

export const LOINC = 'http://loinc.org';
export const SNOMED = 'http://snomed.info/sct';
export const UCUM = 'http://unitsofmeasure.org';

export function isObject(value: unknown): value is FhirObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Elements that repeat arrive as arrays; a single one, as some senders write it, counts as an array of one. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null ? [] : [value];
}

/** Codings of one or more CodeableConcepts that have both a system and a code. */
export function codingsOf(concepts: unknown): FhirCoding[] {
  return listOf(concepts)
    .filter(isObject)
    .flatMap((concept) => listOf(concept['coding']))
    .filter(isObject)
    .flatMap(({ system, code }) =>
      typeof system === 'string' && typeof code === 'string' ? [{ system, code }] : [],
    );
}

export function hasCode(concepts: unknown, codes: readonly string[]): boolean {
  return codingsOf(concepts).some((coding) => codes.includes(coding.code));
}

export function resourcesOf(resources: readonly unknown[], resourceType: string): FhirObject[] {
  return resources.filter(isObject).filter((resource) => resource['resourceType'] === resourceType);
}
