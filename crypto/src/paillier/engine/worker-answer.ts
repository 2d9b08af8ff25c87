/** The worker's side of a WorkerPool: one task at a time, an answer for each, errors as data. */
import { parentPort } from 'node:worker_threads';
import { CryptoError } from '../../core/errors.js';
import type { ErrorMessage, WorkerAnswer } from './worker-pool.js';

/** What of an error travels between threads. */
export function describeError(error: unknown): ErrorMessage {
  if (error instanceof CryptoError) {
    const { code, argument, expected, came } = error;
    return { code, argument, expected, came };
  }
  return {
    code: 'CRYPTO_WORKER_FAILED',
    argument: 'task',
    expected: 'a result',
    came: error instanceof Error ? error.name : 'an error',
  };
}

/** Answers every message to this worker thread; the pool that starts it sends tasks of the one type that it takes. */
export function serveTasks(perform: (task: never) => unknown): void {
  parentPort?.on('message', (task: unknown) => {
    let answer: WorkerAnswer<unknown>;
    try {
      answer = { result: perform(task as never) };
    } catch (error) {
      answer = { error: describeError(error) };
    }
    parentPort?.postMessage(answer);
  });
}
