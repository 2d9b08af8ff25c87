/** Messages between the Paillier pool and its workers; all fields survive structured cloning. */
import type { KeyShare, PaillierPublicKeyJson, PartialDecryption } from '../types.js';
import type { ProofTask, ProofTaskResult } from './proof-tasks.js';

export type PaillierTask =
  | ProofTask
  | {
      readonly kind: 'encrypt';
      readonly publicKey: PaillierPublicKeyJson;
      readonly plaintexts: readonly bigint[];
    }
  | {
      readonly kind: 'partial';
      readonly publicKey: PaillierPublicKeyJson;
      readonly share: KeyShare;
      readonly ciphertexts: readonly bigint[];
    }
  | {
      readonly kind: 'product';
      readonly publicKey: PaillierPublicKeyJson;
      readonly rows: readonly bigint[];
      readonly firstIndex: number;
    }
  | {
      readonly kind: 'mask';
      readonly publicKey: PaillierPublicKeyJson;
      readonly maskPlaintext: bigint;
      readonly randomness: bigint;
    };

/** Integers for encrypt, product and mask; partial decryptions for partial. */
export type PaillierTaskResult =
  | ProofTaskResult
  | { readonly integers: readonly bigint[] }
  | { readonly partials: readonly PartialDecryption[] };

export interface PaillierWorkerData {
  readonly allowTestKeySize: boolean;
}
