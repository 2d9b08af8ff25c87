/**
 * Ceremony steps off the event loop: a step over a batch of candidates computes for seconds (about 2.5 s at 2048 bits).
 * One thread is enough, since a party takes one step at a time.
 */
import { CryptoError } from '../../core/errors.js';
import { WorkerPool, type JobOptions } from '../../paillier/engine/worker-pool.js';
import type { CeremonyIncoming } from '../../lockstep/types.js';
import type { CeremonyParameters, CeremonyStep } from '../ceremony/types.js';
import type { CeremonyTask } from './ceremony-tasks.js';

/** `signal` stops waiting (CRYPTO_CANCELLED); the thread finishes the step unheard before it takes the next. */
export type CeremonyStepOptions = Pick<JobOptions, 'signal'>;

export interface CeremonyRunner {
  /** `beginCeremony` in a worker thread; same results and errors. */
  begin(parameters: CeremonyParameters, options?: CeremonyStepOptions): Promise<CeremonyStep>;
  /** `stepCeremony` in a worker thread; same results and errors. */
  step(
    state: Uint8Array,
    incoming: readonly CeremonyIncoming[],
    options?: CeremonyStepOptions,
  ): Promise<CeremonyStep>;
  /** Cancels what runs and ends the thread, which takes what it knew with it. */
  close(): Promise<void>;
}

/** A runner with a thread of its own, which starts with the first step; an idle one does not keep the process alive. */
export function createCeremonyRunner(): CeremonyRunner {
  const script = new URL('./ceremony-worker.js', import.meta.url);
  const pool = new WorkerPool<CeremonyTask, CeremonyStep>({ script, workerData: {}, workers: 1 });
  const run = async (payload: CeremonyTask, options: CeremonyStepOptions = {}): Promise<CeremonyStep> => {
    const [step] = await pool.run([{ payload, items: 1 }], options);
    if (step !== undefined) return step;
    throw new CryptoError('CRYPTO_WORKER_FAILED', {
      argument: 'worker',
      expected: 'the result of its step',
      came: 'nothing',
    });
  };
  return {
    begin: (parameters, options) => run({ kind: 'begin', parameters }, options),
    step: (state, incoming, options) => run({ kind: 'step', state, incoming }, options),
    close: () => pool.close(),
  };
}
