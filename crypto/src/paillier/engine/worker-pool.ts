/**
 * A bounded pool of worker threads for jobs that are cut into tasks.
 *
 * Workers start when first needed and let the process exit while idle. Jobs take turns, task by task, so that a long
 * one does not hold up a short one; background jobs run when no other has a task to start, and let the process exit. A
 * cancelled job's running task finishes unheard; its waiting tasks never start. A worker that dies fails the job it was
 * on and is replaced. A task is handed over when a worker is free for it, so a long job never blocks the event loop for
 * longer than one task's message takes.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { CryptoError, type CryptoErrorCode } from '../../core/errors.js';

export interface JobOptions {
  /** Stops the job: its promise rejects with CRYPTO_CANCELLED. */
  readonly signal?: AbortSignal;
  /** Called after each finished task, with items. */
  readonly onProgress?: (progress: { done: number; total: number }) => void;
}
/** What a pool's owner may also say of a job. */
export interface RunOptions extends JobOptions {
  /** Only when no other job has a task to start; not counted among the pending. */
  readonly background?: boolean;
}
export interface PoolTask<Payload> {
  readonly payload: Payload;
  /** What the task counts for in progress. */
  readonly items: number;
}
export interface ErrorMessage {
  readonly code: CryptoErrorCode;
  readonly argument: string;
  readonly expected: string;
  readonly came: string;
}
/** What a worker answers to each payload. */
export type WorkerAnswer<Result> = { readonly result: Result } | { readonly error: ErrorMessage };

export interface PoolOptions {
  readonly script: URL;
  readonly workerData: unknown;
  /** Default min(2, cores). */
  readonly workers?: number;
  /** Jobs that may wait or run at once; default 64. */
  readonly maxPendingJobs?: number;
}

interface Job<Payload, Result> {
  readonly tasks: ReadonlyArray<PoolTask<Payload>>;
  readonly results: Result[];
  nextTask: number;
  finishedTasks: number;
  doneItems: number;
  readonly totalItems: number;
  readonly onProgress: JobOptions['onProgress'];
  readonly background: boolean;
  settle(outcome: { results: Result[] } | { error: CryptoError }): void;
}
interface Seat<Payload, Result> {
  worker: Worker | undefined;
  running: { job: Job<Payload, Result>; task: number } | undefined;
}

const MAX_WORKERS = 64;

function cancelled(why: string): CryptoError {
  return new CryptoError('CRYPTO_CANCELLED', { argument: 'job', expected: 'to run to its end', came: why });
}

export class WorkerPool<Payload, Result> {
  readonly #options: PoolOptions;
  readonly #maxPendingJobs: number;
  readonly #seats: Array<Seat<Payload, Result>>;
  readonly #jobs: Array<Job<Payload, Result>> = [];
  #closed = false;

  /** @throws CRYPTO_INVALID_INPUT unless 1 <= workers <= 64 */
  constructor(options: PoolOptions) {
    const { workers = Math.min(2, availableParallelism()), maxPendingJobs = 64 } = options;
    if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
      throw new CryptoError('CRYPTO_INVALID_INPUT', {
        argument: 'workers',
        expected: `1..${MAX_WORKERS}`,
        came: String(workers),
      });
    }
    this.#options = options;
    this.#maxPendingJobs = maxPendingJobs;
    this.#seats = Array.from({ length: workers }, () => ({ worker: undefined, running: undefined }));
  }

  /**
   * Results in the order of the tasks.
   * @throws CRYPTO_LIMIT_EXCEEDED when maxPendingJobs are pending; CRYPTO_CANCELLED; CRYPTO_WORKER_FAILED; what the
   *         worker answers
   */
  async run(
    tasks: ReadonlyArray<PoolTask<Payload>>,
    { signal, onProgress, background = false }: RunOptions = {},
  ): Promise<Result[]> {
    if (this.#closed) throw cancelled('a closed pool');
    if (signal?.aborted === true) throw cancelled('an aborted signal');
    if (!background && this.#pendingJobs() >= this.#maxPendingJobs) {
      throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
        argument: 'jobs',
        expected: `at most ${this.#maxPendingJobs} pending`,
        came: 'one more',
      });
    }
    if (tasks.length === 0) return [];
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        job.settle({ error: cancelled('an aborted signal') });
      };
      const job: Job<Payload, Result> = {
        tasks,
        results: [],
        nextTask: 0,
        finishedTasks: 0,
        doneItems: 0,
        totalItems: tasks.reduce((total, task) => total + task.items, 0),
        onProgress,
        background,
        settle: (outcome) => {
          const index = this.#jobs.indexOf(job);
          if (index < 0) return;
          this.#jobs.splice(index, 1);
          signal?.removeEventListener('abort', onAbort);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.results);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#jobs.push(job);
      this.#dispatch();
    });
  }

  /** Cancels every job and ends the workers. A closed pool refuses new jobs; closing twice is harmless. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of [...this.#jobs]) job.settle({ error: cancelled('a closed pool') });
    await Promise.all(this.#seats.map(async ({ worker }) => worker?.terminate()));
  }

  #pendingJobs(): number {
    return this.#jobs.filter((job) => !job.background).length;
  }

  #dispatch(): void {
    for (const seat of this.#seats) {
      if (seat.running !== undefined) continue;
      const job = this.#nextJob();
      if (job === undefined) return;
      const task = job.nextTask++;
      seat.running = { job, task };
      seat.worker ??= this.#startWorker(seat);
      if (!job.background) seat.worker.ref();
      seat.worker.postMessage(job.tasks[task]?.payload);
    }
  }

  /** Round robin over the jobs that still have tasks to start; background jobs when no other has. */
  #nextJob(): Job<Payload, Result> | undefined {
    const waiting = (job: Job<Payload, Result>): boolean => job.nextTask < job.tasks.length;
    const foreground = this.#jobs.findIndex((job) => waiting(job) && !job.background);
    const index = foreground < 0 ? this.#jobs.findIndex(waiting) : foreground;
    if (index < 0) return undefined;
    const [job] = this.#jobs.splice(index, 1);
    if (job !== undefined) this.#jobs.push(job);
    return job;
  }

  #startWorker(seat: Seat<Payload, Result>): Worker {
    const worker = new Worker(this.#options.script, { workerData: this.#options.workerData });
    worker.unref();
    worker.on('message', (answer: WorkerAnswer<Result>) => {
      this.#finish(seat, answer);
    });
    worker.on('error', (cause) => {
      this.#replace(seat, worker, cause);
    });
    worker.on('exit', () => {
      this.#replace(seat, worker, undefined);
    });
    return worker;
  }

  #finish(seat: Seat<Payload, Result>, answer: WorkerAnswer<Result>): void {
    const running = seat.running;
    seat.running = undefined;
    seat.worker?.unref();
    if (running !== undefined) this.#record(running.job, running.task, answer);
    this.#dispatch();
  }

  #record(job: Job<Payload, Result>, task: number, answer: WorkerAnswer<Result>): void {
    if ('error' in answer) {
      job.settle({ error: new CryptoError(answer.error.code, answer.error) });
      return;
    }
    if (!this.#jobs.includes(job)) return;
    job.results[task] = answer.result;
    job.finishedTasks += 1;
    job.doneItems += job.tasks[task]?.items ?? 0;
    try {
      job.onProgress?.({ done: job.doneItems, total: job.totalItems });
    } catch {
      job.settle({ error: cancelled('a progress callback that threw') });
    }
    if (job.finishedTasks === job.tasks.length) job.settle({ results: job.results });
  }

  #replace(seat: Seat<Payload, Result>, worker: Worker, cause: unknown): void {
    if (seat.worker !== worker) return;
    const running = seat.running;
    seat.worker = undefined;
    seat.running = undefined;
    const details = { argument: 'worker', expected: 'to stay alive', came: 'its end', cause };
    running?.job.settle({ error: new CryptoError('CRYPTO_WORKER_FAILED', details) });
    if (!this.#closed) this.#dispatch();
  }
}
