import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../../test-support.js';
import { modPow } from '../arithmetic.js';
import { multiPower, type Power } from './multi-power.js';

describe('product of powers', () => {
  const modulus = 2n ** 127n - 1n;
  const base = fc.bigInt({ min: 0n, max: modulus - 1n });
  const oneByOne = (powers: readonly Power[]): bigint =>
    powers.reduce((product, [b, e]) => (product * modPow(b, e, modulus)) % modulus, 1n);

  it('is the product of the powers, whatever their number, length and gaps', () => {
    const exponent = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 90n }),
      fc.bigInt({ min: 0n, max: 3n }),
      fc.nat(300).map((shift) => 1n << BigInt(shift)),
    );
    const powers = fc.array(fc.tuple(base, exponent), { maxLength: 40 });
    fc.assert(
      fc.property(powers, (list) => {
        expect(multiPower(list, modulus)).to.equal(oneByOne(list));
      }),
      { numRuns: 50 },
    );
  });

  it('is the same where bases share digits by the hundred', () => {
    const [list = []] = fc.sample(
      fc.array(fc.tuple(base, fc.bigInt({ min: 0n, max: 2n ** 40n })), { minLength: 700, maxLength: 700 }),
      1,
    );
    expect(multiPower(list, modulus)).to.equal(oneByOne(list));
  });

  it('of nothing is 1; negative exponents are refused', () => {
    expect(multiPower([], modulus)).to.equal(1n);
    for (const count of [1, 9]) {
      const powers = Array.from({ length: count }, (): Power => [3n, -1n]);
      expectCode('CRYPTO_INVALID_INPUT', () => multiPower(powers, modulus), 'exponent');
    }
  });
});
