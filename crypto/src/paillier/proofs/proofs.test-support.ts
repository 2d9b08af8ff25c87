/** Shared by the tests of this folder. */
import { encodeParts } from '../../core/encode.js';
import { expectCode, testKey } from '../../test-support.js';
import type { PaillierPublicKey } from '../types.js';
import type { ProverOptions } from './bit-proof.js';
import { masksFor } from './masks.js';
import { encryptOpened, type Opened } from './opened.js';

export const contextOf = (text: string): Uint8Array => encodeParts('careledger/test/v1', text);

/** A key, and a prover under it. */
export interface Bench {
  readonly publicKey: PaillierPublicKey;
  readonly options: ProverOptions;
  /** Encrypts a value, -1 as n - 1. */
  open(value: bigint): Opened;
  /** The ciphertext of one value with the claim that it is another. */
  pretend(value: bigint, claim: bigint): Opened;
}

export async function bench(): Promise<Bench> {
  const { publicKey } = await testKey(320);
  const masks = masksFor(publicKey);
  const open = (value: bigint): Opened =>
    encryptOpened(publicKey, ((value % publicKey.n) + publicKey.n) % publicKey.n, masks);
  return {
    publicKey,
    options: { publicKey, context: contextOf('here'), masks },
    open,
    pretend: (value, claim) => ({ ...open(value), plaintext: claim }),
  };
}

/** Fails unless `verify` throws CRYPTO_PROOF_INVALID. */
export function refused(verify: () => void, argument?: string): void {
  expectCode('CRYPTO_PROOF_INVALID', verify, argument);
}
