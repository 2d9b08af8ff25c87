import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../test-support.js';
import { modPow } from './arithmetic.js';
import { fixedBaseModulo, fixedBaseModuloSquare } from './fixed-base.js';

describe('powers of one base, by a table', function () {
  this.timeout(20_000);

  const n = (2n ** 127n - 1n) * (2n ** 107n - 1n);

  it('equal modPow for every exponent of the length, the ends too', () => {
    for (const exponentBits of [1, 8, 72, 73, 117]) {
      const base = 5n ** 200n % n ** 2n;
      const [small, large] = [
        fixedBaseModulo(base, n, exponentBits),
        fixedBaseModuloSquare(base, n, exponentBits),
      ];
      const highest = 2n ** BigInt(exponentBits) - 1n;
      fc.assert(
        fc.property(fc.bigInt({ min: 0n, max: highest }), (exponent) => {
          expect(large(exponent)).to.equal(modPow(base, exponent, n ** 2n));
          expect(small(exponent)).to.equal(modPow(base, exponent, n));
        }),
        { numRuns: 20, examples: [[0n], [1n], [highest]] },
      );
    }
  });

  it('refuse a longer or negative exponent', () => {
    for (const power of [fixedBaseModulo(3n, n, 72), fixedBaseModuloSquare(3n, n, 72)])
      for (const exponent of [-1n, 2n ** 72n])
        expectCode('CRYPTO_INVALID_INPUT', () => power(exponent), 'exponent');
  });
});
