/**
 * npm run bench:paillier: the Paillier engine against python's phe with gmpy2 and against paillier-bigint, on the same
 * keys of 2048 and 3072 bits, in one interleaved run. Prints JSON lines.
 *
 * Single-thread figures are operations per second of processor time (our whole process, its garbage collector included;
 * phe's process): what else the machine does counts less that way. `two_workers_vs_one` is by the clock, and wants two
 * idle cores. phe is measured when the python that CARELEDGER_BENCH_PYTHON names, or python3, has phe and gmpy2.
 *
 *   --rounds N           7 when absent
 *   --phe-fraction F     of a million values that phe encrypts in all, 0.001 when absent; a tenth takes an hour
 */
import { parseArgs } from 'node:util';
import { PrivateKey, PublicKey } from 'paillier-bigint';
import {
  createPaillierPool,
  decrypt,
  encryptorOf,
  generatePaillierKeys,
  multiplyPlaintexts,
  ownerOf,
  publicKeyFromModulus,
  publicKeyToJson,
  publicModPow,
  randomBelow,
  sumCiphertexts,
  type PaillierPool,
  type PaillierPrivateKey,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { UserJob, type UserJobRound } from './support/user-job.js';
import {
  elapsedMs,
  interleave,
  median,
  processorSeconds,
  report,
  rounded,
  type Round,
} from './support/measure.js';
import { Phe, whyNotPhe, type PheOperation } from './support/phe.js';

const KEY_BITS = [2048, 3072] as const;
/** Ciphertexts that pass intake together, as a pool's task has them; scalars repeat after 64, as weights do. */
const BATCH = 256;
/** Enough for the table of a djn key to be made. */
const WARM_UP = 64;
/** Operations in a round at 2048 bits; a third of them at 3072. */
const OPERATIONS = {
  rn: 24,
  djn: 120,
  owner: 72,
  decrypt: 72,
  scalar: 2048,
  add: 4096,
  bigintEncrypt: 6,
  bigintDecrypt: 9,
  pool: 96,
};

interface Options {
  readonly rounds: number;
  readonly pheFraction: number;
}

interface Subject {
  readonly bits: number;
  readonly privateKey: PaillierPrivateKey;
  readonly rn: PaillierPublicKey;
  readonly djn: PaillierPublicKey;
  readonly bigint: { readonly publicKey: PublicKey; readonly privateKey: PrivateKey };
  readonly ciphertexts: readonly bigint[];
}

type Jobs = Record<string, () => Promise<number>>;

function readOptions(): Options {
  const { values } = parseArgs({
    options: { rounds: { type: 'string' }, 'phe-fraction': { type: 'string' } },
  });
  const rounds = Number(values.rounds ?? 7);
  const pheFraction = Number(values['phe-fraction'] ?? 0.001);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: a whole number from 1');
  if (!(pheFraction > 0 && pheFraction <= 1)) throw new Error('--phe-fraction: above 0, at most 1');
  return { rounds, pheFraction };
}

async function main(): Promise<void> {
  const options = readOptions();
  const python = process.env['CARELEDGER_BENCH_PYTHON'] ?? 'python3';
  const missing = whyNotPhe(python);
  const started = missing === undefined ? await Phe.start(python) : undefined;
  const phe = started?.phe;
  if (missing === undefined) console.log(JSON.stringify({ measuredWith: started?.versions }));
  else console.log(JSON.stringify({ skipped: 'every line against phe', why: missing }));
  try {
    for (const bits of KEY_BITS) await measure(await subjectOf(bits), phe, options);
  } finally {
    phe?.stop();
  }
}

async function subjectOf(bits: number): Promise<Subject> {
  const privateKey = await generatePaillierKeys({ keyBits: bits, encryption: 'djn' });
  const { p, q, lambda, publicKey: djn } = privateKey;
  const { n } = djn;
  const theirs = new PublicKey(n, n + 1n);
  // lambda^-1 mod n: with p and q given, paillier-bigint decrypts by its own Chinese remainder theorem and ignores it.
  const bigint = { publicKey: theirs, privateKey: new PrivateKey(lambda, 1n, theirs, p, q) };
  const ciphertexts = Array.from({ length: WARM_UP }, (_, index) => encryptorOf(djn).encrypt(BigInt(index)));
  return { bits, privateKey, djn, rn: publicKeyFromModulus(n), bigint, ciphertexts };
}

async function measure(subject: Subject, phe: Phe | undefined, options: Options): Promise<void> {
  const { bits, privateKey } = subject;
  await phe?.useKey(bits, privateKey);
  const pools = [createPaillierPool({ workers: 1 }), createPaillierPool({ workers: 2 })] as const;
  const userJob = new UserJob(bits, { phe, ...options });
  const jobs: Jobs = {
    ...ourJobs(subject),
    ...bigintJobs(subject),
    ...(phe === undefined ? {} : pheJobs(subject, phe)),
    one_worker: () => poolRate(subject, pools[0]),
    two_workers: () => poolRate(subject, pools[1]),
  };
  try {
    process.stderr.write(`${bits} bits\n`);
    for (const job of Object.values(jobs)) await job();
    const userRounds: UserJobRound[] = [];
    const rounds = await interleave(options.rounds, {
      ...jobs,
      user_job: async () => {
        const round = await userJob.round();
        userRounds.push(round);
        return round.oursSeconds;
      },
    });
    reportRounds(bits, rounds, phe !== undefined);
    reportUserJob(userJob, userRounds);
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
  }
}

function countAt(bits: number, operation: keyof typeof OPERATIONS): number {
  return Math.max(1, Math.round(OPERATIONS[operation] / (bits > 2048 ? 3 : 1)));
}

/** Operations per processor second. */
function rate(count: number, job: (index: number) => void): Promise<number> {
  const seconds = processorSeconds(() => {
    for (let index = 0; index < count; index += 1) job(index);
  });
  return Promise.resolve(count / seconds);
}

function ourJobs({ bits, privateKey, rn, djn, ciphertexts }: Subject): Jobs {
  const plaintexts = ciphertexts.map(() => randomBelow(djn.n));
  const plaintext = (index: number): bigint => plaintexts[index % plaintexts.length] ?? 0n;
  const ciphertext = (index: number): bigint => ciphertexts[index % ciphertexts.length] ?? 0n;
  const batch = Array.from({ length: BATCH }, (_, index) => ciphertext(index));
  const drawn = ciphertexts.map(() => 2n ** 31n + randomBelow(2n ** 31n));
  const scalars = batch.map((_, index) => drawn[index % drawn.length] ?? 1n);
  const batches = (operation: 'scalar' | 'add'): number => Math.round(countAt(bits, operation) / BATCH);
  return {
    rn: () => rate(countAt(bits, 'rn'), (index) => encryptorOf(rn).encrypt(plaintext(index))),
    djn: () => rate(countAt(bits, 'djn'), (index) => encryptorOf(djn).encrypt(plaintext(index))),
    owner: () => rate(countAt(bits, 'owner'), (index) => ownerOf(privateKey).encrypt(plaintext(index))),
    decrypt: () => rate(countAt(bits, 'decrypt'), (index) => decrypt(privateKey, ciphertext(index))),
    scalar32: async () => {
      const perBatch = await rate(batches('scalar'), () => {
        multiplyPlaintexts(djn, batch, scalars, publicModPow);
      });
      return perBatch * BATCH;
    },
    add: async () => {
      const perSum = await rate(batches('add'), () => {
        sumCiphertexts(djn, batch);
      });
      return perSum * (BATCH - 1);
    },
  };
}

function bigintJobs({ bits, bigint, ciphertexts }: Subject): Jobs {
  const m = randomBelow(bigint.publicKey.n);
  const ciphertext = (index: number): bigint => ciphertexts[index % ciphertexts.length] ?? 0n;
  return {
    paillier_bigint_encrypt: () => rate(countAt(bits, 'bigintEncrypt'), () => bigint.publicKey.encrypt(m)),
    paillier_bigint_decrypt: () =>
      rate(countAt(bits, 'bigintDecrypt'), (index) => bigint.privateKey.decrypt(ciphertext(index))),
  };
}

function pheJobs({ bits }: Subject, phe: Phe): Jobs {
  const ask = (operation: PheOperation, count: number) => async (): Promise<number> =>
    count / (await phe.do(operation, bits, count)).seconds;
  return {
    phe_encrypt: ask('encrypt', countAt(bits, 'rn')),
    phe_decrypt: ask('decrypt', countAt(bits, 'decrypt')),
    phe_scalar32: ask('scalar32', countAt(bits, 'scalar')),
    phe_add: ask('add', countAt(bits, 'add')),
  };
}

/** Encryptions per second of the clock. */
async function poolRate({ bits, rn }: Subject, pool: PaillierPool): Promise<number> {
  const count = countAt(bits, 'pool');
  const plaintexts = Array.from({ length: count }, (_, index) => BigInt(index));
  const milliseconds = await elapsedMs(() => pool.encryptRows(publicKeyToJson(rn), plaintexts));
  return (count * 1000) / milliseconds;
}

/** Every line: its name, what is measured, what against. */
const AGAINST_PHE = [
  ['encrypt_rn_vs_phe', 'rn', 'phe_encrypt'],
  ['encrypt_djn_vs_phe', 'djn', 'phe_encrypt'],
  ['owner_encrypt_vs_phe', 'owner', 'phe_encrypt'],
  ['decrypt_vs_phe', 'decrypt', 'phe_decrypt'],
  ['scalar32_vs_phe', 'scalar32', 'phe_scalar32'],
  ['add_vs_phe', 'add', 'phe_add'],
] as const;
const AGAINST_OTHERS = [
  ['encrypt_rn_vs_paillier_bigint', 'rn', 'paillier_bigint_encrypt'],
  ['encrypt_djn_vs_paillier_bigint', 'djn', 'paillier_bigint_encrypt'],
  ['decrypt_vs_paillier_bigint', 'decrypt', 'paillier_bigint_decrypt'],
] as const;

function reportRounds(bits: number, rounds: readonly Round[], withPhe: boolean): void {
  const lines = [...(withPhe ? AGAINST_PHE : []), ...AGAINST_OTHERS];
  for (const [name, over, under] of lines)
    report(name, 'operations per processor second', rounds, [over, under], { bits });
  report('two_workers_vs_one', 'encryptions per second', rounds, ['two_workers', 'one_worker'], { bits });
}

function reportUserJob(job: UserJob, rounds: readonly UserJobRound[]): void {
  const measured = rounds.flatMap(({ pheSeconds, oursSeconds }) =>
    pheSeconds === undefined ? [] : [{ ratio: pheSeconds / oursSeconds, pheSeconds, oursSeconds }],
  );
  if (measured.length === 0) return;
  const line = {
    name: 'million_values_vs_phe',
    bits: job.bits,
    ratio: rounded(median(measured.map(({ ratio }) => ratio))),
    unit: 'processor seconds for a million values',
    phe_seconds: rounded(median(measured.map(({ pheSeconds }) => pheSeconds))),
    careledger_seconds: rounded(median(measured.map(({ oursSeconds }) => oursSeconds))),
    ...job.description(rounds.length),
    rounds: rounds.length,
  };
  console.log(JSON.stringify(line));
}

await main();
