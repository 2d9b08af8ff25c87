import { isObject } from './fhir-shapes.js';

export interface Demographics {
  readonly sex?: 'female' | 'male';
  /** As FHIR writes it: YYYY, YYYY-MM or YYYY-MM-DD. */
  readonly birthDate?: string;
  /** Whole years on the day asked for. */
  readonly ageYears?: number;
}

const DATE = /^(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?$/;
const DAY = /^\d{4}-\d{2}-\d{2}/;

/**
 * Sex, birth date and age from a Patient resource, each left out when the resource does not say it. Administrative
 * gender `other` and `unknown` give no sex: an unknown fact matches no cohort.
 * @param onDay YYYY-MM-DD, or an instant, of which the day is taken
 */
export function demographicsOf(patient: unknown, onDay: string): Demographics {
  if (!isObject(patient)) return {};
  const { gender, birthDate } = patient;
  const known = typeof birthDate === 'string' && DATE.test(birthDate) ? birthDate : undefined;
  const ageYears = known === undefined ? undefined : ageInYears(known, onDay);
  return {
    ...(gender === 'female' || gender === 'male' ? { sex: gender } : {}),
    ...(known === undefined ? {} : { birthDate: known }),
    ...(ageYears === undefined ? {} : { ageYears }),
  };
}

/**
 * Whole years between a FHIR date and a day. With only a year or a month given, the age is known when the earliest
 * and the latest possible birthday agree, and undefined otherwise. Undefined as well before birth.
 */
export function ageInYears(birthDate: string, onDay: string): number | undefined {
  const parts = DATE.exec(birthDate);
  if (parts === null || !DAY.test(onDay)) return undefined;
  const [, year = '', month, day] = parts;
  const oldest = yearsBetween(`${year}-${month ?? '01'}-${day ?? '01'}`, onDay);
  const youngest = yearsBetween(`${year}-${month ?? '12'}-${day ?? '31'}`, onDay);
  return oldest === youngest && oldest >= 0 ? oldest : undefined;
}

/** Text comparison of month and day: a birthday on 29 February falls on 1 March in other years. */
function yearsBetween(born: string, onDay: string): number {
  const years = Number(onDay.slice(0, 4)) - Number(born.slice(0, 4));
  return onDay.slice(5, 10) < born.slice(5, 10) ? years - 1 : years;
}
