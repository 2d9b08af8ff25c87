/**
 * A number of each record: count, sum and sum of squares.
 *
 *   slots "present", "sum", "squares"; one record adds 1, y, y^2, where y is the offset from min, 0 <= y <= R
 *   with C = sum present, S = sum y, Q = sum y^2 and a = min 10^scale, exactly:
 *     sum of x 10^scale        = S + a C
 *     sum of (x 10^scale)^2    = Q + 2 a S + a^2 C
 *
 * Checks on totals, true for every set of rows: S <= R C, S <= Q <= R S, S^2 <= C Q (Cauchy-Schwarz).
 */
import { invalidInput } from '../../core/errors.js';
import {
  compileNumber,
  offsetValue,
  valueOf,
  type CompiledNumber,
  type NumberRange,
  type PanelRow,
} from './columns.js';
import { impossibleTotals, type CompiledField, type ReadPart } from './field.js';

export interface NumericField extends NumberRange {
  readonly kind: 'numeric';
  /** Also the column that it reads. */
  readonly name: string;
}
export interface CompiledNumeric extends CompiledField {
  readonly kind: 'numeric';
  readonly field: NumericField;
  readonly number: CompiledNumber;
}
export interface NumericTotals {
  readonly count: bigint;
  /** Sum of x, times 10^scale. */
  readonly sum?: bigint;
  /** Sum of x^2, times 10^(2 scale). */
  readonly sumOfSquares?: bigint;
}

/** @throws CRYPTO_LAYOUT_INVALID, CRYPTO_INVALID_INPUT */
export function compileNumeric(field: NumericField): CompiledNumeric {
  const number = compileNumber(field.name, { ...field, column: field.name });
  return {
    kind: 'numeric',
    field,
    hasCells: false,
    number,
    columns: [number.column],
    parts: [
      { part: 'present', most: 1n },
      { part: 'sum', most: number.range },
      { part: 'squares', most: number.range ** 2n },
    ],
    addends: (row) => addends(number, row),
  };
}

function addends(number: CompiledNumber, row: PanelRow): [string, bigint][] {
  const value = valueOf(row, number.column);
  if (value === undefined) return [];
  const y = offsetValue(number, value);
  return [
    ['present', 1n],
    ['sum', y],
    ['squares', y * y],
  ];
}

/** @throws CRYPTO_TOTALS_INVALID; CRYPTO_INVALID_INPUT for squares without sum, or a sum without present */
export function numericTotals({ field, number }: CompiledNumeric, read: ReadPart): NumericTotals {
  const { minFixed: a, range } = number;
  const count = read('present');
  const s = read('sum');
  const q = read('squares');
  if (count === undefined) throw invalidInput('askedSlots', `${field.name}:present with the others`, 'none');
  if (s === undefined) {
    if (q === undefined) return { count };
    throw invalidInput('askedSlots', `${field.name}:sum with ${field.name}:squares`, 'none');
  }
  if (s > range * count) throw impossibleTotals(field.name);
  const sum = s + a * count;
  if (q === undefined) return { count, sum };
  if (q < s || q > range * s || s * s > count * q) throw impossibleTotals(field.name);
  return { count, sum, sumOfSquares: q + 2n * a * s + a * a * count };
}
