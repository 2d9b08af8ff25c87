import { expect } from 'chai';
import fc from 'fast-check';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToBigint } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError } from '../core/errors.js';
import { expectCode } from '../test-support.js';
import { modInverse } from '../paillier/arithmetic.js';
import { nativeModPow as modPow } from '../paillier/engine/native-mod-pow.js';
import { encryptWith, randomUnit } from '../paillier/homomorphic.js';
import { ciphertextDigest } from '../paillier/public-key.js';
import type { PaillierPublicKey } from '../paillier/types.js';
import { testCiphertextOf } from './derived.js';
import { deltaOf, lagrangeAtZero } from './integer-sharing.js';
import {
  combinePartials,
  provePartialDecryption,
  thetaOf,
  verifyPartialDecryption,
  verifyPartials,
} from './partial-decryption.js';
import { CONTEXT, choices, dealtKey, partialsOf } from './threshold.test-support.js';
import type { OpeningContext, ProvenPartial } from './types.js';

const encrypt = (publicKey: PaillierPublicKey, m: bigint): bigint =>
  encryptWith(publicKey, m, randomUnit(publicKey));

/**
 * The transcript as docs/crypto/threshold.md writes it, with any witness and any c_i: what a holder without scruples can
 * run, and a second implementation of the format.
 */
function forge(options: {
  holderCount: number;
  point: number;
  ciphertext: bigint;
  witness: bigint;
  value: bigint;
  context?: OpeningContext;
}): ProvenPartial {
  const { publicKey, sharing } = dealtKey(options.holderCount);
  const { point, ciphertext, witness, value, context = CONTEXT } = options;
  const { nSquared, keyId } = publicKey;
  const holder = sharing.holders[point - 1]!;
  const nonce = 2n ** 1500n + 12_345n;
  const parts = [keyId, BigInt(sharing.epoch), holder, BigInt(point), sharing.verificationBase];
  const digest = sha256(
    encodeParts(
      'careledger/partial-decryption/v1',
      ...parts,
      sharing.verificationKeys[point - 1]!,
      ciphertext,
      value,
      modPow(modPow(ciphertext, 4n, nSquared), nonce, nSquared),
      modPow(sharing.verificationBase, nonce, nSquared),
      context.queryId,
      context.step,
      BigInt(context.index),
    ),
  );
  const challenge = bytesToBigint(digest.subarray(0, 16));
  const proof = { challenge, response: nonce + challenge * witness };
  return { holder, keyId, epoch: 0, ciphertextDigest: ciphertextDigest(publicKey, ciphertext), value, proof };
}

describe('threshold decryption', function () {
  this.timeout(20_000);

  const key = dealtKey(4);
  const { publicKey, sharing } = key;
  const { n, nSquared } = publicKey;
  const ciphertext = encrypt(publicKey, 7n);
  const partials = partialsOf(key, ciphertext);
  const [first, second, third, fourth] = partials as [
    ProvenPartial,
    ProvenPartial,
    ProvenPartial,
    ProvenPartial,
  ];
  const opening = { publicKey, sharing, ciphertext, context: CONTEXT, modPow };
  const combine = (given: readonly ProvenPartial[], changes: object = {}): bigint =>
    combinePartials({ ...opening, partials: given, ...changes });
  const verify = (partial: ProvenPartial, changes: object = {}): void => {
    verifyPartialDecryption({ ...opening, partial, ...changes });
  };
  const refuse = (partial: ProvenPartial, changes: object = {}): void => {
    expectCode(
      'CRYPTO_PROOF_INVALID',
      () => {
        verify(partial, changes);
      },
      partial.holder,
    );
  };

  it('every majority decrypts, in any order and number; one holder less does not', () => {
    for (const holderCount of [3, 4, 5]) {
      const held = dealtKey(holderCount);
      const { threshold } = held.sharing;
      for (const m of [0n, 1n, held.publicKey.n - 1n, held.publicKey.n / 2n]) {
        const c = encrypt(held.publicKey, m);
        const all = partialsOf(held, c);
        const options = { publicKey: held.publicKey, sharing: held.sharing, ciphertext: c };
        for (const chosen of choices(all, threshold))
          expect(combinePartials({ ...options, partials: chosen.reverse() })).to.equal(m);
        expect(combinePartials({ ...options, partials: all })).to.equal(m);
        for (const chosen of choices(all, threshold - 1)) {
          expectCode('CRYPTO_SHARES_INCOMPLETE', () => combinePartials({ ...options, partials: chosen }));
          // The count is not what protects: a combination of fewer is no decryption.
          if (threshold > 2) {
            const lowered = { ...held.sharing, threshold: threshold - 1 };
            expectCode('CRYPTO_DECRYPTION_FAILED', () =>
              combinePartials({ ...options, sharing: lowered, partials: chosen }),
            );
          }
        }
      }
    }
  });

  it('decrypts any plaintext, and every proof holds', () => {
    const held = dealtKey(3);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: held.publicKey.n - 1n }), (m) => {
        const c = encrypt(held.publicKey, m);
        const all = partialsOf(held, c);
        const options = { ...opening, publicKey: held.publicKey, sharing: held.sharing, ciphertext: c };
        const { valid, faults } = verifyPartials({ ...options, partials: all });
        expect([valid.length, faults.length]).to.deep.equal([3, 0]);
        expect(combinePartials({ ...options, partials: valid.slice(1) })).to.equal(m);
      }),
      { numRuns: 5 },
    );
  });

  it('ATTACK a chosen tamper passes x = 1 mod n and moves the result at will; the proof names its sender', () => {
    const [mu] = lagrangeAtZero(4, [1, 2, 3]) as [bigint];
    const wanted = 1000n;
    const delta = (wanted * sharing.theta * modInverse(2n * mu, n)) % n;
    const moved = { ...first, value: (first.value * (1n + delta * n)) % nSquared };
    expect(combine([moved, second, third]), 'without verification').to.equal(1007n);
    refuse(moved);
    const { valid, faults } = verifyPartials({ ...opening, partials: [moved, second, third, fourth] });
    expect(faults.map((fault) => fault.argument)).to.deep.equal(['H1MSP']);
    expect(combine(valid), 'the others still decrypt').to.equal(7n);
    // A fresh proof about the moved value, with the true share, does not hold either.
    const witness = 24n * key.shares[0]!.value;
    refuse(forge({ holderCount: 4, point: 1, ciphertext, witness, value: moved.value }));
    verify(forge({ holderCount: 4, point: 1, ciphertext, witness, value: first.value }));
  });

  it('ATTACK a random tamper fails to combine, and the proof names its sender', () => {
    const value = (first.value * encrypt(publicKey, 5n)) % nSquared;
    const tampered = { ...first, value };
    expectCode('CRYPTO_DECRYPTION_FAILED', () => combine([tampered, second, third]));
    refuse(tampered);
    refuse({ ...first, value: second.value });
  });

  it('ATTACK another exponent than the share, with a proof of its own, is refused', () => {
    const witness = 24n * (key.shares[0]!.value + 1n);
    const value = modPow(ciphertext, 2n * witness, nSquared);
    refuse(forge({ holderCount: 4, point: 1, ciphertext, witness, value }));
  });

  it('ATTACK the sign that the proof leaves open changes nothing, with odd mu_i too', () => {
    const held = dealtKey(3);
    const c = encrypt(held.publicKey, 9n);
    const all = partialsOf(held, c);
    const witness = 6n * held.shares[0]!.value;
    const value = held.publicKey.nSquared - all[0]!.value;
    const negated = forge({ holderCount: 3, point: 1, ciphertext: c, witness, value });
    const options = { ...opening, publicKey: held.publicKey, sharing: held.sharing, ciphertext: c };
    verifyPartialDecryption({ ...options, partial: negated });
    expect(lagrangeAtZero(3, [1, 3])[0]! % 2n, 'mu_1 of {1, 3}').to.equal(1n);
    expect(combinePartials({ ...options, partials: [negated, all[2]!] })).to.equal(9n);
  });

  it('ATTACK a proof for another query, step, index, ciphertext, epoch, key or holder is refused', () => {
    verify(first);
    const contexts: OpeningContext[] = [
      { ...CONTEXT, queryId: 'query-2' },
      { ...CONTEXT, step: 'ceremony' },
      { ...CONTEXT, index: 1 },
    ];
    for (const context of contexts) refuse(first, { context });
    const elsewhere = encrypt(publicKey, 7n);
    refuse(first, { ciphertext: elsewhere });
    refuse({ ...first, ciphertextDigest: ciphertextDigest(publicKey, elsewhere) }, { ciphertext: elsewhere });
    refuse(first, { sharing: { ...sharing, epoch: 1 } });
    refuse({ ...first, epoch: 1 }, { sharing: { ...sharing, epoch: 1 } });
    // A true proof under false labels would let two documents say different things about one part.
    refuse({ ...first, epoch: 1 });
    refuse({ ...first, ciphertextDigest: ciphertextDigest(publicKey, elsewhere) });
    refuse({ ...first, keyId: '0'.repeat(64) });
    refuse({ ...first, holder: 'H2MSP' });
    refuse({ ...first, holder: 'H9MSP' });
    // Holder 2 posts holder 1's part under its own key: same c_i, same proof, other v_i.
    const swapped = [...sharing.verificationKeys].reverse();
    refuse(first, { sharing: { ...sharing, verificationKeys: swapped } });
    const renamed = ['H9MSP', ...sharing.holders.slice(1)];
    refuse({ ...first, holder: 'H9MSP' }, { sharing: { ...sharing, holders: renamed } });
  });

  it('ATTACK a mauled proof is refused', () => {
    const { challenge, response } = first.proof;
    const witness = 24n * key.shares[0]!.value;
    const proofs = [
      { challenge: challenge ^ 1n, response },
      { challenge, response: response + 1n },
      { challenge: challenge + 1n, response: response + witness },
      { challenge: 0n, response: 0n },
      { challenge: 0n, response: 1n },
      { challenge: -challenge, response },
      { challenge, response: -response },
      { challenge: challenge + 2n ** 128n, response },
      { challenge, response: response + 2n ** 12_600n },
      second.proof,
    ];
    for (const proof of proofs) refuse({ ...first, proof });
  });

  it('ATTACK c = n^2 - 1 shows nothing: an exponent without the factor 2 would tell its parity', () => {
    const evil = nSquared - 1n;
    const parities = new Set(key.shares.map((share) => modPow(evil, share.value, nSquared)));
    // Delta happens to be even; the factor keeps its promise without leaning on that.
    for (const parity of parities) expect(parity).to.be.oneOf([1n, evil]);
    const all = partialsOf(key, evil);
    expect(all.map((partial) => partial.value)).to.deep.equal([1n, 1n, 1n, 1n]);
    const options = { ...opening, ciphertext: evil };
    for (const partial of all) verifyPartialDecryption({ ...options, partial });
    expect(combinePartials({ ...options, partials: all }), 'it is an encryption of 0').to.equal(0n);
  });

  it('0, 1, n, n^2 and multiples of a factor are neither opened nor taken for a part', () => {
    const { p, q } = key.secrets;
    const bad = [0n, n, n * 5n, nSquared, nSquared + 2n, p, p * 7n, q * q, -1n];
    const share = key.shares[0]!;
    for (const value of [...bad, 1n]) {
      const options = { ...opening, ciphertext: value };
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => provePartialDecryption({ ...options, share }));
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => {
        verify(first, { ciphertext: value });
      });
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => combine(partials, { ciphertext: value }));
    }
    for (const value of bad) {
      refuse({ ...first, value });
      expectCode('CRYPTO_SHARES_INCOMPLETE', () => combine([{ ...first, value }, second, third]));
    }
  });

  it('a holder with a share that is not the one of the sharing is told, instead of being accused', () => {
    const share = key.shares[0]!;
    const cases: Array<[string, object]> = [
      ['share.value', { ...share, value: share.value + 1n }],
      ['share.value', { ...share, holder: 'H2MSP' }],
      ['share.value', { ...share, value: 0n }],
      ['share.epoch', { ...share, epoch: 1 }],
      ['keyId', { ...share, keyId: 'f'.repeat(64) }],
      ['holder', { ...share, holder: 'H9MSP' }],
    ];
    for (const [argument, wrong] of cases)
      expectCode(
        'CRYPTO_INVALID_INPUT',
        () => provePartialDecryption({ ...opening, share: wrong as typeof share }),
        argument,
      );
    for (const context of [
      { ...CONTEXT, queryId: '' },
      { ...CONTEXT, step: 'other' },
      { ...CONTEXT, index: -1 },
    ])
      expectCode('CRYPTO_INVALID_INPUT', () =>
        provePartialDecryption({ ...opening, context: context as OpeningContext, share }),
      );
  });

  it('combines partials of distinct holders, one epoch and one ciphertext only', () => {
    const [elsewhere] = partialsOf(key, encrypt(publicKey, 7n)) as [ProvenPartial];
    for (const given of [
      [first, second],
      [first, second, second],
      [first, second, { ...third, holder: 'H9MSP' }],
      [elsewhere, second, third],
      [{ ...first, epoch: 1 }, second, third],
      [{ ...first, keyId: 'f'.repeat(64) }, second, third],
    ])
      expectCode('CRYPTO_SHARES_INCOMPLETE', () => combine(given), 'partials');
    // The lowest points are used, so that everyone comes to the same: a bad fourth does not matter.
    expect(combine([{ ...fourth, value: 2n }, third, second, first])).to.equal(7n);
    expectCode('CRYPTO_DECRYPTION_FAILED', () => combine([{ ...fourth, value: 2n }, second, first]));
    for (const theta of [0n, n, key.secrets.p])
      expectCode(
        'CRYPTO_INVALID_INPUT',
        () => combine(partials, { sharing: { ...sharing, theta } }),
        'sharing.theta',
      );
  });

  it('theta comes from the test ciphertext, the same from every majority', () => {
    const context: OpeningContext = { queryId: 'ceremony-1', step: 'ceremony', index: 0 };
    const closing = partialsOf(key, testCiphertextOf(publicKey), context);
    expect(thetaOf({ publicKey, sharing, partials: closing, modPow })).to.equal(sharing.theta);
    expect(sharing.theta).to.equal((4n * deltaOf(4) ** 2n * key.secrets.exponent) % n);
    const value = (closing[3]!.value * (1n + n)) % nSquared;
    expectCode('CRYPTO_DECRYPTION_FAILED', () =>
      thetaOf({ publicKey, sharing, partials: [...closing.slice(0, 3), { ...closing[3]!, value }] }),
    );
    expectCode('CRYPTO_SHARES_INCOMPLETE', () =>
      thetaOf({ publicKey, sharing, partials: closing.slice(0, 2) }),
    );
    expectCode('CRYPTO_SHARES_INCOMPLETE', () => thetaOf({ publicKey, sharing, partials }));
  });

  it('faults are errors of this package that carry no value', () => {
    const { faults } = verifyPartials({ ...opening, partials: [{ ...first, value: 5n }] });
    expect(faults[0]).to.be.instanceOf(CryptoError);
    expect(faults[0]?.message).to.equal(
      'CRYPTO_PROOF_INVALID: H1MSP: expected a proof that the share was used, came one that does not hold',
    );
    expectCode('CRYPTO_INVALID_CIPHERTEXT', () =>
      verifyPartials({ ...opening, ciphertext: 0n, partials: [first] }),
    );
  });
});
