import { expect } from 'chai';
import { expectCode } from '../../test-support.js';
import { gcd, modPow } from '../arithmetic.js';
import { publicKeyFromModulus } from '../public-key.js';
import { bitEquations, proveBit, verifyBit, type BitProof } from './bit-proof.js';
import { masksFor, type Mask } from './masks.js';
import { encryptOpened, type Opened } from './opened.js';
import { bench, contextOf, refused, type Bench } from './proofs.test-support.js';

describe('0/1 proof', function () {
  this.timeout(20_000);

  let setting: Bench;
  before(async () => {
    setting = await bench();
  });
  const verify = (
    { ciphertext }: Pick<Opened, 'ciphertext'>,
    proof: BitProof,
    context?: Uint8Array,
  ): void => {
    verifyBit(ciphertext, proof, { ...setting.options, ...(context === undefined ? {} : { context }) });
  };

  it('holds for 0 and for 1, and looks alike', () => {
    for (const value of [0n, 1n, 0n, 1n]) {
      const opened = setting.open(value);
      const proof = proveBit(opened, setting.options);
      verify(opened, proof);
      expect(proof.commitments[0]).to.not.equal(proof.commitments[1]);
    }
  });

  it('cannot be made for 2, -1 or any other value', () => {
    for (const value of [2n, -1n, 12345n]) {
      expectCode('CRYPTO_INVALID_INPUT', () => proveBit(setting.open(value), setting.options), 'plaintext');
      for (const claim of [0n, 1n]) {
        const opened = setting.pretend(value, claim);
        const proof = proveBit(opened, setting.options);
        refused(() => {
          verify(opened, proof);
        });
      }
    }
  });

  it('one branch that was really simulated does not carry the other', () => {
    const opened = setting.pretend(2n, 0n);
    const proof = proveBit(opened, setting.options);
    // Both branches answer to the challenges that they were made for, which do not add up to the hash.
    const other = proveBit({ ...opened, plaintext: 1n }, setting.options);
    refused(() => {
      verify(opened, {
        commitments: [other.commitments[0], proof.commitments[1]],
        challenge: other.challenge,
        answers: [other.answers[0], proof.answers[1]],
      });
    });
  });

  it('serves one ciphertext and one context', () => {
    const { publicKey } = setting;
    const opened = setting.open(1n);
    const proof = proveBit(opened, setting.options);
    refused(() => {
      verify(setting.open(1n), proof);
    });
    refused(() => {
      verify({ ciphertext: (opened.ciphertext * opened.ciphertext) % publicKey.nSquared }, proof);
    });
    refused(() => {
      verify({ ciphertext: publicKey.nSquared - opened.ciphertext }, proof);
    });
    refused(() => {
      verify(opened, proof, contextOf('elsewhere'));
    });
  });

  it('with any part changed it fails, every time', () => {
    const { n, nSquared } = setting.publicKey;
    const opened = setting.open(0n);
    const proof = proveBit(opened, setting.options);
    const { commitments, challenge, answers } = proof;
    const [a0, a1] = commitments;
    const [w0, w1] = answers;
    const changed: BitProof[] = [
      { ...proof, commitments: [a1, a0] },
      { ...proof, commitments: [nSquared - a0, a1] },
      { ...proof, commitments: [a0 + nSquared, a1] },
      { ...proof, commitments: [a0, 0n] },
      { ...proof, commitments: [a0, n] },
      { ...proof, challenge: challenge ^ 1n },
      { ...proof, challenge: challenge + 2n ** 128n },
      { ...proof, challenge: -challenge },
      { ...proof, answers: [w1, w0] },
      { ...proof, answers: [n - w0, w1] },
      { ...proof, answers: [w0, n - w1] },
      { ...proof, answers: [w0 + n, w1] },
      { ...proof, answers: [w0, 0n] },
      { ...proof, answers: [w0, (w1 + 1n) % (n / 2n)] },
    ];
    changed.forEach((other) => {
      for (let i = 0; i < 3; i++)
        refused(() => {
          verify(opened, other);
        });
    });
  });

  it('a ciphertext that intake refuses has no proof', () => {
    const proof = proveBit(setting.open(0n), setting.options);
    const { n, nSquared } = setting.publicKey;
    for (const ciphertext of [0n, 1n, nSquared, -1n])
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => bitEquations(ciphertext, proof, setting.options));
    refused(() => {
      verify({ ciphertext: n }, proof);
    });
  });

  it('what shares a factor with n is refused, though the equations hold', () => {
    const factor = 3n;
    const publicKey = publicKeyFromModulus(factor * (2n ** 318n + 3n), { allowTestKeySize: true });
    const masks = masksFor(publicKey);
    const units = (): Mask => {
      for (;;) {
        const mask = masks();
        if (gcd(mask.root, publicKey.n) === 1n) return mask;
      }
    };
    const shared = (): Mask => {
      const root = (units().root * factor) % publicKey.n;
      return { root, power: modPow(root, publicKey.n, publicKey.nSquared) };
    };
    for (const [source, isFit] of [
      [units, true],
      [shared, false],
    ] as const) {
      const options = { ...setting.options, publicKey, masks: source };
      const opened = encryptOpened(publicKey, 1n, source);
      const proof = proveBit(opened, options);
      const check = (): void => {
        verifyBit(opened.ciphertext, proof, options);
      };
      if (isFit) check();
      else refused(check);
    }
  });
});
