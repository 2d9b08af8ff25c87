/**
 * The round that turns phi(n) into a shared exponent: a product over the integers, re-shared in the round `deal`.
 *
 *   phi  = sum phi_i,   phi_1 = n + 1 - s_1, phi_i = -s_i        s_i = p_i + q_i
 *   beta = sum beta_i,  beta_i uniform of 2 h + 80 bits
 *   each party shares phi_i and beta_i:  f(X) = Delta s + a_1 X + .. + a_t X^t over the integers, coefficients as in
 *   integer-sharing.ts; sums phi(j), beta(j) have degree t and Delta phi, Delta beta at 0
 *   sum_{j <= 2t+1} mu_j phi(j) beta(j) = Delta^3 phi beta,  mu_j = Delta prod_{i != j} i / (i - j)
 *   party j <= 2t+1 deals a_j = mu_j phi(j) beta(j) next, so that F(0) = Delta^4 phi beta for the sum F of the dealings
 *
 * theta shows F(0) mod n and nothing of phi, since beta mod n is within 2^-80 of uniform.
 *
 * Divergence: Veugen, Attema and Spini (and Nishide and Sakurai before them) decrypt with all 2 t + 1 parties or share
 * phi with a trusted third one; sharing the product anew to the threshold of decryption is our composition.
 */
import { assertCborMap } from '../../core/cbor.js';
import { randomBits, type RandomBytes } from '../../core/random.js';
import { bitLength } from '../../paillier/arithmetic.js';
import { STATISTICAL_BITS, coefficientBits, deltaOf, lagrangeAtZero } from '../integer-sharing.js';
import { planFor } from './candidates.js';
import { bytesOf, integersOf } from '../../lockstep/fields.js';
import { packIntegers } from '../../lockstep/integers.js';
import type { CandidatePlan } from './plan.js';
import { blaming } from '../../lockstep/round.js';
import { holderPoint, selfPoint, type Round } from './round.js';

/** Public bounds, in bits. */
export interface ExponentBounds {
  /** Of |phi_i| and of beta_i. */
  readonly phi: number;
  readonly beta: number;
  /** Of one party's share of them. */
  readonly phiShare: number;
  readonly betaShare: number;
  /** Of |a_j|. */
  readonly dealt: number;
  /** Of a sub-share of a_j. */
  readonly subShare: number;
}

/** Of f(j) for a secret of `secretBits`: at most `threshold` summands of b + (threshold - 1) |n| bits. */
function shareBits(secretBits: number, parties: number, threshold: number): number {
  const degree = threshold - 1;
  const powerBits = degree * bitLength(BigInt(parties));
  return coefficientBits(secretBits, parties, threshold) + powerBits + bitLength(BigInt(degree));
}

/** @param threshold of the sharing that comes out */
export function exponentBounds(plan: CandidatePlan, threshold: number): ExponentBounds {
  const { keyBits, parties, openers, curious } = plan;
  const sumBits = bitLength(BigInt(parties));
  const points = Array.from({ length: openers }, (_, index) => index + 1);
  const weights = lagrangeAtZero(parties, points).map((weight) => bitLength(weight < 0n ? -weight : weight));
  const [phi, beta] = [keyBits, keyBits + STATISTICAL_BITS];
  const phiShare = shareBits(phi, parties, curious + 1);
  const betaShare = shareBits(beta, parties, curious + 1);
  const dealt = phiShare + betaShare + 2 * sumBits + Math.max(...weights);
  return { phi, beta, phiShare, betaShare, dealt, subShare: shareBits(dealt, parties, threshold) };
}

/** Shares of Delta * secret for the points 1..parties, with degree t; all positive. */
export function dealInteger(
  plan: CandidatePlan,
  secret: bigint,
  secretBits: number,
  random: RandomBytes,
): bigint[] {
  const { parties, curious } = plan;
  const bits = coefficientBits(secretBits, parties, curious + 1);
  const constant = deltaOf(parties) * secret;
  for (;;) {
    const coefficients = Array.from({ length: curious }, () => randomBits(bits, random));
    const shares = Array.from({ length: parties }, (_, index) =>
      [constant, ...coefficients].reduceRight((value, term) => value * BigInt(index + 1) + term, 0n),
    );
    // One that is not positive has probability 2^-80.
    if (shares.every((share) => share > 0n)) return shares;
  }
}

function bytesFor(bits: number): number {
  return Math.ceil(bits / 8);
}

const exponent: Round = {
  phase: 'sharing',
  emit(context, data) {
    const plan = planFor(context);
    const point = selfPoint(context);
    const bounds = exponentBounds(plan, context.parameters.threshold);
    const { modulus, part } = plan.sizes;
    const single = (name: string, sizeBytes: number): bigint =>
      integersOf(data, name, { sizeBytes, count: 1, below: 1n << BigInt(8 * sizeBytes) })[0] ?? 0n;
    const n = single('n', modulus);
    const sum = single('sum', part + 1);
    const phi = dealInteger(plan, point === 1 ? n + 1n - sum : -sum, bounds.phi, context.random);
    const beta = dealInteger(plan, randomBits(bounds.beta, context.random), bounds.beta, context.random);
    const shareFor = (other: number): { phi: Uint8Array; beta: Uint8Array } => ({
      phi: packIntegers([phi[other - 1] ?? 0n], bytesFor(bounds.phiShare)),
      beta: packIntegers([beta[other - 1] ?? 0n], bytesFor(bounds.betaShare)),
    });
    return {
      broadcast: {},
      direct: (to) => shareFor(holderPoint(context, to)),
      kept: { n: bytesOf(data, 'n'), ...shareFor(point) },
    };
  },

  absorb(context, kept, received) {
    const plan = planFor(context);
    const point = selfPoint(context);
    const bounds = exponentBounds(plan, context.parameters.threshold);
    const read = (fields: Parameters<typeof integersOf>[0], name: 'phi' | 'beta'): bigint => {
      const bits = name === 'phi' ? bounds.phiShare : bounds.betaShare;
      return (
        integersOf(fields, name, { sizeBytes: bytesFor(bits), count: 1, below: 1n << BigInt(bits) })[0] ?? 0n
      );
    };
    let [phi, beta] = [read(kept, 'phi'), read(kept, 'beta')];
    for (const { from, broadcast, direct } of received) {
      blaming(from, 'GARBAGE', () => {
        assertCborMap('broadcast', broadcast, []);
        const fields = assertCborMap('direct', direct, ['phi', 'beta']);
        phi += read(fields, 'phi');
        beta += read(fields, 'beta');
      });
    }
    const points = Array.from({ length: plan.openers }, (_, index) => index + 1);
    const weight = lagrangeAtZero(plan.parties, points)[point - 1] ?? 0n;
    const dealt = weight * phi * beta;
    const magnitude = dealt < 0n ? -dealt : dealt;
    return {
      next: 'deal',
      data: {
        n: bytesOf(kept, 'n'),
        isNegative: dealt < 0n,
        secret: packIntegers([magnitude], bytesFor(bounds.dealt)),
      },
    };
  },
};

export const EXPONENT_ROUNDS = { exponent };
