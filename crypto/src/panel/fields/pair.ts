/**
 * Two numbers of the same record, for their covariance.
 *
 *   slots "present", "sumX", "sumY", "product"; a record that has both adds 1, u, v, u v, the offsets from the two
 *   minima, 0 <= u <= R, 0 <= v <= T; a record that misses one adds nothing
 *   with C = sum present, U = sum u, V = sum v, P = sum u v, a and b the minima in fixed point, exactly:
 *     sum of x = U + a C        sum of y = V + b C        sum of x y = P + b U + a V + a b C
 *
 * Checks on totals, true for every set of rows: the faces of the hull of (u, v, u v) over the box (McCormick),
 * 0 <= P, R V + T U - R T C <= P, P <= T U, P <= R V. The box itself follows from them: U <= R C, V <= T C.
 */
import {
  compileNumber,
  invalidLayout,
  offsetValue,
  valueOf,
  type CompiledNumber,
  type NumberColumn,
  type PanelRow,
} from './columns.js';
import { impossibleTotals, readAll, type CompiledField, type ReadPart } from './field.js';

export interface PairField {
  readonly kind: 'pair';
  readonly name: string;
  readonly x: NumberColumn;
  readonly y: NumberColumn;
}
export interface CompiledPair extends CompiledField {
  readonly kind: 'pair';
  readonly field: PairField;
  readonly x: CompiledNumber;
  readonly y: CompiledNumber;
}
/** Of the records that have both numbers. */
export interface PairTotals {
  readonly count: bigint;
  /** Times 10^(scale of x). */
  readonly sumX: bigint;
  /** Times 10^(scale of y). */
  readonly sumY: bigint;
  /** Sum of x y, times 10^(scale of x + scale of y). */
  readonly product: bigint;
}

/** @throws CRYPTO_LAYOUT_INVALID, also for one column twice: that is a variance; CRYPTO_INVALID_INPUT */
export function compilePair(field: PairField): CompiledPair {
  const x = compileNumber(`${field.name}.x`, field.x);
  const y = compileNumber(`${field.name}.y`, field.y);
  if (x.column === y.column)
    throw invalidLayout(`${field.name}.y.column`, 'another column than x', 'the same');
  return {
    kind: 'pair',
    field,
    hasCells: false,
    x,
    y,
    columns: [x.column, y.column],
    parts: [
      { part: 'present', most: 1n },
      { part: 'sumX', most: x.range },
      { part: 'sumY', most: y.range },
      { part: 'product', most: x.range * y.range },
    ],
    addends: (row) => addends(x, y, row),
  };
}

/** A value that is there is checked, also when the other one is missing. */
function addends(x: CompiledNumber, y: CompiledNumber, row: PanelRow): [string, bigint][] {
  const [u, v] = [x, y].map((number) => {
    const value = valueOf(row, number.column);
    return value === undefined ? undefined : offsetValue(number, value);
  });
  if (u === undefined || v === undefined) return [];
  return [
    ['present', 1n],
    ['sumX', u],
    ['sumY', v],
    ['product', u * v],
  ];
}

/** @throws CRYPTO_TOTALS_INVALID; CRYPTO_INVALID_INPUT unless every slot was asked for */
export function pairTotals({ field, x, y, parts }: CompiledPair, read: ReadPart): PairTotals {
  const [count = 0n, u = 0n, v = 0n, p = 0n] = readAll(field.name, parts, read);
  const [r, t] = [x.range, y.range];
  const isWithinHull = p <= t * u && p <= r * v && p >= r * v + t * u - r * t * count;
  if (!isWithinHull) throw impossibleTotals(field.name);
  const [a, b] = [x.minFixed, y.minFixed];
  return {
    count,
    sumX: u + a * count,
    sumY: v + b * count,
    product: p + b * u + a * v + a * b * count,
  };
}
