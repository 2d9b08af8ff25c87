import { expect } from 'chai';
import fc from 'fast-check';
import { generatePaillierKeys } from './engine/key-generation.js';
import { decrypt, encrypt } from './engine/paillier.js';
import { publicModPow } from './engine/short-power.js';
import { expectCode, expectRejection, testKey } from '../test-support.js';
import { base64UrlToBytes, bytesToBase64Url, concatBytes } from '../core/bytes.js';
import { bitLength, gcd, modInverse, modPow } from './arithmetic.js';
import * as homomorphic from './homomorphic.js';
import * as keys from './public-key.js';
import type { PaillierPrivateKey, PaillierPublicKey } from './types.js';

const TEST = { allowTestKeySize: true };
const big = fc.bigInt({ min: 0n, max: 2n ** 300n });

describe('integer arithmetic', function () {
  this.timeout(20_000);

  it('modPow is square-and-multiply', () => {
    const reference = (base: bigint, exponent: bigint, modulus: bigint): bigint => {
      let result = 1n % modulus;
      for (const bit of exponent.toString(2))
        result = (result * result * (bit === '1' ? base : 1n)) % modulus;
      return result;
    };
    fc.assert(
      fc.property(big, big, fc.bigInt({ min: 2n, max: 2n ** 200n }), (base, exponent, modulus) => {
        expect(modPow(base, exponent, modulus)).to.equal(reference(base, exponent, modulus));
      }),
    );
    expectCode('CRYPTO_INVALID_INPUT', () => modPow(2n, -1n, 5n), 'exponent');
    expectCode('CRYPTO_INVALID_INPUT', () => modPow(2n, 1n, 1n), 'modulus');
  });

  it('modPow with a short exponent, as long as each window changes', () => {
    for (const bits of [1n, 6n, 7n, 24n, 25n, 80n, 81n, 240n, 241n, 672n, 673n]) {
      const exponent = 2n ** bits - 1n;
      expect(modPow(3n, exponent, 2n ** 89n - 1n), `${bits} bits`).to.equal(
        (modPow(3n, exponent / 2n, 2n ** 89n - 1n) ** 2n * 3n) % (2n ** 89n - 1n),
      );
    }
  });

  it('modInverse inverts exactly the units', () => {
    fc.assert(
      fc.property(big, fc.bigInt({ min: 2n, max: 2n ** 200n }), (value, modulus) => {
        if (gcd(value, modulus) === 1n) expect((modInverse(value, modulus) * value) % modulus).to.equal(1n);
        else expectCode('CRYPTO_INVALID_INPUT', () => modInverse(value, modulus));
      }),
    );
    expect([bitLength(0n), bitLength(1n), bitLength(255n), bitLength(256n)]).to.deep.equal([0, 1, 8, 9]);
  });
});

describe('Paillier', function () {
  this.timeout(20_000);

  let privateKey: PaillierPrivateKey;
  let publicKey: PaillierPublicKey;
  const plaintext = (): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: publicKey.n - 1n });

  before(async () => {
    privateKey = await testKey(512);
    publicKey = privateKey.publicKey;
  });

  it('OpenSSL and BigInt agree on (1 + m n) r^n', () => {
    fc.assert(
      fc.property(plaintext(), (m) => {
        const r = homomorphic.randomUnit(publicKey);
        expect(homomorphic.encryptWith(publicKey, m, r)).to.equal(encrypt(publicKey, m, r));
      }),
      { numRuns: 10 },
    );
    for (const r of [0n, 1n, publicKey.n, publicKey.n + 2n])
      expectCode('CRYPTO_INVALID_INPUT', () => encrypt(publicKey, 1n, r), 'randomness');
  });

  it('D(E(a) E(b)) = a + b, D(E(a) (1 + b n)) = a + b, D(rerandomised) = a, all mod n', () => {
    fc.assert(
      fc.property(fc.array(plaintext(), { minLength: 1, maxLength: 5 }), plaintext(), (values, b) => {
        const sum = values.reduce((total, value) => total + value, 0n);
        const c = homomorphic.sumCiphertexts(
          publicKey,
          values.map((value) => encrypt(publicKey, value)),
        );
        expect(decrypt(privateKey, c)).to.equal(sum % publicKey.n);
        expect(decrypt(privateKey, homomorphic.addPlaintext(publicKey, c, b))).to.equal(
          (sum + b) % publicKey.n,
        );
        const again = homomorphic.rerandomise(publicKey, c);
        expect(again).to.not.equal(c);
        expect(decrypt(privateKey, again)).to.equal(sum % publicKey.n);
      }),
      { numRuns: 10 },
    );
    expectCode('CRYPTO_INVALID_INPUT', () => homomorphic.sumCiphertexts(publicKey, []));
  });

  it('D(E(m)^k) = k m and D(product of E(m_i)^k_i) = sum of k_i m_i, mod n, by RSA, by DH and by BigInt', () => {
    const scalar = fc.oneof(
      fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: 1n, max: publicKey.n - 1n }),
    );
    const term = fc.tuple(plaintext(), scalar);
    const examples: Array<[Array<[bigint, bigint]>]> = [
      [[[publicKey.n - 1n, 1n]]],
      [[[5n, 2n ** 64n - 1n]]],
      [[[5n, 2n ** 64n]]],
      [[[5n, publicKey.n - 1n]]],
    ];
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 4 }), (terms) => {
        const ciphertexts = terms.map(([m]) => encrypt(publicKey, m));
        const scalars = terms.map(([, k]) => k);
        const products = homomorphic.multiplyPlaintexts(publicKey, ciphertexts, scalars, publicModPow);
        expect(products).to.deep.equal(homomorphic.multiplyPlaintexts(publicKey, ciphertexts, scalars));
        expect(products.map((c) => decrypt(privateKey, c))).to.deep.equal(
          terms.map(([m, k]) => (m * k) % publicKey.n),
        );
        const sum = homomorphic.weightedSum(publicKey, [5n, ...ciphertexts], [0n, ...scalars], publicModPow);
        expect(decrypt(privateKey, sum)).to.equal(
          terms.reduce((total, [m, k]) => total + m * k, 0n) % publicKey.n,
        );
      }),
      { numRuns: 8, examples },
    );
    const c = encrypt(publicKey, 3n);
    expect(decrypt(privateKey, homomorphic.addCiphertexts(publicKey, c, c))).to.equal(6n);
    for (const k of [0n, -1n, publicKey.n, 5 as unknown as bigint])
      expectCode('CRYPTO_INVALID_INPUT', () => homomorphic.multiplyPlaintext(publicKey, c, k), 'scalars[0]');
    for (const [ciphertexts, weights] of [
      [[c], [0n]],
      [[c], [-1n]],
      [[c], [publicKey.n]],
      [[c], []],
      [[], []],
    ])
      expectCode('CRYPTO_INVALID_INPUT', () => homomorphic.weightedSum(publicKey, ciphertexts!, weights!));
    expectCode('CRYPTO_INVALID_INPUT', () => homomorphic.multiplyPlaintexts(publicKey, [c], [1n, 1n]));
  });

  it('intake refuses 0, 1, n, n^2, negatives, multiples of a factor, other keys and other types', async () => {
    const factor = 3n;
    const weak = keys.publicKeyFromModulus(factor * (2n ** 510n + 3n), TEST);
    const cases: Array<[PaillierPublicKey, unknown]> = [
      ...[
        0n,
        1n,
        -1n,
        publicKey.n,
        publicKey.n * 7n,
        publicKey.nSquared,
        publicKey.nSquared + 2n,
        5,
        '5',
        null,
      ].map((value): [PaillierPublicKey, unknown] => [publicKey, value]),
      [weak, factor],
      [weak, factor * 5n],
      [weak, factor ** 2n],
    ];
    keys.assertCiphertext(weak, 5n);
    const good = encrypt(publicKey, 3n);
    keys.assertCiphertext(publicKey, good, publicKey.keyId);
    keys.assertCiphertexts(publicKey, [good, good]);
    for (const [key, value] of cases) {
      const ciphertext = value as bigint;
      expectCode(
        'CRYPTO_INVALID_CIPHERTEXT',
        () => {
          keys.assertCiphertext(key, ciphertext);
        },
        'ciphertext',
      );
      expectCode(
        'CRYPTO_INVALID_CIPHERTEXT',
        () => {
          keys.assertCiphertexts(key, [5n, ciphertext]);
        },
        'ciphertexts[1]',
      );
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => homomorphic.addPlaintext(key, ciphertext, 1n));
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => homomorphic.sumCiphertexts(key, [ciphertext]));
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => homomorphic.sumCiphertexts(key, [5n, ciphertext]));
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => homomorphic.addCiphertexts(key, 5n, ciphertext));
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => homomorphic.multiplyPlaintext(key, ciphertext, 2n));
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => homomorphic.weightedSum(key, [ciphertext, 5n], [0n, 1n]));
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => homomorphic.rerandomise(key, ciphertext));
    }
    const other = (await generatePaillierKeys({ keyBits: 256, ...TEST })).publicKey;
    expectCode(
      'CRYPTO_INVALID_CIPHERTEXT',
      () => {
        keys.assertCiphertext(publicKey, good, other.keyId);
      },
      'keyId',
    );
    expectCode('CRYPTO_INVALID_CIPHERTEXT', () => decrypt(privateKey, publicKey.n));
  });
});

describe('Paillier public key and ciphertext text', function () {
  this.timeout(20_000);

  it('round-trips, with the exact width', async () => {
    const { publicKey } = await testKey(512);
    const json = keys.publicKeyToJson(publicKey);
    expect(keys.publicKeyFromJson(JSON.parse(JSON.stringify(json)), TEST)).to.deep.equal(publicKey);
    expect(base64UrlToBytes(json.n)).to.have.lengthOf(64);
    const c = encrypt(publicKey, 5n);
    expect(keys.ciphertextToBytes(publicKey, c)).to.have.lengthOf(128);
    expect(keys.ciphertextFromText(publicKey, keys.ciphertextToText(publicKey, c))).to.equal(c);
    expect(keys.ciphertextFromText(publicKey, keys.ciphertextToText(publicKey, 2n))).to.equal(2n);
    const encoded = [c, 2n].map((value) => keys.ciphertextToBytes(publicKey, value));
    expect(keys.ciphertextsFromBytes(publicKey, encoded)).to.deep.equal([c, 2n]);
    const zero = new Uint8Array(128);
    for (const bad of [zero, zero.subarray(1), keys.ciphertextToBytes(publicKey, publicKey.n)])
      expectCode(
        'CRYPTO_INVALID_CIPHERTEXT',
        () => keys.ciphertextsFromBytes(publicKey, [...encoded, bad]),
        'ciphertexts[2]',
      );
  });

  it('the mode is part of the key: same modulus, other mode, other key id', async () => {
    const { publicKey } = await testKey(512);
    const djn = keys.publicKeyFromModulus(publicKey.n, { ...TEST, encryption: 'djn' });
    expect(djn.keyId).to.not.equal(publicKey.keyId);
    const json = keys.publicKeyToJson(djn);
    expect(keys.publicKeyFromJson(json, TEST)).to.deep.equal(djn);
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => keys.publicKeyFromJson({ ...json, encryption: 'rn' }, TEST),
      'publicKey.keyId',
    );
  });

  it('refuses small keys, other widths, other ids and unknown schemes', async () => {
    const { publicKey } = await testKey(512);
    const json = keys.publicKeyToJson(publicKey);
    expectCode('CRYPTO_INVALID_INPUT', () => keys.publicKeyFromJson(json), 'keyBits');
    expectCode('CRYPTO_UNSUPPORTED', () => keys.publicKeyFromJson({ ...json, scheme: 'rsa' }, TEST));
    expectCode('CRYPTO_UNSUPPORTED', () => keys.publicKeyFromJson({ ...json, version: 2 }, TEST));
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => keys.publicKeyFromJson({ ...json, keyId: '0'.repeat(64) }, TEST),
      'publicKey.keyId',
    );
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => keys.publicKeyFromJson({ ...json, keyBits: 1024 }, TEST),
      'publicKey.keyBits',
    );
    const padded = bytesToBase64Url(concatBytes(new Uint8Array(1), base64UrlToBytes(json.n)));
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => keys.publicKeyFromJson({ ...json, n: padded }, TEST),
      'publicKey.keyBits',
    );
    expectCode('CRYPTO_INVALID_INPUT', () => keys.publicKeyFromJson({ ...json, n: 5 }, TEST), 'publicKey.n');
    expectCode('CRYPTO_INVALID_INPUT', () => keys.publicKeyFromJson(null, TEST), 'publicKey');
    for (const encryption of ['rsa', undefined])
      expectCode(
        'CRYPTO_INVALID_INPUT',
        () => keys.publicKeyFromJson({ ...json, encryption }, TEST),
        'publicKey.encryption',
      );
    expectCode('CRYPTO_INVALID_INPUT', () => keys.publicKeyFromModulus(2n ** 512n, TEST), 'n');
    expectCode('CRYPTO_INVALID_CIPHERTEXT', () => keys.ciphertextFromBytes(publicKey, new Uint8Array(127)));
    expectCode('CRYPTO_INVALID_CIPHERTEXT', () => keys.ciphertextFromBytes(publicKey, new Uint8Array(128)));
    expectCode('CRYPTO_INVALID_CIPHERTEXT', () =>
      keys.ciphertextFromText(publicKey, keys.ciphertextToText(publicKey, publicKey.n)),
    );
    await expectRejection('CRYPTO_INVALID_INPUT', generatePaillierKeys({ keyBits: 1024 }), 'keyBits');
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      generatePaillierKeys({ keyBits: 1000, ...TEST }),
      'keyBits',
    );
  });
});
