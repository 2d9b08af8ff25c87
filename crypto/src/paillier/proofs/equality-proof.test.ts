import { expectCode } from '../../test-support.js';
import { modInverse, modPow } from '../arithmetic.js';
import { equalityEquations, proveEquality, verifyEquality, type EqualityProof } from './equality-proof.js';
import { canonicalRoot } from './equations.js';
import type { Opened, OpenedTerm } from './opened.js';
import { bench, contextOf, refused, type Bench } from './proofs.test-support.js';
import type { Power } from './multi-power.js';

describe('equality proof', function () {
  this.timeout(20_000);

  let setting: Bench;
  before(async () => {
    setting = await bench();
  });
  const powersOf = (terms: readonly OpenedTerm[]): Power[] =>
    terms.map(([{ ciphertext }, weight]) => [ciphertext, weight]);
  interface Terms {
    readonly left: readonly OpenedTerm[];
    readonly right: readonly OpenedTerm[];
  }
  const check = ({ left, right }: Terms, difference = 0n, asked = difference): void => {
    const proof = proveEquality({ left, right }, difference, setting.options);
    const statement = { left: powersOf(left), right: powersOf(right), difference: asked };
    verifyEquality(statement, proof, setting.options);
  };
  const slots = (): OpenedTerm[] => [
    [setting.open(3n), 1n],
    [setting.open(5n), 1n << 100n],
    [setting.open(7n), 1n << 200n],
  ];
  const packed = 3n + (5n << 100n) + (7n << 200n);
  const row = (value: bigint): OpenedTerm[] => [[setting.open(value), 1n]];

  it('holds for a packed row and its slots, for a difference, and for nothing on one side', () => {
    check({ left: slots(), right: row(packed) });
    check({ left: row(8n), right: row(5n) }, 3n);
    check({ left: row(2n), right: row(5n) }, setting.publicKey.n - 3n);
    check({ left: row(1n), right: [] }, 1n);
  });

  it('cannot be made for other sums', () => {
    expectCode('CRYPTO_INVALID_INPUT', () => {
      check({ left: slots(), right: row(packed + 1n) });
    });
    const lies: Opened[] = [
      setting.pretend(packed + 1n, packed),
      setting.pretend(packed + (1n << 250n), packed),
      setting.pretend(packed - 1n, packed),
    ];
    for (const lie of lies)
      refused(() => {
        check({ left: slots(), right: [[lie, 1n]] });
      });
    refused(() => {
      check({ left: row(8n), right: row(5n) }, 3n, 4n);
    });
  });

  it('serves these ciphertexts with these weights in one context', () => {
    const { options } = setting;
    const [left, right] = [slots(), row(packed)];
    const proof = proveEquality({ left, right }, 0n, options);
    const statement = { left: powersOf(left), right: powersOf(right), difference: 0n };
    verifyEquality(statement, proof, options);
    const doubled = (powers: Power[]): Power[] => powers.map(([base, weight]) => [base, 2n * weight]);
    for (const other of [
      { ...statement, left: [...statement.left].reverse() },
      { ...statement, left: doubled(statement.left), right: doubled(statement.right) },
      { ...statement, left: statement.right, right: statement.left },
    ])
      refused(() => {
        verifyEquality(other, proof, options);
      });
    refused(() => {
      verifyEquality(statement, proof, { ...options, context: contextOf('elsewhere') });
    });
    const { n, nSquared } = setting.publicKey;
    for (const other of [
      { ...proof, answer: n - proof.answer },
      { ...proof, answer: proof.answer + 1n },
      { ...proof, commitment: nSquared - proof.commitment },
      { ...proof, commitment: proof.commitment + nSquared },
    ])
      refused(() => {
        verifyEquality(statement, other, options);
      });
  });

  /** A statement that is fitted to a challenge: a = (1 + n) s^n admits one e for every false statement. */
  it('weights and difference cannot be chosen after the challenge', () => {
    const { publicKey, options } = setting;
    const { n } = publicKey;
    const [five, mask] = [setting.open(5n), setting.open(1n)];
    const fit = (weight: bigint, difference: bigint): [bigint, EqualityProof] => {
      const statement = { left: [[five.ciphertext, weight] as const], right: [], difference };
      const proof = { commitment: mask.ciphertext, answer: 1n };
      const [equation] = equalityEquations(statement, proof, options);
      const e = (equation?.right[1]?.[1] ?? 0n) / weight;
      return [e, proof];
    };
    const answerTo = (exponent: bigint): bigint =>
      canonicalRoot(publicKey, (mask.randomness * modPow(five.randomness, exponent, n)) % n);
    const [e, proof] = fit(1n, 0n);
    const difference = (5n + modInverse(e, n)) % n;
    const forged = { ...proof, answer: answerTo(e) };
    refused(() => {
      verifyEquality({ left: [[five.ciphertext, 1n]], right: [], difference }, forged, options);
    });
    const [other] = fit(1n, 7n);
    const weight = ((7n + n - modInverse(other, n)) * modInverse(5n, n)) % n;
    const bent = { ...proof, answer: answerTo(weight * other) };
    refused(() => {
      verifyEquality({ left: [[five.ciphertext, weight]], right: [], difference: 7n }, bent, options);
    });
  });
});
