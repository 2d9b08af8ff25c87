/**
 * What a verifier has to check once challenges and ranges are in order: equations in Z*_{n^2}, up to sign
 *
 *   (1 + n)^plain root^n prod left = +-prod right,  1 <= root < n / 2                    each side a product of powers
 *
 * one by one, or many at once with random weights rho_i of 1..2^80 (Bellare, Garay and Rabin, EUROCRYPT 1998):
 *
 *   (1 + n)^(sum rho_i plain_i) (prod root_i^rho_i)^n prod left_i^rho_i = +-prod right_i^rho_i
 *
 * which costs one exponentiation with exponent n for all of them. Let delta_i be the quotient of the sides of equation i
 * and d_i its plaintext. If some d_i is not 0 mod n, it is not 0 modulo a prime factor of n, longer than 80 bits, and
 * the batch passes with probability at most 2^-80. A delta_i with d_i = 0, an n-th power, changes no plaintext, and the
 * extraction of plaintexts, all that these proofs are about, divides it out. Such a delta_i of small order could pass by
 * chance; whoever finds another one than -1 has factored n, and -1 is taken out: root and n - root give the same up to
 * sign, and only the smaller one is accepted. So a proof that somebody else
 * changed does not verify. Weights are drawn by the verifier after it has the proofs; nobody must know them before.
 */
import { invalidInput, shapeOf } from '../../core/errors.js';
import { randomBits, type RandomBytes } from '../../core/random.js';
import { gcd, modPow as bigintModPow, modProduct, type ModPow } from '../arithmetic.js';
import type { PaillierPublicKey } from '../types.js';
import { invalidProof } from './challenge.js';
import { multiPower, type Power } from './multi-power.js';

export const WEIGHT_BITS = 80;

export interface Equation {
  /** Taken mod n. */
  readonly plain: bigint;
  /** Of Z*_n, below n / 2. */
  readonly root: bigint;
  readonly left: readonly Power[];
  readonly right: readonly Power[];
}

export interface VerifyOptions {
  readonly modPow?: ModPow;
  /** Draws the weights. */
  readonly random?: RandomBytes;
}

/** The form of a root that is sent: of w and n - w, whose n-th powers differ by sign, the smaller one. */
export function canonicalRoot({ n }: PaillierPublicKey, root: bigint): bigint {
  return 2n * root < n ? root : n - root;
}

/** Roots in their form, and everything coprime to n. */
function areUnits({ n }: PaillierPublicKey, equations: readonly Equation[]): boolean {
  if (equations.some(({ root }) => typeof root !== 'bigint' || root < 1n || 2n * root >= n)) return false;
  const values = equations.flatMap(({ root, left, right }) => [
    root,
    ...left.map(([base]) => base % n),
    ...right.map(([base]) => base % n),
  ]);
  return gcd(n, modProduct(values, n)) === 1n;
}

/** Powers to the weight, one for each base. */
function weighted(sides: ReadonlyArray<readonly Power[]>, weights: readonly bigint[]): Power[] {
  const exponents = new Map<bigint, bigint>();
  sides.forEach((powers, index) => {
    for (const [base, exponent] of powers)
      exponents.set(base, (exponents.get(base) ?? 0n) + exponent * (weights[index] as bigint));
  });
  return [...exponents];
}

/** 1..2^80; 1 for a single equation, which is checked exactly. */
function weightsFor(count: number, random?: RandomBytes): bigint[] {
  if (count === 1) return [1n];
  return Array.from({ length: count }, () => 1n + randomBits(WEIGHT_BITS, random));
}

/** Whether all hold, up to the error that the header states. */
export function equationsHold(
  publicKey: PaillierPublicKey,
  equations: readonly Equation[],
  options: VerifyOptions = {},
): boolean {
  const { n, nSquared } = publicKey;
  const { modPow = bigintModPow, random } = options;
  if (!areUnits(publicKey, equations)) return false;
  const weights = weightsFor(equations.length, random);
  const powersOf = (pick: (equation: Equation) => bigint): Power[] =>
    equations.map((equation, index) => [pick(equation), weights[index] as bigint]);
  const sideOf = (pick: (equation: Equation) => readonly Power[]): bigint =>
    multiPower(weighted(equations.map(pick), weights), nSquared, modPow);
  const plain = powersOf((equation) => equation.plain).reduce((sum, [value, rho]) => sum + value * rho, 0n);
  const root = multiPower(
    powersOf((equation) => equation.root),
    n,
    modPow,
  );
  const shown = ((1n + (plain % n) * n) * modPow(root, n, nSquared)) % nSquared;
  const left = (shown * sideOf((equation) => equation.left)) % nSquared;
  const right = sideOf((equation) => equation.right);
  return left === right || left === nSquared - right;
}

/** @throws CRYPTO_PROOF_INVALID unless all equations of one proof hold */
export function assertEquations(
  publicKey: PaillierPublicKey,
  equations: readonly Equation[],
  options: VerifyOptions = {},
): void {
  if (!equationsHold(publicKey, equations, options))
    throw invalidProof('proof', 'answers that fit the challenge', 'others');
}

/** Halves until one is left: about twice the cost of the batch. */
function suspect(
  publicKey: PaillierPublicKey,
  proofs: ReadonlyArray<readonly Equation[]>,
  options: VerifyOptions,
): number {
  let first = 0;
  let last = proofs.length;
  while (last - first > 1) {
    const middle = (first + last) >> 1;
    if (equationsHold(publicKey, proofs.slice(first, middle).flat(), options)) first = middle;
    else last = middle;
  }
  return first;
}

/** A half that passed by chance would turn the suspicion on another's proof: nobody is named before an exact check. */
function culprit(
  publicKey: PaillierPublicKey,
  proofs: ReadonlyArray<readonly Equation[]>,
  options: VerifyOptions,
): number {
  const isFalse = (proof: readonly Equation[] | undefined): boolean =>
    proof?.some((equation) => !equationsHold(publicKey, [equation], options)) === true;
  const suspected = suspect(publicKey, proofs, options);
  return isFalse(proofs[suspected]) ? suspected : proofs.findIndex(isFalse);
}

/**
 * Many proofs at once, of any kinds, each as the equations that its `...Equations` function returned.
 * @throws CRYPTO_PROOF_INVALID; `argument` is `proofs[i]` for an i that does not verify by itself
 */
export function verifyBatch(
  publicKey: PaillierPublicKey,
  proofs: ReadonlyArray<readonly Equation[]>,
  options: VerifyOptions = {},
): void {
  if (!Array.isArray(proofs)) throw invalidInput('proofs', 'an array', shapeOf(proofs));
  if (equationsHold(publicKey, proofs.flat(), options)) return;
  const index = culprit(publicKey, proofs, options);
  throw invalidProof(`proofs[${index}]`, 'answers that fit the challenge', 'others');
}
