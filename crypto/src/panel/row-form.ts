/**
 * What a well-formed row is, kind of field by kind of field: the table that row proofs are made from. A new kind of field
 * gets its line here, and nothing else.
 *
 *   numbers   present in {0, 1};  each number 0 <= y <= R present;  each product slot the product of two number slots
 *   cells     every slot in {0, 1}, at most one of them 1
 */
import { bitLength } from '../paillier/arithmetic.js';
import type { AnyCompiledField, FieldKind } from './panel-layout.js';
import type { SlotPart } from './fields/field.js';

interface NumbersKind {
  readonly numbers: readonly string[];
  /** Part of the product, and of its two factors. */
  readonly products: ReadonlyArray<readonly [part: string, left: string, right: string]>;
}

const KINDS: Readonly<Record<FieldKind, NumbersKind | 'cells'>> = {
  numeric: { numbers: ['sum'], products: [['squares', 'sum', 'sum']] },
  pair: { numbers: ['sumX', 'sumY'], products: [['product', 'sumX', 'sumY']] },
  histogram: 'cells',
  grouped: 'cells',
  survival: 'cells',
};

/** Places count the field's slots from 0. */
export interface NumberForm {
  readonly place: number;
  /** R. */
  readonly most: bigint;
}
export interface ProductForm {
  readonly place: number;
  readonly factors: readonly [left: number, right: number];
  /** Bits of the left factor. */
  readonly factorBits: number;
}
export type FieldForm =
  | { readonly kind: 'cells'; readonly slots: number }
  | {
      readonly kind: 'numbers';
      readonly slots: number;
      readonly present: number;
      readonly numbers: readonly NumberForm[];
      readonly products: readonly ProductForm[];
    };

export function fieldForm({ kind, parts }: AnyCompiledField): FieldForm {
  const form = KINDS[kind];
  if (form === 'cells') return { kind: 'cells', slots: parts.length };
  const placeOf = (part: string): number => parts.findIndex((slot) => slot.part === part);
  const mostOf = (place: number): bigint => (parts[place] as SlotPart).most;
  return {
    kind: 'numbers',
    slots: parts.length,
    present: placeOf('present'),
    numbers: form.numbers.map((part) => ({ place: placeOf(part), most: mostOf(placeOf(part)) })),
    products: form.products.map(([part, left, right]) => ({
      place: placeOf(part),
      factors: [placeOf(left), placeOf(right)],
      factorBits: bitLength(mostOf(placeOf(left))),
    })),
  };
}
