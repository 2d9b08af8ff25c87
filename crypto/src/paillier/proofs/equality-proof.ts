/**
 * Equality proof: products of powers P and Q of ciphertexts encrypt the same, up to a public difference k.
 *
 *   P = prod c_i^(u_i),  Q = prod d_j^(v_j);   P (1 + n)^-k / Q = t^n,   t known from the randomness of all c_i, d_j
 *   commit     s uniform in Z*_n,  a = s^n mod n^2
 *   challenge  e = H(key id, context, all c_i, d_j, u_i, v_j, k, a), 128 bits
 *   respond    w = +-s t^e mod n, the smaller of the two
 *   proof      (a, w): 3 keyBits / 8 bytes
 *   verify     (1 + n)^(k e) w^n Q^e = +-a P^e
 *
 * The proof that a number is an n-th power (Damgard and Jurik, PKC 2001, section 4.2) of a number made from others: a
 * packed row and its slots, prod c_slot^(2^offset) / c_row; bins that sum to 1. Soundness error 2^-128 per query.
 */
import { encodeList, encodeParts } from '../../core/encode.js';
import { invalidInput } from '../../core/errors.js';
import { modInverse, modPow as bigintModPow } from '../arithmetic.js';
import { assertCiphertextRange } from '../public-key.js';
import type { ProverOptions, StatementOptions } from './bit-proof.js';
import { challengeOf } from './challenge.js';
import { assertEquations, canonicalRoot, type Equation, type VerifyOptions } from './equations.js';
import type { Power } from './multi-power.js';
import { assertOpened, weightedOpening, type OpenedTerm } from './opened.js';

const LABEL = 'careledger/paillier-equality-proof/v1';

export interface EqualityProof {
  /** a. */
  readonly commitment: bigint;
  /** w of Z*_n, below n / 2. */
  readonly answer: bigint;
}
/** sum of weights times plaintexts on the left = the same on the right + difference, mod n. */
export interface EqualityStatement {
  readonly left: readonly Power[];
  readonly right: readonly Power[];
  /** k, 0..n - 1. */
  readonly difference: bigint;
}

function challenge(
  { publicKey, context }: StatementOptions,
  { left, right, difference }: EqualityStatement,
  commitment: bigint,
): bigint {
  const weights = (powers: readonly Power[]): Uint8Array =>
    encodeList(
      LABEL,
      powers.map(([, weight]) => weight),
    );
  const shape = encodeParts(LABEL, weights(left), weights(right), difference);
  return challengeOf({
    label: LABEL,
    publicKey,
    context: encodeParts(LABEL, context, shape),
    statement: [...left, ...right].map(([ciphertext]) => ciphertext),
    commitments: [commitment],
  });
}

const powersOf = (terms: readonly OpenedTerm[]): Power[] =>
  terms.map(([{ ciphertext }, weight]) => [ciphertext, weight]);

/** @throws CRYPTO_INVALID_INPUT when the sums are others */
export function proveEquality(
  terms: { readonly left: readonly OpenedTerm[]; readonly right: readonly OpenedTerm[] },
  difference: bigint,
  options: ProverOptions,
): EqualityProof {
  const { publicKey, masks, modPow = bigintModPow } = options;
  const { n } = publicKey;
  for (const [opened] of [...terms.left, ...terms.right]) assertOpened(publicKey, opened);
  const left = weightedOpening(publicKey, terms.left);
  const right = weightedOpening(publicKey, terms.right);
  if (left.plaintext !== (right.plaintext + difference) % n)
    throw invalidInput('terms', 'sums that differ by the difference', 'others');
  const mask = masks();
  const statement = { left: powersOf(terms.left), right: powersOf(terms.right), difference };
  const e = challenge(options, statement, mask.power);
  const root = (left.randomness * modInverse(right.randomness, n)) % n;
  return { commitment: mask.power, answer: canonicalRoot(publicKey, (mask.root * modPow(root, e, n)) % n) };
}

/** @throws CRYPTO_INVALID_CIPHERTEXT */
export function equalityEquations(
  statement: EqualityStatement,
  proof: EqualityProof,
  options: StatementOptions,
): Equation[] {
  const { left, right, difference } = statement;
  for (const [ciphertext] of [...left, ...right]) assertCiphertextRange(options.publicKey, ciphertext);
  const e = challenge(options, statement, proof.commitment);
  const raise = (powers: readonly Power[]): Power[] => powers.map(([base, weight]) => [base, weight * e]);
  return [
    {
      plain: difference * e,
      root: proof.answer,
      left: raise(right),
      right: [[proof.commitment, 1n], ...raise(left)],
    },
  ];
}

/** @throws CRYPTO_PROOF_INVALID, CRYPTO_INVALID_CIPHERTEXT */
export function verifyEquality(
  statement: EqualityStatement,
  proof: EqualityProof,
  options: StatementOptions & VerifyOptions,
): void {
  assertEquations(options.publicKey, equalityEquations(statement, proof, options), options);
}
