import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../../test-support.js';
import { modPow } from '../arithmetic.js';
import { publicModPow, rsaModPow } from './short-power.js';

describe('powers with short public exponents, by RSA', function () {
  this.timeout(20_000);

  it('equal BigInt for exponents around 64 bits, odd and even, on changing moduli', () => {
    const moduli = [2n ** 521n - 1n, (2n ** 521n - 1n) ** 2n, (2n ** 521n - 1n) * (2n ** 607n - 1n)];
    const edges = [0n, 1n, 2n, 3n, 4n, 2n ** 63n, 2n ** 64n - 2n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 65n + 1n];
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 1200n }),
        fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: 0n, max: 2n ** 64n })),
        fc.constantFrom(...moduli),
        (base, exponent, modulus) => {
          expect(publicModPow(base, exponent, modulus)).to.equal(modPow(base, exponent, modulus));
        },
      ),
      { numRuns: 60 },
    );
    for (const exponent of [3n, 2n ** 63n, 2n ** 64n - 1n])
      expect(rsaModPow(7n, exponent, moduli[1]!), 'RSA itself').to.equal(modPow(7n, exponent, moduli[1]!));
    expect(() => rsaModPow(7n, 2n ** 65n + 1n, (2n ** 2203n - 1n) ** 2n), 'a long exponent').to.throw();
    for (let exponent = 2n; exponent < 300n; exponent += 1n)
      expect(rsaModPow(7n, exponent, moduli[0]!)).to.equal(modPow(7n, exponent, moduli[0]!));
    for (const base of [0n, 1n, moduli[0]! - 1n, moduli[0]!])
      expect(publicModPow(base, 3n, moduli[0]!)).to.equal(modPow(base, 3n, moduli[0]!));
    expectCode('CRYPTO_INVALID_INPUT', () => publicModPow(2n, -1n, moduli[0]!), 'exponent');
  });
});
