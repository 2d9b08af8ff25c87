/**
 * Splits fields over as many layouts as a key's plaintexts need: first fit, in the order of the fields, so that the same
 * fields and key size always make the same layouts. A statistic of several fields needs them in one layout: fields
 * that are asked together stand side by side.
 */
import { invalidInput } from '../core/errors.js';
import { layoutBits, type PanelField, type PanelLayout } from './panel-layout.js';

export interface PackOptions extends Omit<PanelLayout, 'id' | 'fields'> {
  /** Layouts are called "prefix-1", "prefix-2", ... */
  readonly idPrefix: string;
  /** Most fields of one layout. */
  readonly maxFields: number;
}

/**
 * @returns layouts that hold every field once
 * @throws CRYPTO_LAYOUT_INVALID for a malformed field, and for one whose slots alone do not fit the key
 */
export function packLayouts(
  fields: readonly PanelField[],
  { idPrefix, maxFields, ...common }: PackOptions,
): PanelLayout[] {
  const bins: { readonly fields: PanelField[]; bits: number }[] = [];
  for (const field of fields) {
    const bits = layoutBits({ ...common, id: idPrefix, fields: [field] });
    const hasRoom = (bin: (typeof bins)[number]): boolean =>
      bin.fields.length < maxFields && bin.bits + bits <= common.keyBits - 1;
    let bin = bins.find(hasRoom);
    if (bin === undefined) bins.push((bin = { fields: [], bits: 0 }));
    bin.fields.push(field);
    bin.bits += bits;
  }
  return bins.map((bin, index) => ({ ...common, id: `${idPrefix}-${index + 1}`, fields: bin.fields }));
}

/**
 * The layout that has all the fields.
 * @throws CRYPTO_INVALID_INPUT when none has
 */
export function layoutOf(layouts: readonly PanelLayout[], names: readonly string[]): PanelLayout {
  const found = layouts.find(({ fields }) =>
    names.every((name) => fields.some((field) => field.name === name)),
  );
  if (found === undefined) throw invalidInput('fields', 'fields of one layout', names.join(', '));
  return found;
}
