import { expect } from 'chai';
import { availableParallelism } from 'node:os';
import { makeContribution } from '../../panel/contribution.js';
import { randomUnit } from '../homomorphic.js';
import { publicKeyToJson } from '../public-key.js';
import { combineAdditivePartials } from '../shares.js';
import type { PaillierPublicKey } from '../types.js';
import { expectCode, expectRejection, testKey } from '../../test-support.js';
import { dealKeyShares } from './dealer.js';
import { createPaillierPool, type PaillierPool } from './paillier-pool.js';
import { decrypt, encrypt } from './paillier.js';
import { WorkerPool } from './worker-pool.js';

const TEST = { allowTestKeySize: true };
const range = (length: number): bigint[] => Array.from({ length }, (_, index) => BigInt(index));

describe('Paillier worker pool', function () {
  this.timeout(20_000);

  let pool: PaillierPool;
  let publicKey: PaillierPublicKey;

  before(async () => {
    pool = createPaillierPool({ workers: Math.min(2, availableParallelism()), ...TEST });
    publicKey = (await testKey(512)).publicKey;
  });
  after(() => pool.close());

  it('encrypts a batch in order, with progress', async () => {
    const privateKey = await testKey(512);
    const progress: Array<{ done: number; total: number }> = [];
    const ciphertexts = await pool.encryptRows(publicKeyToJson(publicKey), range(50), {
      onProgress: (step) => progress.push(step),
    });
    expect(ciphertexts.map((c) => decrypt(privateKey, c))).to.deep.equal(range(50));
    expect(new Set(ciphertexts)).to.have.lengthOf(50);
    expect(progress.map(({ done }) => done)).to.deep.equal(
      [...progress.map(({ done }) => done)].sort((a, b) => a - b),
    );
    expect(progress.at(-1)).to.deep.equal({ done: 50, total: 50 });
    expect(await pool.encryptRows(publicKeyToJson(publicKey), [])).to.deep.equal([]);
  });

  it('multiplies a contribution as core does, bit for bit', async () => {
    const rows = Array.from({ length: 600 }, (_, index) => BigInt(index) * publicKey.n * 2n + 5n);
    const input = { rows, maskPlaintext: 77n, randomness: randomUnit(publicKey) };
    expect(await pool.makeContribution(publicKeyToJson(publicKey), input)).to.equal(
      makeContribution({ publicKey, ...input }),
    );
    const bad = rows.with(300, publicKey.n);
    await expectRejection(
      'CRYPTO_INVALID_CIPHERTEXT',
      pool.makeContribution(publicKeyToJson(publicKey), { ...input, rows: bad }),
      'ciphertexts[300]',
    );
  });

  it('decrypts in parts', async () => {
    const holders = ['H1MSP', 'H2MSP'];
    const dealt = await dealKeyShares({ keyBits: 512, holders, ...TEST });
    const ciphertexts = range(5).map((m) => encrypt(dealt.publicKey, m));
    const parts = await Promise.all(
      dealt.shares.map((share) => pool.partialDecrypt(publicKeyToJson(dealt.publicKey), share, ciphertexts)),
    );
    const plaintexts = ciphertexts.map((ciphertext, index) =>
      combineAdditivePartials({
        publicKey: dealt.publicKey,
        holders,
        ciphertext,
        partials: parts.map((part) => part[index]!),
      }),
    );
    expect(plaintexts).to.deep.equal(range(5));
    await expectRejection(
      'CRYPTO_INVALID_CIPHERTEXT',
      pool.partialDecrypt(publicKeyToJson(dealt.publicKey), dealt.shares[0]!, [5n, 0n]),
    );
  });

  it('gives coded errors across the thread and stays usable', async () => {
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      pool.encryptRows(publicKeyToJson(publicKey), [1n, -1n]),
      'plaintext',
    );
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      pool.encryptRows({ ...publicKeyToJson(publicKey), keyId: 'x' }, [1n]),
      'publicKey.keyId',
    );
    expect(await pool.encryptRows(publicKeyToJson(publicKey), [1n])).to.have.lengthOf(1);
  });

  it('stops at a signal, and keeps serving others', async () => {
    const controller = new AbortController();
    const long = pool.encryptRows(publicKeyToJson(publicKey), range(20_000), {
      signal: controller.signal,
      onProgress: () => {
        controller.abort();
      },
    });
    const other = pool.encryptRows(publicKeyToJson(publicKey), range(3));
    await expectRejection('CRYPTO_CANCELLED', long);
    expect(await other).to.have.lengthOf(3);
    await expectRejection(
      'CRYPTO_CANCELLED',
      pool.encryptRows(publicKeyToJson(publicKey), [1n], { signal: AbortSignal.abort() }),
    );
  });

  it('is bounded: jobs, items, workers', async () => {
    const small = createPaillierPool({ workers: 1, maxPendingJobs: 1, ...TEST });
    const first = small.encryptRows(publicKeyToJson(publicKey), range(3));
    await expectRejection(
      'CRYPTO_LIMIT_EXCEEDED',
      small.encryptRows(publicKeyToJson(publicKey), [1n]),
      'jobs',
    );
    expect(await first).to.have.lengthOf(3);
    await expectRejection(
      'CRYPTO_LIMIT_EXCEEDED',
      small.encryptRows(
        publicKeyToJson(publicKey),
        Array.from({ length: 100_001 }, () => 1n),
      ),
      'batch',
    );
    await small.close();
    expectCode('CRYPTO_INVALID_INPUT', () => createPaillierPool({ workers: 0 }), 'workers');
  });

  it('close cancels what runs, refuses what comes, and may be repeated', async () => {
    const closing = createPaillierPool({ workers: 1, ...TEST });
    const running = closing.encryptRows(publicKeyToJson(publicKey), range(5000));
    const [, refusal] = await Promise.all([closing.close(), expectRejection('CRYPTO_CANCELLED', running)]);
    expect(refusal).to.equal(undefined);
    await closing.close();
    await expectRejection('CRYPTO_CANCELLED', closing.encryptRows(publicKeyToJson(publicKey), [1n]));
  });

  it('a production pool refuses a test key', async () => {
    const strict = createPaillierPool({ workers: 1 });
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      strict.encryptRows(publicKeyToJson(publicKey), [1n]),
      'keyBits',
    );
    await strict.close();
  });
});

describe('worker pool', function () {
  this.timeout(20_000);

  it('fails the job whose worker dies, and replaces the worker', async () => {
    const source = `
      const { parentPort } = require('node:worker_threads');
      parentPort.on('message', (n) => { if (n === 0) process.exit(3); parentPort.postMessage({ result: n + 1 }); });`;
    const script = new URL(
      `data:text/javascript,${encodeURIComponent(source.replace("const { parentPort } = require('node:worker_threads');", "import { parentPort } from 'node:worker_threads';"))}`,
    );
    const pool = new WorkerPool<number, number>({ script, workerData: {}, workers: 1 });
    const tasks = (values: number[]): Array<{ payload: number; items: number }> =>
      values.map((payload) => ({ payload, items: 1 }));
    expect(await pool.run(tasks([1, 2]))).to.deep.equal([2, 3]);
    await expectRejection('CRYPTO_WORKER_FAILED', pool.run(tasks([1, 0, 2])), 'worker');
    expect(await pool.run(tasks([5]))).to.deep.equal([6]);
    await expectRejection(
      'CRYPTO_CANCELLED',
      pool.run(tasks([5, 6]), {
        onProgress: () => {
          throw new Error('listener');
        },
      }),
    );
    expect(await pool.run(tasks([7]))).to.deep.equal([8]);
    await pool.close();
  });
});
