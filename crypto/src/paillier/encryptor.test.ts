import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode, testKey } from '../test-support.js';
import { gcd, modPow } from './arithmetic.js';
import { djnBase, djnExponentBits } from './djn.js';
import { PaillierEncryptor } from './encryptor.js';
import { nativeModPow } from './engine/native-mod-pow.js';
import { encryptWith, sumCiphertexts } from './homomorphic.js';
import { PaillierOwner } from './private-key.js';
import { publicKeyFromModulus } from './public-key.js';
import { rowRandomness, rowRandomnessProduct, type SeededRow } from './row-randomness.js';
import {
  ENCRYPTION_MODES,
  type EncryptionMode,
  type PaillierPrivateKey,
  type PaillierPublicKey,
} from './types.js';

const TEST = { allowTestKeySize: true };
const SEED = new Uint8Array(32).fill(9);

describe('Paillier encryption in both modes', function () {
  this.timeout(20_000);

  let privateKey: PaillierPrivateKey;
  const keyOf = (encryption: EncryptionMode): PaillierPublicKey =>
    publicKeyFromModulus(privateKey.publicKey.n, { ...TEST, encryption });
  const edges = (): bigint[] => {
    const { n } = privateKey.publicKey;
    const { p, q } = privateKey;
    return [0n, 1n, n - 1n, n / 2n, p, q, 7n * p, n - q, 2n ** 40n * q];
  };

  before(async () => {
    privateKey = await testKey(512);
  });

  for (const mode of ENCRYPTION_MODES) {
    describe(mode, () => {
      it('decrypts what it encrypted: 0, 1, n - 1, n/2, multiples of p and of q, and any other', () => {
        const publicKey = keyOf(mode);
        const encryptor = new PaillierEncryptor(publicKey, { modPow: nativeModPow });
        const owner = new PaillierOwner({ ...privateKey, publicKey }, { modPow: nativeModPow });
        fc.assert(
          fc.property(fc.bigInt({ min: 0n, max: publicKey.n - 1n }), (m) => {
            const c = encryptor.encrypt(m);
            expect(owner.decrypt(c)).to.equal(m);
            expect(owner.decrypt(owner.encrypt(m)), 'by the owner').to.equal(m);
            const again = encryptor.rerandomise(c);
            expect(again).to.not.equal(c);
            expect(owner.decrypt(again), 'rerandomised').to.equal(m);
            expect(encryptor.encrypt(m), 'fresh randomness').to.not.equal(c);
          }),
          { numRuns: 10, examples: edges().map((m): [bigint] => [m]) },
        );
      });

      it('refuses plaintexts outside 0..n-1 and what is no ciphertext', () => {
        const publicKey = keyOf(mode);
        const encryptor = new PaillierEncryptor(publicKey);
        const owner = new PaillierOwner({ ...privateKey, publicKey });
        for (const m of [-1n, publicKey.n, 5 as unknown as bigint]) {
          expectCode('CRYPTO_INVALID_INPUT', () => encryptor.encrypt(m), 'plaintext');
          expectCode('CRYPTO_INVALID_INPUT', () => owner.encrypt(m), 'plaintext');
          expectCode('CRYPTO_INVALID_INPUT', () => encryptor.encryptSeeded(m, { seed: SEED, index: 0 }));
        }
        const { p, q } = privateKey;
        for (const c of [
          0n,
          1n,
          publicKey.n,
          publicKey.nSquared,
          publicKey.nSquared + 2n,
          -1n,
          p,
          3n * q,
          p * p,
        ]) {
          expectCode('CRYPTO_INVALID_CIPHERTEXT', () => owner.decrypt(c), 'ciphertext');
          expectCode('CRYPTO_INVALID_CIPHERTEXT', () => encryptor.rerandomise(c), 'ciphertext');
        }
      });

      it('a seeded row is (1 + m n) r^n with the r that the seed gives again, and nothing else gives', () => {
        const publicKey = keyOf(mode);
        const encryptor = new PaillierEncryptor(publicKey, { modPow: nativeModPow });
        const rows: SeededRow[] = [0, 1, 2, 4_294_967_295].map((index) => ({ seed: SEED, index }));
        const ciphertexts = rows.map((row, at) => encryptor.encryptSeeded(BigInt(at), row));
        rows.forEach(({ seed, index }, at) => {
          const r = rowRandomness(publicKey, seed, index);
          expect(encryptWith(publicKey, BigInt(at), r), `row ${at}`).to.equal(ciphertexts[at]);
        });
        const other = new Uint8Array(32).fill(8);
        expect(encryptor.encryptSeeded(0n, { seed: other, index: 0 })).to.not.equal(ciphertexts[0]);
        const product = rowRandomnessProduct(publicKey, rows, nativeModPow);
        expect(encryptWith(publicKey, 6n, product)).to.equal(sumCiphertexts(publicKey, ciphertexts));
        expect(encryptWith(publicKey, 6n, rowRandomnessProduct(publicKey, rows.slice(1)))).to.not.equal(
          sumCiphertexts(publicKey, ciphertexts),
        );
        for (const [seed, index] of [
          [SEED.subarray(1), 0],
          [SEED, -1],
          [SEED, 2 ** 32],
          [SEED, 0.5],
        ] as const) {
          expectCode('CRYPTO_INVALID_INPUT', () => rowRandomness(publicKey, seed, index));
          expectCode('CRYPTO_INVALID_INPUT', () => encryptor.encryptSeeded(1n, { seed, index }));
        }
      });
    });
  }

  it('djn: h is -y^2 for a y that n alone gives, and h_s^x is the hiding factor with a table and without', () => {
    const publicKey = keyOf('djn');
    const { n, nSquared } = publicKey;
    const h = djnBase(publicKey);
    expect(gcd(n, h)).to.equal(1n);
    expect(djnBase(keyOf('rn')), 'the mode does not matter').to.equal(h);
    const { p, q } = privateKey;
    for (const prime of [p, q])
      expect(modPow(n - h, (prime - 1n) / 2n, prime), '-h is a square, so h is none').to.equal(1n);
    expect(modPow(h, privateKey.lambda, n), 'within Z*_n').to.equal(1n);
    const fixed = (): Uint8Array => new Uint8Array(djnExponentBits(publicKey) / 8).fill(0xa5);
    const x = BigInt(`0x${'a5'.repeat(djnExponentBits(publicKey) / 8)}`);
    const expected = modPow(modPow(h, n, nSquared), x, nSquared);
    const encryptor = new PaillierEncryptor(publicKey, {
      modPow: nativeModPow,
      random: fixed,
      tableAfter: 2,
    });
    for (let turn = 0; turn < 4; turn += 1)
      expect(encryptor.hidingFactor(), `turn ${turn}`).to.equal(expected);
  });

  it('rn: the hiding factor is r^n of a drawn r', () => {
    const publicKey = keyOf('rn');
    const encryptor = new PaillierEncryptor(publicKey, {
      random: (sizeBytes) => new Uint8Array(sizeBytes).fill(1),
    });
    const drawn = BigInt(`0x${'01'.repeat(publicKey.keyBits / 8)}`);
    const nthPower = (r: bigint): bigint => modPow(r, publicKey.n, publicKey.nSquared);
    expect(encryptor.hidingFactor()).to.equal(nthPower(2n + drawn));
    expect(encryptor.mask()).to.deep.equal({ root: drawn, power: nthPower(drawn) });
  });
});
