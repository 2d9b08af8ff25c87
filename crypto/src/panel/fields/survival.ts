/**
 * Times to an event, some of them censored (the record was last seen without the event), counted by interval.
 *
 *   slots "event:i" and "censored:i" for each interval i of the edges; one record adds 1 to exactly one of them
 *   at risk at the start of interval i:  n_i = sum over j >= i of (event_j + censored_j), so it never rises
 *
 * A record with a status and no time is refused: left out silently, its event would make the curve too high. A time
 * without a status says nothing about the event, and counts as missing.
 */
import type { Decimal } from '../../core/decimal.js';
import { invalidInput, shapeOf } from '../../core/errors.js';
import {
  assertName,
  categoryIndex,
  compileCategory,
  invalidLayout,
  outOfRange,
  valueOf,
  type CompiledCategory,
  type PanelRow,
} from './columns.js';
import { readCells, type CompiledField, type ReadPart } from './field.js';

const MAX_INTERVALS = 32;

export interface SurvivalField {
  readonly kind: 'survival';
  readonly name: string;
  /** Of the time. */
  readonly unit: string;
  /** Ascending bounds of the intervals, 2 to 33; interval i is [edge i, edge i+1), the last one closed. */
  readonly edges: readonly Decimal[];
  /** Column of the time: to the event, or to when the record was last seen without it. */
  readonly time: string;
  /** Column of the status, and its two texts. */
  readonly event: { readonly column: string; readonly occurred: string; readonly censored: string };
}
export interface CompiledSurvival extends CompiledField {
  readonly kind: 'survival';
  readonly field: SurvivalField;
  readonly time: CompiledCategory;
}
/** Records by interval. */
export interface SurvivalTotals {
  readonly events: readonly bigint[];
  readonly censored: readonly bigint[];
}

/** @throws CRYPTO_LAYOUT_INVALID, CRYPTO_INVALID_INPUT */
export function compileSurvival(field: SurvivalField): CompiledSurvival {
  const { name, edges, event } = field;
  const time = compileCategory(name, { column: field.time, edges });
  if (time.labels.length > MAX_INTERVALS)
    throw invalidLayout(`${name}.edges`, `at most ${MAX_INTERVALS} intervals`, String(time.labels.length));
  assertName(`${name}.event.column`, event.column);
  if (event.column === time.column)
    throw invalidLayout(`${name}.event.column`, 'another column than the time', 'the same');
  if (event.occurred === event.censored)
    throw invalidLayout(`${name}.event`, 'two different texts', 'the same twice');
  const cells = (status: string) => time.labels.map((_, index) => ({ part: `${status}:${index}`, most: 1n }));
  return {
    kind: 'survival',
    field,
    hasCells: true,
    time,
    columns: [time.column, event.column],
    parts: [...cells('event'), ...cells('censored')],
    addends: (row) => addends(field, time, row),
  };
}

function addends({ event }: SurvivalField, time: CompiledCategory, row: PanelRow): [string, bigint][] {
  const at = valueOf(row, time.column);
  const interval = at === undefined ? undefined : categoryIndex(time, at);
  const status = valueOf(row, event.column);
  if (status === undefined) return [];
  const part = statusPart(event, status);
  if (interval === undefined) throw invalidInput(`row.${time.column}`, `a time with ${event.column}`, 'none');
  return [[`${part}:${interval}`, 1n]];
}

function statusPart({ column, occurred, censored }: SurvivalField['event'], status: Decimal): string {
  if (typeof status !== 'string' && typeof status !== 'number')
    throw invalidInput(`row.${column}`, 'one text', shapeOf(status));
  if (String(status) === occurred) return 'event';
  if (String(status) === censored) return 'censored';
  throw outOfRange(column, 'occurred or censored');
}

/** @throws CRYPTO_TOTALS_INVALID; CRYPTO_INVALID_INPUT unless every interval was asked for */
export function survivalTotals(
  compiled: CompiledSurvival,
  read: ReadPart,
  maxRecords: number,
): SurvivalTotals {
  const cells = readCells(compiled.field.name, compiled, read, maxRecords);
  const intervals = compiled.time.labels.length;
  return { events: cells.slice(0, intervals), censored: cells.slice(intervals) };
}
