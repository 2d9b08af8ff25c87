/**
 * Rounds that find out whether a candidate n is a product of two primes (Boneh and Franklin, JACM 2001, section 4),
 * p = q = 3 mod 4, s_i = p_i + q_i, without p and q.
 *
 *   v_1 = g^((n + 1 - s_1) / 4),  v_i = g^(s_i / 4) mod n        so v_1 / prod v_i = g^((n + 1 - p - q) / 4)
 *
 *   filter   g = 4, once for each candidate: v_1 = prod v_i. Products of two primes always pass, others hardly ever
 *   confirm  for the first that passed: 64 values g = H(ceremony, attempt, n, counter) with Jacobi symbol (g / n) = 1:
 *            v_1 = +-prod v_i for all. Another n passes each with probability at most 1/2, but for those with
 *            gcd(n, p + q - 1) > 1, which the last step of a ceremony refuses: gcd(theta, n) = 1.
 *
 * s_1 = -2 and s_i = 0 mod 4, and n = 1 mod 4, so every exponent is an integer. What is shown of s_i is g^(s_i / 4):
 * hidden as far as discrete logarithms mod n with exponents of half its size are hard.
 */
import { assertCborMap, type CborMap } from '../../core/cbor.js';
import { invalidInput } from '../../core/errors.js';
import { expandBelow } from '../../core/expand.js';
import { modProduct, type ModPow } from '../../paillier/arithmetic.js';
import { nextBatch, planFor } from './candidates.js';
import { bytesOf, countOf, integersOf } from '../../lockstep/fields.js';
import { packIntegers, unpackIntegers } from '../../lockstep/integers.js';
import { jacobi } from './number-theory.js';
import { CONFIRMATIONS, type CandidatePlan } from './plan.js';
import { blaming, type Received } from '../../lockstep/round.js';
import { holderPoint, selfPoint, type Outcome, type Round, type RoundContext } from './round.js';

/** A square of small numbers: cheap to test with, and enough of a filter. */
const FILTER_BASE = 4n;

interface Candidate {
  readonly n: bigint;
  /** s_i of this party; secret. */
  readonly sum: bigint;
}

/** The exponent of this party's v_i. */
function exponentOf(point: number, { n, sum }: Candidate): bigint {
  return (point === 1 ? n + 1n - sum : sum) / 4n;
}

function readCandidates(plan: CandidatePlan, fields: CborMap): Candidate[] {
  const { modulus, part } = plan.sizes;
  const moduli = bytesOf(fields, 'moduli');
  const count = Math.floor(moduli.length / modulus);
  const sums = unpackIntegers(bytesOf(fields, 'sums'), part + 1, count);
  return unpackIntegers(moduli, modulus, count).map((n, k) => ({ n, sum: sums[k] ?? 0n }));
}

function packCandidates(plan: CandidatePlan, candidates: readonly Candidate[]): CborMap {
  return {
    moduli: packIntegers(
      candidates.map(({ n }) => n),
      plan.sizes.modulus,
    ),
    sums: packIntegers(
      candidates.map(({ sum }) => sum),
      plan.sizes.part + 1,
    ),
  };
}

/** The powers that every party sent, in the order of points; each in 1..n-1 of its modulus. */
function readPowers(
  context: RoundContext,
  own: Uint8Array,
  received: readonly Received[],
  moduli: readonly bigint[],
): bigint[][] {
  const sizeBytes = planFor(context).sizes.modulus;
  const format = { sizeBytes, count: moduli.length, below: 1n << BigInt(8 * sizeBytes) };
  const rows = new Map([[selfPoint(context), integersOf({ powers: own }, 'powers', format)]]);
  for (const { from, broadcast, direct } of received) {
    const powers = blaming(from, 'GARBAGE', () => {
      assertCborMap('direct', direct, []);
      const fields = assertCborMap('broadcast', broadcast, ['powers']);
      const came = integersOf(fields, 'powers', format);
      if (came.every((power, k) => power > 0n && power < (moduli[k] ?? 0n))) return came;
      throw invalidInput('powers', 'residues of their moduli', 'others');
    });
    rows.set(holderPoint(context, from), powers);
  }
  return context.parameters.holders.map((_, index) => rows.get(index + 1) ?? []);
}

/** Whether v_1 = prod v_i mod n (`sign` 1), or either sign (`sign` 0), for the k-th power of every party. */
function agrees(rows: readonly bigint[][], k: number, n: bigint, eitherSign: boolean): boolean {
  const [first = [], ...others] = rows;
  const left = first[k] ?? 0n;
  const right = modProduct(
    others.map((row) => row[k] ?? 0n),
    n,
  );
  return left === right || (eitherSign && left + right === n);
}

const filter: Round = {
  phase: 'biprimality',
  emit(context, data) {
    const plan = planFor(context);
    const point = selfPoint(context);
    const powers = packIntegers(
      readCandidates(plan, data).map((candidate) =>
        context.modPow(FILTER_BASE, exponentOf(point, candidate), candidate.n),
      ),
      plan.sizes.modulus,
    );
    return { broadcast: { powers }, direct: () => ({}), kept: { ...data, powers } };
  },

  absorb(context, kept, received) {
    const plan = planFor(context);
    const candidates = readCandidates(plan, kept);
    const moduli = candidates.map(({ n }) => n);
    const rows = readPowers(context, bytesOf(kept, 'powers'), received, moduli);
    const passed = candidates.filter(({ n }, k) => agrees(rows, k, n, false));
    return confirmOrGoOn(plan, kept, passed);
  },
};

function confirmOrGoOn(plan: CandidatePlan, fields: CborMap, candidates: readonly Candidate[]): Outcome {
  if (candidates.length === 0) return nextBatch(fields);
  const data = { batch: countOf(fields, 'batch'), ...packCandidates(plan, candidates) };
  return { next: 'confirm', data };
}

/** The public g_1..g_64 of a modulus. */
function confirmationBases({ parameters }: RoundContext, n: bigint): bigint[] {
  const { ceremonyId, attempt } = parameters;
  const bases: bigint[] = [];
  for (let counter = 0n; bases.length < CONFIRMATIONS; counter++) {
    const parts = [ceremonyId, BigInt(attempt), n, counter];
    const base = expandBelow('careledger/ceremony-confirm/v1', parts, n);
    if (jacobi(base, n) === 1) bases.push(base);
  }
  return bases;
}

/** v_i for every base. */
function confirmationPowers(modPow: ModPow, bases: readonly bigint[], exponent: bigint, n: bigint): bigint[] {
  return bases.map((base) => modPow(base, exponent, n));
}

const confirm: Round = {
  phase: 'biprimality',
  emit(context, data) {
    const plan = planFor(context);
    const [candidate = { n: 0n, sum: 0n }] = readCandidates(plan, data);
    const { n } = candidate;
    const exponent = exponentOf(selfPoint(context), candidate);
    const values = confirmationPowers(context.modPow, confirmationBases(context, n), exponent, n);
    const powers = packIntegers(values, plan.sizes.modulus);
    return { broadcast: { powers }, direct: () => ({}), kept: { ...data, powers } };
  },

  absorb(context, kept, received) {
    const plan = planFor(context);
    const [candidate = { n: 0n, sum: 0n }, ...others] = readCandidates(plan, kept);
    const { n, sum } = candidate;
    const moduli = Array.from({ length: CONFIRMATIONS }, () => n);
    const rows = readPowers(context, bytesOf(kept, 'powers'), received, moduli);
    if (!moduli.every((_, k) => agrees(rows, k, n, true))) return confirmOrGoOn(plan, kept, others);
    const { modulus, part } = plan.sizes;
    return {
      next: 'exponent',
      data: { n: packIntegers([n], modulus), sum: packIntegers([sum], part + 1) },
    };
  },
};

export const BIPRIMALITY_ROUNDS = { filter, confirm };
