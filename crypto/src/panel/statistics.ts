/**
 * Statistics from totals, exact: reduced fractions of integers, and a decimal text rounded once, at the end.
 *
 *   with n records, S = sum of x 10^s, Q = sum of (x 10^s)^2, s = scale:
 *   count = n                 sum = S / 10^s                mean = S / (n 10^s)
 *   variance (sample) = (Q - S^2 / n) / (n - 1) = (n Q - S^2) / (n (n - 1) 10^(2s))
 *
 * plaintextStatistic is the reference: from the rows, without packing, offsets or encryption, the variance from its
 * definition, sum of (n x_i - S)^2 / (n^2 (n - 1) 10^(2s)).
 */
import { fractionToText, parseDecimal, powerOfTen, toFixedPoint } from '../core/decimal.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { gcd } from '../paillier/arithmetic.js';
import {
  compileLayout,
  type CompiledHistogram,
  type CompiledNumeric,
  type PanelLayout,
} from './panel-layout.js';
import {
  binIndex,
  numericOffset,
  type NumericTotals,
  type PanelRow,
  type PanelTotals,
  type Statistic,
} from './panel.js';

/** Reduced; denominator > 0; decimal texts of integers. */
export interface ExactFraction {
  readonly numerator: string;
  readonly denominator: string;
}
/** JSON-safe: every figure is text. */
export interface StatisticResult {
  readonly statistic: Statistic;
  readonly field: string;
  /** Of the value; a variance is in its square. */
  readonly unit: string;
  /** Records that have the field. */
  readonly count: string;
  readonly exact?: ExactFraction;
  /** `exact`, half away from zero: scale digits for a sum, scale + 6 for a mean, 2 scale + 6 for a variance. */
  readonly decimal?: string;
  readonly bins?: ReadonlyArray<{ readonly label: string; readonly count: string }>;
}
interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}
type NumericStatistic = Exclude<Statistic, 'histogram'>;

const EXTRA_DIGITS = 6;

function reduced({ numerator, denominator }: Fraction): ExactFraction {
  const divisor = gcd(numerator < 0n ? -numerator : numerator, denominator);
  return { numerator: String(numerator / divisor), denominator: String(denominator / divisor) };
}

function decimalDigits(statistic: NumericStatistic, scale: number): number {
  const digits = { count: 0, sum: scale, mean: scale + EXTRA_DIGITS, variance: 2 * scale + EXTRA_DIGITS };
  return digits[statistic];
}

function undefinedStatistic(field: string, least: number): CryptoError {
  return new CryptoError('CRYPTO_STATISTIC_UNDEFINED', {
    argument: field,
    expected: `at least ${least} records with the field`,
    came: 'fewer',
  });
}

function asked(value: bigint | undefined, part: string): bigint {
  if (value === undefined) throw invalidInput('totals', `totals with ${part}`, 'totals without it');
  return value;
}

function fractionOf(
  field: string,
  statistic: NumericStatistic,
  scale: number,
  totals: NumericTotals,
): Fraction {
  const { count } = totals;
  const unit = powerOfTen(scale);
  if (statistic === 'count') return { numerator: count, denominator: 1n };
  const sum = asked(totals.sum, 'a sum');
  if (statistic === 'sum') return { numerator: sum, denominator: unit };
  if (statistic === 'mean') {
    if (count < 1n) throw undefinedStatistic(field, 1);
    return { numerator: sum, denominator: count * unit };
  }
  const squares = asked(totals.sumOfSquares, 'a sum of squares');
  if (count < 2n) throw undefinedStatistic(field, 2);
  return { numerator: count * squares - sum * sum, denominator: count * (count - 1n) * unit * unit };
}

function numericResult(
  compiled: CompiledNumeric,
  statistic: NumericStatistic,
  count: bigint,
  fraction: Fraction,
): StatisticResult {
  const { name, unit, scale } = compiled.field;
  const decimal = fractionToText(fraction.numerator, fraction.denominator, decimalDigits(statistic, scale));
  return { statistic, field: name, unit, count: String(count), exact: reduced(fraction), decimal };
}

function histogramResult({ field, labels }: CompiledHistogram, counts: readonly bigint[]): StatisticResult {
  const total = counts.reduce((sum, count) => sum + count, 0n);
  const bins = labels.map((label, index) => ({ label, count: String(counts[index] ?? 0n) }));
  return { statistic: 'histogram', field: field.name, unit: field.unit, count: String(total), bins };
}

function found<T>(map: ReadonlyMap<string, T>, field: string, kind: string): T {
  const value = map.get(field);
  if (value === undefined) throw invalidInput('field', `a ${kind} field of the layout`, shapeOf(field));
  return value;
}

/**
 * One statistic of one field from decoded totals.
 * @throws CRYPTO_STATISTIC_UNDEFINED (mean of nobody, variance of fewer than two), CRYPTO_INVALID_INPUT
 */
export function statisticFromTotals(
  layout: PanelLayout,
  totals: PanelTotals,
  field: string,
  statistic: Statistic,
): StatisticResult {
  const compiled = compileLayout(layout);
  if (totals.layoutId !== layout.id)
    throw invalidInput('totals', `totals of ${layout.id}`, 'of another layout');
  if (statistic === 'histogram') {
    const counts = totals.histogram[field];
    if (counts === undefined) throw invalidInput('totals', `totals with ${field}`, 'totals without it');
    return histogramResult(found(compiled.histogram, field, 'histogram'), counts);
  }
  const numeric = found(compiled.numeric, field, 'numeric');
  const fieldTotals = totals.numeric[field];
  if (fieldTotals === undefined) throw invalidInput('totals', `totals with ${field}`, 'totals without it');
  return numericResult(
    numeric,
    statistic,
    fieldTotals.count,
    fractionOf(field, statistic, numeric.field.scale, fieldTotals),
  );
}

function plaintextFraction(
  field: string,
  statistic: NumericStatistic,
  scale: number,
  values: readonly bigint[],
): Fraction {
  const n = BigInt(values.length);
  const sum = values.reduce((total, value) => total + value, 0n);
  if (statistic !== 'variance') return fractionOf(field, statistic, scale, { count: n, sum });
  if (n < 2n) throw undefinedStatistic(field, 2);
  const deviations = values.reduce((total, value) => total + (n * value - sum) ** 2n, 0n);
  return { numerator: deviations, denominator: n * n * (n - 1n) * powerOfTen(2 * scale) };
}

/**
 * The same statistic straight from rows in the clear: the reference that encrypted results are compared with.
 * @throws the errors of encodeRow and statisticFromTotals
 */
export function plaintextStatistic(
  layout: PanelLayout,
  rows: readonly PanelRow[],
  field: string,
  statistic: Statistic,
): StatisticResult {
  const compiled = compileLayout(layout);
  const present = rows.map((row) => row[field]).filter((value) => value !== undefined && value !== null);
  if (statistic === 'histogram') {
    const histogram = found(compiled.histogram, field, 'histogram');
    const counts = histogram.labels.map(() => 0n);
    for (const value of present)
      counts[binIndex(histogram, value)] = (counts[binIndex(histogram, value)] ?? 0n) + 1n;
    return histogramResult(histogram, counts);
  }
  const numeric = found(compiled.numeric, field, 'numeric');
  const values = present.map((value) => {
    numericOffset(numeric, value);
    return toFixedPoint(parseDecimal(`row.${field}`, value), numeric.field.scale);
  });
  return numericResult(
    numeric,
    statistic,
    BigInt(values.length),
    plaintextFraction(field, statistic, numeric.field.scale, values),
  );
}
