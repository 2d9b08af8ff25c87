import { expect } from 'chai';
import { modInverse, modPow } from '../arithmetic.js';
import { bitEquations, proveBit } from './bit-proof.js';
import { canonicalRoot, verifyBatch, type Equation } from './equations.js';
import type { Opened } from './opened.js';
import { productEquations, proveProduct } from './product-proof.js';
import { bench, refused, type Bench } from './proofs.test-support.js';

const BITS = 8;

describe('batch verification', function () {
  this.timeout(20_000);

  let setting: Bench;
  before(async () => {
    setting = await bench();
  });
  const bit = (opened: Opened): Equation[] =>
    bitEquations(opened.ciphertext, proveBit(opened, setting.options), setting.options);
  const honest = (count: number): Equation[][] =>
    Array.from({ length: count }, (_, i) => bit(setting.open(BigInt(i % 2))));
  const noWeights = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes);

  it('takes proofs of all kinds together, and none', () => {
    const [x, product] = [setting.open(5n), setting.open(25n)];
    const factors = { x, y: x, product };
    const statement = { x: x.ciphertext, y: x.ciphertext, product: product.ciphertext };
    const square = productEquations(
      statement,
      BITS,
      proveProduct(factors, BITS, setting.options),
      setting.options,
    );
    verifyBatch(setting.publicKey, [...honest(3), square]);
    verifyBatch(setting.publicKey, []);
  });

  it('costs one exponentiation with exponent n', () => {
    const { publicKey } = setting;
    const proofs = honest(6);
    let long = 0;
    const counting = (base: bigint, exponent: bigint, modulus: bigint): bigint => {
      if (exponent === publicKey.n) long += 1;
      return modPow(base, exponent, modulus);
    };
    verifyBatch(publicKey, proofs, { modPow: counting });
    expect(long).to.equal(1);
  });

  it('names the bad member, wherever it stands', () => {
    const good = honest(4);
    for (let place = 0; place <= good.length; place++) {
      const proofs = [...good];
      proofs.splice(place, 0, bit(setting.pretend(2n, 1n)));
      refused(() => {
        verifyBatch(setting.publicKey, proofs);
      }, `proofs[${place}]`);
    }
  });

  it('a batch of one is checked exactly; an answer of the wrong sign is refused, not weighed', () => {
    const [proof = []] = honest(1);
    verifyBatch(setting.publicKey, [proof]);
    const { n } = setting.publicKey;
    const flipped = proof.map((equation) => ({ ...equation, root: n - equation.root }));
    for (let i = 0; i < 4; i++)
      refused(() => {
        verifyBatch(setting.publicKey, [...honest(2), flipped]);
      }, 'proofs[2]');
  });

  /**
   * A 0/1 proof of an encrypted 2 is wrong by (1 + n)^(e_0 + e_1); z of a product proof is not hashed, and makes good
   * for it as long as every equation weighs the same.
   */
  function cancellingPair(): Equation[][] {
    const { n } = setting.publicKey;
    const two = bit(setting.pretend(2n, 1n));
    const [x, y, product] = [setting.open(3n), setting.open(0n), setting.open(0n)];
    const statement = { x: x.ciphertext, y: y.ciphertext, product: product.ciphertext };
    const proof = proveProduct({ x, y, product }, BITS, setting.options);
    const missing = two.reduce((sum, { right }) => sum + (right[1]?.[1] ?? 0n), 0n);
    const mended = {
      ...proof,
      z: proof.z + missing,
      answers: [
        proof.answers[0],
        canonicalRoot(
          setting.publicKey,
          (proof.answers[1] * modInverse(modPow(y.randomness, missing, n), n)) % n,
        ),
      ] as const,
    };
    return [two, productEquations(statement, BITS + 3, mended, setting.options)];
  }

  it('errors that cancel under equal weights do not under random ones', () => {
    const pair = cancellingPair();
    verifyBatch(setting.publicKey, pair, { random: noWeights });
    refused(() => {
      verifyBatch(setting.publicKey, pair);
    }, 'proofs[0]');
    refused(() => {
      verifyBatch(setting.publicKey, [...honest(2), ...pair]);
    }, 'proofs[2]');
  });
});
