/**
 * Panel layouts: which slot of a Paillier plaintext holds what (own construction; packing itself is folklore).
 *
 *   plaintext = sum over slots of value_slot 2^offset_slot;   slot 0 lowest, no gaps
 *   a field has one or more slots; which, and what one record adds to them, is its kind's (fields/)
 *   missing value: adds 0 to every slot of its field
 *
 * With N = maxRecords, sigma = statisticalBits, H = 64 contributors, v = most that one record adds to the slot:
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
import { encodeCbor, type CborMap, type CborValue } from '../core/cbor.js';
import { encodeParts } from '../core/encode.js';
import { bitLength } from '../paillier/arithmetic.js';
import {
  assertInteger,
  assertName,
  invalidLayout,
  type Categories,
  type NumberColumn,
  type NumberRange,
} from './fields/columns.js';
import { compileGrouped, type CompiledGrouped, type GroupedField } from './fields/grouped.js';
import { compileHistogram, type CompiledHistogram, type HistogramField } from './fields/histogram.js';
import { compileNumeric, type CompiledNumeric, type NumericField } from './fields/numeric.js';
import { compilePair, type CompiledPair, type PairField } from './fields/pair.js';
import { compileSurvival, type CompiledSurvival, type SurvivalField } from './fields/survival.js';

/** Most hospitals whose masks a slot has room for. */
export const MAX_CONTRIBUTORS = 64;
const LAYOUT_ID = /^[a-z0-9-]{1,40}$/;
const MAX_FIELDS = 64;

export type PanelField = NumericField | HistogramField | PairField | GroupedField | SurvivalField;
export type FieldKind = PanelField['kind'];
/** A field whose slots are known. `compileField` makes it. */
export type AnyCompiledField =
  CompiledNumeric | CompiledHistogram | CompiledPair | CompiledGrouped | CompiledSurvival;
export type CompiledOf<Kind extends FieldKind> = Extract<AnyCompiledField, { readonly kind: Kind }>;

/** Everything that reading the totals takes, head-room included: it is registered once and never changes. */
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

/** "field:present", "field:bin:3": the field's name, then its kind's part. */
export type SlotId = string;

export interface Slot {
  readonly id: SlotId;
  readonly offsetBits: number;
  readonly widthBits: number;
  /** Most that maxRecords records add up to. */
  readonly maxTotal: bigint;
  readonly maskBits: number;
}
export interface CompiledLayout {
  readonly layout: PanelLayout;
  readonly fields: ReadonlyMap<string, AnyCompiledField>;
  /** Every column that some field reads. */
  readonly columns: ReadonlySet<string>;
  readonly slots: ReadonlyMap<SlotId, Slot>;
  readonly totalBits: number;
}

function compileField(field: PanelField): AnyCompiledField {
  switch (field.kind) {
    case 'numeric':
      return compileNumeric(field);
    case 'histogram':
      return compileHistogram(field);
    case 'pair':
      return compilePair(field);
    case 'grouped':
      return compileGrouped(field);
    case 'survival':
      return compileSurvival(field);
    default:
      throw invalidLayout('fields.kind', 'numeric, histogram, pair, grouped or survival', 'another kind');
  }
}

export function slotId(field: string, part: string): SlotId {
  return `${field}:${part}`;
}

function placeSlots(
  layout: PanelLayout,
  fields: readonly AnyCompiledField[],
): { slots: Map<SlotId, Slot>; totalBits: number } {
  const slots = new Map<SlotId, Slot>();
  let totalBits = 0;
  for (const { field, parts } of fields) {
    for (const { part, most } of parts) {
      const id = slotId(field.name, part);
      const maxTotal = most * BigInt(layout.maxRecords);
      const maskBits = bitLength(maxTotal) + layout.statisticalBits;
      const widthBits = bitLength(maxTotal + BigInt(MAX_CONTRIBUTORS) * (2n ** BigInt(maskBits) - 1n));
      slots.set(id, { id, offsetBits: totalBits, widthBits, maxTotal, maskBits });
      totalBits += widthBits;
    }
  }
  return { slots, totalBits };
}

function assertFieldNames(fields: readonly PanelField[]): void {
  if (!Array.isArray(fields) || fields.length < 1 || fields.length > MAX_FIELDS)
    throw invalidLayout('fields', `1..${MAX_FIELDS} fields`, 'another number');
  const names = new Set(fields.map((field: PanelField) => field.name));
  if (names.size !== fields.length) throw invalidLayout('fields', 'distinct names', 'a name twice');
  for (const name of names) assertName('fields.name', name);
}

function assertLayoutFacts(layout: PanelLayout): void {
  if (typeof layout.id !== 'string' || !LAYOUT_ID.test(layout.id))
    throw invalidLayout('id', '1..40 of a-z, 0-9, -', 'another text');
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
  const fields = layout.fields.map(compileField);
  const { slots, totalBits } = placeSlots(layout, fields);
  if (totalBits > layout.keyBits - 1) {
    throw invalidLayout(
      'fields',
      `slots of at most ${layout.keyBits - 1} bits under a ${layout.keyBits}-bit key`,
      `${totalBits} bits`,
    );
  }
  return {
    layout,
    fields: new Map(fields.map((field) => [field.field.name, field])),
    columns: new Set(fields.flatMap(({ columns }) => columns)),
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

const categoriesToCbor = ({ edges, categories }: Categories): CborMap => ({
  edges: edges?.map(String) ?? null,
  categories: categories === undefined ? null : [...categories],
});

const rangeToCbor = ({ unit, scale, min, max }: NumberRange): CborMap => ({
  unit,
  scale,
  min: String(min),
  max: String(max),
});

const columnToCbor = ({ column, ...range }: NumberColumn): CborMap => ({ column, ...rangeToCbor(range) });

function fieldToCbor(field: PanelField): CborValue {
  const { kind, name } = field;
  switch (kind) {
    case 'numeric':
      return { kind, name, ...rangeToCbor(field) };
    case 'histogram':
      return { kind, name, unit: field.unit, ...categoriesToCbor(field) };
    case 'pair':
      return { kind, name, x: columnToCbor(field.x), y: columnToCbor(field.y) };
    case 'grouped': {
      const by = field.by.map(({ column, ...categories }) => ({ column, ...categoriesToCbor(categories) }));
      return { kind, name, unit: field.unit, by };
    }
    case 'survival': {
      const { unit, edges, time, event } = field;
      const { column, occurred, censored } = event;
      return { kind, name, unit, edges: edges.map(String), time, event: { column, occurred, censored } };
    }
  }
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
