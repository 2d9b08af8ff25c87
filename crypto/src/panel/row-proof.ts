/**
 * Row proofs: an anchored row of a panel is well-formed, and nothing of what it holds is shown (own construction from the
 * proofs in paillier/proofs).
 *
 *   c_row  the anchored ciphertext;   c_slot = E(value_slot), one for each slot of the layout, made for this proof
 *   packing   prod c_slot^(2^offset_slot) encrypts what c_row does                                  equality proof
 *   numbers   c_present: 0/1 proof
 *             c_y: range proof of 0..R, and c_present c_y = c_y as plaintexts: product proof, so that y = 0 when missing
 *             c_squares, c_product: product proof of its factors
 *   cells     one-hot proof, at most one
 *
 * Context: hospital, audit, CID of the panel, index of the row and digest of the layout are in every challenge, with the
 * key and the ciphertexts that the challenge is about. A proof is worthless for another row, panel, hospital or audit.
 * A row outside this form (a bin of 5, a y above R, a square that is none, anything above the slots) has no proof.
 *
 * What it does not show: that the values are true. Soundness error 2^-128 per proof and random-oracle query, and 2^-80
 * for a batch; zero knowledge under the assumption of the masks (paillier/proofs/masks.ts).
 */
import { encodeParts } from '../core/encode.js';
import { CryptoError } from '../core/errors.js';
import { modInverse, modPow as bigintModPow, type ModPow } from '../paillier/arithmetic.js';
import { assertRandomness, plaintextOfPower } from '../paillier/homomorphic.js';
import {
  bitEquations,
  proveBit,
  type ProverOptions,
  type StatementOptions,
} from '../paillier/proofs/bit-proof.js';
import { invalidProof } from '../paillier/proofs/challenge.js';
import { equalityEquations, proveEquality } from '../paillier/proofs/equality-proof.js';
import { verifyBatch, type Equation, type VerifyOptions } from '../paillier/proofs/equations.js';
import { masksFor, type MaskSource } from '../paillier/proofs/masks.js';
import type { Power } from '../paillier/proofs/multi-power.js';
import { oneHotEquations, proveOneHot } from '../paillier/proofs/one-hot-proof.js';
import { encryptOpened, type Opened, type OpenedTerm } from '../paillier/proofs/opened.js';
import { productEquations, proveProduct } from '../paillier/proofs/product-proof.js';
import { proveRange, rangeEquations } from '../paillier/proofs/range-proof.js';
import { assertCiphertext } from '../paillier/public-key.js';
import type { PaillierPublicKey } from '../paillier/types.js';
import { compileLayout, layoutDigest, type CompiledLayout, type PanelLayout } from './panel-layout.js';
import { fieldForm, type FieldForm } from './row-form.js';
import type { CellsProof, FieldProof, NumbersProof, RowProof } from './row-proof-bytes.js';

/** What a row proof is for. */
export interface RowContext {
  /** The hospital that anchored the panel. */
  readonly mspId: string;
  readonly auditId: string;
  readonly panelCid: string;
  /** From 0. */
  readonly rowIndex: number;
}

/** Context of all proofs of a row. */
export function rowProofContext(context: RowContext, layout: PanelLayout): Uint8Array {
  const { mspId, auditId, panelCid, rowIndex } = context;
  return encodeParts(
    'careledger/row-proof/v1',
    mspId,
    auditId,
    panelCid,
    BigInt(rowIndex),
    layoutDigest(layout),
  );
}

type NumbersForm = Extract<FieldForm, { kind: 'numbers' }>;

/** What there is one of for each slot, by field, in the layout's order. */
function slotsByField<PerSlot>(
  { fields }: CompiledLayout,
  perSlot: readonly PerSlot[],
): Array<{ name: string; form: FieldForm; slots: PerSlot[] }> {
  let at = 0;
  return [...fields.values()].map((field) => {
    const form = fieldForm(field);
    at += form.slots;
    return { name: field.field.name, form, slots: perSlot.slice(at - form.slots, at) };
  });
}

/**
 * m of c = (1 + n)^m r^n.
 * @throws CRYPTO_DECRYPTION_FAILED when r is not the ciphertext's
 */
function openWith(
  publicKey: PaillierPublicKey,
  ciphertext: bigint,
  randomness: bigint,
  modPow: ModPow,
): bigint {
  const { n, nSquared } = publicKey;
  const hidden = modInverse(modPow(randomness, n, nSquared), nSquared);
  return plaintextOfPower(publicKey, (ciphertext * hidden) % nSquared);
}

function proveNumbers(form: NumbersForm, opened: readonly Opened[], options: ProverOptions): NumbersProof {
  const slot = (place: number): Opened => opened[place] as Opened;
  const present = slot(form.present);
  return {
    present: proveBit(present, options),
    numbers: form.numbers.map(({ place, most }) => ({
      range: proveRange(slot(place), most, options),
      presence: proveProduct({ x: present, y: slot(place), product: slot(place) }, 1, options),
    })),
    products: form.products.map(({ place, factors: [left, right], factorBits }) =>
      proveProduct({ x: slot(left), y: slot(right), product: slot(place) }, factorBits, options),
    ),
  };
}

function proveField(form: FieldForm, opened: readonly Opened[], options: ProverOptions): FieldProof {
  const ciphertexts = opened.map(({ ciphertext }) => ciphertext);
  if (form.kind === 'cells') return { ciphertexts, cells: proveOneHot(opened, 'at-most-one', options) };
  return { ciphertexts, ...proveNumbers(form, opened, options) };
}

function notARow(name: string, cause?: unknown): CryptoError {
  return new CryptoError('CRYPTO_VALUE_OUT_OF_RANGE', {
    argument: `row.${name}`,
    expected: 'slots that a record can have',
    came: 'others',
    cause,
  });
}

/** @throws CRYPTO_VALUE_OUT_OF_RANGE naming the field, when its slots are not what a record can have */
function proveFieldNamed(
  name: string,
  form: FieldForm,
  opened: readonly Opened[],
  options: ProverOptions,
): FieldProof {
  try {
    return proveField(form, opened, options);
  } catch (cause) {
    throw cause instanceof CryptoError ? notARow(name, cause) : cause;
  }
}

/** The slots of a row, each encrypted for itself. @throws CRYPTO_VALUE_OUT_OF_RANGE for a plaintext above the slots */
function unpack(
  publicKey: PaillierPublicKey,
  { slots, totalBits }: CompiledLayout,
  plaintext: bigint,
  masks: MaskSource,
): OpenedTerm[] {
  if (plaintext >> BigInt(totalBits) !== 0n) throw notARow('(above the slots)');
  return [...slots.values()].map(({ offsetBits, widthBits }): OpenedTerm => {
    const value = BigInt.asUintN(widthBits, plaintext >> BigInt(offsetBits));
    return [encryptOpened(publicKey, value, masks), 1n << BigInt(offsetBits)];
  });
}

/**
 * Blocks its thread: three masks for each bit of the row's numbers and each cell; see docs/crypto/proofs.md.
 * @param options.randomness r of the row's ciphertext, from which its plaintext is read
 * @param options.masks `masksFor` the key, made once for many rows; made here when absent
 * @throws CRYPTO_DECRYPTION_FAILED for another r; CRYPTO_VALUE_OUT_OF_RANGE for a row that is not well-formed;
 * CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT, CRYPTO_LAYOUT_INVALID
 */
export function proveRow(options: {
  publicKey: PaillierPublicKey;
  layout: PanelLayout;
  ciphertext: bigint;
  randomness: bigint;
  context: RowContext;
  masks?: MaskSource;
  modPow?: ModPow;
}): RowProof {
  const { publicKey, layout, ciphertext, randomness, modPow = bigintModPow } = options;
  assertCiphertext(publicKey, ciphertext);
  assertRandomness(publicKey, randomness);
  const compiled = compileLayout(layout);
  const plaintext = openWith(publicKey, ciphertext, randomness, modPow);
  const masks = options.masks ?? masksFor(publicKey, { modPow });
  const prover = { publicKey, context: rowProofContext(options.context, layout), masks, modPow };
  const slots = unpack(publicKey, compiled, plaintext, masks);
  const fields = slotsByField(compiled, slots).map(({ name, form, slots: own }) =>
    proveFieldNamed(
      name,
      form,
      own.map(([opened]) => opened),
      prover,
    ),
  );
  const row: OpenedTerm = [{ ciphertext, plaintext, randomness }, 1n];
  return { fields, packing: proveEquality({ left: slots, right: [row] }, 0n, prover) };
}

function numbersEquations(
  form: NumbersForm,
  ciphertexts: readonly bigint[],
  proof: NumbersProof,
  options: StatementOptions,
): Equation[] {
  const slot = (place: number): bigint => ciphertexts[place] as bigint;
  const present = slot(form.present);
  const numbers = form.numbers.flatMap(({ place, most }, index) => {
    const { range, presence } = proof.numbers[index] as NumbersProof['numbers'][number];
    const y = slot(place);
    return [
      ...rangeEquations(y, most, range, options),
      ...productEquations({ x: present, y, product: y }, 1, presence, options),
    ];
  });
  const products = form.products.flatMap(({ place, factors: [left, right], factorBits }, index) => {
    const statement = { x: slot(left), y: slot(right), product: slot(place) };
    const product = proof.products[index] as NumbersProof['products'][number];
    return productEquations(statement, factorBits, product, options);
  });
  return [...bitEquations(present, proof.present, options), ...numbers, ...products];
}

const isCells = (proof: FieldProof): proof is CellsProof => 'cells' in proof;

/** @throws CRYPTO_PROOF_INVALID unless the proof has the parts of this form */
function assertShape(form: FieldForm, proof: FieldProof | undefined): asserts proof is FieldProof {
  const counts =
    proof === undefined || isCells(proof)
      ? [proof?.ciphertexts.length]
      : [proof.ciphertexts.length, proof.numbers.length, proof.products.length];
  const expected =
    form.kind === 'cells' ? [form.slots] : [form.slots, form.numbers.length, form.products.length];
  if (String(counts) !== String(expected))
    throw invalidProof('proof.fields', 'the parts of the layout', 'others');
}

function fieldEquations(
  form: FieldForm,
  proof: FieldProof | undefined,
  options: StatementOptions,
): Equation[] {
  assertShape(form, proof);
  const { ciphertexts } = proof;
  if (form.kind === 'cells' && isCells(proof))
    return oneHotEquations(ciphertexts, 'at-most-one', proof.cells, options);
  if (form.kind === 'numbers' && !isCells(proof)) return numbersEquations(form, ciphertexts, proof, options);
  throw invalidProof('proof.fields', 'a proof of the kind of field', 'of another');
}

/** A row, where it stands, and the proof that it is well-formed. */
export interface ProvenRow {
  readonly ciphertext: bigint;
  readonly context: RowContext;
  readonly proof: RowProof;
}

function rowEquations(
  publicKey: PaillierPublicKey,
  layout: PanelLayout,
  { ciphertext, context, proof }: ProvenRow,
): Equation[] {
  const options = { publicKey, context: rowProofContext(context, layout) };
  const compiled = compileLayout(layout);
  const forms = [...compiled.fields.values()].map(fieldForm);
  if (proof.fields.length !== forms.length)
    throw invalidProof('proof.fields', `${forms.length} fields`, `${proof.fields.length}`);
  const fields = forms.flatMap((form, index) => fieldEquations(form, proof.fields[index], options));
  const slotCiphertexts = proof.fields.flatMap(({ ciphertexts }) => ciphertexts);
  const left = [...compiled.slots.values()].map(({ offsetBits }, place): Power => [
    slotCiphertexts[place] as bigint,
    1n << BigInt(offsetBits),
  ]);
  const packing = { left, right: [[ciphertext, 1n] as const], difference: 0n };
  return [...fields, ...equalityEquations(packing, proof.packing, options)];
}

/** Turns what is wrong with one row into an error that names the row. */
function named<Result>(index: number, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    const { argument, expected, came } = cause;
    throw new CryptoError('CRYPTO_PROOF_INVALID', {
      argument: `rows[${index}]`,
      expected: `${argument}: ${expected}`,
      came,
      cause,
    });
  }
}

/**
 * Many rows of one layout at once: half of what they cost one by one, each of which is a batch already.
 * @throws CRYPTO_PROOF_INVALID; `argument` is `rows[i]`, the place in the list, for a row whose proof does not verify
 */
export function verifyRows(
  options: { publicKey: PaillierPublicKey; layout: PanelLayout; rows: readonly ProvenRow[] } & VerifyOptions,
): void {
  const { publicKey, layout, rows } = options;
  const proofs = rows.map((row, index) => named(index, () => rowEquations(publicKey, layout, row)));
  try {
    verifyBatch(publicKey, proofs, options);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    const { expected, came } = cause;
    throw invalidProof(cause.argument.replace('proofs', 'rows'), expected, came);
  }
}

/** @throws CRYPTO_PROOF_INVALID */
export function verifyRow(
  options: { publicKey: PaillierPublicKey; layout: PanelLayout } & ProvenRow & VerifyOptions,
): void {
  const { ciphertext, context, proof } = options;
  verifyRows({ ...options, rows: [{ ciphertext, context, proof }] });
}
