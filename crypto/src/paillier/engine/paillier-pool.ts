/**
 * Paillier off the event loop: batches cut into tasks for worker threads.
 *
 * Per row at 2048 bits an encryption takes about 50 ms and a partial decryption about 0.2 s with the present engine, so
 * tasks are small enough for progress every half second.
 */
import { CryptoError } from '../../core/errors.js';
import type { ProvenPartial } from '../../threshold/types.js';
import { modProduct } from '../arithmetic.js';
import type { PlaintextProof } from '../proofs/index.js';
import { publicKeyFromJson } from '../public-key.js';
import type { KeyShare, PaillierPublicKeyJson, PartialDecryption } from '../types.js';
import type { PaillierTask, PaillierTaskResult, PaillierWorkerData } from './paillier-tasks.js';
import type { ContributionToProve, PartialToProve, ProvenContribution } from './proof-tasks.js';
import { WorkerPool, type JobOptions, type PoolTask } from './worker-pool.js';

/** Most plaintexts, ciphertexts or rows in one call. */
export const MAX_BATCH_ITEMS = 100_000;
const ENCRYPTIONS_PER_TASK = 8;
const PARTIALS_PER_TASK = 2;
const PRODUCTS_PER_TASK = 256;

export interface PaillierPool {
  /** Encrypts with fresh randomness; ciphertexts in the order of the plaintexts (each 0..n-1). */
  encryptRows(
    publicKey: PaillierPublicKeyJson,
    plaintexts: readonly bigint[],
    options?: JobOptions,
  ): Promise<bigint[]>;
  /** One holder's part of each ciphertext, in order. */
  partialDecrypt(
    publicKey: PaillierPublicKeyJson,
    share: KeyShare,
    ciphertexts: readonly bigint[],
    options?: JobOptions,
  ): Promise<PartialDecryption[]>;
  /** Same result as the core function of this name, bit for bit. */
  makeContribution(
    publicKey: PaillierPublicKeyJson,
    input: { readonly rows: readonly bigint[]; readonly maskPlaintext: bigint; readonly randomness: bigint },
    options?: JobOptions,
  ): Promise<bigint>;
  /** One holder's part in opening a ciphertext, with its proof; see `provePartialDecryption`. */
  provePartial(opening: PartialToProve, options?: JobOptions): Promise<ProvenPartial>;
  /** That the hospital knows what its contribution holds; see `provePlaintextKnowledge`. */
  proveContribution(
    publicKey: PaillierPublicKeyJson,
    contribution: ContributionToProve,
    options?: JobOptions,
  ): Promise<PlaintextProof>;
  /** @throws CRYPTO_PROOF_INVALID when one of them does not hold */
  verifyContributions(
    publicKey: PaillierPublicKeyJson,
    contributions: readonly ProvenContribution[],
    options?: JobOptions,
  ): Promise<void>;
  /** Cancels what runs and ends the threads. */
  close(): Promise<void>;
}

export interface PaillierPoolOptions {
  /** 1 to 64; default min(2, cores). */
  readonly workers?: number;
  /** Default 64. */
  readonly maxPendingJobs?: number;
  /** Tests only. */
  readonly allowTestKeySize?: boolean;
}

function inTasks<Item>(
  items: readonly Item[],
  perTask: number,
  task: (part: readonly Item[], firstIndex: number) => PaillierTask,
): Array<PoolTask<PaillierTask>> {
  if (items.length > MAX_BATCH_ITEMS) {
    throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
      argument: 'batch',
      expected: `at most ${MAX_BATCH_ITEMS} items`,
      came: `${items.length}`,
    });
  }
  const tasks: Array<PoolTask<PaillierTask>> = [];
  for (let at = 0; at < items.length; at += perTask) {
    const part = items.slice(at, at + perTask);
    tasks.push({ payload: task(part, at), items: part.length });
  }
  return tasks;
}

function integersOf(results: readonly PaillierTaskResult[]): bigint[] {
  return results.flatMap((result) => ('integers' in result ? result.integers : []));
}

function missingResult(): never {
  throw new CryptoError('CRYPTO_WORKER_FAILED', {
    argument: 'worker',
    expected: 'the result of its task',
    came: 'another',
  });
}

/** A pool of its own threads; close it when done. Idle threads do not keep the process alive. */
export function createPaillierPool(options: PaillierPoolOptions = {}): PaillierPool {
  const { allowTestKeySize = false, ...poolOptions } = options;
  const workerData: PaillierWorkerData = { allowTestKeySize };
  const script = new URL('./paillier-worker.js', import.meta.url);
  const pool = new WorkerPool<PaillierTask, PaillierTaskResult>({ ...poolOptions, script, workerData });
  return {
    async encryptRows(publicKey, plaintexts, job) {
      const tasks = inTasks(plaintexts, ENCRYPTIONS_PER_TASK, (part) => ({
        kind: 'encrypt',
        publicKey,
        plaintexts: part,
      }));
      return integersOf(await pool.run(tasks, job));
    },
    async partialDecrypt(publicKey, share, ciphertexts, job) {
      const tasks = inTasks(ciphertexts, PARTIALS_PER_TASK, (part) => ({
        kind: 'partial',
        publicKey,
        share,
        ciphertexts: part,
      }));
      const results = await pool.run(tasks, job);
      return results.flatMap((result) => ('partials' in result ? result.partials : []));
    },
    async makeContribution(publicKey, { rows, maskPlaintext, randomness }, job) {
      const products = inTasks(rows, PRODUCTS_PER_TASK, (part, firstIndex) => ({
        kind: 'product',
        publicKey,
        rows: part,
        firstIndex,
      }));
      const mask: PoolTask<PaillierTask> = {
        payload: { kind: 'mask', publicKey, maskPlaintext, randomness },
        items: 1,
      };
      const factors = integersOf(await pool.run([mask, ...products], job));
      return modProduct(factors, publicKeyFromJson(publicKey, { allowTestKeySize }).nSquared);
    },
    async provePartial(opening, job) {
      const [result] = await pool.run([{ payload: { kind: 'provePartial', ...opening }, items: 1 }], job);
      return result !== undefined && 'provenPartial' in result ? result.provenPartial : missingResult();
    },
    async proveContribution(publicKey, contribution, job) {
      const payload = { kind: 'proveContribution', publicKey, ...contribution } as const;
      const [result] = await pool.run([{ payload, items: 1 }], job);
      return result !== undefined && 'plaintextProof' in result ? result.plaintextProof : missingResult();
    },
    async verifyContributions(publicKey, contributions, job) {
      const tasks = inTasks(contributions, 1, (part) => {
        const [contribution = missingResult()] = part;
        return { kind: 'verifyContribution', publicKey, ...contribution };
      });
      const results = await pool.run(tasks, job);
      if (results.length !== contributions.length) missingResult();
    },
    close: () => pool.close(),
  };
}
