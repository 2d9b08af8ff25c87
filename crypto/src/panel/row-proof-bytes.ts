/**
 * Row proofs as data and as bytes (base64url in JSON). The layout says which parts there are; nothing is tagged.
 *
 *   for each field: its slots' ciphertexts, then
 *     numbers   0/1 of present; range and product (presence) of each number; product of each product slot
 *     cells     one-hot, at most one
 *   then the equality of the packing
 */
import { base64UrlToBytes, bytesToBase64Url } from '../core/bytes.js';
import type { BitProof } from '../paillier/proofs/bit-proof.js';
import { ProofReader, ProofWriter } from '../paillier/proofs/codec.js';
import type { EqualityProof } from '../paillier/proofs/equality-proof.js';
import type { OneHotProof } from '../paillier/proofs/one-hot-proof.js';
import type { ProductProof } from '../paillier/proofs/product-proof.js';
import type { RangeProof } from '../paillier/proofs/range-proof.js';
import type { PaillierPublicKey } from '../paillier/types.js';
import { compileLayout, type PanelLayout } from './panel-layout.js';
import { fieldForm, type FieldForm } from './row-form.js';

export interface NumbersProof {
  readonly present: BitProof;
  readonly numbers: ReadonlyArray<{ readonly range: RangeProof; readonly presence: ProductProof }>;
  readonly products: readonly ProductProof[];
}
interface SlotCiphertexts {
  /** One for each slot of the field, in their order. */
  readonly ciphertexts: readonly bigint[];
}
export type CellsProof = SlotCiphertexts & { readonly cells: OneHotProof };
export type FieldProof = CellsProof | (SlotCiphertexts & NumbersProof);

export interface RowProof {
  /** In the order of the layout. */
  readonly fields: readonly FieldProof[];
  readonly packing: EqualityProof;
}

const formsOf = (layout: PanelLayout): FieldForm[] =>
  [...compileLayout(layout).fields.values()].map(fieldForm);

type NumbersForm = Extract<FieldForm, { kind: 'numbers' }>;

function writeNumbers(writer: ProofWriter, form: NumbersForm, proof: NumbersProof): void {
  writer.bit(proof.present);
  for (const { range, presence } of proof.numbers) {
    writer.range(range);
    writer.product(presence, 1);
  }
  proof.products.forEach((product, index) => {
    writer.product(product, form.products[index]?.factorBits ?? 0);
  });
}

function readNumbers(reader: ProofReader, form: NumbersForm): NumbersProof {
  return {
    present: reader.bit(),
    numbers: form.numbers.map(({ most }) => ({ range: reader.range(most), presence: reader.product(1) })),
    products: form.products.map(({ factorBits }) => reader.product(factorBits)),
  };
}

function readField(reader: ProofReader, form: FieldForm): FieldProof {
  const ciphertexts = Array.from({ length: form.slots }, () => reader.element());
  return form.kind === 'cells'
    ? { ciphertexts, cells: reader.oneHot(form.slots, 'at-most-one') }
    : { ciphertexts, ...readNumbers(reader, form) };
}

/** @throws CRYPTO_INVALID_INPUT for numbers that do not fit their widths */
export function rowProofToBytes(
  publicKey: PaillierPublicKey,
  layout: PanelLayout,
  proof: RowProof,
): Uint8Array {
  const writer = new ProofWriter(publicKey);
  const forms = formsOf(layout);
  proof.fields.forEach((field, index) => {
    const form = forms[index];
    for (const ciphertext of field.ciphertexts) writer.element(ciphertext);
    if ('cells' in field) writer.oneHot(field.cells);
    else if (form?.kind === 'numbers') writeNumbers(writer, form, field);
  });
  writer.equality(proof.packing);
  return writer.bytes();
}

/**
 * Says that the bytes have the layout's parts in their widths, not that anything is proven.
 * @throws CRYPTO_PROOF_INVALID
 */
export function rowProofFromBytes(
  publicKey: PaillierPublicKey,
  layout: PanelLayout,
  bytes: Uint8Array,
): RowProof {
  const reader = new ProofReader(publicKey, bytes);
  const fields = formsOf(layout).map((form) => readField(reader, form));
  const proof = { fields, packing: reader.equality() };
  reader.end();
  return proof;
}

/** base64url of rowProofToBytes. */
export function rowProofToText(publicKey: PaillierPublicKey, layout: PanelLayout, proof: RowProof): string {
  return bytesToBase64Url(rowProofToBytes(publicKey, layout, proof));
}

/** @throws CRYPTO_PROOF_INVALID; CRYPTO_INVALID_INPUT for text that is not canonical base64url */
export function rowProofFromText(publicKey: PaillierPublicKey, layout: PanelLayout, text: string): RowProof {
  return rowProofFromBytes(publicKey, layout, base64UrlToBytes(text));
}
