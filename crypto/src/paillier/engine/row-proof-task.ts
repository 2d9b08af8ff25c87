/** Row proofs as tasks for a worker, one row each: at 3072 bits a row of some numbers takes one to two seconds. */
import type { PanelLayout } from '../../panel/panel-layout.js';
import { proveRow, type RowContext } from '../../panel/row-proof.js';
import { rowProofToText } from '../../panel/row-proof-bytes.js';
import type { Mask } from '../proofs/masks.js';
import { rowRandomness } from '../row-randomness.js';
import type { PaillierPublicKey } from '../types.js';
import { nativeModPow as modPow } from './native-mod-pow.js';
import { encryptorOf } from './paillier.js';

/** Rows of one panel, whose randomness follows from its seed. */
export interface RowsToProve {
  readonly layout: PanelLayout;
  /** 32 bytes; as secret as the rows. */
  readonly seed: Uint8Array;
  readonly context: Omit<RowContext, 'rowIndex'>;
  readonly rows: ReadonlyArray<{ readonly index: number; readonly ciphertext: bigint }>;
}

/** One text per row. @throws what `proveRow` throws */
export function proveRows(
  publicKey: PaillierPublicKey,
  { layout, seed, context, rows }: RowsToProve,
): string[] {
  const masks = (): Mask => encryptorOf(publicKey).mask();
  return rows.map(({ index, ciphertext }) => {
    const randomness = rowRandomness(publicKey, seed, index, modPow);
    const of = { ...context, rowIndex: index };
    const proof = proveRow({ publicKey, layout, ciphertext, randomness, context: of, masks, modPow });
    return rowProofToText(publicKey, layout, proof);
  });
}
