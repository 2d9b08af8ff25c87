import { expect } from 'chai';
import { combinePartials, verifyPartialDecryption } from '../../threshold/index.js';
import { dealThresholdKey } from '../../threshold/engine/dealer.js';
import { CryptoError, type CryptoErrorCode } from '../../core/errors.js';
import { randomBytes } from '../../core/random.js';
import { sumCiphertexts } from '../homomorphic.js';
import { encryptorOf } from './paillier.js';
import { publicKeyToJson } from '../public-key.js';
import { verifyPlaintextKnowledge } from '../proofs/index.js';
import type { EncryptionMode } from '../types.js';
import { createPaillierPool, type PaillierPool } from './paillier-pool.js';
import { nativeModPow } from './native-mod-pow.js';
import type { ContributionToProve, SeededRows } from './proof-tasks.js';

const HOLDERS = ['AlphaMSP', 'BravoMSP', 'CharlieMSP', 'DeltaMSP'];
const MODES: EncryptionMode[] = ['rn', 'djn'];

async function codeOf(work: Promise<unknown>): Promise<CryptoErrorCode | 'none'> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof CryptoError) return error.code;
    throw error;
  }
}

describe('proofs in the worker pool', function () {
  this.timeout(20_000);
  let pool: PaillierPool;
  before(() => {
    pool = createPaillierPool({ workers: 1, allowTestKeySize: true });
  });
  after(() => pool.close());

  for (const encryption of MODES) {
    const dealt = dealThresholdKey({ keyBits: 512, holders: HOLDERS, encryption, allowTestKeySize: true });
    const { publicKey, sharing, shares } = dealt;
    const json = publicKeyToJson(publicKey);
    const context = { mspId: 'AlphaMSP', queryId: 'ab'.repeat(16), panels: ['cid-1', 'cid-2'] };

    /** Rows of two batches, a mask, and what is posted. */
    function contribution(): ContributionToProve {
      const encryptor = encryptorOf(publicKey);
      const rows: SeededRows[] = [
        { seed: randomBytes(32), indexes: [0, 2] },
        { seed: randomBytes(32), indexes: [5] },
      ];
      const ciphertexts = rows.flatMap(({ seed, indexes }) =>
        indexes.map((index) => encryptor.encryptSeeded(BigInt(index + 1), { seed, index })),
      );
      const randomness = 12_345_678_901_234_567n;
      const { n, nSquared } = publicKey;
      const mask = ((1n + 1000n * n) * nativeModPow(randomness, n, nSquared)) % nSquared;
      const ciphertext = sumCiphertexts(publicKey, [...ciphertexts, mask]);
      return { ciphertext, rows, randomness, context };
    }

    it(`${encryption}: a contribution is proved from the seeds of its rows, and nothing else is`, async () => {
      const honest = contribution();
      const proof = await pool.proveContribution(json, honest);
      const { ciphertext } = honest;
      verifyPlaintextKnowledge({ publicKey, ciphertext, proof, context });
      await pool.verifyContributions(json, [{ ciphertext, proof, context }]);
      const elsewhere = { ...context, queryId: 'cd'.repeat(16) };
      const wrong = [
        { ciphertext, proof, context: elsewhere },
        { ciphertext: sumCiphertexts(publicKey, [ciphertext, ciphertext]), proof, context },
        { ciphertext, proof: { ...proof, z: proof.z ^ 1n }, context },
      ];
      for (const [index, one] of wrong.entries()) {
        const both = [{ ciphertext, proof, context }, one];
        expect(await codeOf(pool.verifyContributions(json, both)), String(index)).to.equal(
          'CRYPTO_PROOF_INVALID',
        );
      }
      const without = { ...honest, rows: honest.rows.slice(1) };
      expect(await codeOf(pool.proveContribution(json, without))).to.equal('CRYPTO_DECRYPTION_FAILED');
    });

    it(`${encryption}: partial decryptions hold and combine; one with another’s share is not made`, async () => {
      const { ciphertext } = contribution();
      const opening = { queryId: 'ab'.repeat(16), step: 'aggregate', index: 0 } as const;
      const prove = (share: (typeof shares)[number]) =>
        pool.provePartial({ publicKey: json, sharing, share, ciphertext, context: opening });
      const partials = await Promise.all(shares.slice(1).map(prove));
      for (const partial of partials)
        verifyPartialDecryption({ publicKey, sharing, ciphertext, context: opening, partial });
      // 1 + 3 + 6 of the rows, and the mask.
      expect(combinePartials({ publicKey, sharing, ciphertext, partials })).to.equal(1010n);
      const [alpha, bravo] = shares;
      const forged = { ...alpha!, value: bravo!.value };
      expect(await codeOf(prove(forged))).to.equal('CRYPTO_INVALID_INPUT');
    });
  }
});
