/**
 * Panel codec: rows to plaintexts, masks for what was not asked, totals back. Slots and widths: panel-layout.ts; what a
 * row adds to them, and which totals are possible: fields/.
 *
 *   row plaintext     = sum over slots of value 2^offset
 *   aggregate         = sum of rows of all hospitals + sum over hospitals of mask_h      (no slot carries, nothing wraps)
 */
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { randomBits, randomBytes, type RandomBytes } from '../core/random.js';
import type { PanelRow } from './fields/columns.js';
import { impossibleTotals, type ReadPart } from './fields/field.js';
import { groupedTotals } from './fields/grouped.js';
import { histogramTotals } from './fields/histogram.js';
import { numericTotals, type NumericTotals } from './fields/numeric.js';
import { pairTotals, type PairTotals } from './fields/pair.js';
import { survivalTotals, type SurvivalTotals } from './fields/survival.js';
import {
  compileLayout,
  slotId,
  type AnyCompiledField,
  type CompiledLayout,
  type CompiledOf,
  type FieldKind,
  type PanelLayout,
  type Slot,
  type SlotId,
} from './panel-layout.js';

export const STATISTICS = [
  'count',
  'sum',
  'mean',
  'variance',
  'weightedSum',
  'histogram',
  'groupedCount',
  'covariance',
  'survival',
] as const;
export type Statistic = (typeof STATISTICS)[number];

/** By field. */
export interface PanelTotals {
  readonly layoutId: string;
  readonly numeric: Readonly<Record<string, NumericTotals>>;
  /** Counts per bin, in the field's order. */
  readonly histogram: Readonly<Record<string, readonly bigint[]>>;
  readonly pair: Readonly<Record<string, PairTotals>>;
  /** Counts per group, in the field's order. */
  readonly grouped: Readonly<Record<string, readonly bigint[]>>;
  readonly survival: Readonly<Record<string, SurvivalTotals>>;
}

function slotOf(compiled: CompiledLayout, id: SlotId): Slot {
  const slot = compiled.slots.get(id);
  if (slot === undefined) throw invalidInput('askedSlots', 'slots of the layout', shapeOf(id));
  return slot;
}

function assertColumns({ columns }: CompiledLayout, row: PanelRow): void {
  const unknown = Object.keys(row).find((column) => !columns.has(column));
  if (unknown !== undefined) throw invalidInput(`row.${unknown}`, 'a column of the layout', 'another name');
}

export interface EncodedRow {
  /** 0 <= plaintext < 2^(keyBits - 1). */
  readonly plaintext: bigint;
  /** Names of the fields to which the row adds anything: whose statistics the record is in. */
  readonly fields: readonly string[];
  /** Of the fields that count records by cell, which one the row is in: part of its slot, such as "bin:3". */
  readonly cells: Readonly<Record<string, string>>;
}

/**
 * Encodes many records of one layout.
 * @throws CRYPTO_LAYOUT_INVALID
 * @returns a function that throws CRYPTO_VALUE_OUT_OF_RANGE with the column's name, never the value;
 * CRYPTO_INVALID_INPUT (unknown column, not a decimal, a status without a time)
 */
export function rowEncoder(layout: PanelLayout): (row: PanelRow) => EncodedRow {
  const compiled = compileLayout(layout);
  return (row) => {
    assertColumns(compiled, row);
    let plaintext = 0n;
    const held: string[] = [];
    const cells: Record<string, string> = {};
    for (const [name, field] of compiled.fields) {
      const addends = field.addends(row);
      if (addends.length > 0) held.push(name);
      const [first] = addends;
      if (field.hasCells && first !== undefined) cells[name] = first[0];
      for (const [part, amount] of addends)
        plaintext += amount << BigInt(slotOf(compiled, slotId(name, part)).offsetBits);
    }
    return { plaintext, fields: held, cells };
  };
}

/** One record as a Paillier plaintext. @throws as rowEncoder and what it returns */
export function encodeRow(layout: PanelLayout, row: PanelRow): bigint {
  return rowEncoder(layout)(row).plaintext;
}

/** What a statistic works on, and the parts that it opens; without parts, all of the field's. */
const OPENED: Readonly<Record<Statistic, { readonly kind: FieldKind; readonly parts?: readonly string[] }>> =
  {
    count: { kind: 'numeric', parts: ['present'] },
    sum: { kind: 'numeric', parts: ['present', 'sum'] },
    mean: { kind: 'numeric', parts: ['present', 'sum'] },
    variance: { kind: 'numeric' },
    weightedSum: { kind: 'numeric', parts: ['present', 'sum'] },
    histogram: { kind: 'histogram' },
    groupedCount: { kind: 'grouped' },
    covariance: { kind: 'pair' },
    survival: { kind: 'survival' },
  };

/** Kind of field that a statistic works on. @throws CRYPTO_INVALID_INPUT for an unknown statistic */
export function kindFor(statistic: Statistic): FieldKind {
  if (STATISTICS.includes(statistic)) return OPENED[statistic].kind;
  throw invalidInput('statistic', STATISTICS.join(', '), shapeOf(statistic));
}

/**
 * The slots that a statistic over `fields` opens; everything else gets masked. A sum opens the count too: it is needed
 * to take the offset out again.
 * @throws CRYPTO_INVALID_INPUT for no fields, a field twice, an unknown one, or one of another kind
 */
export function slotsFor(layout: PanelLayout, fields: readonly string[], statistic: Statistic): SlotId[] {
  const compiled = compileLayout(layout);
  const kind = kindFor(statistic);
  if (fields.length === 0 || new Set(fields).size !== fields.length)
    throw invalidInput('fields', 'distinct names, at least one', `${fields.length}`);
  return fields.flatMap((name) => {
    const field = compiled.fields.get(name);
    if (field?.kind !== kind) throw invalidInput('fields', `${kind} fields of the layout`, shapeOf(name));
    const parts = OPENED[statistic].parts ?? field.parts.map(({ part }) => part);
    return parts.map((part) => slotId(name, part));
  });
}

function askedSet(compiled: CompiledLayout, askedSlots: readonly SlotId[]): ReadonlySet<SlotId> {
  if (askedSlots.length === 0) throw invalidInput('askedSlots', 'at least one slot', 'none');
  const asked = new Set(askedSlots.map((id) => slotOf(compiled, id).id));
  if (asked.size !== askedSlots.length) throw invalidInput('askedSlots', 'distinct slots', 'a slot twice');
  return asked;
}

/**
 * A hospital's mask: uniform in 0..2^maskBits - 1 in each slot that was not asked for, 0 in those that were.
 * @param random defaults to the platform's generator; a test passes its own
 */
export function maskPlaintext(
  layout: PanelLayout,
  askedSlots: readonly SlotId[],
  random: RandomBytes = randomBytes,
): bigint {
  const compiled = compileLayout(layout);
  const asked = askedSet(compiled, askedSlots);
  let mask = 0n;
  for (const slot of compiled.slots.values()) {
    if (!asked.has(slot.id)) mask += randomBits(slot.maskBits, random) << BigInt(slot.offsetBits);
  }
  return mask;
}

function slotValue(plaintext: bigint, slot: Slot): bigint {
  return BigInt.asUintN(slot.widthBits, plaintext >> BigInt(slot.offsetBits));
}

function assertFits(argument: string, compiled: CompiledLayout, plaintext: bigint): void {
  if (typeof plaintext === 'bigint' && plaintext >= 0n && plaintext >> BigInt(compiled.totalBits) === 0n)
    return;
  throw new CryptoError('CRYPTO_TOTALS_INVALID', {
    argument,
    expected: `a bigint of ${compiled.totalBits} bits`,
    came: typeof plaintext === 'bigint' ? 'one outside' : shapeOf(plaintext),
  });
}

/**
 * A mask must leave asked slots alone and stay within maskBits elsewhere; that it was random cannot be seen.
 * @throws CRYPTO_TOTALS_INVALID naming the slot
 */
export function assertMaskPlaintext(layout: PanelLayout, askedSlots: readonly SlotId[], mask: bigint): void {
  const compiled = compileLayout(layout);
  const asked = askedSet(compiled, askedSlots);
  assertFits('maskPlaintext', compiled, mask);
  for (const slot of compiled.slots.values()) {
    const bits = asked.has(slot.id) ? 0 : slot.maskBits;
    if (slotValue(mask, slot) >> BigInt(bits) !== 0n) {
      throw new CryptoError('CRYPTO_TOTALS_INVALID', {
        argument: `maskPlaintext ${slot.id}`,
        expected: `at most ${bits} bits`,
        came: 'more',
      });
    }
  }
}

/**
 * Reads the asked slots of a decrypted aggregate; the others are never looked at.
 * @throws CRYPTO_TOTALS_INVALID when no rows of this layout add up to it (overflow, doctored contribution, wrong layout)
 */
export function decodeTotals(
  layout: PanelLayout,
  plaintext: bigint,
  askedSlots: readonly SlotId[],
): PanelTotals {
  const compiled = compileLayout(layout);
  const asked = askedSet(compiled, askedSlots);
  assertFits('plaintext', compiled, plaintext);
  const readOf =
    (name: string): ReadPart =>
    (part) => {
      const id = slotId(name, part);
      if (!asked.has(id)) return undefined;
      const slot = slotOf(compiled, id);
      const value = slotValue(plaintext, slot);
      if (value > slot.maxTotal) throw impossibleTotals(id);
      return value;
    };
  const isAsked = ({ field, parts }: AnyCompiledField): boolean =>
    parts.some(({ part }) => asked.has(slotId(field.name, part)));
  const fields = [...compiled.fields.values()].filter(isAsked);
  const each = <Kind extends FieldKind, Totals>(
    kind: Kind,
    totalsOf: (field: CompiledOf<Kind>, read: ReadPart) => Totals,
  ): Record<string, Totals> => {
    const ofKind = fields.filter((field): field is CompiledOf<Kind> => field.kind === kind);
    return Object.fromEntries(
      ofKind.map((field) => [field.field.name, totalsOf(field, readOf(field.field.name))]),
    );
  };
  const { maxRecords } = layout;
  return {
    layoutId: layout.id,
    numeric: each('numeric', numericTotals),
    histogram: each('histogram', (field, read) => histogramTotals(field, read, maxRecords)),
    pair: each('pair', pairTotals),
    grouped: each('grouped', (field, read) => groupedTotals(field, read, maxRecords)),
    survival: each('survival', (field, read) => survivalTotals(field, read, maxRecords)),
  };
}
