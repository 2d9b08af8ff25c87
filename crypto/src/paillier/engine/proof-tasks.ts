/**
 * What a hospital proves and checks about a query, as tasks for a worker: each is some exponentiations modulo n^2, of
 * which one at 3072 bits takes 25 ms, and the randomness behind the proofs is drawn there.
 *
 *   contribution  c = (product of rows) (1 + mask n) s^n,  rows (1 + m_i n) r_i^n with r_i from a seed
 *                 r = s r_1 r_2 ..,  m = L(c r^-n),  and the proof that both are known      proofs/plaintext-proof.ts
 */
import type { OpeningContext, ProvenPartial, Sharing, ThresholdShare } from '../../threshold/types.js';
import { modInverse } from '../arithmetic.js';
import { plaintextOfPower } from '../homomorphic.js';
import { provePlaintextKnowledge, type ContributionContext, type PlaintextProof } from '../proofs/index.js';
import { rowRandomnessProduct } from '../row-randomness.js';
import type { PaillierPublicKey, PaillierPublicKeyJson } from '../types.js';
import { nativeModPow as modPow } from './native-mod-pow.js';

/** Rows of one batch that went into a contribution. */
export interface SeededRows {
  /** 32 bytes; as secret as the rows. */
  readonly seed: Uint8Array;
  readonly indexes: readonly number[];
}

export interface ContributionToProve {
  readonly ciphertext: bigint;
  readonly rows: readonly SeededRows[];
  /** Of the mask. */
  readonly randomness: bigint;
  readonly context: ContributionContext;
}

export interface ProvenContribution {
  readonly ciphertext: bigint;
  readonly proof: PlaintextProof;
  readonly context: ContributionContext;
}

/** A ciphertext to be opened under a sharing, and what for. */
export interface OpeningTask {
  readonly publicKey: PaillierPublicKeyJson;
  readonly sharing: Sharing;
  readonly ciphertext: bigint;
  readonly context: OpeningContext;
}
export type PartialToProve = OpeningTask & { readonly share: ThresholdShare };
export type PartialsToVerify = OpeningTask & { readonly partials: readonly ProvenPartial[] };
export type PartialsToCombine = Omit<PartialsToVerify, 'context'>;

/** @throws what the functions of the proofs throw; CRYPTO_DECRYPTION_FAILED for rows that are not those of the seeds */
export function proveContribution(
  publicKey: PaillierPublicKey,
  { ciphertext, rows, randomness: maskRandomness, context }: ContributionToProve,
): PlaintextProof {
  const { n, nSquared } = publicKey;
  const seeded = rows.flatMap(({ seed, indexes }) => indexes.map((index) => ({ seed, index })));
  const randomness = (rowRandomnessProduct(publicKey, seeded, modPow) * maskRandomness) % n;
  const hidden = modInverse(modPow(randomness, n, nSquared), nSquared);
  // Not 1 mod n when the rows are not those of the seeds: there is nothing to prove then.
  const plaintext = plaintextOfPower(publicKey, (ciphertext * hidden) % nSquared);
  return provePlaintextKnowledge({ publicKey, ciphertext, plaintext, randomness, context, modPow });
}
