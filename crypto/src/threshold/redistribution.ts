/**
 * The same key, shared anew among other holders (Desmedt and Jajodia, 1997; over the integers as in Rabin, CRYPTO 1998).
 *
 *   dealers  D, at least the old threshold of them, each with S_i, Delta_o and the old v_i = v^(Delta_o S_i)
 *   deals    g_i(X) = Delta_n mu_i S_i + a_1 X + ..       integer polynomial of degree (new threshold - 1)
 *            C_ik = v^(coefficient k)                     mu_i over the points of D
 *   checks   C_i0^(Delta_o) = v_i^(mu_i Delta_n)          the constant is the share that the old key names: public
 *            v^(g_i(j)) = prod_k C_ik^(j^k)               the sub-share is on the committed polynomial: recipient j
 *   new      S'_j = sum_i g_i(j),  v'_j = v^(Delta_n S'_j) from the commitments,  epoch one higher
 *            F'(0) = Delta_n Delta_o F(0), so theta' = theta Delta_n^3 / Delta_o mod n: known before anyone decrypts
 *
 * A ceremony calls, in this order: `dealRedistribution` (each dealer), `verifyDealing` (everyone, on what a dealer sent
 * to all), `verifySubShare` (each new holder), `redistributedSharing` (everyone: the public outcome) and
 * `redistributedShare` (each new holder), then closes with proven partials of the test ciphertext under the new sharing,
 * `verifyPartials`, and `thetaOf`, which has to equal the theta of `redistributedSharing`. A fault carries
 * CRYPTO_PROOF_INVALID with the dealer's name as `argument`.
 *
 * Sizes: a share grows by the statistical margin and the factorials, some 130 bits each time among four holders; past
 * MAX_SHARE_BITS a new key is due. Assumption: as for partial decryptions (elements of small order). A factor of +-1 on
 * a commitment is refused with the sub-shares, because v is a square and -1 is none.
 *
 * What it does not do: take anything away. Shares of one epoch do not combine with those of another, and a majority of
 * old shares that were not erased decrypts as before. Erasing cannot be proven.
 */
import { CryptoError, invalidInput } from '../core/errors.js';
import type { RandomBytes } from '../core/random.js';
import { bitLength, modInverse, modPow as bigintModPow, type ModPow } from '../paillier/arithmetic.js';
import type { PaillierPublicKey } from '../paillier/types.js';
import { MAX_EPOCH, MAX_SHARE_BITS, assertKeyHolders, assertSharing, isElement, pointOf } from './codec.js';
import {
  assertThreshold,
  deltaOf,
  isCommittedShare,
  lagrangeAtZero,
  signedPow,
  splitInteger,
  verificationKeysOf,
  type Commitments,
  type IntegerDealing,
} from './integer-sharing.js';
import { assertShareOfSharing } from './partial-decryption.js';
import type { Sharing, ThresholdShare } from './types.js';

/** What everybody knows before a redistribution begins. */
export interface Redistribution {
  readonly publicKey: PaillierPublicKey;
  /** The sharing that ends. */
  readonly from: Sharing;
  /** Old holders, at least `from.threshold` of them; the same list for everybody. */
  readonly dealers: readonly string[];
  /** Who holds a share afterwards, in the order of their points. */
  readonly holders: readonly string[];
  readonly threshold: number;
}

/** Commitments of each dealer, by name. */
export type DealerCommitments = ReadonlyMap<string, Commitments>;

/** The bound on a secret follows its length in steps, so that commitments and sub-shares show no more than that. */
const SECRET_STEP_BITS = 16;

function dealerFault(dealer: string, expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_PROOF_INVALID', { argument: dealer, expected, came });
}

/** @throws CRYPTO_INVALID_INPUT; CRYPTO_LIMIT_EXCEEDED after the last epoch */
export function assertRedistribution(plan: Redistribution): void {
  const { publicKey, from, dealers, holders, threshold } = plan;
  assertSharing(publicKey, from);
  assertKeyHolders(holders);
  assertThreshold(threshold, holders.length);
  const known = dealers.every((dealer) => from.holders.includes(dealer));
  if (!known || new Set(dealers).size !== dealers.length || dealers.length < from.threshold)
    throw invalidInput('dealers', `at least ${from.threshold} distinct holders`, `${dealers.length} names`);
  if (from.epoch < MAX_EPOCH) return;
  throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
    argument: 'epoch',
    expected: `at most ${MAX_EPOCH}`,
    came: 'another redistribution: generate a new key',
  });
}

/** mu_i of a dealer, over the points of all dealers. */
function lagrangeOf(plan: Redistribution, dealer: string): bigint {
  const { from, dealers } = plan;
  const index = dealers.indexOf(dealer);
  if (index < 0) throw invalidInput('dealer', 'one of the dealers', 'another name');
  const points = dealers.map((name) => pointOf(from, name));
  return lagrangeAtZero(from.holders.length, points)[index] ?? 0n;
}

/**
 * A dealer's polynomial: commitments for all, sub-share k for the holder at point k + 1 alone.
 * @throws CRYPTO_INVALID_INPUT for a share that is not the one behind its verification key
 */
export function dealRedistribution(options: {
  plan: Redistribution;
  share: ThresholdShare;
  modPow?: ModPow;
  random?: RandomBytes;
}): IntegerDealing {
  const { plan, share, ...engine } = options;
  const { publicKey, from, holders, threshold } = plan;
  assertRedistribution(plan);
  assertShareOfSharing({ publicKey, sharing: from, share, ...engine });
  const holderCount = holders.length;
  const secret = lagrangeOf(plan, share.holder) * share.value;
  const length = bitLength(secret < 0n ? -secret : secret);
  return splitInteger({
    nSquared: publicKey.nSquared,
    base: from.verificationBase,
    secret,
    secretBits: Math.ceil(length / SECRET_STEP_BITS) * SECRET_STEP_BITS,
    holderCount,
    threshold,
    ...engine,
  });
}

/**
 * The public check of a dealer: as many commitments as the new threshold, to its own share of the old key.
 * @throws CRYPTO_PROOF_INVALID naming the dealer
 */
export function verifyDealing(options: {
  plan: Redistribution;
  dealer: string;
  commitments: Commitments;
  modPow?: ModPow;
}): void {
  const { plan, dealer, commitments, modPow = bigintModPow } = options;
  const { publicKey, from, holders, threshold } = plan;
  const { nSquared } = publicKey;
  const weight = lagrangeOf(plan, dealer) * deltaOf(holders.length);
  const wellFormed = commitments.every((commitment) => isElement(publicKey, commitment));
  if (commitments.length !== threshold || !wellFormed)
    throw dealerFault(dealer, `${threshold} elements of Z*_n^2`, `${commitments.length} values`);
  const verificationKey = from.verificationKeys[pointOf(from, dealer) - 1] ?? 0n;
  const constant = modPow(commitments[0] ?? 0n, deltaOf(from.holders.length), nSquared);
  if (constant !== signedPow(verificationKey, weight, nSquared, modPow))
    throw dealerFault(dealer, 'a commitment to its share of the old key', 'one to something else');
}

/**
 * The check of a new holder on what a dealer sent to it alone.
 * @throws CRYPTO_PROOF_INVALID naming the dealer
 */
export function verifySubShare(options: {
  plan: Redistribution;
  dealer: string;
  holder: string;
  commitments: Commitments;
  subShare: bigint;
  modPow?: ModPow;
}): void {
  const { plan, dealer, holder, commitments, subShare, modPow } = options;
  const { publicKey, from, holders } = plan;
  const point = holders.indexOf(holder) + 1;
  if (point === 0) throw invalidInput('holder', 'one of the new holders', 'another name');
  const bounded = typeof subShare === 'bigint' && subShare > 0n && subShare >> BigInt(MAX_SHARE_BITS) === 0n;
  const { nSquared } = publicKey;
  const base = from.verificationBase;
  const engine = modPow === undefined ? {} : { modPow };
  if (bounded && isCommittedShare({ nSquared, base, commitments, point, subShare, ...engine })) return;
  throw dealerFault(dealer, 'a sub-share on the committed polynomial', 'one beside it');
}

function commitmentsOf(plan: Redistribution, commitments: DealerCommitments): Commitments[] {
  return plan.dealers.map((dealer) => {
    const own = commitments.get(dealer);
    if (own === undefined) throw invalidInput('commitments', 'one list per dealer', `none of ${dealer}`);
    return own;
  });
}

/**
 * The new sharing, from public data alone: everyone comes to the same one.
 * @throws CRYPTO_PROOF_INVALID naming the first dealer whose commitments do not hold; CRYPTO_INVALID_INPUT
 */
export function redistributedSharing(options: {
  plan: Redistribution;
  commitments: DealerCommitments;
  modPow?: ModPow;
}): Sharing {
  const { plan, commitments, ...engine } = options;
  const { publicKey, from, dealers, holders, threshold } = plan;
  assertRedistribution(plan);
  const dealings = commitmentsOf(plan, commitments);
  dealers.forEach((dealer, index) => {
    verifyDealing({ plan, dealer, commitments: dealings[index] ?? [], ...engine });
  });
  const { n, nSquared, keyId } = publicKey;
  const holderCount = holders.length;
  const growth = deltaOf(holderCount) ** 3n * modInverse(deltaOf(from.holders.length), n);
  return {
    keyId,
    epoch: from.epoch + 1,
    threshold,
    holders: [...holders],
    verificationBase: from.verificationBase,
    verificationKeys: verificationKeysOf({ nSquared, holderCount, dealings }),
    theta: (from.theta * growth) % n,
  };
}

/**
 * A new holder's share from the sub-shares that it got, each checked.
 * @throws CRYPTO_PROOF_INVALID naming the first dealer whose sub-share does not match its commitments;
 *         CRYPTO_LIMIT_EXCEEDED for a share that has grown too long
 */
export function redistributedShare(options: {
  plan: Redistribution;
  holder: string;
  commitments: DealerCommitments;
  subShares: ReadonlyMap<string, bigint>;
  modPow?: ModPow;
}): ThresholdShare {
  const { plan, holder, commitments, subShares, ...engine } = options;
  const { publicKey, from, dealers } = plan;
  const dealings = commitmentsOf(plan, commitments);
  let value = 0n;
  dealers.forEach((dealer, index) => {
    const subShare = subShares.get(dealer);
    if (subShare === undefined) throw invalidInput('subShares', 'one per dealer', `none of ${dealer}`);
    verifySubShare({ plan, dealer, holder, commitments: dealings[index] ?? [], subShare, ...engine });
    value += subShare;
  });
  if (bitLength(value) > MAX_SHARE_BITS)
    throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
      argument: 'share',
      expected: `at most ${MAX_SHARE_BITS} bits`,
      came: 'a longer one: generate a new key',
    });
  return { holder, keyId: publicKey.keyId, epoch: from.epoch + 1, value };
}
