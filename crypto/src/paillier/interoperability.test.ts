import { expect } from 'chai';
import { PrivateKey, PublicKey, generateRandomKeys } from 'paillier-bigint';
import { readVectors, testKey } from '../test-support.js';
import { modInverse } from './arithmetic.js';
import { privateKeyFromPrimes } from './engine/key-generation.js';
import { decrypt, encrypt, encryptorOf, ownerOf } from './engine/paillier.js';
import { publicModPow } from './engine/short-power.js';
import { addCiphertexts, multiplyPlaintext } from './homomorphic.js';
import { publicKeyFromModulus } from './public-key.js';
import { ENCRYPTION_MODES, type EncryptionMode } from './types.js';

const TEST = { allowTestKeySize: true };

interface PheKey {
  readonly madeBy: 'careledger' | 'phe';
  readonly encryption: EncryptionMode;
  readonly keyBits: number;
  readonly p: string;
  readonly q: string;
  readonly n: string;
  readonly ciphertexts: ReadonlyArray<{ plaintext: string; ciphertext: string; decryptedByPhe: string }>;
  readonly encryptedByPhe: ReadonlyArray<{ plaintext: string; randomness: string; ciphertext: string }>;
  readonly sumOfThirdAndFourth: string;
  readonly scalar: string;
  readonly lastTimesScalar: string;
}

describe('Paillier elsewhere', function () {
  this.timeout(20_000);

  const { keys } = readVectors('paillier-phe.json') as { keys: PheKey[] };

  for (const key of keys) {
    it(`python phe: a ${key.keyBits}-bit ${key.encryption} key of ${key.madeBy} serves both`, () => {
      const privateKey = privateKeyFromPrimes(BigInt(key.p), BigInt(key.q), {
        ...TEST,
        encryption: key.encryption,
      });
      const { publicKey } = privateKey;
      expect(String(publicKey.n)).to.equal(key.n);
      expect(key.ciphertexts.length + key.encryptedByPhe.length).to.be.at.least(9);
      for (const { plaintext, ciphertext, decryptedByPhe } of key.ciphertexts) {
        expect(decryptedByPhe).to.equal(plaintext);
        expect(String(decrypt(privateKey, BigInt(ciphertext)))).to.equal(plaintext);
      }
      for (const { plaintext, randomness, ciphertext } of key.encryptedByPhe) {
        expect(String(encrypt(publicKey, BigInt(plaintext), BigInt(randomness)))).to.equal(ciphertext);
        expect(String(decrypt(privateKey, BigInt(ciphertext)))).to.equal(plaintext);
      }
      const [third, fourth, last] = [2, 3, -1].map((at) => BigInt(key.encryptedByPhe.at(at)!.ciphertext));
      expect(String(addCiphertexts(publicKey, third!, fourth!))).to.equal(key.sumOfThirdAndFourth);
      const product = multiplyPlaintext(publicKey, last!, BigInt(key.scalar), publicModPow);
      expect(String(product)).to.equal(key.lastTimesScalar);
    });
  }

  it('phe’s vectors hold the edges: 0, 1, n - 1, n/2, residues 0 mod p and 0 mod q', () => {
    for (const { p, q, n, encryptedByPhe } of keys) {
      const plaintexts = encryptedByPhe.map(({ plaintext }) => BigInt(plaintext));
      const modulus = BigInt(n);
      expect(plaintexts).to.include.members([0n, 1n, modulus - 1n, modulus / 2n, BigInt(p), BigInt(q)]);
    }
  });

  it('paillier-bigint: our keys and ciphertexts', async () => {
    const { p, q, lambda, publicKey: own } = await testKey(512);
    const { n } = own;
    const theirPublic = new PublicKey(n, n + 1n);
    const theirPrivate = new PrivateKey(lambda, modInverse(lambda, n), theirPublic, p, q);
    for (const encryption of ENCRYPTION_MODES) {
      const publicKey = publicKeyFromModulus(n, { ...TEST, encryption });
      const privateKey = { publicKey, p, q, lambda };
      for (const m of [0n, 1n, n - 1n, n / 2n, p, q, 7n * p, n - q]) {
        expect(theirPrivate.decrypt(encryptorOf(publicKey).encrypt(m)), 'decrypted there').to.equal(m);
        expect(
          theirPrivate.decrypt(ownerOf(privateKey).encrypt(m)),
          'decrypted there, by the owner',
        ).to.equal(m);
        const theirs = theirPublic.encrypt(m);
        expect(decrypt(privateKey, theirs), 'decrypted here').to.equal(m);
        const r = theirPrivate.getRandomFactor(theirs);
        expect(encrypt(publicKey, m, r), 'recomputed here').to.equal(theirs);
      }
      const [a, b] = [theirPublic.encrypt(n - 1n), theirPublic.encrypt(n / 2n)];
      expect(addCiphertexts(publicKey, a, b)).to.equal(theirPublic.addition(a, b));
      expect(multiplyPlaintext(publicKey, a, 3_735_928_559n, publicModPow)).to.equal(
        theirPublic.multiply(a, 3_735_928_559n),
      );
    }
  });

  it('paillier-bigint: its keys', async () => {
    const theirs = await generateRandomKeys(512, true);
    // Its class keeps the primes to itself in its types only.
    const { _p: p, _q: q } = theirs.privateKey as unknown as { _p: bigint; _q: bigint };
    const privateKey = privateKeyFromPrimes(p, q, TEST);
    expect(privateKey.publicKey.n).to.equal(theirs.publicKey.n);
    for (const m of [0n, 1n, theirs.publicKey.n - 1n, p, q]) {
      expect(decrypt(privateKey, theirs.publicKey.encrypt(m))).to.equal(m);
      expect(theirs.privateKey.decrypt(encrypt(privateKey.publicKey, m))).to.equal(m);
    }
  });
});
