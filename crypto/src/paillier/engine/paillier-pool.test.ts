import { expect } from 'chai';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { makeContribution } from '../../panel/contribution.js';
import { dealThresholdKey } from '../../threshold/engine/dealer.js';
import { encryptWith, randomUnit } from '../homomorphic.js';
import { publicKeyFromModulus, publicKeyToJson } from '../public-key.js';
import { rowRandomness } from '../row-randomness.js';
import type { PaillierPublicKey } from '../types.js';
import { expectCode, expectRejection, testKey } from '../../test-support.js';
import { longestTurnMs } from './event-loop.test-support.js';
import { nativeModPow } from './native-mod-pow.js';
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

  it('encrypts seeded rows with the randomness that the seed gives again, from any first index', async () => {
    for (const encryption of ['rn', 'djn'] as const) {
      const key = publicKeyFromModulus(publicKey.n, { ...TEST, encryption });
      const json = publicKeyToJson(key);
      const seed = new Uint8Array(32).fill(3);
      const rows = range(70);
      const ciphertexts = await pool.encryptRows(json, rows, { seed });
      expect(ciphertexts[69]).to.equal(encryptWith(key, 69n, rowRandomness(key, seed, 69)));
      expect(await pool.encryptRows(json, rows.slice(60), { seed, firstIndex: 60 })).to.deep.equal(
        ciphertexts.slice(60),
      );
      expect((await pool.encryptRows(json, rows, { seed: seed.map(() => 4) }))[0]).to.not.equal(
        ciphertexts[0],
      );
      const randomness = await pool.rowRandomnessProduct(
        json,
        rows.map((_, index) => ({ seed, index })),
      );
      const sum = await pool.sumCiphertexts(json, ciphertexts);
      expect(sum).to.equal(
        encryptWith(
          key,
          rows.reduce((total, row) => total + row),
          randomness,
        ),
      );
      const wrong = pool.encryptRows(json, rows, { seed: new Uint8Array(31) });
      await expectRejection('CRYPTO_INVALID_INPUT', wrong, 'seed');
    }
  });

  it('multiplies by public scalars, in order', async () => {
    const privateKey = await testKey(512);
    const json = publicKeyToJson(publicKey);
    const ciphertexts = await pool.encryptRows(json, range(300));
    const scalars = range(300).map((k) => k + 1n);
    const products = await pool.multiplyPlaintexts(json, ciphertexts, scalars);
    for (const at of [0, 256, 299])
      expect(decrypt(privateKey, products[at]!)).to.equal(BigInt(at) * BigInt(at + 1));
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      pool.multiplyPlaintexts(json, ciphertexts, scalars.with(290, 0n)),
      'scalars[290]',
    );
    await expectRejection(
      'CRYPTO_INVALID_CIPHERTEXT',
      pool.multiplyPlaintexts(json, ciphertexts.with(290, publicKey.n), scalars),
      'ciphertexts[290]',
    );
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      pool.multiplyPlaintexts(json, ciphertexts, scalars.slice(1)),
    );
    await expectRejection('CRYPTO_INVALID_INPUT', pool.sumCiphertexts(json, []), 'ciphertexts');
  });

  it('verifies and combines partial decryptions; a wrong one comes back with its sender’s name', async () => {
    const holders = ['H1MSP', 'H2MSP', 'H3MSP', 'H4MSP'];
    const dealt = dealThresholdKey({ keyBits: 512, holders, ...TEST, modPow: nativeModPow });
    const opening = {
      publicKey: publicKeyToJson(dealt.publicKey),
      sharing: dealt.sharing,
      ciphertext: encrypt(dealt.publicKey, 42n),
      context: { queryId: 'q-1', step: 'aggregate', index: 0 } as const,
    };
    const partials = await Promise.all(dealt.shares.map((share) => pool.provePartial({ ...opening, share })));
    const checked = await pool.verifyPartials({ ...opening, partials });
    expect(checked).to.deep.equal({ valid: partials, faults: [] });
    expect(await pool.combinePartials({ ...opening, partials: partials.slice(1) })).to.equal(42n);
    const { n, nSquared } = dealt.publicKey;
    const moved = { ...partials[1]!, value: (partials[1]!.value * (1n + n)) % nSquared };
    const { valid, faults } = await pool.verifyPartials({ ...opening, partials: partials.with(1, moved) });
    expect(valid.map(({ holder }) => holder)).to.deep.equal(['H1MSP', 'H3MSP', 'H4MSP']);
    expect(faults.map(({ code, argument }) => [code, argument])).to.deep.equal([
      ['CRYPTO_PROOF_INVALID', 'H2MSP'],
    ]);
    const few = pool.combinePartials({ ...opening, partials: partials.slice(2) });
    await expectRejection('CRYPTO_SHARES_INCOMPLETE', few);
  });

  it('keeps randomness ready, up to a bound, and gives each value once', async () => {
    const privateKey = await testKey(512);
    const json = publicKeyToJson(publicKey);
    const own = createPaillierPool({ workers: 1, ...TEST });
    const full = async (): Promise<void> => {
      while (own.preparedCount(json.keyId) < 6) await setTimeout(5);
    };
    own.prepare(json, 6);
    expect(own.preparedCount(json.keyId)).to.equal(0);
    const made = await own.mask(json);
    await full();
    await setTimeout(30);
    expect(own.preparedCount(json.keyId), 'the bound').to.equal(6);
    const masks = [made];
    const ciphertexts: bigint[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      await full();
      masks.push(await own.mask(json));
      ciphertexts.push(await own.encryptOne(json, 7n), await own.encryptOne(json, 7n));
    }
    for (const { root, power } of masks) expect(encrypt(publicKey, 0n, root)).to.equal(power);
    expect(ciphertexts.map((c) => decrypt(privateKey, c))).to.deep.equal(ciphertexts.map(() => 7n));
    const factors = ciphertexts.map(
      (c) => (c * (1n + (publicKey.n - 7n) * publicKey.n)) % publicKey.nSquared,
    );
    const used = [...masks.map(({ power }) => power), ...factors];
    expect(new Set(used), 'each once').to.have.lengthOf(used.length);
    await full();
    await expectRejection('CRYPTO_INVALID_INPUT', own.encryptOne(json, publicKey.n), 'plaintext');
    for (const capacity of [0, 10_001, 1.5])
      expectCode(
        'CRYPTO_LIMIT_EXCEEDED',
        () => {
          own.prepare(json, capacity);
        },
        'capacity',
      );
    for (let index = 0n; index < 3n; index += 1n)
      own.prepare(publicKeyToJson(publicKeyFromModulus(publicKey.n - 2n * index - 2n, TEST)), 1);
    const fifth = publicKeyToJson(publicKeyFromModulus(publicKey.n - 10n, TEST));
    expectCode(
      'CRYPTO_LIMIT_EXCEEDED',
      () => {
        own.prepare(fifth, 1);
      },
      'publicKey',
    );
    await own.close();
    await expectRejection('CRYPTO_CANCELLED', own.encryptOne(json, 7n));
  });

  it('never blocks the event loop for 20 ms by a batch of 10,000 encryptions', async () => {
    const json = publicKeyToJson(publicKeyFromModulus(publicKey.n, { ...TEST, encryption: 'djn' }));
    const plaintexts = range(10_000);
    await pool.encryptRows(json, range(200));
    const probed = await longestTurnMs(async () => pool.encryptRows(json, plaintexts));
    expect(probed.result).to.have.lengthOf(10_000);
    expect(probed.turns, 'the loop turned meanwhile').to.be.above(100);
    expect(probed.longestMs, 'ms in one turn').to.be.below(20);
    const blocking = await longestTurnMs(async () => {
      await setTimeout(1);
      return plaintexts.slice(0, 400).map((plaintext) => encrypt(publicKey, plaintext));
    });
    expect(blocking.longestMs, 'the probe sees what blocks').to.be.above(20);
  });

  it('multiplies a contribution as core does, bit for bit', async () => {
    const rows = Array.from({ length: 600 }, (_, index) => BigInt(index) * publicKey.n * 2n + 5n);
    const input = { rows, maskPlaintext: 77n, randomness: randomUnit(publicKey) };
    expect(await pool.makeContribution(publicKeyToJson(publicKey), input)).to.equal(
      makeContribution({ publicKey, ...input }),
    );
    expect(await pool.makeContribution(publicKeyToJson(publicKey), { ...input, rows: [] })).to.equal(
      encryptWith(publicKey, 77n, input.randomness),
    );
    const bad = rows.with(300, publicKey.n);
    await expectRejection(
      'CRYPTO_INVALID_CIPHERTEXT',
      pool.makeContribution(publicKeyToJson(publicKey), { ...input, rows: bad }),
      'ciphertexts[300]',
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
    const finished: string[] = [];
    const background = pool.run(tasks([10, 20, 30]), { background: true }).then((results) => {
      finished.push('background');
      return results;
    });
    expect(await pool.run(tasks([7, 8]))).to.deep.equal([8, 9]);
    finished.push('foreground');
    expect(await background).to.deep.equal([11, 21, 31]);
    expect(finished).to.deep.equal(['foreground', 'background']);
    await pool.close();
  });
});
