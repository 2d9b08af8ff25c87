/**
 * Panel layouts: which slot of a Paillier plaintext holds what (own construction; packing itself is folklore).
 *
 *   plaintext = sum over slots of value_slot 2^offset_slot;   slot 0 lowest, no gaps
 *   numeric field:    three slots "f:present", "f:sum", "f:squares"; one record adds 1, y, y^2
 *                     y = round(x 10^scale) - min 10^scale,   0 <= y <= R = (max - min) 10^scale
 *   histogram field:  one slot per bin, "f:bin:i"; one record adds 1 to one of them
 *   missing value:    adds 0 to every slot of its field
 *
 * With N = maxRecords, sigma = statisticalBits, H = 64 contributors, v = most that one record adds (1, R or R^2):
 *
 *   maxTotal = N v                       mask_h uniform in 0..2^maskBits - 1, maskBits = bits(maxTotal) + sigma
 *   width    = bits(maxTotal + H (2^maskBits - 1))        so no slot ever carries into the next
 *   sum of widths <= keyBits - 1                          so no plaintext ever wraps modulo n
 *
 * The statistical distance between total + mask_h and mask_h is at most maxTotal / 2^maskBits <= 2^-sigma, for each
 * hospital's own mask, whatever the other 63 reveal.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '../core/bytes.js';
import { encodeCbor, type CborValue } from '../core/cbor.js';
import {
  compareDecimals,
  parseDecimal,
  toExactFixedPoint,
  type Decimal,
  type ExactDecimal,
} from '../core/decimal.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError } from '../core/errors.js';
import { bitLength } from '../paillier/arithmetic.js';

/** Most hospitals whose masks a slot has room for. */
export const MAX_CONTRIBUTORS = 64;
const LAYOUT_ID = /^[a-z0-9-]{1,40}$/;
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9]{0,39}$/;

export interface NumericField {
  readonly kind: 'numeric';
  readonly name: string;
  readonly unit: string;
  /** Digits after the point that are kept, 0 to 9; a value with more is rounded half away from zero. */
  readonly scale: number;
  /** Bounds, both allowed; with at most `scale` digits after the point. */
  readonly min: Decimal;
  readonly max: Decimal;
}
export interface HistogramField {
  readonly kind: 'histogram';
  readonly name: string;
  readonly unit: string;
  /** Ascending, 2 to 65; bin i is [edge i, edge i+1), the last bin also holds its upper edge. */
  readonly edges?: readonly Decimal[];
  /** 1 to 64 distinct names; a row holds one of them. Exactly one of edges and categories is given. */
  readonly categories?: readonly string[];
}
export type PanelField = NumericField | HistogramField;

export interface PanelLayout {
  readonly id: string;
  readonly version: number;
  /** Size of the key the rows are encrypted under. */
  readonly keyBits: number;
  readonly fields: readonly PanelField[];
  /** Most records that one aggregate, of all hospitals together, may hold. */
  readonly maxRecords: number;
  /** Statistical security of the masks; 80. */
  readonly statisticalBits: number;
}

/** "field:present", "field:sum", "field:squares" or "field:bin:3". */
export type SlotId = string;

export interface Slot {
  readonly id: SlotId;
  readonly offsetBits: number;
  readonly widthBits: number;
  /** Most that maxRecords records add up to. */
  readonly maxTotal: bigint;
  readonly maskBits: number;
}
export interface CompiledNumeric {
  readonly field: NumericField;
  /** min 10^scale. */
  readonly minFixed: bigint;
  /** R = (max - min) 10^scale. */
  readonly range: bigint;
}
export interface CompiledHistogram {
  readonly field: HistogramField;
  readonly edges?: readonly ExactDecimal[];
  readonly labels: readonly string[];
}
export interface CompiledLayout {
  readonly layout: PanelLayout;
  readonly numeric: ReadonlyMap<string, CompiledNumeric>;
  readonly histogram: ReadonlyMap<string, CompiledHistogram>;
  readonly slots: ReadonlyMap<SlotId, Slot>;
  readonly totalBits: number;
}

function bad(argument: string, expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_LAYOUT_INVALID', { argument, expected, came });
}

function assertInteger(argument: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw bad(argument, `an integer of ${least}..${most}`, String(value));
}

function compileNumeric(field: NumericField): CompiledNumeric {
  assertInteger(`${field.name}.scale`, field.scale, 0, 9);
  const minFixed = toExactFixedPoint(`${field.name}.min`, field.min, field.scale);
  const range = toExactFixedPoint(`${field.name}.max`, field.max, field.scale) - minFixed;
  if (range <= 0n) throw bad(`${field.name}.max`, 'more than min', 'no more');
  return { field, minFixed, range };
}

function compileEdges(field: HistogramField, given: readonly Decimal[]): CompiledHistogram {
  const edges = given.map((edge, index) => parseDecimal(`${field.name}.edges[${index}]`, edge));
  const ascending = edges.every(
    (edge, index) => index === 0 || compareDecimals(edges[index - 1] as ExactDecimal, edge) < 0,
  );
  if (edges.length < 2 || edges.length > 65 || !ascending)
    throw bad(`${field.name}.edges`, '2..65 ascending edges', `${edges.length}`);
  const labels = given
    .slice(1)
    .map((edge, index) => `[${given[index] as Decimal}, ${edge}${index === given.length - 2 ? ']' : ')'}`);
  return { field, edges, labels };
}

function compileHistogram(field: HistogramField): CompiledHistogram {
  const { edges, categories } = field;
  if ((edges === undefined) === (categories === undefined))
    throw bad(field.name, 'exactly one of edges and categories', 'both or none');
  if (edges !== undefined) return compileEdges(field, edges);
  const labels = [...(categories ?? [])];
  if (labels.length < 1 || labels.length > 64 || new Set(labels).size !== labels.length) {
    throw bad(`${field.name}.categories`, '1..64 distinct names', `${labels.length}`);
  }
  return { field, labels };
}

/** Slot ids of a field with the most that one record adds to each. */
function slotValues(field: CompiledNumeric | CompiledHistogram): Array<{ id: SlotId; most: bigint }> {
  const { name } = field.field;
  if ('labels' in field) return field.labels.map((_, index) => ({ id: `${name}:bin:${index}`, most: 1n }));
  return [
    { id: `${name}:present`, most: 1n },
    { id: `${name}:sum`, most: field.range },
    { id: `${name}:squares`, most: field.range ** 2n },
  ];
}

function placeSlots(
  layout: PanelLayout,
  fields: ReadonlyArray<CompiledNumeric | CompiledHistogram>,
): { slots: Map<SlotId, Slot>; totalBits: number } {
  const slots = new Map<SlotId, Slot>();
  let totalBits = 0;
  for (const { id, most } of fields.flatMap(slotValues)) {
    const maxTotal = most * BigInt(layout.maxRecords);
    const maskBits = bitLength(maxTotal) + layout.statisticalBits;
    const widthBits = bitLength(maxTotal + BigInt(MAX_CONTRIBUTORS) * (2n ** BigInt(maskBits) - 1n));
    slots.set(id, { id, offsetBits: totalBits, widthBits, maxTotal, maskBits });
    totalBits += widthBits;
  }
  return { slots, totalBits };
}

function assertFieldNames(fields: readonly PanelField[]): void {
  if (!Array.isArray(fields) || fields.length < 1 || fields.length > 64)
    throw bad('fields', '1..64 fields', 'another number');
  const names = new Set(fields.map((field: PanelField) => field.name));
  if (names.size !== fields.length) throw bad('fields', 'distinct names', 'a name twice');
  for (const name of names) {
    // Names become keys of result objects; "constructor" and its like would find the prototype's.
    if (typeof name === 'string' && FIELD_NAME.test(name) && !(name in {})) continue;
    throw bad('fields.name', '1..40 letters and digits, a letter first', 'another text');
  }
}

function assertLayoutFacts(layout: PanelLayout): void {
  if (typeof layout.id !== 'string' || !LAYOUT_ID.test(layout.id))
    throw bad('id', '1..40 of a-z, 0-9, -', 'another text');
  assertInteger('version', layout.version, 1, 1_000_000);
  assertInteger('keyBits', layout.keyBits, 256, 4096);
  assertInteger('maxRecords', layout.maxRecords, 1, 1_000_000_000);
  assertInteger('statisticalBits', layout.statisticalBits, 40, 128);
  assertFieldNames(layout.fields);
}

/**
 * Checks a layout and places its slots.
 * @throws CRYPTO_LAYOUT_INVALID naming the part, also when the slots do not fit keyBits - 1 bits
 */
export function compileLayout(layout: PanelLayout): CompiledLayout {
  assertLayoutFacts(layout);
  const fields = layout.fields.map((field) =>
    field.kind === 'numeric' ? compileNumeric(field) : compileHistogram(field),
  );
  const { slots, totalBits } = placeSlots(layout, fields);
  if (totalBits > layout.keyBits - 1) {
    throw bad(
      'fields',
      `slots of at most ${layout.keyBits - 1} bits under a ${layout.keyBits}-bit key`,
      `${totalBits} bits`,
    );
  }
  const numeric = fields.filter((field): field is CompiledNumeric => !('labels' in field));
  const histogram = fields.filter((field): field is CompiledHistogram => 'labels' in field);
  return {
    layout,
    numeric: new Map(numeric.map((field) => [field.field.name, field])),
    histogram: new Map(histogram.map((field) => [field.field.name, field])),
    slots,
    totalBits,
  };
}

/** compileLayout for its errors only. */
export function assertLayout(layout: PanelLayout): void {
  compileLayout(layout);
}

/** Bits that the layout's slots take; at most keyBits - 1. */
export function layoutBits(layout: PanelLayout): number {
  return compileLayout(layout).totalBits;
}

function fieldToCbor(field: PanelField): CborValue {
  if (field.kind === 'numeric') return { ...field, min: String(field.min), max: String(field.max) };
  const { kind, name, unit, edges, categories } = field;
  return {
    kind,
    name,
    unit,
    edges: edges?.map(String) ?? null,
    categories: categories === undefined ? null : [...categories],
  };
}

/** SHA-256(encodeParts('careledger/panel-layout/v1', canonical CBOR of the layout)), lower-case hex. */
export function layoutDigest(layout: PanelLayout): string {
  assertLayout(layout);
  const { id, version, keyBits, maxRecords, statisticalBits } = layout;
  const cbor = encodeCbor({
    id,
    version,
    keyBits,
    maxRecords,
    statisticalBits,
    fields: layout.fields.map(fieldToCbor),
  });
  return bytesToHex(sha256(encodeParts('careledger/panel-layout/v1', cbor)));
}
