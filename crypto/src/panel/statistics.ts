/**
 * Statistics from totals, exact.
 *
 *   with n records, S = sum of x 10^s, Q = sum of (x 10^s)^2, s = scale, and for pairs T = sum of y 10^t and
 *   P = sum of x y 10^(s+t), t = scale of y:
 *   count = n                 sum = S / 10^s                mean = S / (n 10^s)
 *   variance (sample) = (Q - S^2 / n) / (n - 1) = (n Q - S^2) / (n (n - 1) 10^(2s))
 *   covariance (sample) = (n P - S T) / (n (n - 1) 10^(s+t))
 *   weighted sum = sum over fields f of w_f S_f / 10^(s_f)
 *   survivor fraction at the end of interval i (Kaplan and Meier, with intervals for times)
 *                     = product over j <= i of (n_j - d_j) / n_j,   d_j events of n_j at risk
 *
 * Divergence: the estimator takes every event's own time; here an interval's events count as one time, and those who
 * were censored in it as at risk until its end.
 */
import { powerOfTen } from '../core/decimal.js';
import { invalidInput, shapeOf } from '../core/errors.js';
import { assertAsked, weightsOf, type AskedStatistic } from './asked-statistic.js';
import { total } from './fields/field.js';
import type { NumericTotals } from './fields/numeric.js';
import type { CompiledPair, PairTotals } from './fields/pair.js';
import type { SurvivalTotals } from './fields/survival.js';
import type { PanelTotals, Statistic } from './panel.js';
import {
  compileLayout,
  type AnyCompiledField,
  type CompiledLayout,
  type CompiledOf,
  type FieldKind,
  type PanelLayout,
} from './panel-layout.js';
import {
  assertDefined,
  covarianceResult,
  groupedResult,
  histogramResult,
  ifDefined,
  numericResult,
  reduced,
  survivalResult,
  weightedSumResult,
  type Fraction,
  type NumericStatistic,
  type StatisticResult,
  type SurvivalFigures,
  type WeightedTerm,
} from './statistic-result.js';

/** @throws CRYPTO_INVALID_INPUT unless the layout has a field of that name and kind */
export function fieldOf<Kind extends FieldKind>(
  { fields }: CompiledLayout,
  name: string,
  kind: Kind,
): CompiledOf<Kind> {
  const field: AnyCompiledField | undefined = fields.get(name);
  if (field?.kind !== kind) throw invalidInput('field', `a ${kind} field of the layout`, shapeOf(name));
  return field as CompiledOf<Kind>;
}

function asked<Value>(value: Value | undefined, part: string): Value {
  if (value === undefined) throw invalidInput('totals', `totals with ${part}`, 'totals without it');
  return value;
}

/** @throws CRYPTO_INVALID_INPUT for totals that were not asked for */
function numericFraction(
  statistic: NumericStatistic,
  scale: number,
  { count, sum, sumOfSquares }: NumericTotals,
): Fraction | undefined {
  const unit = powerOfTen(scale);
  if (statistic === 'count') return { numerator: count, denominator: 1n };
  const s = asked(sum, 'a sum');
  if (statistic === 'sum') return { numerator: s, denominator: unit };
  if (statistic === 'mean')
    return ifDefined(statistic, count, () => ({ numerator: s, denominator: count * unit }));
  const q = asked(sumOfSquares, 'a sum of squares');
  return ifDefined(statistic, count, () => ({
    numerator: count * q - s * s,
    denominator: count * (count - 1n) * unit * unit,
  }));
}

function covarianceFraction(
  { x, y }: CompiledPair,
  { count, sumX, sumY, product }: PairTotals,
): Fraction | undefined {
  return ifDefined('covariance', count, () => ({
    numerator: count * product - sumX * sumY,
    denominator: count * (count - 1n) * powerOfTen(x.scale + y.scale),
  }));
}

function survivalFigures({ events, censored }: SurvivalTotals): SurvivalFigures[] {
  let atRisk = total(events) + total(censored);
  let survivor: Fraction = { numerator: 1n, denominator: 1n };
  return events.map((died, index) => {
    const left = censored[index] ?? 0n;
    const before = atRisk;
    atRisk -= died + left;
    if (before === 0n) return { events: died, censored: left, atRisk: before };
    survivor = reduced({
      numerator: survivor.numerator * (before - died),
      denominator: survivor.denominator * before,
    });
    return { events: died, censored: left, atRisk: before, survivor };
  });
}

function totalsOf<Totals>(byField: Readonly<Record<string, Totals>>, field: string): Totals {
  return asked(Object.hasOwn(byField, field) ? byField[field] : undefined, field);
}

function weightedSumOf(layout: CompiledLayout, totals: PanelTotals, query: AskedStatistic): StatisticResult {
  const weights = weightsOf(query);
  const terms = query.fields.map((name, index): WeightedTerm => {
    const { field } = fieldOf(layout, name, 'numeric');
    const { count, sum } = totalsOf(totals.numeric, name);
    return { field, weight: weights[index] ?? 0n, count, sum: asked(sum, 'a sum') };
  });
  const scale = Math.max(...terms.map(({ field }) => field.scale));
  const parts = terms.map(({ field, weight, sum }) => weight * sum * powerOfTen(scale - field.scale));
  return weightedSumResult(terms, { numerator: total(parts), denominator: powerOfTen(scale) });
}

function resultOf(
  layout: CompiledLayout,
  totals: PanelTotals,
  field: string,
  statistic: Exclude<Statistic, 'weightedSum'>,
): StatisticResult {
  switch (statistic) {
    case 'histogram':
      return histogramResult(fieldOf(layout, field, 'histogram'), totalsOf(totals.histogram, field));
    case 'groupedCount':
      return groupedResult(fieldOf(layout, field, 'grouped'), totalsOf(totals.grouped, field));
    case 'survival': {
      const survival = fieldOf(layout, field, 'survival');
      return survivalResult(survival, survivalFigures(totalsOf(totals.survival, field)));
    }
    case 'covariance': {
      const pair = fieldOf(layout, field, 'pair');
      const of = totalsOf(totals.pair, field);
      return covarianceResult(pair, of.count, covarianceFraction(pair, of));
    }
    case 'count':
    case 'sum':
    case 'mean':
    case 'variance': {
      const numeric = fieldOf(layout, field, 'numeric');
      const of = totalsOf(totals.numeric, field);
      return numericResult(numeric, statistic, of.count, numericFraction(statistic, numeric.field.scale, of));
    }
  }
}

/**
 * What a query's decoded totals come to: one result per field, or one for a weighted sum. A statistic that too few
 * records have is the count alone: that nobody has the field is an answer.
 * @throws CRYPTO_INVALID_INPUT for totals of another layout, or without what was asked
 */
export function resultsFromTotals(
  layout: PanelLayout,
  totals: PanelTotals,
  query: AskedStatistic,
): StatisticResult[] {
  if (totals.layoutId !== layout.id)
    throw invalidInput('totals', `totals of ${layout.id}`, 'of another layout');
  assertAsked(layout, query);
  const compiled = compileLayout(layout);
  const { statistic, fields } = query;
  if (statistic === 'weightedSum') return [weightedSumOf(compiled, totals, query)];
  return fields.map((field) => resultOf(compiled, totals, field, statistic));
}

/**
 * One statistic of one field; a weighted sum is of several, see `resultsFromTotals`.
 * @throws CRYPTO_STATISTIC_UNDEFINED (mean of nobody, variance or covariance of fewer than two), CRYPTO_INVALID_INPUT
 */
export function statisticFromTotals(
  layout: PanelLayout,
  totals: PanelTotals,
  field: string,
  statistic: Statistic,
): StatisticResult {
  const [result] = resultsFromTotals(layout, totals, { statistic, fields: [field] });
  return assertDefined(result as StatisticResult);
}
