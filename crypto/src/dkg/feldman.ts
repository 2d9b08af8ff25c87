/**
 * Feldman's verifiable secret sharing (FOCS 1987) in G2, with a proof that the dealer knows what it deals (Schnorr,
 * J. Cryptology 1991; as in FROST, SAC 2020).
 *
 *   f(X) = a_0 + a_1 X + .. + a_d X^d mod q,  d = threshold - 1        a_1 .. a_d random, a_0 the secret
 *   C_k  = g2^(a_k)                                                    published
 *   f(i) = share of point i,    g2^f(i) = prod_k C_k^(i^k)             what its recipient checks
 *   proof of a_0:  R = g2^k,  c = Hr(context, dealer, C_0 .. C_d, R),  z = k + c a_0;  (c, z), 64 bytes
 *   accepted when c comes out of  R = g2^z C_0^-c
 *
 * The context binds ceremony, attempt and everyone who takes part: a proof serves one dealer in one attempt.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesEqual, joinBytes } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError } from '../core/errors.js';
import type { RandomBytes } from '../core/random.js';
import {
  G2_BYTES,
  Q,
  SCALAR_BYTES,
  decodeScalar,
  encodeScalar,
  hashToScalar,
  modQ,
  randomScalar,
  type G2,
  type PairingEngine,
} from '../pairing/index.js';

export const PROOF_BYTES = 2 * SCALAR_BYTES;

/** a_0 .. a_d. */
export function randomPolynomial(secret: bigint, threshold: number, random: RandomBytes): bigint[] {
  return [secret, ...Array.from({ length: threshold - 1 }, () => randomScalar(random))];
}

/** f(point). */
export function evaluate(coefficients: readonly bigint[], point: number): bigint {
  return coefficients.reduceRight((value, coefficient) => modQ(value * BigInt(point) + coefficient), 0n);
}

export function commit(engine: PairingEngine, coefficients: readonly bigint[]): G2[] {
  return coefficients.map((coefficient) => engine.g2Power(engine.g2, coefficient));
}

/** g2^f(point). */
export function commitmentAt(engine: PairingEngine, commitments: readonly G2[], point: number): G2 {
  const powers = commitments.map((_, k) => BigInt(point) ** BigInt(k) % Q);
  return engine.g2Powers(commitments, powers);
}

export function isCommitted(
  engine: PairingEngine,
  { commitments, point, share }: { commitments: readonly G2[]; point: number; share: bigint },
): boolean {
  return engine.g2Equal(engine.g2Power(engine.g2, share), commitmentAt(engine, commitments, point));
}

export function encodePoints(engine: PairingEngine, points: readonly G2[]): Uint8Array {
  return joinBytes(points.map((point) => engine.encodeG2(point)));
}

/** @throws CRYPTO_INVALID_INPUT unless they are points of the group, one after the other */
export function decodePoints(engine: PairingEngine, bytes: Uint8Array): G2[] {
  return Array.from({ length: bytes.length / G2_BYTES }, (_, k) =>
    engine.decodeG2(`commitments[${k}]`, bytes.subarray(k * G2_BYTES, (k + 1) * G2_BYTES)),
  );
}

/** What a proof is about: who deals what, and in which ceremony. */
export interface ProofStatement {
  /** Digest of the ceremony's parameters. */
  readonly context: Uint8Array;
  readonly dealer: string;
  /** Encoded. */
  readonly commitments: Uint8Array;
}

function challengeOf({ context, dealer, commitments }: ProofStatement, nonce: Uint8Array): bigint {
  return hashToScalar('careledger/dkg-proof/v1', context, dealer, commitments, nonce);
}

export function proveKnowledge(
  engine: PairingEngine,
  statement: ProofStatement,
  secret: { readonly secret: bigint; readonly random: RandomBytes },
): Uint8Array {
  const k = randomScalar(secret.random);
  const challenge = challengeOf(statement, engine.encodeG2(engine.g2Power(engine.g2, k)));
  const response = modQ(k + challenge * secret.secret);
  return joinBytes([encodeScalar(challenge), encodeScalar(response)]);
}

/** @throws CRYPTO_PROOF_INVALID; CRYPTO_INVALID_INPUT for a proof of another form */
export function verifyKnowledge(
  engine: PairingEngine,
  statement: ProofStatement,
  constant: G2,
  proof: Uint8Array,
): void {
  const challenge = decodeScalar('proof.challenge', proof.subarray(0, SCALAR_BYTES));
  const response = decodeScalar('proof.response', proof.subarray(SCALAR_BYTES));
  const nonce = engine.g2Powers([engine.g2, constant], [response, Q - challenge]);
  const expected = encodeScalar(challengeOf(statement, engine.encodeG2(nonce)));
  if (bytesEqual(expected, encodeScalar(challenge))) return;
  throw new CryptoError('CRYPTO_PROOF_INVALID', {
    argument: statement.dealer,
    expected: 'knowledge of the dealt constant',
    came: 'a proof of something else',
  });
}

/** Binds a dealer to what it will show once everyone is bound. */
export function dealingDigest(
  { context, dealer, commitments }: ProofStatement,
  proof: Uint8Array,
): Uint8Array {
  return sha256(encodeParts('careledger/dkg-commitment/v1', context, dealer, commitments, proof));
}
