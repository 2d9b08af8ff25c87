import { LOINC, UCUM, codingsOf, isObject, listOf, resourcesOf, type FhirObject } from './fhir-shapes.js';

/** One measured number under its LOINC code. */
export interface NumericObservation {
  readonly loinc: string;
  /** As the document's number prints, such as 131.9. */
  readonly value: number;
  /** UCUM code when the quantity has one, else the printed unit, else ''. */
  readonly unit: string;
  /** FHIR dateTime, '' when the resource names none. */
  readonly observedAt: string;
}

/** Which observation fills which field of a panel row. */
export interface PanelSource {
  readonly name: string;
  readonly loinc: string;
  /** UCUM code of the field; a quantity in another unit is not taken, because converting is a clinical decision. */
  readonly unit: string;
}

/** Statuses under which a number stands. */
const STANDING = ['final', 'amended', 'corrected', 'preliminary', 'registered'];
const FULL_DAY = /^\d{4}-\d{2}-\d{2}/;

/**
 * Every numeric value of the Observation resources, components (blood pressure) included. Left out: entered in
 * error or cancelled, quantities with a comparator ("< 5"), and values that are not finite numbers.
 */
export function numericObservations(resources: readonly unknown[]): NumericObservation[] {
  return standingObservations(resources).flatMap((observation) => {
    const observedAt = observedAtOf(observation);
    const carriers = [observation, ...listOf(observation['component']).filter(isObject)];
    return carriers.flatMap((carrier) => readQuantity(carrier, observedAt));
  });
}

/**
 * One panel row: for each source the latest value on or before `onDay` in the field's unit, or null. Among values
 * of the same time the later in the document wins.
 */
export function panelRowOf(
  resources: readonly unknown[],
  sources: readonly PanelSource[],
  onDay: string,
): Record<string, number | null> {
  const observations = numericObservations(resources).filter(({ observedAt }) =>
    isOnOrBefore(observedAt, onDay),
  );
  return Object.fromEntries(
    sources.map(({ name, loinc, unit }) => {
      const candidates = observations.filter(
        (candidate) => candidate.loinc === loinc && candidate.unit === unit,
      );
      return [name, latest(candidates)?.value ?? null];
    }),
  );
}

/** Day of the latest Observation on or before `onDay`, YYYY-MM-DD. */
export function latestObservedDay(resources: readonly unknown[], onDay: string): string | undefined {
  return standingObservations(resources)
    .map((observation) => observedAtOf(observation))
    .filter((at) => FULL_DAY.test(at) && isOnOrBefore(at, onDay))
    .map((at) => at.slice(0, 10))
    .sort()
    .at(-1);
}

function standingObservations(resources: readonly unknown[]): FhirObject[] {
  return resourcesOf(resources, 'Observation').filter(
    ({ status }) => typeof status === 'string' && STANDING.includes(status),
  );
}

function observedAtOf(observation: FhirObject): string {
  const { effectiveDateTime, effectiveInstant, effectivePeriod, issued } = observation;
  const start = isObject(effectivePeriod) ? effectivePeriod['start'] : undefined;
  const found = [effectiveDateTime, effectiveInstant, start, issued].find(
    (candidate) => typeof candidate === 'string',
  );
  return typeof found === 'string' ? found : '';
}

function readQuantity(carrier: FhirObject, observedAt: string): NumericObservation[] {
  const quantity = carrier['valueQuantity'];
  if (!isObject(quantity) || quantity['comparator'] !== undefined) return [];
  const { value } = quantity;
  if (typeof value !== 'number' || !Number.isFinite(value)) return [];
  const unit = unitOf(quantity);
  return codingsOf(carrier['code'])
    .filter(({ system }) => system === LOINC)
    .map(({ code }) => ({ loinc: code, value, unit, observedAt }));
}

function unitOf({ system, code, unit }: FhirObject): string {
  if (system === UCUM && typeof code === 'string') return code;
  return typeof unit === 'string' ? unit : '';
}

/** The day as the document's own time zone counts it. An observation without a time is not placed in any period. */
function isOnOrBefore(observedAt: string, onDay: string): boolean {
  return observedAt !== '' && observedAt.slice(0, 10) <= onDay.slice(0, 10);
}

function latest(observations: readonly NumericObservation[]): NumericObservation | undefined {
  return observations.reduce<NumericObservation | undefined>(
    (best, next) => (best === undefined || instant(next) >= instant(best) ? next : best),
    undefined,
  );
}

function instant({ observedAt }: NumericObservation): number {
  const time = Date.parse(observedAt);
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}
