/**
 * How many records have which value: one slot per bin, "bin:i"; one record adds 1 to one of them. Bin i is
 * [edge i, edge i+1), the last one closed, or the i-th category.
 */
import {
  categoryIndex,
  compileCategory,
  valueOf,
  type Categories,
  type CompiledCategory,
} from './columns.js';
import { readCells, type CompiledField, type ReadPart } from './field.js';

export interface HistogramField extends Categories {
  readonly kind: 'histogram';
  /** Also the column that it reads. */
  readonly name: string;
  readonly unit: string;
}
export interface CompiledHistogram extends CompiledField {
  readonly kind: 'histogram';
  readonly field: HistogramField;
  readonly category: CompiledCategory;
}

/** @throws CRYPTO_LAYOUT_INVALID, CRYPTO_INVALID_INPUT */
export function compileHistogram(field: HistogramField): CompiledHistogram {
  const category = compileCategory(field.name, { ...field, column: field.name });
  return {
    kind: 'histogram',
    field,
    hasCells: true,
    category,
    columns: [category.column],
    parts: category.labels.map((_, index) => ({ part: `bin:${index}`, most: 1n })),
    addends: (row) => {
      const value = valueOf(row, category.column);
      return value === undefined ? [] : [[`bin:${categoryIndex(category, value)}`, 1n]];
    },
  };
}

/** Records per bin. @throws CRYPTO_TOTALS_INVALID; CRYPTO_INVALID_INPUT unless every bin was asked for */
export function histogramTotals(compiled: CompiledHistogram, read: ReadPart, maxRecords: number): bigint[] {
  return readCells(compiled.field.name, compiled, read, maxRecords);
}
