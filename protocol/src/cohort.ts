import { Type } from 'typebox';
import { CareLedgerError } from './errors.js';
import { LIMITS } from './limits.js';
import { closed, oneOf } from './schemas/common.js';

/**
 * The cohort language: closed, without free code, so that a hospital can read what it is asked. A new predicate is a
 * member of the union and a line in `matchesCohort`.
 */
const Day = Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' });
const Code = Type.String({ pattern: '^[A-Za-z0-9.-]{1,20}$' });
export const CODE_SYSTEMS = [
  'http://snomed.info/sct',
  'http://loinc.org',
  'http://hl7.org/fhir/sid/icd-10',
] as const;

export type Cohort =
  | { readonly all: true }
  | { readonly sex: 'female' | 'male' }
  | { readonly age: { readonly from: number; readonly to: number } }
  | { readonly condition: { readonly system: (typeof CODE_SYSTEMS)[number]; readonly code: string } }
  | { readonly observed: { readonly from: string; readonly to: string } }
  | { readonly and: readonly Cohort[] }
  | { readonly or: readonly Cohort[] }
  | { readonly not: Cohort };

const AgeBand = closed({
  from: Type.Integer({ minimum: 0, maximum: 150 }),
  to: Type.Integer({ minimum: 0, maximum: 150 }),
});

const LEAVES = {
  all: closed({ all: Type.Literal(true) }),
  sex: closed({ sex: oneOf(['female', 'male'] as const) }),
  age: closed({ age: AgeBand }),
  condition: closed({ condition: closed({ system: oneOf(CODE_SYSTEMS), code: Code }) }),
  observed: closed({ observed: closed({ from: Day, to: Day }) }),
};

/** As JSON Schema, for OpenAPI and the first check. Depth and size are bounded by `assertCohort`. */
export const CohortSchema = Type.Cyclic(
  {
    Cohort: Type.Union([
      ...Object.values(LEAVES),
      closed({ and: Type.Array(Type.Ref('Cohort'), { minItems: 1, maxItems: 16 }) }),
      closed({ or: Type.Array(Type.Ref('Cohort'), { minItems: 1, maxItems: 16 }) }),
      closed({ not: Type.Ref('Cohort') }),
    ]),
  },
  'Cohort',
);

/** What a hospital knows of one patient when it evaluates a cohort. Never leaves the hospital. */
export interface CohortSubject {
  readonly sex?: 'female' | 'male';
  /** Whole years. */
  readonly ageYears?: number;
  readonly conditions: readonly { readonly system: string; readonly code: string }[];
  /** Day of the observation, YYYY-MM-DD. */
  readonly observedOn?: string;
}

/** @throws CareLedgerError COHORT_INVALID when the predicate is too deep, too large, or a band is empty. */
export function assertCohort(cohort: Cohort): void {
  let nodes = 0;
  const walk = (node: Cohort, depth: number): void => {
    nodes += 1;
    if (depth > LIMITS.cohortDepth || nodes > LIMITS.cohortNodes) {
      throw new CareLedgerError('COHORT_INVALID', {
        expected: `at most ${String(LIMITS.cohortDepth)} levels and ${String(LIMITS.cohortNodes)} predicates`,
      });
    }
    assertBand(node);
    for (const child of childrenOf(node)) walk(child, depth + 1);
  };
  walk(cohort, 1);
}

/** Unknown facts do not match: a patient without a recorded sex is in neither `sex` cohort. */
export function matchesCohort(cohort: Cohort, subject: CohortSubject): boolean {
  if ('and' in cohort) return cohort.and.every((child) => matchesCohort(child, subject));
  if ('or' in cohort) return cohort.or.some((child) => matchesCohort(child, subject));
  if ('not' in cohort) return !matchesCohort(cohort.not, subject);
  return matchesLeaf(cohort, subject);
}

type Leaf = Exclude<Cohort, { and: unknown } | { or: unknown } | { not: unknown }>;

function matchesLeaf(leaf: Leaf, subject: CohortSubject): boolean {
  if ('sex' in leaf) return subject.sex === leaf.sex;
  if ('age' in leaf) return isWithin(subject.ageYears, leaf.age);
  if ('observed' in leaf) return isWithin(subject.observedOn, leaf.observed);
  if ('condition' in leaf) {
    const { system, code } = leaf.condition;
    return subject.conditions.some((condition) => condition.system === system && condition.code === code);
  }
  return true;
}

function isWithin<T extends string | number>(
  value: T | undefined,
  band: { readonly from: T; readonly to: T },
): boolean {
  return value !== undefined && value >= band.from && value <= band.to;
}

function assertBand(node: Cohort): void {
  const band = 'age' in node ? node.age : 'observed' in node ? node.observed : undefined;
  if (band !== undefined && band.from > band.to) {
    throw new CareLedgerError('COHORT_INVALID', { expected: 'from <= to', came: 'an empty band' });
  }
}

function childrenOf(node: Cohort): readonly Cohort[] {
  if ('and' in node) return node.and;
  if ('or' in node) return node.or;
  return 'not' in node ? [node.not] : [];
}
