/**
 * Identity keys and re-encryption off the event loop: a pairing takes ten milliseconds, and an opening needs hundreds.
 * Secrets go to the threads and come back in messages of this process; they are wiped with the threads.
 */
import { CryptoError } from '../../core/errors.js';
import { WorkerPool, type JobOptions, type PoolOptions } from '../../paillier/engine/worker-pool.js';
import { initPairing } from '../../pairing/index.js';
import {
  performSharingTask,
  type SharingTask,
  type SharingTaskInput,
  type SharingTaskKind,
  type SharingTaskResult,
} from './sharing-tasks.js';

export type SharingRunnerOptions = Pick<PoolOptions, 'workers' | 'maxPendingJobs'>;

export interface SharingRunner {
  /**
   * One of `SHARING_TASKS` in a worker thread; same results and errors.
   * @throws CRYPTO_LIMIT_EXCEEDED when too many wait, CRYPTO_CANCELLED, CRYPTO_WORKER_FAILED
   */
  run<Kind extends SharingTaskKind>(
    kind: Kind,
    input: SharingTaskInput<Kind>,
    options?: Pick<JobOptions, 'signal'>,
  ): Promise<SharingTaskResult<Kind>>;
  /** Cancels what waits and ends the threads. */
  close(): Promise<void>;
}

const DEFAULT_PENDING = 1_024;

/** Threads start with the first task; idle ones do not keep the process alive. */
export function createSharingRunner(options: SharingRunnerOptions = {}): SharingRunner {
  const script = new URL('./sharing-worker.js', import.meta.url);
  const pool = new WorkerPool<SharingTask, unknown>({
    maxPendingJobs: DEFAULT_PENDING,
    ...options,
    script,
    workerData: {},
  });
  return {
    async run<Kind extends SharingTaskKind>(
      kind: Kind,
      input: SharingTaskInput<Kind>,
      jobOptions: Pick<JobOptions, 'signal'> = {},
    ) {
      const results = await pool.run([{ payload: { kind, input }, items: 1 }], jobOptions);
      if (results.length === 1) return results[0] as SharingTaskResult<Kind>;
      throw new CryptoError('CRYPTO_WORKER_FAILED', {
        argument: 'worker',
        expected: 'the result of its task',
        came: 'nothing',
      });
    },
    close: () => pool.close(),
  };
}

/** The same on this thread: for tests, and where no thread is to be had. */
export function sharingOnThisThread(): SharingRunner {
  return {
    async run<Kind extends SharingTaskKind>(kind: Kind, input: SharingTaskInput<Kind>) {
      await initPairing();
      return performSharingTask({ kind, input }) as SharingTaskResult<Kind>;
    },
    close: () => Promise.resolve(),
  };
}
