/**
 * Results of statistics: reduced fractions of integers, a decimal text rounded once, at the end, and counts. Totals
 * (statistics.ts) and rows in the clear (plaintext-statistics.ts) come to these by different ways.
 */
import { fractionToText, powerOfTen } from '../core/decimal.js';
import { CryptoError } from '../core/errors.js';
import { gcd } from '../paillier/arithmetic.js';
import type { CompiledGrouped } from './fields/grouped.js';
import type { CompiledHistogram } from './fields/histogram.js';
import type { CompiledNumeric } from './fields/numeric.js';
import type { CompiledPair } from './fields/pair.js';
import type { CompiledSurvival } from './fields/survival.js';
import { total } from './fields/field.js';
import type { Statistic } from './panel.js';

/** Reduced; denominator > 0; decimal texts of integers. */
export interface ExactFraction {
  readonly numerator: string;
  readonly denominator: string;
}
export interface SurvivalInterval {
  readonly label: string;
  readonly events: string;
  readonly censored: string;
  /** At the start of the interval: events and censored of it and of all later ones. */
  readonly atRisk: string;
  /** Kaplan-Meier survivor fraction at the end of the interval; absent when nobody was at risk in it. */
  readonly survivor?: { readonly exact: ExactFraction; readonly decimal: string };
}
/** JSON-safe: every figure is text. */
export interface StatisticResult {
  readonly statistic: Statistic;
  /** Of a weighted sum, its fields joined by "+". */
  readonly field: string;
  /** Of the value; a variance is in its square, a weighted sum of different units in "1". */
  readonly unit: string;
  /** Records that have the field; of a weighted sum, values of all its fields together. */
  readonly count: string;
  /** Absent when it is not defined: a mean of nobody, a variance or covariance of fewer than two. */
  readonly exact?: ExactFraction;
  /**
   * `exact`, half away from zero: scale digits for a sum, scale + 6 for a mean, 2 scale + 6 for a variance, both scales
   * + 6 for a covariance, the largest scale for a weighted sum.
   */
  readonly decimal?: string;
  readonly bins?: ReadonlyArray<{ readonly label: string; readonly count: string }>;
  /** One label per category. */
  readonly groups?: ReadonlyArray<{ readonly labels: readonly string[]; readonly count: string }>;
  readonly intervals?: readonly SurvivalInterval[];
  /** What a weighted sum was opened through. */
  readonly terms?: ReadonlyArray<{
    readonly field: string;
    readonly weight: string;
    readonly count: string;
    readonly decimal: string;
  }>;
}

export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}
export type NumericStatistic = 'count' | 'sum' | 'mean' | 'variance';

const EXTRA_DIGITS = 6;
const SURVIVOR_DIGITS = 6;

export function reduced({ numerator, denominator }: Fraction): Fraction {
  const divisor = gcd(numerator < 0n ? -numerator : numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

function asExact(fraction: Fraction): ExactFraction {
  const { numerator, denominator } = reduced(fraction);
  return { numerator: String(numerator), denominator: String(denominator) };
}

interface Figures {
  readonly exact: ExactFraction;
  readonly decimal: string;
}

function figures({ numerator, denominator }: Fraction, digits: number): Figures {
  return {
    exact: asExact({ numerator, denominator }),
    decimal: fractionToText(numerator, denominator, digits),
  };
}

/** No figures for a fraction that too few records have. */
function figuresIfAny(fraction: Fraction | undefined, digits: number): Partial<Figures> {
  return fraction === undefined ? {} : figures(fraction, digits);
}

/** Fewest records with the field for which a statistic is defined. */
const LEAST: Partial<Readonly<Record<Statistic, number>>> = { mean: 1, variance: 2, covariance: 2 };

/** @throws CRYPTO_STATISTIC_UNDEFINED for a mean of nobody, a variance or covariance of fewer than two */
export function assertDefined(result: StatisticResult): StatisticResult {
  const least = LEAST[result.statistic];
  if (least === undefined || result.exact !== undefined) return result;
  throw new CryptoError('CRYPTO_STATISTIC_UNDEFINED', {
    argument: result.field,
    expected: `at least ${least} records with the field`,
    came: 'fewer',
  });
}

/** The fraction, unless fewer records have the field than it is defined for. */
export function ifDefined(
  statistic: Statistic,
  count: bigint,
  fraction: () => Fraction,
): Fraction | undefined {
  return count < BigInt(LEAST[statistic] ?? 0) ? undefined : fraction();
}

export function numericResult(
  { field: { name, unit, scale } }: CompiledNumeric,
  statistic: NumericStatistic,
  count: bigint,
  fraction: Fraction | undefined,
): StatisticResult {
  const digits = { count: 0, sum: scale, mean: scale + EXTRA_DIGITS, variance: 2 * scale + EXTRA_DIGITS };
  return { statistic, field: name, unit, count: String(count), ...figuresIfAny(fraction, digits[statistic]) };
}

/** "a" and "b" make "a.b", "a" and "/min" make "a/min" (UCUM). */
export function productUnit(left: string, right: string): string {
  return right.startsWith('/') ? `${left}${right}` : `${left}.${right}`;
}

export function covarianceResult(
  { field, x, y }: CompiledPair,
  count: bigint,
  fraction: Fraction | undefined,
): StatisticResult {
  return {
    statistic: 'covariance',
    field: field.name,
    unit: productUnit(field.x.unit, field.y.unit),
    count: String(count),
    ...figuresIfAny(fraction, x.scale + y.scale + EXTRA_DIGITS),
  };
}

/** A field's part of a weighted sum; `sum` is times 10^scale. */
export interface WeightedTerm {
  readonly field: CompiledNumeric['field'];
  readonly weight: bigint;
  readonly count: bigint;
  readonly sum: bigint;
}

/** `fraction` is the sum of the terms; it comes from whoever computed it. */
export function weightedSumResult(terms: readonly WeightedTerm[], fraction: Fraction): StatisticResult {
  const units = new Set(terms.map(({ field }) => field.unit));
  const [unit = '1'] = units.size === 1 ? units : [];
  const scale = Math.max(...terms.map(({ field }) => field.scale));
  return {
    statistic: 'weightedSum',
    field: terms.map(({ field }) => field.name).join('+'),
    unit,
    count: String(total(terms.map(({ count }) => count))),
    ...figures(fraction, scale),
    terms: terms.map(({ field, weight, count, sum }) => ({
      field: field.name,
      weight: String(weight),
      count: String(count),
      decimal: fractionToText(sum, powerOfTen(field.scale), field.scale),
    })),
  };
}

export function histogramResult(
  { field, category }: CompiledHistogram,
  counts: readonly bigint[],
): StatisticResult {
  const bins = category.labels.map((label, index) => ({ label, count: String(counts[index] ?? 0n) }));
  const { name, unit } = field;
  return { statistic: 'histogram', field: name, unit, count: String(total(counts)), bins };
}

export function groupedResult(
  { field, labels }: CompiledGrouped,
  counts: readonly bigint[],
): StatisticResult {
  const groups = labels.map((of, index) => ({ labels: [...of], count: String(counts[index] ?? 0n) }));
  const { name, unit } = field;
  return { statistic: 'groupedCount', field: name, unit, count: String(total(counts)), groups };
}

/** One interval's records; `survivor` is undefined when nobody was at risk. */
export interface SurvivalFigures {
  readonly events: bigint;
  readonly censored: bigint;
  readonly atRisk: bigint;
  readonly survivor?: Fraction;
}

export function survivalResult(
  { field: { name, unit }, time }: CompiledSurvival,
  figuresOf: readonly SurvivalFigures[],
): StatisticResult {
  const intervals = figuresOf.map(({ events, censored, atRisk, survivor }, index) => ({
    label: time.labels[index] ?? '',
    events: String(events),
    censored: String(censored),
    atRisk: String(atRisk),
    ...(survivor === undefined ? {} : { survivor: figures(survivor, SURVIVOR_DIGITS) }),
  }));
  const count = intervals[0]?.atRisk ?? '0';
  return { statistic: 'survival', field: name, unit, count, intervals };
}
