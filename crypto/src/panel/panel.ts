/**
 * Panel codec: rows to plaintexts, masks for what was not asked, totals back. Slots and widths: panel-layout.ts.
 *
 *   row plaintext     = sum over slots of value 2^offset
 *   aggregate         = sum of rows of all hospitals + sum over hospitals of mask_h      (no slot carries, nothing wraps)
 *   with C = sum present, S = sum y, Q = sum y^2 and a = min 10^scale, exactly:
 *     sum of x 10^scale        = S + a C
 *     sum of (x 10^scale)^2    = Q + 2 a S + a^2 C
 *
 * Checks on totals, true for every set of rows: S <= R C, S <= Q <= R S, S^2 <= C Q (Cauchy-Schwarz), bins <= maxRecords.
 */
import { compareDecimals, parseDecimal, toFixedPoint, type Decimal } from '../core/decimal.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { randomBits, randomBytes, type RandomBytes } from '../core/random.js';
import {
  compileLayout,
  type CompiledHistogram,
  type CompiledLayout,
  type CompiledNumeric,
  type PanelLayout,
  type Slot,
  type SlotId,
} from './panel-layout.js';

/** Field name to value; absent or null is missing. */
export type PanelRow = Readonly<Record<string, Decimal | null>>;
export const STATISTICS = ['count', 'sum', 'mean', 'variance', 'histogram'] as const;
export type Statistic = (typeof STATISTICS)[number];

export interface NumericTotals {
  readonly count: bigint;
  /** Sum of x, times 10^scale. */
  readonly sum?: bigint;
  /** Sum of x^2, times 10^(2 scale). */
  readonly sumOfSquares?: bigint;
}
export interface PanelTotals {
  readonly layoutId: string;
  readonly numeric: Readonly<Record<string, NumericTotals>>;
  /** Counts per bin, in the field's order. */
  readonly histogram: Readonly<Record<string, readonly bigint[]>>;
}

function outOfRange(name: string, expected: string): CryptoError {
  return new CryptoError('CRYPTO_VALUE_OUT_OF_RANGE', {
    argument: `row.${name}`,
    expected,
    came: 'a value outside',
  });
}

/**
 * y = round(x 10^scale) - min 10^scale.
 * @throws CRYPTO_VALUE_OUT_OF_RANGE with the field's name, never the value
 */
export function numericOffset({ field, minFixed, range }: CompiledNumeric, value: Decimal): bigint {
  const offset = toFixedPoint(parseDecimal(`row.${field.name}`, value), field.scale) - minFixed;
  if (offset < 0n || offset > range) throw outOfRange(field.name, `a value of ${field.min}..${field.max}`);
  return offset;
}

/**
 * Bin of a value.
 * @throws CRYPTO_VALUE_OUT_OF_RANGE for an unknown category or a value beyond the edges
 */
export function binIndex({ field, edges, labels }: CompiledHistogram, value: Decimal): number {
  if (edges === undefined) {
    const index = labels.indexOf(String(value));
    if (index < 0) throw outOfRange(field.name, 'one of the categories');
    return index;
  }
  const parsed = parseDecimal(`row.${field.name}`, value);
  const above = edges.findIndex((edge) => compareDecimals(parsed, edge) < 0);
  if (above === 0) throw outOfRange(field.name, 'a value within the edges');
  if (above > 0) return above - 1;
  if (compareDecimals(parsed, edges[edges.length - 1] ?? parsed) > 0)
    throw outOfRange(field.name, 'a value within the edges');
  return labels.length - 1;
}

function rowSlotValues(compiled: CompiledLayout, name: string, value: Decimal): Array<[SlotId, bigint]> {
  const numeric = compiled.numeric.get(name);
  if (numeric !== undefined) {
    const y = numericOffset(numeric, value);
    return [
      [`${name}:present`, 1n],
      [`${name}:sum`, y],
      [`${name}:squares`, y * y],
    ];
  }
  const histogram = compiled.histogram.get(name);
  if (histogram === undefined) throw invalidInput(`row.${name}`, 'a field of the layout', 'another name');
  return [[`${name}:bin:${binIndex(histogram, value)}`, 1n]];
}

function slotOf(compiled: CompiledLayout, id: SlotId): Slot {
  const slot = compiled.slots.get(id);
  if (slot === undefined) throw invalidInput('askedSlots', 'slots of the layout', shapeOf(id));
  return slot;
}

/**
 * One record as a Paillier plaintext, 0 <= plaintext < 2^(keyBits - 1).
 * @throws CRYPTO_VALUE_OUT_OF_RANGE, CRYPTO_INVALID_INPUT (unknown field, not a decimal), CRYPTO_LAYOUT_INVALID
 */
export function encodeRow(layout: PanelLayout, row: PanelRow): bigint {
  const compiled = compileLayout(layout);
  let plaintext = 0n;
  for (const [name, value] of Object.entries(row)) {
    if (value === null) continue;
    for (const [id, amount] of rowSlotValues(compiled, name, value))
      plaintext += amount << BigInt(slotOf(compiled, id).offsetBits);
  }
  return plaintext;
}

const NUMERIC_SLOTS: Readonly<Record<Exclude<Statistic, 'histogram'>, readonly string[]>> = {
  count: ['present'],
  sum: ['present', 'sum'],
  mean: ['present', 'sum'],
  variance: ['present', 'sum', 'squares'],
};

/**
 * The slots that a statistic over `fields` opens; everything else gets masked. A sum opens the count too: it is needed
 * to take the offset out again.
 * @throws CRYPTO_INVALID_INPUT for no fields, a field twice, an unknown one, or one of the other kind
 */
export function slotsFor(layout: PanelLayout, fields: readonly string[], statistic: Statistic): SlotId[] {
  const compiled = compileLayout(layout);
  if (!STATISTICS.includes(statistic))
    throw invalidInput('statistic', STATISTICS.join(', '), shapeOf(statistic));
  if (fields.length === 0 || new Set(fields).size !== fields.length)
    throw invalidInput('fields', 'distinct names, at least one', `${fields.length}`);
  return fields.flatMap((name) => {
    if (statistic !== 'histogram') {
      if (!compiled.numeric.has(name))
        throw invalidInput('fields', 'numeric fields of the layout', shapeOf(name));
      return NUMERIC_SLOTS[statistic].map((part) => `${name}:${part}`);
    }
    const field = compiled.histogram.get(name);
    if (field === undefined) throw invalidInput('fields', 'histogram fields of the layout', shapeOf(name));
    return field.labels.map((_, index) => `${name}:bin:${index}`);
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

function impossible(name: string): CryptoError {
  return new CryptoError('CRYPTO_TOTALS_INVALID', {
    argument: `totals.${name}`,
    expected: 'totals that rows of this layout can have',
    came: 'others',
  });
}

function numericTotals(
  { field, minFixed: a, range }: CompiledNumeric,
  read: (id: SlotId) => bigint | undefined,
): NumericTotals {
  const count = read(`${field.name}:present`);
  const s = read(`${field.name}:sum`);
  const q = read(`${field.name}:squares`);
  if (count === undefined) throw invalidInput('askedSlots', `${field.name}:present with the others`, 'none');
  if (s === undefined) {
    if (q !== undefined)
      throw invalidInput('askedSlots', `${field.name}:sum with ${field.name}:squares`, 'none');
    return { count };
  }
  if (s > range * count) throw impossible(field.name);
  const sum = s + a * count;
  if (q === undefined) return { count, sum };
  if (q < s || q > range * s || s * s > count * q) throw impossible(field.name);
  return { count, sum, sumOfSquares: q + 2n * a * s + a * a * count };
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
  const read = (id: SlotId): bigint | undefined => {
    if (!asked.has(id)) return undefined;
    const slot = slotOf(compiled, id);
    const value = slotValue(plaintext, slot);
    if (value > slot.maxTotal) throw impossible(id);
    return value;
  };
  const isAsked = (name: string): boolean => askedSlots.some((id) => id.startsWith(`${name}:`));
  const numeric = [...compiled.numeric]
    .filter(([name]) => isAsked(name))
    .map(([name, field]) => [name, numericTotals(field, read)] as const);
  const histogram = [...compiled.histogram]
    .filter(([name]) => isAsked(name))
    .map(([name, field]) => [name, histogramTotals(compiled, field, read)] as const);
  return {
    layoutId: layout.id,
    numeric: Object.fromEntries(numeric),
    histogram: Object.fromEntries(histogram),
  };
}

function histogramTotals(
  compiled: CompiledLayout,
  { field, labels }: CompiledHistogram,
  read: (id: SlotId) => bigint | undefined,
): bigint[] {
  const bins = labels.map((_, index) => read(`${field.name}:bin:${index}`));
  const counts = bins.filter((count) => count !== undefined);
  if (counts.length !== labels.length)
    throw invalidInput('askedSlots', `every bin of ${field.name}`, `${counts.length} of ${labels.length}`);
  if (counts.reduce((total, count) => total + count, 0n) > BigInt(compiled.layout.maxRecords))
    throw impossible(field.name);
  return counts;
}
