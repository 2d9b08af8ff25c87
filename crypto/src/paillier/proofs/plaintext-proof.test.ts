import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode, testKey } from '../../test-support.js';
import { base64UrlToBytes, bytesToBase64Url } from '../../core/bytes.js';
import { modInverse } from '../arithmetic.js';
import { encryptWith, randomUnit } from '../homomorphic.js';
import { publicKeyFromModulus } from '../public-key.js';
import type { PaillierPublicKey } from '../types.js';
import {
  plaintextProofFromJson,
  plaintextProofToJson,
  provePlaintextKnowledge,
  verifyPlaintextKnowledge,
  type PlaintextProof,
} from './plaintext-proof.js';

const CONTEXT = { mspId: 'Org1MSP', queryId: 'query-1', panels: ['bafy-a', 'bafy-b'] };

interface Proven {
  readonly publicKey: PaillierPublicKey;
  readonly plaintext: bigint;
  readonly randomness: bigint;
  readonly ciphertext: bigint;
  readonly proof: PlaintextProof;
}

describe('proof of plaintext knowledge', function () {
  this.timeout(20_000);

  let publicKey: PaillierPublicKey;
  let good: Proven;

  function proven(plaintext: bigint, key = publicKey): Proven {
    const randomness = randomUnit(key);
    const ciphertext = encryptWith(key, plaintext, randomness);
    const proof = provePlaintextKnowledge({
      publicKey: key,
      ciphertext,
      plaintext,
      randomness,
      context: CONTEXT,
    });
    return { publicKey: key, plaintext, randomness, ciphertext, proof };
  }
  const verify = (changes: Partial<Parameters<typeof verifyPlaintextKnowledge>[0]> = {}): void => {
    verifyPlaintextKnowledge({ ...good, context: CONTEXT, ...changes });
  };
  const refused = (changes: Parameters<typeof verify>[0], argument?: string): void => {
    expectCode(
      'CRYPTO_PROOF_INVALID',
      () => {
        verify(changes);
      },
      argument,
    );
  };

  before(async () => {
    publicKey = (await testKey(512)).publicKey;
    good = proven(1234n);
  });

  it('verifies for every plaintext, 0, 1 and n - 1 too', () => {
    const anything = fc.bigInt({ min: 0n, max: publicKey.n - 1n });
    fc.assert(
      fc.property(anything, (plaintext) => {
        const { ciphertext, proof } = proven(plaintext);
        verify({ ciphertext, proof });
      }),
      { numRuns: 10, examples: [[0n], [1n], [publicKey.n - 1n]] },
    );
  });

  it('two proofs of one ciphertext differ', () => {
    const again = provePlaintextKnowledge({ ...good, context: CONTEXT });
    verify({ proof: again });
    expect(again.z).to.not.equal(good.proof.z);
    expect(again.w).to.not.equal(good.proof.w);
  });

  it('does not verify for another plaintext or randomness than the ciphertext has', () => {
    for (const lie of [{ plaintext: 1235n }, { randomness: randomUnit(publicKey) }])
      refused({ proof: provePlaintextKnowledge({ ...good, ...lie, context: CONTEXT }) });
  });

  it('replayed by another hospital, for another query or for other panels it fails', () => {
    refused({ context: { ...CONTEXT, mspId: 'Org2MSP' } });
    refused({ context: { ...CONTEXT, queryId: 'query-2' } });
    refused({ context: { ...CONTEXT, panels: ['bafy-a'] } });
    refused({ context: { ...CONTEXT, panels: ['bafy-b', 'bafy-a'] } });
    refused({ context: { ...CONTEXT, panels: ['bafy-abafy-b'] } });
    refused({ context: { mspId: 'Org1MSPquery-1', queryId: '', panels: CONTEXT.panels } });
  });

  it('mauled together with its ciphertext it fails', () => {
    const { n, nSquared } = publicKey;
    const { challenge: e, z, w } = good.proof;
    const c = good.ciphertext;
    const minus = (value: bigint): bigint => (n - value) % n;
    // Each with the answers that fit the changed ciphertext; the first and the fourth verify unless c is hashed.
    const mauled: Array<[string, bigint, PlaintextProof]> = [
      ['c (1 + n)', (c * (1n + n)) % nSquared, { ...good.proof, z: (z + e) % n }],
      ['c^2', (c * c) % nSquared, { challenge: e, z: (2n * z) % n, w: (w * w) % n }],
      ['c^-1', modInverse(c, nSquared), { challenge: e, z: minus(z), w: modInverse(w, n) }],
      ['-c', nSquared - c, { ...good.proof, w: e % 2n === 0n ? w : n - w }],
      ['c re-randomised', (c * encryptWith(publicKey, 0n, 2n)) % nSquared, good.proof],
    ];
    for (const [name, ciphertext, proof] of mauled) {
      expect(ciphertext, name).to.not.equal(c);
      refused({ ciphertext, proof });
      refused({ ciphertext });
    }
  });

  it('of another key it fails', async () => {
    const other = (await testKey(528)).publicKey;
    refused({ publicKey: other });
    const { n } = publicKey;
    refused({ publicKey: publicKeyFromModulus(n, { allowTestKeySize: true, encryption: 'djn' }) });
  });

  it('with any bit of any field changed it fails', () => {
    const json = plaintextProofToJson(publicKey, good.proof);
    for (const field of ['challenge', 'z', 'w'] as const) {
      const bytes = base64UrlToBytes(json[field]);
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        const changed = new Uint8Array(bytes);
        changed[at] = (changed[at] ?? 0) ^ 1;
        expectCode('CRYPTO_PROOF_INVALID', () => {
          const proof = plaintextProofFromJson(publicKey, { ...json, [field]: bytesToBase64Url(changed) });
          verify({ proof });
        });
      }
    }
  });

  it('has one form only: fields outside their ranges are refused', () => {
    const { n } = publicKey;
    const { proof } = good;
    refused({ proof: { ...proof, z: proof.z + n } }, 'proof.z');
    refused({ proof: { ...proof, z: -1n } }, 'proof.z');
    refused({ proof: { ...proof, w: proof.w + n } }, 'proof.w');
    refused({ proof: { ...proof, w: 0n } }, 'proof.w');
    refused({ proof: { ...proof, challenge: proof.challenge + 2n ** 128n } }, 'proof.challenge');
    refused({ proof: { ...proof, challenge: -proof.challenge } }, 'proof.challenge');
    refused({ proof: { ...proof, z: 5 as unknown as bigint } }, 'proof.z');
  });

  it('a ciphertext outside the group has no proof, neither made nor accepted', () => {
    const factor = 3n;
    const weak = publicKeyFromModulus(factor * (2n ** 510n + 3n), { allowTestKeySize: true });
    const outside: Array<[PaillierPublicKey, bigint]> = [
      [publicKey, 0n],
      [publicKey, 1n],
      [publicKey, publicKey.n],
      [publicKey, publicKey.nSquared],
      [publicKey, good.ciphertext + publicKey.nSquared],
      [weak, factor],
      [weak, factor ** 2n],
    ];
    for (const [key, ciphertext] of outside) {
      const changed = { ...good, context: CONTEXT, publicKey: key, ciphertext, randomness: 2n };
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => {
        verifyPlaintextKnowledge(changed);
      });
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => provePlaintextKnowledge(changed));
    }
    const { ciphertext, proof } = proven(5n, weak);
    refused({ publicKey: weak, ciphertext, proof: { ...proof, w: factor } }, 'proof.w');
  });

  it('the prover refuses plaintexts and randomness outside their ranges', () => {
    const { n } = publicKey;
    for (const plaintext of [-1n, n]) {
      const prove = (): unknown => provePlaintextKnowledge({ ...good, plaintext, context: CONTEXT });
      expectCode('CRYPTO_INVALID_INPUT', prove, 'plaintext');
    }
    for (const randomness of [0n, 1n, n]) {
      const prove = (): unknown => provePlaintextKnowledge({ ...good, randomness, context: CONTEXT });
      expectCode('CRYPTO_INVALID_INPUT', prove, 'randomness');
    }
  });

  it('travels as JSON of exact widths', () => {
    const json = plaintextProofToJson(publicKey, good.proof);
    expect(Object.values(json).map((text: string) => base64UrlToBytes(text).length)).to.deep.equal([
      16, 64, 64,
    ]);
    expect(plaintextProofFromJson(publicKey, JSON.parse(JSON.stringify(json)))).to.deep.equal(good.proof);
    const invalid = [null, 'proof', {}, { ...json, z: 7 }, { ...json, w: json.challenge }];
    for (const other of invalid)
      expectCode('CRYPTO_PROOF_INVALID', () => plaintextProofFromJson(publicKey, other));
    expectCode('CRYPTO_INVALID_INPUT', () => plaintextProofFromJson(publicKey, { ...json, z: `${json.z}=` }));
  });
});
