import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../test-support.js';
import { bitLength, modPow } from '../paillier/arithmetic.js';
import {
  coefficientBits,
  deltaOf,
  isCommittedShare,
  lagrangeAtZero,
  signedPow,
  splitInteger,
  verificationKeysOf,
} from './integer-sharing.js';

// Feldman's check needs a group, not a Paillier key: squares modulo a known odd number do.
const MODULUS = (2n ** 127n - 1n) * (2n ** 89n - 1n);
const BASE = 1_234_567n ** 2n;

const group = { nSquared: MODULUS, base: BASE };
const counts = fc.integer({ min: 2, max: 10 });
const secrets = fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n });
/** (holderCount, threshold, secret). */
const dealings = fc.tuple(counts, secrets).chain(([holderCount, secret]) =>
  fc.record({
    holderCount: fc.constant(holderCount),
    secret: fc.constant(secret),
    threshold: fc.integer({ min: 2, max: holderCount }),
  }),
);
const split = (options: { holderCount: number; threshold: number; secret: bigint }) =>
  splitInteger({ ...group, ...options, secretBits: 201 });

function interpolated(holderCount: number, points: readonly number[], values: readonly bigint[]): bigint {
  return lagrangeAtZero(holderCount, points).reduce((sum, mu, index) => sum + mu * values[index]!, 0n);
}

describe('integer Shamir sharing', function () {
  this.timeout(20_000);

  it('mu_i are integers that interpolate Delta f(0) at any points', () => {
    fc.assert(
      fc.property(
        counts.chain((holderCount) =>
          fc.tuple(
            fc.constant(holderCount),
            fc.subarray(
              Array.from({ length: holderCount }, (_, i) => i + 1),
              { minLength: 1 },
            ),
          ),
        ),
        fc.array(fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), { minLength: 10, maxLength: 10 }),
        ([holderCount, points], coefficients) => {
          const polynomial = coefficients.slice(0, points.length);
          const values = points.map((point) =>
            polynomial.reduce((sum, coefficient, k) => sum + coefficient * BigInt(point) ** BigInt(k), 0n),
          );
          const expected = deltaOf(holderCount) * polynomial[0]!;
          expect(interpolated(holderCount, points, values)).to.equal(expected);
        },
      ),
      { numRuns: 200 },
    );
    expect(lagrangeAtZero(3, [1, 3])).to.deep.equal([9n, -3n]);
    for (const points of [[], [0], [4], [1, 1], [1.5]])
      expectCode('CRYPTO_INVALID_INPUT', () => lagrangeAtZero(3, points), 'points');
    for (const count of [0, 11, 2.5])
      expectCode('CRYPTO_INVALID_INPUT', () => lagrangeAtZero(count, [1]), 'holderCount');
  });

  it('any `threshold` sub-shares give Delta^2 times the secret, one less something else; all are above 0', () => {
    fc.assert(
      fc.property(
        dealings,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (options, order) => {
          const { holderCount, threshold, secret } = options;
          const { subShares } = split(options);
          const points = subShares
            .map((_, index) => [order.next().value as number, index + 1] as const)
            .sort(([left], [right]) => left - right)
            .map(([, point]) => point)
            .slice(0, threshold);
          const values = points.map((point) => subShares[point - 1]!);
          expect(subShares.every((share) => share > 0n)).to.equal(true);
          const delta = deltaOf(holderCount);
          expect(interpolated(holderCount, points, values)).to.equal(delta * delta * secret);
          const fewer = interpolated(holderCount, points.slice(1), values.slice(1));
          expect(fewer).to.not.equal(delta * delta * secret);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('sub-shares say nothing of a secret modulo their point', () => {
    for (const secret of [0n, 1n, 2n, 3n, 4n]) {
      const { subShares } = splitInteger({ ...group, secret, secretBits: 3, holderCount: 5, threshold: 3 });
      subShares.forEach((share, index) => {
        expect(share % BigInt(index + 1), `f(${index + 1})`).to.equal(0n);
      });
    }
  });

  it('a sub-share matches its commitments; any other value, point or commitment does not', () => {
    fc.assert(
      fc.property(dealings, (options) => {
        const { subShares, commitments } = split(options);
        expect(commitments).to.have.lengthOf(options.threshold);
        expect(commitments[0]).to.equal(
          signedPow(BASE, deltaOf(options.holderCount) * options.secret, MODULUS, modPow),
        );
        const fits = (point: number, subShare: bigint, of = commitments): boolean =>
          isCommittedShare({ ...group, commitments: of, point, subShare });
        const [first, second] = subShares as [bigint, bigint];
        subShares.forEach((subShare, index) => {
          expect(fits(index + 1, subShare), `point ${index + 1}`).to.equal(true);
        });
        expect(fits(1, second)).to.equal(false);
        expect(fits(2, first)).to.equal(false);
        expect(fits(1, first + 1n)).to.equal(false);
        expect(fits(1, -first)).to.equal(false);
        const changed = commitments.map((commitment, k) =>
          k === 1 ? (commitment * BASE) % MODULUS : commitment,
        );
        expect(fits(1, first, changed)).to.equal(false);
      }),
      { numRuns: 10 },
    );
  });

  it('verification keys follow from the commitments of all dealings', () => {
    const options = { holderCount: 4, threshold: 3 };
    const dealt = [5n, -77n, 2n ** 150n].map((secret) => split({ ...options, secret }));
    const keys = verificationKeysOf({ ...group, ...options, dealings: dealt.map((one) => one.commitments) });
    keys.forEach((key, index) => {
      const share = dealt.reduce((sum, { subShares }) => sum + subShares[index]!, 0n);
      expect(key).to.equal(modPow(BASE, 24n * share, MODULUS));
    });
  });

  it('coefficients cover the secret, Delta n^d and 80 bits; a secret above its bound is refused', () => {
    for (let holderCount = 2; holderCount <= 10; holderCount++)
      for (let threshold = 2; threshold <= holderCount; threshold++) {
        const covered = deltaOf(holderCount) * BigInt(holderCount) ** BigInt(threshold - 1);
        const bits = coefficientBits(100, holderCount, threshold);
        expect(bits, `${threshold} of ${holderCount}`).to.be.at.least(100 + 80 + bitLength(covered) - 1);
      }
    const options = { ...group, secretBits: 8, holderCount: 3, threshold: 2 };
    for (const secret of [256n, -257n])
      expectCode('CRYPTO_INVALID_INPUT', () => splitInteger({ ...options, secret }), 'secret');
    splitInteger({ ...options, secret: 255n });
    for (const threshold of [1, 4, 2.5])
      expectCode(
        'CRYPTO_INVALID_INPUT',
        () => splitInteger({ ...options, secret: 1n, threshold }),
        'threshold',
      );
  });
});
