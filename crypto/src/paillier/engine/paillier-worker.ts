/** Worker thread: answers one PaillierTask at a time. Randomness is drawn here, from the platform's generator. */
import { parentPort, workerData } from 'node:worker_threads';
import { CryptoError } from '../../core/errors.js';
import { modProduct } from '../arithmetic.js';
import { assertCiphertexts, publicKeyFromJson } from '../public-key.js';
import { partialDecrypt } from '../shares.js';
import { encrypt } from './paillier.js';
import type { PaillierTask, PaillierTaskResult, PaillierWorkerData } from './paillier-tasks.js';
import { performProof } from './proof-tasks.js';
import type { ErrorMessage, WorkerAnswer } from './worker-pool.js';

const { allowTestKeySize } = workerData as PaillierWorkerData;

function perform(task: PaillierTask): PaillierTaskResult {
  const publicKey = publicKeyFromJson(task.publicKey, { allowTestKeySize });
  switch (task.kind) {
    case 'encrypt':
      return { integers: task.plaintexts.map((plaintext) => encrypt(publicKey, plaintext)) };
    case 'partial':
      return {
        partials: task.ciphertexts.map((ciphertext) => partialDecrypt(publicKey, task.share, ciphertext)),
      };
    case 'product':
      assertCiphertexts(publicKey, task.rows, task.firstIndex);
      return { integers: [modProduct(task.rows, publicKey.nSquared)] };
    case 'mask':
      return { integers: [encrypt(publicKey, task.maskPlaintext, task.randomness)] };
    case 'provePartial':
    case 'proveContribution':
    case 'verifyContribution':
      return performProof(publicKey, task);
  }
}

function describe(error: unknown): ErrorMessage {
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

function answer(task: PaillierTask): WorkerAnswer<PaillierTaskResult> {
  try {
    return { result: perform(task) };
  } catch (error) {
    return { error: describe(error) };
  }
}

parentPort?.on('message', (task: PaillierTask) => {
  parentPort?.postMessage(answer(task));
});
