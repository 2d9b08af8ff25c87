import fc from 'fast-check';
import { expectCode } from '../../test-support.js';
import { proveProduct, productAnswerBits, verifyProduct, type ProductProof } from './product-proof.js';
import type { Opened } from './opened.js';
import { bench, contextOf, refused, type Bench } from './proofs.test-support.js';

const BITS = 20;

describe('product proof', function () {
  this.timeout(20_000);

  let setting: Bench;
  before(async () => {
    setting = await bench();
  });
  interface Factors {
    readonly x: Opened;
    readonly y: Opened;
    readonly product: Opened;
  }
  const statementOf = ({ x, y, product }: Factors) => ({
    x: x.ciphertext,
    y: y.ciphertext,
    product: product.ciphertext,
  });
  const prove = (factors: Factors, bits = BITS): ProductProof => proveProduct(factors, bits, setting.options);
  const verify = (factors: Factors, proof: ProductProof, bits = BITS): void => {
    verifyProduct(statementOf(factors), bits, proof, setting.options);
  };

  it('holds for products and squares, with 0, with -1 and around n', () => {
    const factor = fc.bigInt({ min: 0n, max: 2n ** 20n - 1n });
    fc.assert(
      fc.property(factor, factor, (a, b) => {
        const [x, y] = [setting.open(a), setting.open(b)];
        const factors = { x, y, product: setting.open(a * b) };
        verify(factors, prove(factors));
        const square = { x, y: x, product: setting.open(a * a) };
        verify(square, prove(square));
        const present = { x: setting.open(1n), y, product: y };
        verify(present, prove(present, 1), 1);
      }),
      {
        numRuns: 4,
        examples: [
          [0n, 5n],
          [3n, 0n],
        ],
      },
    );
    const { keyBits } = setting.publicKey;
    const minus = { x: setting.open(-3n), y: setting.open(-5n), product: setting.open(15n) };
    verify(minus, prove(minus, keyBits), keyBits);
  });

  it('cannot be made for another product', () => {
    const [x, y] = [setting.open(6n), setting.open(7n)];
    expectCode('CRYPTO_INVALID_INPUT', () => prove({ x, y, product: setting.open(43n) }), 'product');
    for (const value of [43n, 41n, -42n, 0n]) {
      const lie = { x, y, product: setting.pretend(value, 42n) };
      refused(() => {
        verify(lie, prove(lie));
      });
    }
    for (const lie of [
      { x: setting.pretend(5n, 6n), y, product: setting.open(42n) },
      { x, y: setting.pretend(8n, 7n), product: setting.open(42n) },
    ])
      refused(() => {
        verify(lie, prove(lie));
      });
  });

  it('a value without its presence is found', () => {
    const absent = setting.pretend(0n, 1n);
    const y = setting.open(9n);
    const lie = { x: absent, y, product: y };
    refused(() => {
      verify(lie, prove(lie, 1), 1);
    });
  });

  it('serves one statement in one context', () => {
    const factors = { x: setting.open(2n), y: setting.open(3n), product: setting.open(6n) };
    const proof = prove(factors);
    verify(factors, proof);
    const { x, y } = factors;
    for (const other of [
      { ...factors, x: y, y: x },
      { ...factors, product: setting.open(6n) },
      { ...factors, x: setting.open(2n) },
    ])
      refused(() => {
        verify(other, proof);
      });
    refused(() => {
      verifyProduct(statementOf(factors), BITS, proof, {
        ...setting.options,
        context: contextOf('elsewhere'),
      });
    });
  });

  it('with any part changed it fails', () => {
    const { n, nSquared } = setting.publicKey;
    const factors = { x: setting.open(2n), y: setting.open(3n), product: setting.open(6n) };
    const proof = prove(factors);
    const [a, b] = proof.commitments;
    const [w1, w2] = proof.answers;
    const changed: ProductProof[] = [
      { ...proof, z: proof.z + 1n },
      { ...proof, z: -proof.z },
      { ...proof, z: proof.z + n },
      { ...proof, z: proof.z + (1n << BigInt(productAnswerBits(BITS))) },
      { ...proof, commitments: [b, a] },
      { ...proof, commitments: [a, nSquared - b] },
      { ...proof, answers: [n - w1, w2] },
      { ...proof, answers: [w1, n - w2] },
      { ...proof, answers: [w2, w1] },
    ];
    for (const other of changed)
      refused(() => {
        verify(factors, other);
      });
  });

  it('a factor that is longer than said is refused by the prover', () => {
    const factors = { x: setting.open(8n), y: setting.open(1n), product: setting.open(8n) };
    expectCode('CRYPTO_INVALID_INPUT', () => prove(factors, 3), 'x');
  });
});
