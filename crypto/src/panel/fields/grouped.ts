/**
 * How many records have which combination of one or two categories, such as sex by diagnosis.
 *
 *   one slot per combination, "group:i", the last category fastest: i = i_1 k_2 + i_2; at most 64
 *   one record adds 1 to one of them; a record that misses a category adds nothing
 */
import {
  categoryIndex,
  compileCategory,
  invalidLayout,
  valueOf,
  type CategoryColumn,
  type CompiledCategory,
  type PanelRow,
} from './columns.js';
import { readCells, type CompiledField, type ReadPart } from './field.js';

const MAX_GROUPS = 64;

export interface GroupedField {
  readonly kind: 'grouped';
  readonly name: string;
  readonly unit: string;
  /** One or two categories. */
  readonly by: readonly CategoryColumn[];
}
export interface CompiledGrouped extends CompiledField {
  readonly kind: 'grouped';
  readonly field: GroupedField;
  readonly by: readonly CompiledCategory[];
  /** Of each group, one label per category. */
  readonly labels: ReadonlyArray<readonly string[]>;
}

/** @throws CRYPTO_LAYOUT_INVALID, CRYPTO_INVALID_INPUT */
export function compileGrouped(field: GroupedField): CompiledGrouped {
  if (field.by.length < 1 || field.by.length > 2)
    throw invalidLayout(`${field.name}.by`, 'one or two categories', 'another number');
  const by = field.by.map((column, index) => compileCategory(`${field.name}.by[${index}]`, column));
  const columns = by.map(({ column }) => column);
  if (new Set(columns).size !== columns.length)
    throw invalidLayout(`${field.name}.by`, 'different columns', 'a column twice');
  const labels = combinations(by.map((category) => category.labels));
  if (labels.length > MAX_GROUPS)
    throw invalidLayout(`${field.name}.by`, `at most ${MAX_GROUPS} combinations`, String(labels.length));
  return {
    kind: 'grouped',
    field,
    hasCells: true,
    by,
    labels,
    columns,
    parts: labels.map((_, index) => ({ part: `group:${index}`, most: 1n })),
    addends: (row) => addends(by, row),
  };
}

function combinations(labels: ReadonlyArray<readonly string[]>): string[][] {
  return labels.reduce<string[][]>(
    (before, next) => before.flatMap((combination) => next.map((label) => [...combination, label])),
    [[]],
  );
}

/** A value that is there is checked, also when the other one is missing. */
function addends(by: readonly CompiledCategory[], row: PanelRow): [string, bigint][] {
  const indices = by.map((category) => {
    const value = valueOf(row, category.column);
    return value === undefined ? undefined : categoryIndex(category, value);
  });
  let group = 0;
  for (const [place, index] of indices.entries()) {
    if (index === undefined) return [];
    group = group * (by[place]?.labels.length ?? 1) + index;
  }
  return [[`group:${group}`, 1n]];
}

/** Records per group. @throws CRYPTO_TOTALS_INVALID; CRYPTO_INVALID_INPUT unless every group was asked for */
export function groupedTotals(compiled: CompiledGrouped, read: ReadPart, maxRecords: number): bigint[] {
  return readCells(compiled.field.name, compiled, read, maxRecords);
}
