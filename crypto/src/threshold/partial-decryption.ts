/**
 * Partial decryptions that prove themselves, and what they combine to (Shoup, EUROCRYPT 2000; Fouque, Poupard and Stern,
 * FC 2000; Damgard and Jurik, PKC 2001, section 4.1).
 *
 *   w = Delta S_i                    known to the holder alone; public: v_i = v^w
 *   c_i = c^(2 w) mod n^2            2: an element of order 2, n^2 - 1 say, does not show the parity of w
 *   proof that log_{c^4}(c_i^2) = log_v(v_i):
 *     a = (c^4)^r, b = v^r           r uniform of |w| + 256 bits, |w| rounded up to a multiple of 64
 *     e = first 128 bits of SHA-256(encodeParts('careledger/partial-decryption/v1', keyId, epoch, holder, point,
 *         v, v_i, c, c_i, a, b, queryId, step, index))
 *     z = r + e w                    over the integers: within 2^-128 of a value that does not depend on w
 *   accepted when e comes out again from a = (c^4)^z (c_i^2)^(-e), b = v^z v_i^(-e)
 *   x = prod (c_i^2)^(mu_i) over `threshold` holders, m = L(x) / theta mod n, L(x) = (x - 1) / n
 *
 * Sizes at a key of 3072 bits: c_i 768 bytes, proof 16 + about 900; proving takes four exponentiations of some 6,700
 * bits, verifying two.
 *
 * x = 1 mod n catches accidents only: c_i (1 + n)^delta passes it and moves the result by 2 delta mu_i / theta, which
 * its sender chooses. The proof is what names that sender, so it comes first.
 *
 * Divergence: those papers prove soundness for safe primes, and a ceremony makes other ones. The proof then shows the
 * equality up to elements of small order, so it is assumed that nobody without the factors of n can find such an
 * element except +-1 (which the squares remove), as in Tiresias (ASIACRYPT 2024), and that Fiat and Shamir's hash is a
 * random oracle. See docs/crypto/threshold.md.
 *
 * No batching with random weights: it needs a and b in the proof, 1.5 KB more on the ledger for each, where (e, z)
 * lets the verifier recompute them.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToBigint } from '../core/bytes.js';
import { assertContextText } from '../core/context.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { randomBits, type RandomBytes } from '../core/random.js';
import {
  bitLength,
  gcd,
  modInverse,
  modPow as bigintModPow,
  modProduct,
  type ModPow,
} from '../paillier/arithmetic.js';
import { plaintextOfPower } from '../paillier/homomorphic.js';
import { assertCiphertext, assertSameKey, ciphertextDigest } from '../paillier/public-key.js';
import type { PaillierPublicKey } from '../paillier/types.js';
import {
  CHALLENGE_BITS,
  MAX_RESPONSE_BYTES,
  assertSharing,
  assertSharingBase,
  assertThresholdShare,
  isElement,
  pointOf,
  type SharingBase,
} from './codec.js';
import { testCiphertextOf } from './derived.js';
import { deltaOf, lagrangeAtZero } from './integer-sharing.js';
import type { OpeningContext, ProvenPartial, Sharing, ThresholdShare } from './types.js';

/** What r has above the witness: the challenge, and as much again to hide the sum. */
const NONCE_MARGIN_BITS = 2 * CHALLENGE_BITS;
const WITNESS_STEP_BITS = 64;

/** A ciphertext to be opened under a sharing, and what for. */
export interface Opening {
  readonly publicKey: PaillierPublicKey;
  readonly sharing: SharingBase;
  readonly ciphertext: bigint;
  readonly context: OpeningContext;
  readonly modPow?: ModPow;
}

interface Statement {
  readonly opening: Opening;
  readonly holder: string;
  /** c_i. */
  readonly value: bigint;
}

function proofInvalid(holder: string, expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_PROOF_INVALID', { argument: holder, expected, came });
}

function assertContext(context: OpeningContext): void {
  assertContextText('context.queryId', context.queryId);
  const { step, index } = context as { step: unknown; index: unknown };
  if (step !== 'aggregate' && step !== 'ceremony')
    throw invalidInput('context.step', 'aggregate or ceremony', shapeOf(step));
  if (!Number.isSafeInteger(index) || (index as number) < 0)
    throw invalidInput('context.index', 'an integer from 0', shapeOf(index));
}

function challengeOf(statement: Statement, a: bigint, b: bigint): bigint {
  const { opening, holder, value } = statement;
  const { sharing, ciphertext, context } = opening;
  const point = pointOf(sharing, holder);
  const digest = sha256(
    encodeParts(
      'careledger/partial-decryption/v1',
      sharing.keyId,
      BigInt(sharing.epoch),
      holder,
      BigInt(point),
      sharing.verificationBase,
      sharing.verificationKeys[point - 1] ?? 0n,
      ciphertext,
      value,
      a,
      b,
      context.queryId,
      context.step,
      BigInt(context.index),
    ),
  );
  return bytesToBigint(digest.subarray(0, CHALLENGE_BITS / 8));
}

/** c^4, the base of the proof. */
function provenBase({ ciphertext, publicKey }: Opening): bigint {
  const square = (ciphertext * ciphertext) % publicKey.nSquared;
  return (square * square) % publicKey.nSquared;
}

function assertOpening(opening: Opening): void {
  assertSharingBase(opening.publicKey, opening.sharing);
  assertCiphertext(opening.publicKey, opening.ciphertext);
  assertContext(opening.context);
}

/**
 * Whether the share is the one that the sharing's verification key commits to: v^(Delta S_i) = v_i.
 * @throws CRYPTO_INVALID_INPUT for a share of another key, epoch or holder, or another value
 */
export function assertShareOfSharing(options: {
  publicKey: PaillierPublicKey;
  sharing: SharingBase;
  share: ThresholdShare;
  modPow?: ModPow;
}): void {
  const { publicKey, sharing, share, modPow = bigintModPow } = options;
  assertThresholdShare(share);
  assertSameKey(publicKey, share.keyId);
  if (share.epoch !== sharing.epoch)
    throw invalidInput('share.epoch', `epoch ${sharing.epoch}`, `epoch ${share.epoch}`);
  const expected = sharing.verificationKeys[pointOf(sharing, share.holder) - 1];
  const witness = deltaOf(sharing.holders.length) * share.value;
  if (modPow(sharing.verificationBase, witness, publicKey.nSquared) !== expected)
    throw invalidInput('share.value', 'the share behind the verification key', 'another');
}

/**
 * One holder's part in opening a ciphertext, with the proof that it used its share.
 * @throws CRYPTO_INVALID_CIPHERTEXT; CRYPTO_INVALID_INPUT for a share that does not belong to the sharing
 */
export function provePartialDecryption(
  options: Opening & { readonly share: ThresholdShare; readonly random?: RandomBytes },
): ProvenPartial {
  const { publicKey, sharing, ciphertext, share, random, modPow = bigintModPow } = options;
  assertOpening(options);
  assertShareOfSharing(options);
  const { nSquared, keyId } = publicKey;
  const witness = deltaOf(sharing.holders.length) * share.value;
  const witnessBits = Math.ceil(bitLength(witness) / WITNESS_STEP_BITS) * WITNESS_STEP_BITS;
  const nonce = randomBits(witnessBits + NONCE_MARGIN_BITS, random);
  const value = modPow(ciphertext, 2n * witness, nSquared);
  const challenge = challengeOf(
    { opening: options, holder: share.holder, value },
    modPow(provenBase(options), nonce, nSquared),
    modPow(sharing.verificationBase, nonce, nSquared),
  );
  return {
    holder: share.holder,
    keyId,
    epoch: sharing.epoch,
    ciphertextDigest: ciphertextDigest(publicKey, ciphertext),
    value,
    proof: { challenge, response: nonce + challenge * witness },
  };
}

function isBelow(value: unknown, bits: number): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value >> BigInt(bits) === 0n;
}

/** What the partial says of itself, before arithmetic. */
function assertClaims(opening: Opening, partial: ProvenPartial): void {
  const { publicKey, sharing, ciphertext } = opening;
  const { holder, proof } = partial;
  if (!sharing.holders.includes(holder)) throw proofInvalid(holder, 'one of the holders', 'another name');
  if (partial.keyId !== publicKey.keyId) throw proofInvalid(holder, 'this key', 'another');
  if (partial.epoch !== sharing.epoch)
    throw proofInvalid(holder, `epoch ${sharing.epoch}`, `epoch ${partial.epoch}`);
  if (partial.ciphertextDigest !== ciphertextDigest(publicKey, ciphertext))
    throw proofInvalid(holder, 'a partial decryption of this ciphertext', 'one of another');
  if (!isElement(publicKey, partial.value))
    throw proofInvalid(holder, 'a partial decryption in 1..n^2-1 coprime to n', 'another value');
  if (!isBelow(proof.challenge, CHALLENGE_BITS) || !isBelow(proof.response, 8 * MAX_RESPONSE_BYTES))
    throw proofInvalid(holder, 'a proof within its ranges', 'one outside');
}

/** base^response / power^challenge mod n^2. */
function recomputed(opening: Opening, base: bigint, power: bigint, proof: ProvenPartial['proof']): bigint {
  const { publicKey, modPow = bigintModPow } = opening;
  const { nSquared } = publicKey;
  const removed = modInverse(modPow(power, proof.challenge, nSquared), nSquared);
  return (modPow(base, proof.response, nSquared) * removed) % nSquared;
}

/**
 * Returns when the partial decryption is its holder's, under this sharing and for this opening.
 * @throws CRYPTO_PROOF_INVALID with the holder's name as `argument`, whatever is wrong with the partial;
 *         CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT for an opening that is itself malformed
 */
export function verifyPartialDecryption(options: Opening & { readonly partial: ProvenPartial }): void {
  const { publicKey, sharing, partial } = options;
  assertOpening(options);
  assertClaims(options, partial);
  const { holder, value, proof } = partial;
  const verificationKey = sharing.verificationKeys[pointOf(sharing, holder) - 1] ?? 0n;
  const square = (value * value) % publicKey.nSquared;
  const challenge = challengeOf(
    { opening: options, holder, value },
    recomputed(options, provenBase(options), square, proof),
    recomputed(options, sharing.verificationBase, verificationKey, proof),
  );
  if (challenge !== proof.challenge)
    throw proofInvalid(holder, 'a proof that the share was used', 'one that does not hold');
}

/** Splits partials into those that hold and the faults of the others; one bad partial does not hide the next. */
export function verifyPartials(options: Opening & { readonly partials: readonly ProvenPartial[] }): {
  valid: ProvenPartial[];
  faults: CryptoError[];
} {
  const valid: ProvenPartial[] = [];
  const faults: CryptoError[] = [];
  for (const partial of options.partials) {
    try {
      verifyPartialDecryption({ ...options, partial });
      valid.push(partial);
    } catch (error) {
      if (!(error instanceof CryptoError) || error.code !== 'CRYPTO_PROOF_INVALID') throw error;
      faults.push(error);
    }
  }
  return { valid, faults };
}

function incomplete(expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_SHARES_INCOMPLETE', { argument: 'partials', expected, came });
}

interface Combination {
  readonly publicKey: PaillierPublicKey;
  readonly sharing: SharingBase;
  readonly ciphertext: bigint;
  readonly partials: readonly ProvenPartial[];
  readonly modPow?: ModPow;
}

/** The partials by holder: no holder twice, all of this epoch and ciphertext. */
function assertTogether({ publicKey, sharing, ciphertext, partials }: Combination): void {
  const digest = ciphertextDigest(publicKey, ciphertext);
  const holders = new Set(partials.map((partial) => partial.holder));
  if (holders.size !== partials.length) throw incomplete('one partial per holder', 'a holder twice');
  for (const { holder, keyId, epoch, ciphertextDigest: of, value } of partials) {
    if (!sharing.holders.includes(holder))
      throw incomplete('partials of the holders only', `one of ${holder}`);
    if (keyId !== publicKey.keyId || epoch !== sharing.epoch || of !== digest)
      throw incomplete('partials of this key, epoch and ciphertext', `another one from ${holder}`);
    if (!isElement(publicKey, value)) throw incomplete('partials coprime to n', `another one from ${holder}`);
  }
  if (partials.length < sharing.threshold)
    throw incomplete(`partials of ${sharing.threshold} holders`, `of ${partials.length}`);
}

/** x of the `threshold` partials with the lowest points: the same for everyone who has the same partials. */
function combinedPower(combination: Combination): bigint {
  const { publicKey, sharing, partials, modPow = bigintModPow } = combination;
  const { nSquared } = publicKey;
  const chosen = partials
    .map((partial) => ({ point: pointOf(sharing, partial.holder), value: partial.value }))
    .sort((left, right) => left.point - right.point)
    .slice(0, sharing.threshold);
  const exponents = lagrangeAtZero(
    sharing.holders.length,
    chosen.map(({ point }) => point),
  );
  const powers = (sign: bigint): bigint[] =>
    chosen.flatMap(({ value }, index) => {
      const exponent = sign * 2n * (exponents[index] ?? 0n);
      return exponent > 0n ? [modPow(value, exponent, nSquared)] : [];
    });
  const below = modInverse(modProduct(powers(-1n), nSquared), nSquared);
  return (modProduct(powers(1n), nSquared) * below) % nSquared;
}

/**
 * The plaintext, 0..n-1, from the partials of at least `threshold` holders; more are allowed and the lowest points are
 * used. Looks at no proof: `verifyPartialDecryption` comes first, or the result is what a holder wants it to be.
 * @throws CRYPTO_SHARES_INCOMPLETE (too few, doubled, foreign, of another epoch or ciphertext), CRYPTO_DECRYPTION_FAILED
 */
export function combinePartials(options: {
  publicKey: PaillierPublicKey;
  sharing: Sharing;
  ciphertext: bigint;
  partials: readonly ProvenPartial[];
  modPow?: ModPow;
}): bigint {
  const { publicKey, sharing, ciphertext } = options;
  assertSharing(publicKey, sharing);
  assertCiphertext(publicKey, ciphertext);
  assertTogether(options);
  const scaled = plaintextOfPower(publicKey, combinedPower(options));
  return (scaled * modInverse(sharing.theta, publicKey.n)) % publicKey.n;
}

/** Every choice of `size` of `items`, in order. */
function choices<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) =>
    choices(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]),
  );
}

/**
 * theta of a new sharing, from partials of the test ciphertext (context step 'ceremony') whose proofs were verified:
 * every `threshold` of them has to give the same, coprime to n.
 * @throws CRYPTO_SHARES_INCOMPLETE, CRYPTO_DECRYPTION_FAILED
 */
export function thetaOf(options: {
  publicKey: PaillierPublicKey;
  sharing: SharingBase;
  partials: readonly ProvenPartial[];
  modPow?: ModPow;
}): bigint {
  const { publicKey, sharing, partials } = options;
  assertSharingBase(publicKey, sharing);
  const ciphertext = testCiphertextOf(publicKey, options.modPow);
  assertTogether({ ...options, ciphertext });
  const found = new Set(
    choices(partials, sharing.threshold).map((chosen) =>
      plaintextOfPower(publicKey, combinedPower({ ...options, ciphertext, partials: chosen })),
    ),
  );
  const [theta = 0n] = found;
  if (found.size === 1 && gcd(publicKey.n, theta) === 1n) return theta;
  throw new CryptoError('CRYPTO_DECRYPTION_FAILED', {
    argument: 'partials',
    expected: 'one value coprime to n from every majority',
    came: `${found.size} of them`,
  });
}
