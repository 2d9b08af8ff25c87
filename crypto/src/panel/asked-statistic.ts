/**
 * What a query asks: one statistic over fields of one layout.
 *
 * A weighted sum is opened through the sums of its fields, and computed after decryption: its weights are public, and
 * whoever reads it learns each field's count and sum as well. It costs what as many sums cost.
 */
import { invalidInput, shapeOf } from '../core/errors.js';
import { slotsFor, type Statistic } from './panel.js';
import type { PanelLayout } from './panel-layout.js';

export interface AskedStatistic {
  readonly statistic: Statistic;
  readonly fields: readonly string[];
  /** Of a weighted sum, and of nothing else: one per field, whole numbers but 0, at most 10^9 in size. */
  readonly weights?: readonly string[];
}

const WEIGHT = /^-?[1-9][0-9]{0,9}$/;
const MAX_WEIGHT = 1_000_000_000n;

/**
 * Checks what a query asks against its layout.
 * @throws CRYPTO_INVALID_INPUT as slotsFor, or for weights that are missing, malformed, or of another statistic
 */
export function assertAsked(layout: PanelLayout, asked: AskedStatistic): void {
  slotsFor(layout, asked.fields, asked.statistic);
  weightsOf(asked);
}

/** The weights in the order of the fields; none for a statistic without them. @throws CRYPTO_INVALID_INPUT */
export function weightsOf({ statistic, fields, weights }: AskedStatistic): bigint[] {
  if (statistic !== 'weightedSum') {
    if (weights === undefined) return [];
    throw invalidInput('weights', `none for ${statistic}`, shapeOf(weights));
  }
  if (!Array.isArray(weights) || weights.length !== fields.length)
    throw invalidInput('weights', 'one per field', shapeOf(weights));
  return weights.map((text: unknown, index) => weightOf(`weights[${index}]`, text));
}

function weightOf(argument: string, text: unknown): bigint {
  const weight = typeof text === 'string' && WEIGHT.test(text) ? BigInt(text) : 0n;
  if (weight === 0n || weight > MAX_WEIGHT || weight < -MAX_WEIGHT)
    throw invalidInput(
      argument,
      `a whole number but 0, at most ${MAX_WEIGHT} in size, as text`,
      shapeOf(text),
    );
  return weight;
}
