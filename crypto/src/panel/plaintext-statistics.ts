/**
 * The reference that encrypted results are compared with: statistics straight from rows in the clear, without packing,
 * offsets, totals or encryption, each from its definition.
 *
 *   variance    sum of (n x_i - S)^2 / (n^2 (n - 1) 10^(2s))
 *   covariance  sum of (n x_i - S) (n y_i - T) / (n^2 (n - 1) 10^(s+t))
 *   at risk     records whose interval is not an earlier one
 */
import { powerOfTen } from '../core/decimal.js';
import { invalidInput } from '../core/errors.js';
import { assertAsked, weightsOf, type AskedStatistic } from './asked-statistic.js';
import { categoryIndex, fixedValue, valueOf, type CompiledNumber, type PanelRow } from './fields/columns.js';
import { total } from './fields/field.js';
import type { CompiledGrouped } from './fields/grouped.js';
import type { CompiledNumeric } from './fields/numeric.js';
import type { CompiledPair } from './fields/pair.js';
import type { CompiledSurvival } from './fields/survival.js';
import type { CompiledHistogram } from './fields/histogram.js';
import { rowEncoder, type Statistic } from './panel.js';
import { compileLayout, type PanelLayout } from './panel-layout.js';
import {
  assertDefined,
  covarianceResult,
  groupedResult,
  histogramResult,
  ifDefined,
  numericResult,
  survivalResult,
  weightedSumResult,
  type Fraction,
  type NumericStatistic,
  type StatisticResult,
  type SurvivalFigures,
} from './statistic-result.js';
import { fieldOf } from './statistics.js';

type Rows = readonly PanelRow[];

function fixedValues(number: CompiledNumber, rows: Rows): bigint[] {
  const values = rows.map((row) => valueOf(row, number.column)).filter((value) => value !== undefined);
  return values.map((value) => fixedValue(number, value));
}

/** n x_i - S: n times the deviation from the mean. */
function deviations(values: readonly bigint[]): bigint[] {
  const sum = total(values);
  return values.map((value) => BigInt(values.length) * value - sum);
}

function numericOf(numeric: CompiledNumeric, statistic: NumericStatistic, rows: Rows): StatisticResult {
  const values = fixedValues(numeric.number, rows);
  const n = BigInt(values.length);
  const unit = powerOfTen(numeric.field.scale);
  const fractions: Record<NumericStatistic, () => Fraction> = {
    count: () => ({ numerator: n, denominator: 1n }),
    sum: () => ({ numerator: total(values), denominator: unit }),
    mean: () => ({ numerator: total(values), denominator: n * unit }),
    variance: () => ({
      numerator: total(deviations(values).map((deviation) => deviation ** 2n)),
      denominator: n * n * (n - 1n) * unit * unit,
    }),
  };
  return numericResult(numeric, statistic, n, ifDefined(statistic, n, fractions[statistic]));
}

function covarianceOf(pair: CompiledPair, rows: Rows): StatisticResult {
  const both = rows.filter((row) => pair.columns.every((column) => valueOf(row, column) !== undefined));
  const ofX = deviations(fixedValues(pair.x, both));
  const ofY = deviations(fixedValues(pair.y, both));
  const n = BigInt(both.length);
  const fraction = ifDefined('covariance', n, () => ({
    numerator: total(ofX.map((deviation, index) => deviation * (ofY[index] ?? 0n))),
    denominator: n * n * (n - 1n) * powerOfTen(pair.x.scale + pair.y.scale),
  }));
  return covarianceResult(pair, n, fraction);
}

function histogramOf(histogram: CompiledHistogram, rows: Rows): StatisticResult {
  const { category } = histogram;
  const indices = rows
    .map((row) => valueOf(row, category.column))
    .filter((value) => value !== undefined)
    .map((value) => categoryIndex(category, value));
  const counts = category.labels.map((_, bin) => indices.filter((index) => index === bin).length);
  return histogramResult(histogram, counts.map(BigInt));
}

function groupedOf(grouped: CompiledGrouped, rows: Rows): StatisticResult {
  const labelsOf = (row: PanelRow): string[] =>
    grouped.by.flatMap((category) => {
      const value = valueOf(row, category.column);
      return value === undefined ? [] : [category.labels[categoryIndex(category, value)] ?? ''];
    });
  const texts = rows.map((row) => JSON.stringify(labelsOf(row)));
  const counts = grouped.labels.map((of) => texts.filter((text) => text === JSON.stringify(of)).length);
  return groupedResult(grouped, counts.map(BigInt));
}

function survivalOf(survival: CompiledSurvival, rows: Rows): StatisticResult {
  const { time, field } = survival;
  const followed = rows.flatMap((row) => {
    const [at, status] = survival.columns.map((column) => valueOf(row, column));
    if (at === undefined || status === undefined) return [];
    return [{ interval: categoryIndex(time, at), died: String(status) === field.event.occurred }];
  });
  const countOf = (isCounted: (one: (typeof followed)[number]) => boolean): bigint =>
    BigInt(followed.filter(isCounted).length);
  const survivor: Fraction[] = [];
  const intervals = time.labels.map((_, index): SurvivalFigures => {
    const events = countOf(({ interval, died }) => interval === index && died);
    const censored = countOf(({ interval, died }) => interval === index && !died);
    const atRisk = countOf(({ interval }) => interval >= index);
    if (atRisk === 0n) return { events, censored, atRisk };
    survivor.push({ numerator: atRisk - events, denominator: atRisk });
    return { events, censored, atRisk, survivor: product(survivor) };
  });
  return survivalResult(survival, intervals);
}

function product(fractions: readonly Fraction[]): Fraction {
  return {
    numerator: fractions.reduce((value, { numerator }) => value * numerator, 1n),
    denominator: fractions.reduce((value, { denominator }) => value * denominator, 1n),
  };
}

function weightedSumOf(
  numerics: readonly CompiledNumeric[],
  weights: readonly bigint[],
  rows: Rows,
): StatisticResult {
  const scale = Math.max(...numerics.map(({ field }) => field.scale));
  const contributionOf = (row: PanelRow): bigint =>
    total(
      numerics.flatMap(({ number, field }, index) =>
        fixedValues(number, [row]).map(
          (value) => (weights[index] ?? 0n) * value * powerOfTen(scale - field.scale),
        ),
      ),
    );
  const terms = numerics.map(({ field, number }, index) => {
    const values = fixedValues(number, rows);
    return { field, weight: weights[index] ?? 0n, count: BigInt(values.length), sum: total(values) };
  });
  const fraction = { numerator: total(rows.map(contributionOf)), denominator: powerOfTen(scale) };
  return weightedSumResult(terms, fraction);
}

/**
 * What a query over these rows comes to: one result per field, or one for a weighted sum; the count alone where too few
 * have the field.
 * @throws the errors of encodeRow and resultsFromTotals
 */
export function plaintextResults(layout: PanelLayout, rows: Rows, query: AskedStatistic): StatisticResult[] {
  assertAsked(layout, query);
  const check = rowEncoder(layout);
  for (const row of rows) check(row);
  const compiled = compileLayout(layout);
  const { statistic, fields } = query;
  if (statistic === 'weightedSum') {
    const numerics = fields.map((field) => fieldOf(compiled, field, 'numeric'));
    return [weightedSumOf(numerics, weightsOf(query), rows)];
  }
  return fields.map((field) => {
    switch (statistic) {
      case 'histogram':
        return histogramOf(fieldOf(compiled, field, 'histogram'), rows);
      case 'groupedCount':
        return groupedOf(fieldOf(compiled, field, 'grouped'), rows);
      case 'covariance':
        return covarianceOf(fieldOf(compiled, field, 'pair'), rows);
      case 'survival':
        return survivalOf(fieldOf(compiled, field, 'survival'), rows);
      case 'count':
      case 'sum':
      case 'mean':
      case 'variance':
        return numericOf(fieldOf(compiled, field, 'numeric'), statistic, rows);
    }
  });
}

/**
 * The same for one field; a weighted sum is of several, see `plaintextResults`.
 * @throws CRYPTO_STATISTIC_UNDEFINED as statisticFromTotals, and the errors of plaintextResults
 */
export function plaintextStatistic(
  layout: PanelLayout,
  rows: Rows,
  field: string,
  statistic: Statistic,
): StatisticResult {
  if (statistic === 'weightedSum')
    throw invalidInput('statistic', 'a statistic of one field', 'a weighted sum');
  const [result] = plaintextResults(layout, rows, { statistic, fields: [field] });
  return assertDefined(result as StatisticResult);
}
