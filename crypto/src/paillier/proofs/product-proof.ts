/**
 * Product proof: c_d encrypts x y mod n, where c_x encrypts x and c_y encrypts y; with c_x = c_y a square proof.
 *
 *   x known to the prover, x < 2^k;   c_d = c_y^x g^n for g = r_d r_y^-x mod n
 *   commit     alpha uniform of k + 128 + 80 bits, s_1, s_2 uniform in Z*_n
 *              A = (1 + n)^alpha s_1^n,   B = c_y^alpha s_2^n                       mod n^2
 *   challenge  e = H(key id, context, c_x, c_y, c_d, A, B), 128 bits
 *   respond    z = alpha + e x, an integer;   w_1 = +-s_1 r_x^e mod n,   w_2 = +-s_2 g^e mod n
 *   proof      (A, B, z, w_1, w_2): 6 keyBits / 8 bytes, and k + 209 bits for z
 *   verify     (1 + n)^z w_1^n = +-A c_x^e,   c_y^z w_2^n = +-B c_d^e
 *
 * Cramer, Damgard and Nielsen, EUROCRYPT 2001, section 8.1.2. Divergence: z is not reduced mod n (c_y has not order n, so
 * a reduction would have to move c_y^t, t = floor(z / n), into w_2); alpha hides e x statistically instead, distance at
 * most 2^-80, and for a short x every exponent is short. Soundness error 2^-128 per random-oracle query, for every x in
 * Z_n: k bounds what is hidden, not what is proven. The product is mod n: that x y < n, ranges have to show.
 */
import { invalidInput } from '../../core/errors.js';
import { randomBits } from '../../core/random.js';
import { bitLength, modInverse, modPow as bigintModPow } from '../arithmetic.js';
import { assertCiphertextRange } from '../public-key.js';
import type { ProverOptions, StatementOptions } from './bit-proof.js';
import { CHALLENGE_BITS, assertRange, challengeOf } from './challenge.js';
import { assertEquations, canonicalRoot, type Equation, type VerifyOptions } from './equations.js';
import { assertOpened, type Opened } from './opened.js';

const LABEL = 'careledger/paillier-product-proof/v1';
/** The sum of mask and hidden value is at most 2^-80 from the mask alone. */
const HIDING_BITS = 80;

export interface ProductProof {
  /** A, B. */
  readonly commitments: readonly [bigint, bigint];
  /** z, at most k + 209 bits. */
  readonly z: bigint;
  /** w_1, w_2 of Z*_n, below n / 2. */
  readonly answers: readonly [bigint, bigint];
}
/** c_d encrypts x y. */
export interface ProductStatement {
  readonly x: bigint;
  readonly y: bigint;
  readonly product: bigint;
}

/** Bits of z for a factor below 2^factorBits. */
export function productAnswerBits(factorBits: number): number {
  return factorBits + CHALLENGE_BITS + HIDING_BITS + 1;
}

function challenge(
  { publicKey, context }: StatementOptions,
  { x, y, product }: ProductStatement,
  commitments: readonly bigint[],
): bigint {
  return challengeOf({ label: LABEL, publicKey, context, statement: [x, y, product], commitments });
}

/**
 * @param factors.x below 2^factorBits; the shorter of two factors makes the faster proof
 * @throws CRYPTO_INVALID_INPUT when the product is another, or x is too long
 */
export function proveProduct(
  factors: { readonly x: Opened; readonly y: Opened; readonly product: Opened },
  factorBits: number,
  options: ProverOptions,
): ProductProof {
  const { publicKey, masks, modPow = bigintModPow, random } = options;
  const { n, nSquared } = publicKey;
  const { x, y, product } = factors;
  for (const opened of [x, y, product]) assertOpened(publicKey, opened);
  if (bitLength(x.plaintext) > factorBits) throw invalidInput('x', `${factorBits} bits`, 'more');
  if ((x.plaintext * y.plaintext) % n !== product.plaintext)
    throw invalidInput('product', 'the product of x and y', 'another');
  const alpha = randomBits(factorBits + CHALLENGE_BITS + HIDING_BITS, random);
  const [mask1, mask2] = [masks(), masks()];
  const commitments: [bigint, bigint] = [
    ((1n + (alpha % n) * n) * mask1.power) % nSquared,
    (modPow(y.ciphertext, alpha, nSquared) * mask2.power) % nSquared,
  ];
  const statement = { x: x.ciphertext, y: y.ciphertext, product: product.ciphertext };
  const e = challenge(options, statement, commitments);
  const root = (product.randomness * modInverse(modPow(y.randomness, x.plaintext, n), n)) % n;
  return {
    commitments,
    z: alpha + e * x.plaintext,
    answers: [
      canonicalRoot(publicKey, (mask1.root * modPow(x.randomness, e, n)) % n),
      canonicalRoot(publicKey, (mask2.root * modPow(root, e, n)) % n),
    ],
  };
}

/** @throws CRYPTO_INVALID_CIPHERTEXT, CRYPTO_PROOF_INVALID for a z that is too long */
export function productEquations(
  statement: ProductStatement,
  factorBits: number,
  proof: ProductProof,
  options: StatementOptions,
): Equation[] {
  const { x, y, product } = statement;
  for (const ciphertext of [x, y, product]) assertCiphertextRange(options.publicKey, ciphertext);
  const { commitments, z, answers } = proof;
  assertRange('proof.z', z, 1n << BigInt(productAnswerBits(factorBits)));
  const e = challenge(options, statement, commitments);
  return [
    {
      plain: z,
      root: answers[0],
      left: [],
      right: [
        [commitments[0], 1n],
        [x, e],
      ],
    },
    {
      plain: 0n,
      root: answers[1],
      left: [[y, z]],
      right: [
        [commitments[1], 1n],
        [product, e],
      ],
    },
  ];
}

/** @throws CRYPTO_PROOF_INVALID, CRYPTO_INVALID_CIPHERTEXT */
export function verifyProduct(
  statement: ProductStatement,
  factorBits: number,
  proof: ProductProof,
  options: StatementOptions & VerifyOptions,
): void {
  assertEquations(options.publicKey, productEquations(statement, factorBits, proof, options), options);
}
