import { expect } from 'chai';
import { generatePrimeSync } from 'node:crypto';
import { expectCode, testKey } from '../test-support.js';
import { bitLength, gcd, modPow } from './arithmetic.js';
import { generatePaillierKeys, privateKeyFromPrimes } from './engine/key-generation.js';
import { PaillierOwner, privateKeyOf } from './private-key.js';
import type { PaillierPrivateKey } from './types.js';

const TEST = { allowTestKeySize: true };
/** An odd multiple of 3 near `value`. */
const composite = (value: bigint): bigint => value - (value % 6n) + 3n;
const DJN = { ...TEST, encryption: 'djn' } as const;

describe('Paillier private key', function () {
  this.timeout(20_000);

  let key: PaillierPrivateKey;
  before(async () => {
    key = await testKey(512);
  });

  it('is generated as DJN wants it, of the asked length', async () => {
    for (const keyBits of [256, 272, 512]) {
      const { p, q, lambda, publicKey } = await generatePaillierKeys({ keyBits, ...DJN });
      expect(bitLength(publicKey.n)).to.equal(keyBits);
      expect(p * q).to.equal(publicKey.n);
      expect([p % 4n, q % 4n, gcd(p - 1n, q - 1n)]).to.deep.equal([3n, 3n, 2n]);
      expect(modPow(2n, lambda, publicKey.n)).to.equal(1n);
      expect(publicKey.encryption).to.equal('djn');
      expect(privateKeyFromPrimes(p, q, DJN).publicKey).to.deep.equal(publicKey);
    }
  });

  it('refuses factors that are not primes, too close or of two lengths', () => {
    const { p, q } = key;
    privateKeyFromPrimes(p, q, TEST);
    const cases: Array<[string, bigint, bigint]> = [
      ['p', -p, -q],
      ['p', 5 as unknown as bigint, q],
      ['q', p, q + 1n],
      ['q', p, p],
      ['q', p, p + 2n ** 100n],
    ];
    for (const [argument, first, second] of cases)
      expectCode('CRYPTO_INVALID_INPUT', () => privateKeyFromPrimes(first, second, TEST), argument);
    for (const [first, second] of [
      [p, composite(q)],
      [composite(p), q],
    ] as const)
      expectCode('CRYPTO_INVALID_INPUT', () => privateKeyFromPrimes(first, second, TEST));
    expectCode('CRYPTO_INVALID_INPUT', () => privateKeyOf(p, q), 'keyBits');
    const odd = 2n ** 254n + 1n;
    expect(privateKeyOf(odd, 8n * odd + 3n, TEST).publicKey.keyBits).to.equal(512);
    expectCode('CRYPTO_INVALID_INPUT', () => privateKeyOf(odd, 8n * odd + 1n, TEST), 'q');
    expectCode('CRYPTO_INVALID_INPUT', () => privateKeyOf(2n ** 264n + 1n, 2n ** 247n + 1n, TEST), 'q');
  });

  it('a djn key wants Blum primes without a common odd divisor, an rn key does not', () => {
    const prime = (add: bigint, rem: bigint): bigint => generatePrimeSync(256, { bigint: true, add, rem });
    const lengthOf = (p: bigint, q: bigint): number => bitLength(p * q);
    for (const [add, rem] of [
      [4n, 1n],
      [12n, 7n],
    ] as const) {
      let [p, q] = [prime(add, rem), prime(add, rem)];
      while (lengthOf(p, q) !== 512) [p, q] = [prime(add, rem), prime(add, rem)];
      const owner = new PaillierOwner(privateKeyFromPrimes(p, q, TEST));
      expect(owner.decrypt(owner.encrypt(5n))).to.equal(5n);
      expectCode('CRYPTO_INVALID_INPUT', () => privateKeyFromPrimes(p, q, DJN), 'q');
    }
  });
});
