/**
 * What every kind of field has: the columns that it reads, its slots, what one record adds to them, and which totals
 * records can have. A kind is a file in this folder; panel-layout.ts lists them.
 *
 * Kinds that put each record into one of several cells (histogram, grouped, survival) name that cell, and share their
 * totals check: cells together hold at most maxRecords.
 */
import { CryptoError, invalidInput } from '../../core/errors.js';
import type { PanelRow } from './columns.js';

export interface SlotPart {
  /** "sum", "bin:3"; the slot's id is the field's name, ":" and this. */
  readonly part: string;
  /** Most that one record adds. */
  readonly most: bigint;
}

export interface CompiledField {
  /** Columns of a row that the field reads. */
  readonly columns: readonly string[];
  readonly parts: readonly SlotPart[];
  /** Whether a record adds 1 to exactly one slot, its cell. */
  readonly hasCells: boolean;
  /**
   * What a record adds, by part; nothing when it misses the field's value.
   * @throws CRYPTO_VALUE_OUT_OF_RANGE, CRYPTO_INVALID_INPUT, naming the column
   */
  addends(row: PanelRow): ReadonlyArray<readonly [part: string, amount: bigint]>;
}

/** A slot's total, or undefined when it was not asked for. */
export type ReadPart = (part: string) => bigint | undefined;

/** CRYPTO_TOTALS_INVALID: no rows of the layout add up to them. */
export function impossibleTotals(name: string): CryptoError {
  return new CryptoError('CRYPTO_TOTALS_INVALID', {
    argument: `totals.${name}`,
    expected: 'totals that rows of this layout can have',
    came: 'others',
  });
}

/** @throws CRYPTO_INVALID_INPUT unless every part was asked for */
export function readAll(name: string, parts: readonly SlotPart[], read: ReadPart): bigint[] {
  const values = parts.map(({ part }) => read(part)).filter((value) => value !== undefined);
  if (values.length === parts.length) return values;
  throw invalidInput('askedSlots', `every slot of ${name}`, `${values.length} of ${parts.length}`);
}

/** @throws CRYPTO_TOTALS_INVALID when the cells hold more records than an aggregate may */
export function readCells(
  name: string,
  { parts }: CompiledField,
  read: ReadPart,
  maxRecords: number,
): bigint[] {
  const cells = readAll(name, parts, read);
  if (total(cells) > BigInt(maxRecords)) throw impossibleTotals(name);
  return cells;
}

export function total(values: readonly bigint[]): bigint {
  return values.reduce((sum, value) => sum + value, 0n);
}
