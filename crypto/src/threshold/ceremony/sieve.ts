/**
 * Units modulo M, and how each party hides what it opens.
 *
 *   unit   r = sum_c u_c E_c mod M,  u_c uniform among the units modulo chunk c, E_c its idempotent (CRT)
 *   masks  z_i = sum_{j > i} PRG(seed_ij) - sum_{j < i} PRG(seed_ji) mod m over the openers, so sum z_i = 0
 *
 * With the masks, what the openers add up tells nothing but its sum to any t of them: at least two honest openers share
 * a seed that the others do not know. Divergence: Boneh and Franklin add a sharing of 0 of degree 2 t, which costs a
 * ring element per candidate and recipient; a seed of 32 bytes serves for a batch.
 */
import type { RandomBytes } from '../../core/random.js';
import type { CandidatePlan, SieveChunk } from './plan.js';
import { SEED_BYTES } from '../../lockstep/seed.js';
import { pairStream, randomIntegers } from './stream.js';

const DRAW_BYTES = 6;
const DRAW_LIMIT = 2 ** 48;

/** Uniform among 1..modulus-1 without a factor in common with it; both rejections keep what is left uniform. */
function unitsOfChunk(chunk: SieveChunk, count: number, random: RandomBytes): number[] {
  const { modulus, primes } = chunk;
  const fair = DRAW_LIMIT - (DRAW_LIMIT % modulus);
  const units: number[] = [];
  while (units.length < count) {
    const bytes = random(DRAW_BYTES * 2 * (count - units.length));
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let at = 0; at < bytes.length && units.length < count; at += DRAW_BYTES) {
      const draw = view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
      const value = draw % modulus;
      if (draw < fair && primes.every((prime) => value % prime !== 0)) units.push(value);
    }
  }
  return units;
}

/** `count` uniform units modulo M. */
export function randomUnits(plan: CandidatePlan, count: number, random: RandomBytes): bigint[] {
  const rows = plan.chunks.map((chunk) => ({
    idempotent: chunk.idempotent,
    units: unitsOfChunk(chunk, count, random),
  }));
  return Array.from({ length: count }, (_, k) =>
    rows.reduce((sum, { idempotent, units }) => sum + BigInt(units[k] ?? 0) * idempotent, 0n),
  ).map((sum) => sum % plan.M);
}

/**
 * z_i for `count` values.
 * @param seeds of 32 bytes, one for each opener; the own place is not looked at
 */
export function zeroMasks(options: {
  plan: CandidatePlan;
  point: number;
  seeds: Uint8Array;
  purpose: string;
  count: number;
  modulus: bigint;
}): bigint[] {
  const { plan, point, seeds, purpose, count, modulus } = options;
  const masks = Array.from({ length: count }, () => 0n);
  for (let other = 1; other <= plan.openers; other++) {
    if (other === point) continue;
    const seed = seeds.subarray((other - 1) * SEED_BYTES, other * SEED_BYTES);
    const row = randomIntegers(count, modulus, pairStream(seed, purpose));
    row.forEach((value, k) => {
      const sum = masks[k] ?? 0n;
      masks[k] = other > point ? sum + value : sum + modulus - value;
    });
  }
  return masks.map((mask) => mask % modulus);
}

/** b'_i: the party's part of the residue of p / K, so that K sum b'_i + K - 1 = a mod M. */
export function residueParts(
  plan: CandidatePlan,
  point: number,
  additive: readonly bigint[],
  inverseOfK: bigint,
): bigint[] {
  const { K, M } = plan;
  const shift = point === 1 ? M - ((K - 1n) % M) : 0n;
  return additive.map((value) => ((value + shift) * inverseOfK) % M);
}

/** p_i (or q_i): K (b'_i + M r_i), and K - 1 for party 1; r_i in the party's range. */
export function candidateParts(
  plan: CandidatePlan,
  point: number,
  residues: readonly bigint[],
  random: RandomBytes,
): bigint[] {
  const { K, M, U, parties } = plan;
  const free = randomIntegers(residues.length, U / BigInt(4 * parties), random);
  const [offset, least] = point === 1 ? [(3n * U) / 4n, K - 1n] : [0n, 0n];
  return residues.map((residue, k) => K * (residue + M * (offset + (free[k] ?? 0n))) + least);
}
