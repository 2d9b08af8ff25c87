import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../../test-support.js';
import { proveRange, rangeWeights, verifyRange, type RangeProof } from './range-proof.js';
import { proveBit } from './bit-proof.js';
import { bench, contextOf, refused, type Bench } from './proofs.test-support.js';

describe('range proof', function () {
  this.timeout(20_000);

  let setting: Bench;
  before(async () => {
    setting = await bench();
  });
  const verify = (ciphertext: bigint, most: bigint, proof: RangeProof): void => {
    verifyRange(ciphertext, most, proof, setting.options);
  };

  it('subset sums of the weights of R are exactly 0..R', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 600n }), (most) => {
        const sums = rangeWeights(most).reduce(
          (known, weight) => new Set([...known, ...[...known].map((sum) => sum + weight)]),
          new Set([0n]),
        );
        expect([...sums].sort((a, b) => Number(a - b))).to.deep.equal(
          Array.from({ length: Number(most) + 1 }, (_, i) => BigInt(i)),
        );
        expect(rangeWeights(most).at(-1)).to.equal(1n);
      }),
      { numRuns: 30, examples: [[1n], [2n], [5n], [511n], [512n]] },
    );
    expect(rangeWeights(2n ** 40n - 1n)).to.deep.equal(
      Array.from({ length: 40 }, (_, i) => 1n << BigInt(39 - i)),
    );
    expectCode('CRYPTO_INVALID_INPUT', () => rangeWeights(0n), 'most');
  });

  it('holds from 0 to R', () => {
    for (const [most, values] of [
      [1n, [0n, 1n]],
      [5n, [0n, 1n, 2n, 3n, 4n, 5n]],
      [7n, [7n]],
      [1000n, [0n, 999n, 1000n]],
    ] as const) {
      for (const value of values) {
        const opened = setting.open(value);
        verify(opened.ciphertext, most, proveRange(opened, most, setting.options));
      }
    }
  });

  it('cannot be made for R + 1 and -1', () => {
    for (const [value, claim] of [
      [6n, 5n],
      [-1n, 0n],
    ] as const) {
      expectCode(
        'CRYPTO_INVALID_INPUT',
        () => proveRange(setting.open(value), 5n, setting.options),
        'plaintext',
      );
      const opened = setting.pretend(value, claim);
      const proof = proveRange(opened, 5n, setting.options);
      refused(() => {
        verify(opened.ciphertext, 5n, proof);
      });
    }
  });

  it('the bits have to be those of the ciphertext, all of them, in their places and for this range', () => {
    const opened = setting.open(4n);
    const proof = proveRange(opened, 5n, setting.options);
    const other = proveRange(setting.open(4n), 5n, setting.options);
    const swapped = [proof[1], proof[0], proof[2]] as RangeProof;
    for (const bits of [other, swapped, proof.slice(1), [...proof, ...proof], []])
      refused(() => {
        verify(opened.ciphertext, 5n, bits);
      });
    refused(() => {
      verify(opened.ciphertext, 6n, proof);
    });
    refused(() => {
      verifyRange(opened.ciphertext, 5n, proof, { ...setting.options, context: contextOf('elsewhere') });
    });
  });

  it('a bit of 2 does not hide among others', () => {
    const bits = [setting.open(1n), setting.pretend(2n, 1n), setting.open(0n)];
    const proof = bits.map((bit) => ({
      ciphertext: bit.ciphertext,
      proof: proveBit(bit, setting.options),
    }));
    const { nSquared } = setting.publicKey;
    const composed = bits.reduce(
      (product, { ciphertext }, index) =>
        (product * ciphertext ** (rangeWeights(5n)[index] as bigint)) % nSquared,
      1n,
    );
    refused(() => {
      verify(composed, 5n, proof);
    }, 'proof');
  });
});
