/** What the Paillier pool asks of its workers, by kind. Every field survives structured cloning. */
import type {
  ContributionToProve,
  PartialToProve,
  PartialsToCombine,
  PartialsToVerify,
  ProvenContribution,
} from './proof-tasks.js';
import type { RowsToProve } from './row-proof-task.js';
import type { ErrorMessage } from './worker-pool.js';
import type { ProvenPartial } from '../../threshold/types.js';
import type { Mask } from '../proofs/masks.js';
import type { PlaintextProof } from '../proofs/plaintext-proof.js';
import type { SeededRow } from '../row-randomness.js';
import type { PaillierPublicKeyJson } from '../types.js';

type WithoutKey<Task extends { publicKey: unknown }> = Omit<Task, 'publicKey'>;

/** A run of rows of one batch. */
export interface SeededRun {
  readonly seed: Uint8Array;
  readonly firstIndex: number;
}

export interface PaillierTaskKinds {
  encrypt: {
    input: { readonly plaintexts: readonly bigint[]; readonly seeded?: SeededRun };
    output: bigint[];
  };
  encryptWith: { input: { readonly plaintext: bigint; readonly randomness: bigint }; output: bigint };
  masks: { input: { readonly count: number }; output: Mask[] };
  sum: { input: { readonly ciphertexts: readonly bigint[]; readonly firstIndex: number }; output: bigint };
  multiply: {
    input: {
      readonly ciphertexts: readonly bigint[];
      readonly scalars: readonly bigint[];
      readonly firstIndex: number;
    };
    output: bigint[];
  };
  rowRandomness: { input: { readonly rows: readonly SeededRow[] }; output: bigint };
  provePartial: { input: WithoutKey<PartialToProve>; output: ProvenPartial };
  verifyPartials: {
    input: WithoutKey<PartialsToVerify>;
    output: { readonly valid: ProvenPartial[]; readonly faults: ErrorMessage[] };
  };
  combinePartials: { input: WithoutKey<PartialsToCombine>; output: bigint };
  proveContribution: { input: ContributionToProve; output: PlaintextProof };
  /** true: an answer without a result would be no answer. */
  verifyContribution: { input: ProvenContribution; output: true };
  proveRows: { input: RowsToProve; output: string[] };
}
export type PaillierTaskKind = keyof PaillierTaskKinds;

export type PaillierTask = {
  [Kind in PaillierTaskKind]: {
    readonly kind: Kind;
    readonly publicKey: PaillierPublicKeyJson;
    readonly input: PaillierTaskKinds[Kind]['input'];
  };
}[PaillierTaskKind];
export type PaillierTaskOutput = PaillierTaskKinds[PaillierTaskKind]['output'];

export interface PaillierWorkerData {
  readonly allowTestKeySize: boolean;
}
