import { expect } from 'chai';
import fc from 'fast-check';
import { createRequire } from 'node:module';
import { expectCode } from '../../test-support.js';
import { modPow, type ModPow } from '../arithmetic.js';
import { checkedModPow, nativeModPow, opensslModPow } from './native-mod-pow.js';

const P = 2n ** 521n - 1n;
const Q = 2n ** 607n - 1n;

describe('modular exponentiation by OpenSSL', function () {
  this.timeout(20_000);

  /** Counts what really went to the oracle. */
  function counting(oracle: ModPow): { power: ModPow; calls: () => number } {
    let calls = 0;
    const power = checkedModPow((base, exponent, modulus) => {
      calls += 1;
      return oracle(base, exponent, modulus);
    });
    return { power, calls: () => calls };
  }

  it('equals BigInt on composite moduli, for exponents shorter and longer than the modulus', () => {
    const { power, calls } = counting(opensslModPow);
    power(3n, 5n, P * Q);
    const selfTest = calls();
    fc.assert(
      fc.property(
        fc.bigInt({ min: 2n, max: 2n ** 1300n }),
        fc.bigInt({ min: 1n, max: 2n ** 1500n }),
        fc.constantFrom(P * Q, P * P, P * 7n),
        (base, exponent, modulus) => {
          expect(power(base, exponent, modulus)).to.equal(modPow(base, exponent, modulus));
        },
      ),
      { numRuns: 30 },
    );
    expect(calls() - selfTest, 'all 30 went to OpenSSL').to.be.at.least(30);
  });

  it('computes what OpenSSL refuses: each trap, by BigInt', () => {
    const modulus = P * P;
    const order = P * (P - 1n);
    const cases: Array<[string, bigint, bigint, bigint]> = [
      ['base 0', 0n, 5n, modulus],
      ['base 1', 1n, 5n, modulus],
      ['base modulus - 1', modulus - 1n, 5n, modulus],
      ['base equal to the modulus', modulus, 5n, modulus],
      ['negative base', -7n, 5n, modulus],
      ['exponent 0', 5n, 0n, modulus],
      ['shared secret 1', 5n, order, modulus],
      ['shared secret modulus - 1', modulus - 1n, order + 1n, modulus],
      ['even modulus', 5n, 77n, modulus + 1n],
      ['modulus below 512 bits', 5n, 77n, 2n ** 127n - 1n],
      ['modulus above 10,000 bits', 5n, 77n, 2n ** 10_001n + 1n],
    ];
    for (const [name, base, exponent, of] of cases)
      expect(nativeModPow(base, exponent, of), name).to.equal(modPow(base, exponent, of));
    for (const [name, base, exponent, of] of cases.filter(([title]) =>
      /^(base [01]|exponent|shared)/.test(title),
    ))
      expect(() => opensslModPow(base, exponent, of), name).to.throw();
    expectCode('CRYPTO_INVALID_INPUT', () => nativeModPow(2n, -1n, modulus), 'exponent');
    expectCode('CRYPTO_INVALID_INPUT', () => nativeModPow(2n, 1n, 1n), 'modulus');
  });

  it('an oracle that is wrong once is never asked again', () => {
    const wrong = counting((base, exponent, modulus) => opensslModPow(base, exponent, modulus) ^ 1n);
    expect(wrong.power(3n, 77n, P * Q)).to.equal(modPow(3n, 77n, P * Q));
    expect(wrong.power(3n, 78n, P * Q)).to.equal(modPow(3n, 78n, P * Q));
    expect(wrong.calls()).to.equal(1);
  });

  it('an oracle that throws at its test, or later, leaves the work to BigInt', () => {
    const absent = counting(() => {
      throw new Error('unsupported');
    });
    expect(absent.power(3n, 77n, P * Q)).to.equal(modPow(3n, 77n, P * Q));
    let broken = false;
    const later = checkedModPow((base, exponent, modulus) => {
      if (broken) throw new Error('out of order');
      return opensslModPow(base, exponent, modulus);
    });
    expect(later(3n, 77n, P * Q)).to.equal(modPow(3n, 77n, P * Q));
    broken = true;
    expect(later(3n, 78n, P * Q)).to.equal(modPow(3n, 78n, P * Q));
  });

  it('keeps working when many moduli pass through its cache', () => {
    for (let turn = 0n; turn < 40n; turn += 1n) {
      const modulus = P * (2n * turn + 3n);
      expect(nativeModPow(5n, 99n, modulus)).to.equal(modPow(5n, 99n, modulus));
    }
  });

  it('loads in CommonJS through its subpath, as chaincode does', () => {
    const required = createRequire(import.meta.url)('@careledger/crypto/native') as { nativeModPow: ModPow };
    expect(required.nativeModPow(3n, 77n, P * Q)).to.equal(modPow(3n, 77n, P * Q));
  });
});
