/**
 * Rounds that make candidates n = p q (Boneh and Franklin, JACM 2001, sections 2.1, 2.2 and 5.2: distributed sieving),
 * a batch at a time; p's and q's side by side as one list of 2 * batch values.
 *
 *   factors  party k <= t + 1 deals units r_k mod M with degree t
 *   reduce   a := r_1 .. r_k is of degree 2 t; each opener deals its share anew: a = sum lambda_j a(j) has degree t
 *            (only between multiplications: t - 1 times; the last product keeps degree 2 t)
 *   parts    b_i = lambda_i a(i) + z_i: additive parts of the unit a; p_i from b_i (sieve.ts), dealt mod Q with degree t
 *   open     w_i = lambda_i p(i) q(i) + z_i mod Q, broadcast by parties 1..2t+1;  n = sum w_i
 *
 * Semi-honest: a party that uses other values than it should makes candidates fail, or n inconsistent (not 2 h bits, not
 * 1 mod K, or divisible by a prime of M), and is not named.
 */
import { assertCborMap, type CborMap } from '../../core/cbor.js';
import { concatBytes } from '../../core/bytes.js';
import { gcd, modInverse } from '../../paillier/arithmetic.js';
import { bytesOf, countOf, integersOf } from '../../lockstep/fields.js';
import { packIntegers } from '../../lockstep/integers.js';
import { MAX_BATCHES, planOf, type CandidatePlan } from './plan.js';
import { addInRing, dealInRing, multiplyInRing, ringLagrange, scaleInRing } from './ring.js';
import { CeremonyInconsistent, blaming, type Received } from '../../lockstep/round.js';
import { holderPoint, selfPoint, type Outcome, type Round, type RoundContext } from './round.js';
import { candidateParts, randomUnits, residueParts, zeroMasks } from './sieve.js';
import { SEED_BYTES } from '../../lockstep/seed.js';

const NOTHING = new Uint8Array(0);

export function planFor({ parameters }: RoundContext): CandidatePlan {
  return planOf(parameters.keyBits, parameters.holders.length);
}

/** @throws CeremonyInconsistent when luck is no longer the reason */
export function nextBatch(fields: CborMap): Outcome {
  const batch = countOf(fields, 'batch') + 1;
  if (batch < MAX_BATCHES) return { next: 'factors', data: { batch } };
  throw new CeremonyInconsistent(`no key in ${MAX_BATCHES} batches of candidates`);
}

/** Reads one field of the direct part of each sender among the first `count` holders. */
function readDirect(
  context: RoundContext,
  received: readonly Received[],
  options: { name: string; senders: number; modulus: bigint; sizeBytes: number },
): Map<number, bigint[]> {
  const { name, senders, modulus, sizeBytes } = options;
  const count = 2 * planFor(context).batch;
  const rows = new Map<number, bigint[]>();
  for (const { from, broadcast, direct } of received) {
    const point = holderPoint(context, from);
    blaming(from, 'GARBAGE', () => {
      assertCborMap('broadcast', broadcast, []);
      const fields = assertCborMap('direct', direct, [name]);
      if (point > senders) bytesOf(fields, name, 0);
      else rows.set(point, integersOf(fields, name, { sizeBytes, count, below: modulus }));
    });
  }
  return rows;
}

/** The rows of parties 1..count, the own one among them. */
function inOrder(rows: ReadonlyMap<number, bigint[]>, count: number): bigint[][] {
  return Array.from({ length: count }, (_, index) => rows.get(index + 1) ?? []);
}

const factors: Round = {
  phase: 'candidates',
  emit(context, data) {
    const plan = planFor(context);
    const point = selfPoint(context);
    const { parties, curious: degree, M: modulus, sizes } = plan;
    const isDealer = point <= plan.factors;
    const rows = isDealer
      ? dealInRing({
          secrets: randomUnits(plan, 2 * plan.batch, context.random),
          modulus,
          degree,
          parties,
          random: context.random,
        })
      : [];
    const packed = rows.map((row) => packIntegers(row, sizes.residue));
    const seeds = context.random(parties * SEED_BYTES);
    const isOpener = point <= plan.openers;
    return {
      broadcast: {},
      direct: (to) => {
        const other = holderPoint(context, to);
        const masked = isOpener && other <= plan.openers && point < other;
        return {
          residues: packed[other - 1] ?? NOTHING,
          mask: masked ? seeds.slice((other - 1) * SEED_BYTES, other * SEED_BYTES) : NOTHING,
        };
      },
      kept: { batch: countOf(data, 'batch'), seeds, residues: packed[point - 1] ?? NOTHING },
    };
  },

  absorb(context, kept, received) {
    const plan = planFor(context);
    const own = selfPoint(context);
    const seeds = new Uint8Array(bytesOf(kept, 'seeds', plan.parties * SEED_BYTES));
    const format = { sizeBytes: plan.sizes.residue, count: 2 * plan.batch, below: plan.M };
    const rows = new Map<number, bigint[]>();
    if (own <= plan.factors) rows.set(own, integersOf(kept, 'residues', format));
    for (const { from, broadcast, direct } of received) {
      const point = holderPoint(context, from);
      blaming(from, 'GARBAGE', () => {
        assertCborMap('broadcast', broadcast, []);
        const fields = assertCborMap('direct', direct, ['residues', 'mask']);
        if (point <= plan.factors) rows.set(point, integersOf(fields, 'residues', format));
        else bytesOf(fields, 'residues', 0);
        const masked = point < own && own <= plan.openers;
        seeds.set(bytesOf(fields, 'mask', masked ? SEED_BYTES : 0), masked ? (point - 1) * SEED_BYTES : 0);
      });
    }
    const [first = [], second = [], ...pending] = inOrder(rows, plan.factors);
    return afterProduct(plan, {
      batch: countOf(kept, 'batch'),
      seeds,
      product: multiplyInRing(first, second, plan.M),
      pending: concatBytes(...pending.map((row) => packIntegers(row, plan.sizes.residue))),
    });
  },
};

/** Another factor waits, or the residues are complete. */
function afterProduct(
  plan: CandidatePlan,
  made: { batch: number; seeds: Uint8Array; product: readonly bigint[]; pending: Uint8Array },
): Outcome {
  const { batch, seeds, pending } = made;
  const product = packIntegers(made.product, plan.sizes.residue);
  return pending.length === 0
    ? { next: 'parts', data: { batch, seeds, product } }
    : { next: 'reduce', data: { batch, seeds, product, pending } };
}

const reduce: Round = {
  phase: 'candidates',
  emit(context, data) {
    const plan = planFor(context);
    const point = selfPoint(context);
    const { parties, curious: degree, M: modulus, sizes } = plan;
    const format = { sizeBytes: sizes.residue, count: 2 * plan.batch, below: modulus };
    const rows =
      point <= plan.openers
        ? dealInRing({
            secrets: integersOf(data, 'product', format),
            modulus,
            degree,
            parties,
            random: context.random,
          })
        : [];
    const packed = rows.map((row) => packIntegers(row, sizes.residue));
    return {
      broadcast: {},
      direct: (to) => ({ shares: packed[holderPoint(context, to) - 1] ?? NOTHING }),
      kept: {
        batch: countOf(data, 'batch'),
        seeds: bytesOf(data, 'seeds'),
        pending: bytesOf(data, 'pending'),
        shares: packed[point - 1] ?? NOTHING,
      },
    };
  },

  absorb(context, kept, received) {
    const plan = planFor(context);
    const own = selfPoint(context);
    const { M: modulus, openers } = plan;
    const sizeBytes = plan.sizes.residue;
    const count = 2 * plan.batch;
    const format = { sizeBytes, count, below: modulus };
    const rows = readDirect(context, received, { name: 'shares', senders: openers, modulus, sizeBytes });
    if (own <= openers) rows.set(own, integersOf(kept, 'shares', format));
    const lagrange = ringLagrange(openers, modulus);
    const scaled = inOrder(rows, openers).map((row, index) =>
      scaleInRing(row, lagrange[index] ?? 0n, modulus),
    );
    const reduced = addInRing(scaled, modulus);
    const pending = bytesOf(kept, 'pending');
    const factor = integersOf({ factor: pending.slice(0, count * sizeBytes) }, 'factor', format);
    return afterProduct(plan, {
      batch: countOf(kept, 'batch'),
      seeds: bytesOf(kept, 'seeds'),
      product: multiplyInRing(reduced, factor, modulus),
      pending: pending.slice(count * sizeBytes),
    });
  },
};

/** b_i: the party's additive part of each residue; nothing for a party that opens nothing. */
function additiveParts(plan: CandidatePlan, point: number, data: CborMap): bigint[] {
  const count = 2 * plan.batch;
  if (point > plan.openers) return Array.from({ length: count }, () => 0n);
  const modulus = plan.M;
  const products = integersOf(data, 'product', { sizeBytes: plan.sizes.residue, count, below: modulus });
  const lagrange = ringLagrange(plan.openers, modulus)[point - 1] ?? 0n;
  const seeds = bytesOf(data, 'seeds', plan.parties * SEED_BYTES);
  const masks = zeroMasks({ plan, point, seeds, purpose: 'residues', count, modulus });
  const scaled = products.map((product, k) => (product * lagrange + (masks[k] ?? 0n)) % modulus);
  return residueParts(plan, point, scaled, modInverse(plan.K, modulus));
}

const parts: Round = {
  phase: 'candidates',
  emit(context, data) {
    const plan = planFor(context);
    const point = selfPoint(context);
    const own = candidateParts(plan, point, additiveParts(plan, point, data), context.random);
    const rows = dealInRing({
      secrets: own,
      modulus: plan.Q,
      degree: plan.curious,
      parties: plan.parties,
      random: context.random,
    });
    const packed = rows.map((row) => packIntegers(row, plan.sizes.ring));
    return {
      broadcast: {},
      direct: (to) => ({ shares: packed[holderPoint(context, to) - 1] ?? NOTHING }),
      kept: {
        batch: countOf(data, 'batch'),
        seeds: bytesOf(data, 'seeds'),
        parts: packIntegers(own, plan.sizes.part),
        shares: packed[point - 1] ?? NOTHING,
      },
    };
  },

  absorb(context, kept, received) {
    const plan = planFor(context);
    const point = selfPoint(context);
    const { Q: modulus, batch, openers, parties, sizes } = plan;
    const rows = readDirect(context, received, {
      name: 'shares',
      senders: parties,
      modulus,
      sizeBytes: sizes.ring,
    });
    const format = { sizeBytes: sizes.ring, count: 2 * batch, below: modulus };
    rows.set(point, integersOf(kept, 'shares', format));
    const shares = addInRing(inOrder(rows, parties), modulus);
    const seeds = bytesOf(kept, 'seeds', parties * SEED_BYTES);
    const sum = { batch: countOf(kept, 'batch'), sums: sumsOfParts(plan, kept) };
    if (point > openers) return { next: 'open', data: { ...sum, opened: NOTHING } };
    const lagrange = ringLagrange(openers, modulus)[point - 1] ?? 0n;
    const masks = zeroMasks({ plan, point, seeds, purpose: 'products', count: batch, modulus });
    const products = multiplyInRing(shares.slice(0, batch), shares.slice(batch), modulus);
    const opened = products.map((product, k) => (product * lagrange + (masks[k] ?? 0n)) % modulus);
    return { next: 'open', data: { ...sum, opened: packIntegers(opened, sizes.ring) } };
  },
};

/** p_i + q_i of each candidate: all that is needed of them from here on. */
function sumsOfParts(plan: CandidatePlan, kept: CborMap): Uint8Array {
  const { batch, sizes } = plan;
  const below = 1n << BigInt(8 * sizes.part);
  const own = integersOf(kept, 'parts', { sizeBytes: sizes.part, count: 2 * batch, below });
  const sums = own.slice(0, batch).map((part, k) => part + (own[batch + k] ?? 0n));
  return packIntegers(sums, sizes.part + 1);
}

/**
 * Whether n has no small factor.
 * @throws CeremonyInconsistent for an n that honest parties cannot have made
 */
function survives(plan: CandidatePlan, n: bigint): boolean {
  const { K, M, keyBits, trialProduct } = plan;
  if (n >> BigInt(keyBits - 1) !== 1n || n % K !== 1n)
    throw new CeremonyInconsistent('a candidate of another size or residue than its parts can have');
  const common = gcd(n, trialProduct % n);
  if (common === 1n) return true;
  if (gcd(M, common) !== 1n) throw new CeremonyInconsistent('a candidate with a factor that was sieved out');
  return false;
}

const open: Round = {
  phase: 'candidates',
  emit(_context, data) {
    const opened = bytesOf(data, 'opened');
    return {
      broadcast: { opened },
      direct: () => ({}),
      kept: { batch: countOf(data, 'batch'), sums: bytesOf(data, 'sums'), opened },
    };
  },

  absorb(context, kept, received) {
    const plan = planFor(context);
    const point = selfPoint(context);
    const { Q: modulus, batch, openers, sizes } = plan;
    const format = { sizeBytes: sizes.ring, count: batch, below: modulus };
    const rows = new Map<number, bigint[]>();
    if (point <= openers) rows.set(point, integersOf(kept, 'opened', format));
    for (const { from, broadcast, direct } of received) {
      const sender = holderPoint(context, from);
      blaming(from, 'GARBAGE', () => {
        assertCborMap('direct', direct, []);
        const fields = assertCborMap('broadcast', broadcast, ['opened']);
        if (sender > openers) bytesOf(fields, 'opened', 0);
        else rows.set(sender, integersOf(fields, 'opened', format));
      });
    }
    const moduli = addInRing(inOrder(rows, openers), modulus);
    const below = 1n << BigInt(8 * (sizes.part + 1));
    const sums = integersOf(kept, 'sums', { sizeBytes: sizes.part + 1, count: batch, below });
    const survivors = moduli.flatMap((n, k) => (survives(plan, n) ? [{ n, sum: sums[k] ?? 0n }] : []));
    if (survivors.length === 0) return nextBatch(kept);
    return {
      next: 'filter',
      data: {
        batch: countOf(kept, 'batch'),
        moduli: packIntegers(
          survivors.map(({ n }) => n),
          sizes.modulus,
        ),
        sums: packIntegers(
          survivors.map(({ sum }) => sum),
          sizes.part + 1,
        ),
      },
    };
  },
};

export const CANDIDATE_ROUNDS = { factors, reduce, parts, open };
