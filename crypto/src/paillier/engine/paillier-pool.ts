/**
 * Paillier off the event loop: batches cut into tasks for worker threads.
 *
 * Tasks are small enough for progress several times a second, and for a stop within a quarter of one; what the caller's
 * thread itself does for a batch is cutting and joining lists.
 */
import { CryptoError } from '../../core/errors.js';
import type { ProvenPartial } from '../../threshold/types.js';
import { modProduct } from '../arithmetic.js';
import { assertSameLength } from '../homomorphic.js';
import { PaillierEncryptor } from '../encryptor.js';
import type { Mask } from '../proofs/masks.js';
import type { PlaintextProof } from '../proofs/plaintext-proof.js';
import { MIN_KEY_BITS, publicKeyFromJson, type KeySizeOptions } from '../public-key.js';
import type { SeededRow } from '../row-randomness.js';
import type { PaillierPublicKeyJson } from '../types.js';
import type {
  PaillierTask,
  PaillierTaskKind,
  PaillierTaskKinds,
  PaillierTaskOutput,
  PaillierWorkerData,
} from './paillier-tasks.js';
import { PreparedMasks } from './prepared-masks.js';
import type {
  ContributionToProve,
  PartialToProve,
  PartialsToCombine,
  PartialsToVerify,
  ProvenContribution,
} from './proof-tasks.js';
import type { RowsToProve } from './row-proof-task.js';
import { WorkerPool, type JobOptions, type PoolTask, type RunOptions } from './worker-pool.js';

/** Most plaintexts, ciphertexts or rows in one call. */
export const MAX_BATCH_ITEMS = 100_000;
/** Keys with prepared masks at a time. */
export const MAX_PREPARED_KEYS = 4;
const EXPONENTIATIONS_PER_TASK = 8;
const TEST_KEY_EXPONENTIATIONS_PER_TASK = 64;
const PRODUCTS_PER_TASK = 256;
const SCALARS_PER_TASK = 256;
const DERIVATIONS_PER_TASK = 1024;

type Input<Kind extends PaillierTaskKind> = PaillierTaskKinds[Kind]['input'];
type Output<Kind extends PaillierTaskKind> = PaillierTaskKinds[Kind]['output'];

export interface PaillierPool {
  /**
   * Encrypts with fresh randomness, or with that of `rowRandomness(key, seed, firstIndex + i)` when a seed is given;
   * ciphertexts in the order of the plaintexts (each 0..n-1).
   */
  encryptRows(
    publicKey: PaillierPublicKeyJson,
    plaintexts: readonly bigint[],
    options?: JobOptions & {
      /** 32 bytes, secret, for this batch only: see row-randomness.ts. */
      readonly seed?: Uint8Array;
      /** 0 when absent. */
      readonly firstIndex?: number;
    },
  ): Promise<bigint[]>;
  /** r of the product of seeded rows; what `rowRandomnessProduct` gives. */
  rowRandomnessProduct(
    publicKey: PaillierPublicKeyJson,
    rows: readonly SeededRow[],
    options?: JobOptions,
  ): Promise<bigint>;
  /** Same result as the core function of this name, bit for bit. */
  makeContribution(
    publicKey: PaillierPublicKeyJson,
    input: { readonly rows: readonly bigint[]; readonly maskPlaintext: bigint; readonly randomness: bigint },
    options?: JobOptions,
  ): Promise<bigint>;
  /** The product of at least one ciphertext. */
  sumCiphertexts(
    publicKey: PaillierPublicKeyJson,
    ciphertexts: readonly bigint[],
    options?: JobOptions,
  ): Promise<bigint>;
  /** Each ciphertext times its public scalar, 1..n-1, in order. */
  multiplyPlaintexts(
    publicKey: PaillierPublicKeyJson,
    ciphertexts: readonly bigint[],
    scalars: readonly bigint[],
    options?: JobOptions,
  ): Promise<bigint[]>;
  /** One holder's part in opening a ciphertext, with its proof; see `provePartialDecryption`. */
  provePartial(opening: PartialToProve, options?: JobOptions): Promise<ProvenPartial>;
  /** Those that hold, and the faults of the others with their holder's name; see `verifyPartials`. */
  verifyPartials(
    opening: PartialsToVerify,
    options?: JobOptions,
  ): Promise<{ valid: ProvenPartial[]; faults: CryptoError[] }>;
  /** The plaintext, from partials that were verified; see `combinePartials`. */
  combinePartials(opening: PartialsToCombine, options?: JobOptions): Promise<bigint>;
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
  /**
   * That rows of a panel are well-formed, in their order, as text; see `proveRow` and `rowProofFromText`.
   * @throws CRYPTO_VALUE_OUT_OF_RANGE for a row that is not, CRYPTO_DECRYPTION_FAILED for one that is not of the seed
   */
  proveRows(publicKey: PaillierPublicKeyJson, panel: RowsToProve, options?: JobOptions): Promise<string[]>;
  /**
   * From now on keeps up to `capacity` masks of this key ready, made while the workers have nothing else to do.
   * @throws CRYPTO_LIMIT_EXCEEDED for a capacity outside 1..10,000 or a fifth key; CRYPTO_INVALID_INPUT
   */
  prepare(publicKey: PaillierPublicKeyJson, capacity: number): void;
  /** Masks that are ready for a key. */
  preparedCount(keyId: string): number;
  /** A fresh r and r^n (djn: h^x and h_s^x): a prepared one, or made now. Used once. */
  mask(publicKey: PaillierPublicKeyJson, options?: JobOptions): Promise<Mask>;
  /** One encryption: at once when a mask of the key is ready. */
  encryptOne(publicKey: PaillierPublicKeyJson, plaintext: bigint, options?: JobOptions): Promise<bigint>;
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

interface Part<Kind extends PaillierTaskKind> {
  readonly input: Input<Kind>;
  readonly items: number;
}

/** Cuts a list into tasks. */
function inParts<Item, Kind extends PaillierTaskKind>(
  items: readonly Item[],
  perTask: number,
  inputOf: (part: readonly Item[], firstIndex: number) => Input<Kind>,
): Array<Part<Kind>> {
  if (items.length > MAX_BATCH_ITEMS) {
    throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
      argument: 'batch',
      expected: `at most ${MAX_BATCH_ITEMS} items`,
      came: `${items.length}`,
    });
  }
  const parts: Array<Part<Kind>> = [];
  for (let at = 0; at < items.length; at += perTask) {
    const part = items.slice(at, at + perTask);
    parts.push({ input: inputOf(part, at), items: part.length });
  }
  return parts;
}

function encryptionsPerTask({ keyBits }: PaillierPublicKeyJson): number {
  return keyBits < MIN_KEY_BITS ? TEST_KEY_EXPONENTIATIONS_PER_TASK : EXPONENTIATIONS_PER_TASK;
}

function missingOutput(): never {
  throw new CryptoError('CRYPTO_WORKER_FAILED', {
    argument: 'worker',
    expected: 'the result of its task',
    came: 'nothing',
  });
}

/** The worker pool with each kind's own types. */
class TypedPool {
  readonly #pool: WorkerPool<PaillierTask, PaillierTaskOutput>;

  constructor(options: Omit<PaillierPoolOptions, 'allowTestKeySize'>, workerData: PaillierWorkerData) {
    const script = new URL('./paillier-worker.js', import.meta.url);
    this.#pool = new WorkerPool({ ...options, script, workerData });
  }

  async run<Kind extends PaillierTaskKind>(
    kind: Kind,
    publicKey: PaillierPublicKeyJson,
    parts: ReadonlyArray<Part<Kind>>,
    options?: RunOptions,
  ): Promise<Array<Output<Kind>>> {
    // A worker answers each kind with its own output; the pool itself knows only their union.
    const tasks = parts.map(({ input, items }) => ({ payload: { kind, publicKey, input }, items }));
    return this.#pool.run(tasks as Array<PoolTask<PaillierTask>>, options);
  }

  async one<Kind extends PaillierTaskKind>(
    kind: Kind,
    publicKey: PaillierPublicKeyJson,
    input: Input<Kind>,
    options?: JobOptions,
  ): Promise<Output<Kind>> {
    const [output = missingOutput()] = await this.run(kind, publicKey, [{ input, items: 1 }], options);
    return output;
  }

  /** Products of parts of a list of ciphertexts, and of `rest`. */
  async product(
    publicKey: PaillierPublicKeyJson,
    ciphertexts: readonly bigint[],
    rest: readonly bigint[],
    options: JobOptions,
  ): Promise<bigint> {
    const parts = inParts<bigint, 'sum'>(ciphertexts, PRODUCTS_PER_TASK, (part, firstIndex) => ({
      ciphertexts: part,
      firstIndex,
    }));
    const factors = await this.run('sum', publicKey, parts, options);
    const { signal } = options;
    const input = { ciphertexts: [...factors, ...rest], firstIndex: 0 };
    return this.one('sum', publicKey, input, signal === undefined ? {} : { signal });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Prepared masks by key. */
class Preparations {
  readonly #byKey = new Map<string, { encryptor: PaillierEncryptor; masks: PreparedMasks }>();

  constructor(
    private readonly pool: TypedPool,
    private readonly keySize: KeySizeOptions,
  ) {}

  prepare(json: PaillierPublicKeyJson, capacity: number): void {
    const publicKey = publicKeyFromJson(json, this.keySize);
    const { keyId } = publicKey;
    if (!this.#byKey.has(keyId) && this.#byKey.size >= MAX_PREPARED_KEYS) {
      throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
        argument: 'publicKey',
        expected: `at most ${MAX_PREPARED_KEYS} prepared keys`,
        came: 'one more',
      });
    }
    const masks = new PreparedMasks(capacity, async (count) => {
      const parts = [{ input: { count }, items: count }];
      return (await this.pool.run('masks', json, parts, { background: true })).flat();
    });
    this.#byKey.set(keyId, { encryptor: new PaillierEncryptor(publicKey), masks });
  }

  count(keyId: string): number {
    return this.#byKey.get(keyId)?.masks.size ?? 0;
  }

  take({ keyId }: PaillierPublicKeyJson): Mask | undefined {
    return this.#byKey.get(keyId)?.masks.take();
  }

  /** E(plaintext) when a mask of the key is ready. */
  encrypt({ keyId }: PaillierPublicKeyJson, plaintext: bigint): bigint | undefined {
    const prepared = this.#byKey.get(keyId);
    const mask = prepared?.masks.take();
    return mask === undefined ? undefined : prepared?.encryptor.encryptWith(plaintext, mask.power);
  }

  clear(): void {
    this.#byKey.clear();
  }
}

/** A pool of its own threads; close it when done. Idle threads do not keep the process alive. */
export function createPaillierPool(options: PaillierPoolOptions = {}): PaillierPool {
  const { allowTestKeySize = false, ...poolOptions } = options;
  const pool = new TypedPool(poolOptions, { allowTestKeySize });
  const prepared = new Preparations(pool, { allowTestKeySize });
  return {
    async encryptRows(publicKey, plaintexts, { seed, firstIndex = 0, ...job } = {}) {
      const parts = inParts<bigint, 'encrypt'>(plaintexts, encryptionsPerTask(publicKey), (part, at) => ({
        plaintexts: part,
        ...(seed === undefined ? {} : { seeded: { seed, firstIndex: firstIndex + at } }),
      }));
      return (await pool.run('encrypt', publicKey, parts, job)).flat();
    },
    async rowRandomnessProduct(publicKey, rows, job) {
      const parts = inParts<SeededRow, 'rowRandomness'>(rows, DERIVATIONS_PER_TASK, (part) => ({
        rows: part,
      }));
      const factors = await pool.run('rowRandomness', publicKey, parts, job);
      return modProduct(factors, publicKeyFromJson(publicKey, { allowTestKeySize }).n);
    },
    sumCiphertexts: (publicKey, ciphertexts, job = {}) => pool.product(publicKey, ciphertexts, [], job),
    async makeContribution(publicKey, { rows, maskPlaintext, randomness }, job = {}) {
      const mask = await pool.one('encryptWith', publicKey, { plaintext: maskPlaintext, randomness });
      return pool.product(publicKey, rows, [mask], job);
    },
    async multiplyPlaintexts(publicKey, ciphertexts, scalars, job) {
      assertSameLength(ciphertexts, scalars);
      const parts = inParts<bigint, 'multiply'>(ciphertexts, SCALARS_PER_TASK, (part, at) => ({
        ciphertexts: part,
        scalars: scalars.slice(at, at + part.length),
        firstIndex: at,
      }));
      return (await pool.run('multiply', publicKey, parts, job)).flat();
    },
    provePartial: ({ publicKey, ...input }, job) => pool.one('provePartial', publicKey, input, job),
    async verifyPartials({ publicKey, ...input }, job) {
      const { valid, faults } = await pool.one('verifyPartials', publicKey, input, job);
      return { valid, faults: faults.map((fault) => new CryptoError(fault.code, fault)) };
    },
    combinePartials: ({ publicKey, ...input }, job) => pool.one('combinePartials', publicKey, input, job),
    proveContribution: (publicKey, input, job) => pool.one('proveContribution', publicKey, input, job),
    async verifyContributions(publicKey, contributions, job) {
      const parts = contributions.map((input) => ({ input, items: 1 }));
      await pool.run('verifyContribution', publicKey, parts, job);
    },
    async proveRows(publicKey, panel, job) {
      const parts = inParts<RowsToProve['rows'][number], 'proveRows'>(panel.rows, 1, (rows) => ({
        ...panel,
        rows,
      }));
      return (await pool.run('proveRows', publicKey, parts, job)).flat();
    },
    prepare: (publicKey, capacity) => {
      prepared.prepare(publicKey, capacity);
    },
    preparedCount: (keyId) => prepared.count(keyId),
    async mask(publicKey, job) {
      const ready = prepared.take(publicKey);
      if (ready !== undefined) return ready;
      const [made = missingOutput()] = await pool.one('masks', publicKey, { count: 1 }, job);
      return made;
    },
    async encryptOne(publicKey, plaintext, job) {
      const ready = prepared.encrypt(publicKey, plaintext);
      if (ready !== undefined) return ready;
      const input = { plaintexts: [plaintext] };
      const [made = missingOutput()] = await pool.one('encrypt', publicKey, input, job);
      return made;
    },
    async close() {
      prepared.clear();
      await pool.close();
    },
  };
}
