/**
 * An identity's key, made by a majority of the holders of s (Boneh and Franklin's threshold extraction).
 *
 *   d_i = H1(ID)^{s_i}              right when e(d_i, g2) = e(H1(ID), g2^{s_i}); g2^{s_i} = prod A_k^{i^k}
 *   d   = prod d_i^{lambda_i}       lambda_i at 0 over the points that took part
 *   sk  = d^x = H1(ID)^{s x}        right when e(sk, g2) = e(H1(ID), P_ID)
 *
 * A holder is given an identity, never a point: what it answers is a power of a hash.
 */
import { assertBytes } from '../core/bytes.js';
import { CryptoError, invalidInput } from '../core/errors.js';
import {
  G1_BYTES,
  G2_BYTES,
  SCALAR_BYTES,
  decodeScalar,
  lagrangeModQ,
  mclPairing,
  modQ,
  type G2,
  type PairingEngine,
} from '../pairing/index.js';
import { fieldBytes, identityPoint, type Identity, type IdentityPublicKey } from './identity.js';

/** How s is shared; points are 1..n in the order of `holders`. */
export interface MasterSharing {
  readonly epoch: number;
  /** Holders needed: the degree of the polynomial and one. */
  readonly threshold: number;
  readonly holders: readonly string[];
  /** A_0 .. A_{threshold-1}, 96 bytes each; A_0 = P. */
  readonly commitments: readonly Uint8Array[];
}

/** d_i of one holder. @param scalar s_i, 32 bytes @returns 48 bytes */
export function partialKey(
  scalar: Uint8Array,
  identity: Identity,
  engine: PairingEngine = mclPairing(),
): Uint8Array {
  const s = decodeScalar('share', scalar);
  return engine.encodeG1(engine.g1Power(identityPoint(engine, identity), s));
}

/** g2^{s_i}. @throws CRYPTO_INVALID_INPUT for a holder that is none, and for commitments that are not points */
export function publicShare(
  sharing: MasterSharing,
  holder: string,
  engine: PairingEngine = mclPairing(),
): G2 {
  const point = BigInt(pointOf(sharing, holder));
  let product: G2 | undefined;
  // Horner's rule, from the highest commitment down.
  for (const bytes of [...sharing.commitments].reverse()) {
    const commitment = engine.decodeG2('commitment', bytes);
    product =
      product === undefined ? commitment : engine.g2Multiply(engine.g2Power(product, point), commitment);
  }
  if (product === undefined) throw invalidInput('commitments', 'at least one', 'none');
  return product;
}

/** Whether d_i is what this holder's share gives. */
export function isPartialKey(
  of: { readonly sharing: MasterSharing; readonly holder: string; readonly partial: Uint8Array },
  identity: Identity,
  engine: PairingEngine = mclPairing(),
): boolean {
  const share = publicShare(of.sharing, of.holder, engine);
  let partial;
  try {
    partial = engine.decodeG1('partialKey', of.partial);
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
  return engine.gtEqual(engine.pair(partial, engine.g2), engine.pair(identityPoint(engine, identity), share));
}

/**
 * Verifies every part and combines the first `threshold` that are right.
 * @param partials by holder, 48 bytes each
 * @returns d, undefined when too few are right, and who sent a wrong one
 */
export function combinePartialKeys(
  sharing: MasterSharing,
  identity: Identity,
  partials: ReadonlyMap<string, Uint8Array>,
  engine: PairingEngine = mclPairing(),
): { readonly key?: Uint8Array; readonly bad: string[] } {
  assertSharing(sharing);
  const bad: string[] = [];
  const right: { readonly point: number; readonly partial: Uint8Array }[] = [];
  for (const [holder, partial] of partials) {
    if (!sharing.holders.includes(holder) || !isPartialKey({ sharing, holder, partial }, identity, engine))
      bad.push(holder);
    else right.push({ point: pointOf(sharing, holder), partial });
  }
  const taken = right.slice(0, sharing.threshold);
  if (taken.length < sharing.threshold) return { bad };
  const points = taken.map(({ point }) => point);
  const d = engine.g1Powers(
    taken.map(({ partial }) => engine.decodeG1('partialKey', partial)),
    points.map((point) => lagrangeModQ(points, point)),
  );
  return { key: engine.encodeG1(d), bad };
}

/**
 * sk = d^x, verified against the registration.
 * @param d 48 bytes
 * @param factor x, 32 bytes
 * @throws CRYPTO_AUTHENTICATION_FAILED when it is not the key of this registration
 */
export function identityKey(
  d: Uint8Array,
  factor: Uint8Array,
  registration: IdentityPublicKey,
  engine: PairingEngine = mclPairing(),
): Uint8Array {
  assertBytes('factor', factor, SCALAR_BYTES);
  const sk = engine.encodeG1(
    engine.g1Power(engine.decodeG1('partialKey', d), decodeScalar('factor', factor)),
  );
  assertIdentityKey(sk, registration, engine);
  return sk;
}

/** @param sk 48 bytes @throws CRYPTO_AUTHENTICATION_FAILED */
export function assertIdentityKey(
  sk: Uint8Array,
  registration: IdentityPublicKey,
  engine: PairingEngine = mclPairing(),
): void {
  assertBytes('identityKey', sk, G1_BYTES);
  const publicKey = engine.decodeG2('publicKey', fieldBytes('publicKey', registration.publicKey, G2_BYTES));
  const left = engine.pair(engine.decodeG1('identityKey', sk), engine.g2);
  if (engine.gtEqual(left, engine.pair(identityPoint(engine, registration), publicKey))) return;
  throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
    argument: 'identityKey',
    expected: 'the key of this registration',
    came: 'another',
  });
}

function pointOf({ holders }: MasterSharing, holder: string): number {
  const index = holders.indexOf(holder);
  if (index < 0) throw invalidInput('holder', 'one who holds a share', 'another');
  return index + 1;
}

function assertSharing({ threshold, holders, commitments }: MasterSharing): void {
  const fits =
    Number.isInteger(threshold) &&
    threshold >= 1 &&
    threshold <= holders.length &&
    commitments.length === threshold;
  if (!fits)
    throw invalidInput('sharing', 'as many commitments as holders are needed', `${commitments.length}`);
}

/** s_i against the commitments: what a holder checks of its own share. */
export function isShareOf(
  sharing: MasterSharing,
  holder: string,
  scalar: Uint8Array,
  engine: PairingEngine = mclPairing(),
): boolean {
  const s = modQ(decodeScalar('share', scalar));
  return engine.g2Equal(engine.g2Power(engine.g2, s), publicShare(sharing, holder, engine));
}
