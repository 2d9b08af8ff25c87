/**
 * Columns of a row, as fields read them: a number in fixed point, or one of several categories.
 *
 *   number:    y = round(x 10^scale) - min 10^scale, half away from zero;   0 <= y <= R = (max - min) 10^scale
 *   category:  its place in `categories`, or i with edge i <= value < edge i+1; the last interval holds its upper edge
 *   missing:   absent or null
 *
 * Errors name the column, never its value.
 */
import {
  compareDecimals,
  parseDecimal,
  toExactFixedPoint,
  toFixedPoint,
  type Decimal,
  type ExactDecimal,
} from '../../core/decimal.js';
import { CryptoError, invalidInput, shapeOf } from '../../core/errors.js';

/** Column to value; absent or null is missing. */
export type PanelRow = Readonly<Record<string, Decimal | null>>;

/** Names of fields and columns become keys of objects: what a prototype has, such as "constructor", is refused. */
const NAME = /^[A-Za-z][A-Za-z0-9]{0,39}$/;
const MAX_CATEGORIES = 64;

export interface NumberRange {
  readonly unit: string;
  /** Digits after the point that are kept, 0 to 9; a value with more is rounded half away from zero. */
  readonly scale: number;
  /** Bounds, both allowed; with at most `scale` digits after the point. */
  readonly min: Decimal;
  readonly max: Decimal;
}
export interface NumberColumn extends NumberRange {
  readonly column: string;
}
export interface Categories {
  /** Ascending, 2 to 65. */
  readonly edges?: readonly Decimal[];
  /** 1 to 64 distinct names; a row holds one of them. Exactly one of edges and categories is given. */
  readonly categories?: readonly string[];
}
export interface CategoryColumn extends Categories {
  readonly column: string;
}

export interface CompiledNumber {
  readonly column: string;
  readonly scale: number;
  readonly min: Decimal;
  readonly max: Decimal;
  /** min 10^scale. */
  readonly minFixed: bigint;
  /** R = (max - min) 10^scale. */
  readonly range: bigint;
}
export interface CompiledCategory {
  readonly column: string;
  readonly edges?: readonly ExactDecimal[];
  readonly labels: readonly string[];
}

export function invalidLayout(argument: string, expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_LAYOUT_INVALID', { argument, expected, came });
}

/** @throws CRYPTO_LAYOUT_INVALID */
export function assertInteger(argument: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw invalidLayout(argument, `an integer of ${least}..${most}`, String(value));
}

/** @throws CRYPTO_LAYOUT_INVALID */
export function assertName(argument: string, name: string): void {
  if (typeof name === 'string' && NAME.test(name) && !(name in {})) return;
  throw invalidLayout(argument, '1..40 letters and digits, a letter first', 'another text');
}

/**
 * @param argument what an error calls the column, such as "field.x"
 * @throws CRYPTO_LAYOUT_INVALID; CRYPTO_INVALID_INPUT for a bound that is no decimal of `scale` digits
 */
export function compileNumber(argument: string, { column, scale, min, max }: NumberColumn): CompiledNumber {
  assertName(`${argument}.column`, column);
  assertInteger(`${argument}.scale`, scale, 0, 9);
  const minFixed = toExactFixedPoint(`${argument}.min`, min, scale);
  const range = toExactFixedPoint(`${argument}.max`, max, scale) - minFixed;
  if (range <= 0n) throw invalidLayout(`${argument}.max`, 'more than min', 'no more');
  return { column, scale, min, max, minFixed, range };
}

/**
 * @throws CRYPTO_LAYOUT_INVALID unless exactly one of edges and categories is given, and well-formed;
 * CRYPTO_INVALID_INPUT for an edge that is no decimal
 */
export function compileCategory(argument: string, of: CategoryColumn): CompiledCategory {
  const { column, edges, categories } = of;
  assertName(`${argument}.column`, column);
  if ((edges === undefined) === (categories === undefined))
    throw invalidLayout(argument, 'exactly one of edges and categories', 'both or none');
  if (edges !== undefined) return { column, ...compileEdges(argument, edges) };
  const labels = [...(categories ?? [])];
  const isFit = labels.length >= 1 && labels.length <= MAX_CATEGORIES;
  if (!isFit || new Set(labels).size !== labels.length)
    throw invalidLayout(
      `${argument}.categories`,
      `1..${MAX_CATEGORIES} distinct names`,
      String(labels.length),
    );
  return { column, labels };
}

function compileEdges(argument: string, given: readonly Decimal[]): Omit<CompiledCategory, 'column'> {
  const edges = given.map((edge, index) => parseDecimal(`${argument}.edges[${index}]`, edge));
  const isAscending = edges.every((edge, index) => {
    const before = edges[index - 1];
    return before === undefined || compareDecimals(before, edge) < 0;
  });
  if (edges.length < 2 || edges.length > MAX_CATEGORIES + 1 || !isAscending)
    throw invalidLayout(
      `${argument}.edges`,
      `2..${MAX_CATEGORIES + 1} ascending edges`,
      String(edges.length),
    );
  const labels = given
    .slice(1)
    .map((edge, index) => `[${given[index] as Decimal}, ${edge}${index === given.length - 2 ? ']' : ')'}`);
  return { edges, labels };
}

export function outOfRange(column: string, expected: string): CryptoError {
  return new CryptoError('CRYPTO_VALUE_OUT_OF_RANGE', {
    argument: `row.${column}`,
    expected,
    came: 'a value outside',
  });
}

/** The column's value, or undefined when it is missing. */
export function valueOf(row: PanelRow, column: string): Decimal | undefined {
  return row[column] ?? undefined;
}

/**
 * round(x 10^scale).
 * @throws CRYPTO_VALUE_OUT_OF_RANGE, CRYPTO_INVALID_INPUT for what is no decimal
 */
export function fixedValue(number: CompiledNumber, value: Decimal): bigint {
  const { column, scale, min, max, minFixed, range } = number;
  const fixed = toFixedPoint(parseDecimal(`row.${column}`, value), scale);
  if (fixed < minFixed || fixed > minFixed + range) throw outOfRange(column, `a value of ${min}..${max}`);
  return fixed;
}

/** y, the offset from the column's minimum. @throws as fixedValue */
export function offsetValue(number: CompiledNumber, value: Decimal): bigint {
  return fixedValue(number, value) - number.minFixed;
}

/**
 * Place of the value among the labels.
 * @throws CRYPTO_VALUE_OUT_OF_RANGE for an unknown category or a value beyond the edges; CRYPTO_INVALID_INPUT for what
 * is neither text nor number
 */
export function categoryIndex({ column, edges, labels }: CompiledCategory, value: Decimal): number {
  if (edges !== undefined) return intervalIndex(column, edges, value);
  if (typeof value !== 'string' && typeof value !== 'number')
    throw invalidInput(`row.${column}`, 'one text', shapeOf(value));
  const index = labels.indexOf(String(value));
  if (index < 0) throw outOfRange(column, 'one of the categories');
  return index;
}

function intervalIndex(column: string, edges: readonly ExactDecimal[], value: Decimal): number {
  const parsed = parseDecimal(`row.${column}`, value);
  const notAbove = edges.filter((edge) => compareDecimals(edge, parsed) <= 0).length;
  const [last = parsed] = edges.slice(-1);
  if (notAbove === 0 || compareDecimals(parsed, last) > 0)
    throw outOfRange(column, 'a value within the edges');
  return Math.min(notAbove, edges.length - 1) - 1;
}
