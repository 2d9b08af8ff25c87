/**
 * 0/1 proof: c encrypts 0 or 1, without showing which.
 *
 *   u_0 = c, u_1 = c (1 + n)^-1;     c encrypts i  <=>  u_i is an n-th power
 *   "u_0 or u_1 is an n-th power" (Cramer, Damgard and Schoenmakers, CRYPTO 1994) of the proof that a number is an n-th
 *   power (Guillou and Quisquater, EUROCRYPT 1988, with exponent n; Damgard and Jurik, PKC 2001, section 4.2)
 *
 *   with u_i = (1 + n)^(m - i) r^n:   e_(1-m) uniform of 128 bits, s_i uniform in Z*_n
 *   commit     a_i = s_i^n (1 + n)^(-(m - i) e_i)                so that the answer below fits for i = 1 - m too
 *   challenge  e = H(key id, context, c, a_0, a_1),  e_m = e - e_(1-m) mod 2^128
 *   respond    w_i = +-s_i r^(e_i) mod n, the smaller of the two
 *   proof      (a_0, a_1, e_0, w_0, w_1): 16 + 6 keyBits / 8 bytes
 *   verify     e_1 = e - e_0 mod 2^128,   w_0^n = +-a_0 c^(e_0),   (1 + n)^(e_1) w_1^n = +-a_1 c^(e_1)
 *
 * The commitments travel along so that many proofs can be verified at once. Soundness error 2^-128 per random-oracle
 * query: for any other plaintext neither u_i is an n-th power, and each a_i admits one e_i only. Zero knowledge: for
 * both values of m the e_i are uniform up to their sum, and the w_i uniform.
 */
import { invalidInput } from '../../core/errors.js';
import { randomBits, type RandomBytes } from '../../core/random.js';
import { modPow as bigintModPow, type ModPow } from '../arithmetic.js';
import { assertCiphertextRange } from '../public-key.js';
import type { PaillierPublicKey } from '../types.js';
import { CHALLENGE_BITS, CHALLENGE_LIMIT, assertRange, challengeOf } from './challenge.js';
import { assertEquations, canonicalRoot, type Equation, type VerifyOptions } from './equations.js';
import type { MaskSource } from './masks.js';
import { assertOpened, type Opened } from './opened.js';

const LABEL = 'careledger/paillier-bit-proof/v1';

export interface BitProof {
  /** a_0, a_1, elements of Z*_{n^2}. */
  readonly commitments: readonly [bigint, bigint];
  /** e_0, 128 bits. */
  readonly challenge: bigint;
  /** w_0, w_1 of Z*_n, below n / 2. */
  readonly answers: readonly [bigint, bigint];
}

/** What every prover of this folder needs besides its secrets. */
export interface ProverOptions {
  readonly publicKey: PaillierPublicKey;
  /** What the proof is for; enters the challenge. */
  readonly context: Uint8Array;
  readonly masks: MaskSource;
  readonly modPow?: ModPow;
  readonly random?: RandomBytes;
}
/** What every verifier of this folder needs besides statement and proof. */
export interface StatementOptions {
  readonly publicKey: PaillierPublicKey;
  readonly context: Uint8Array;
}

function challenge(
  { publicKey, context }: StatementOptions,
  ciphertext: bigint,
  commitments: readonly bigint[],
): bigint {
  return challengeOf({ label: LABEL, publicKey, context, statement: [ciphertext], commitments });
}

/**
 * Costs two masks and two exponentiations of 128 bits mod n.
 * @throws CRYPTO_INVALID_INPUT unless the plaintext is 0 or 1
 */
export function proveBit(opened: Opened, options: ProverOptions): BitProof {
  const { publicKey, masks, modPow = bigintModPow, random } = options;
  const { n, nSquared } = publicKey;
  assertOpened(publicKey, opened);
  const { ciphertext, plaintext, randomness } = opened;
  if (plaintext > 1n) throw invalidInput('plaintext', '0 or 1', 'another');
  const simulated = randomBits(CHALLENGE_BITS, random);
  const [mask0, mask1] = [masks(), masks()];
  // (1 + n)^(-(m - i) e_i): -1 for i = 1 and m = 0, +1 for i = 0 and m = 1.
  const shift = plaintext === 0n ? simulated : n - simulated;
  const shifted = ((1n + shift * n) * (plaintext === 0n ? mask1 : mask0).power) % nSquared;
  const commitments: [bigint, bigint] = plaintext === 0n ? [mask0.power, shifted] : [shifted, mask1.power];
  const whole = challenge(options, ciphertext, commitments);
  const real = BigInt.asUintN(CHALLENGE_BITS, whole - simulated);
  const [e0, e1] = plaintext === 0n ? [real, simulated] : [simulated, real];
  const answer = (root: bigint, e: bigint): bigint =>
    canonicalRoot(publicKey, (root * modPow(randomness, e, n)) % n);
  return { commitments, challenge: e0, answers: [answer(mask0.root, e0), answer(mask1.root, e1)] };
}

/** @throws CRYPTO_INVALID_CIPHERTEXT, CRYPTO_PROOF_INVALID for ranges; that the equations hold is what the proof claims */
export function bitEquations(ciphertext: bigint, proof: BitProof, options: StatementOptions): Equation[] {
  assertCiphertextRange(options.publicKey, ciphertext);
  const { commitments, challenge: e0, answers } = proof;
  assertRange('proof.challenge', e0, CHALLENGE_LIMIT);
  const e1 = BigInt.asUintN(CHALLENGE_BITS, challenge(options, ciphertext, commitments) - e0);
  return [
    {
      plain: 0n,
      root: answers[0],
      left: [],
      right: [
        [commitments[0], 1n],
        [ciphertext, e0],
      ],
    },
    {
      plain: e1,
      root: answers[1],
      left: [],
      right: [
        [commitments[1], 1n],
        [ciphertext, e1],
      ],
    },
  ];
}

/** @throws CRYPTO_PROOF_INVALID, CRYPTO_INVALID_CIPHERTEXT */
export function verifyBit(
  ciphertext: bigint,
  proof: BitProof,
  options: StatementOptions & VerifyOptions,
): void {
  assertEquations(options.publicKey, bitEquations(ciphertext, proof, options), options);
}
