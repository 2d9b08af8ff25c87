/**
 * Proof of plaintext knowledge (PoPK): whoever posts c knows m and r with c = (1 + n)^m r^n mod n^2.
 *
 *   commit     x uniform in Z_n, s uniform in Z*_n,  a = (1 + n)^x s^n mod n^2
 *   challenge  e = H(key id, context, c, a), 128 bits
 *   respond    z = x + e m mod n,  w = s r^e mod n
 *   proof      (e, z, w): 16 + 2 keyBits / 8 bytes
 *   verify     a' = (1 + z n) w^n (c^e)^-1 mod n^2,  e = H(key id, context, c, a')
 *
 * Damgard and Jurik, PKC 2001, and Cramer, Damgard and Nielsen, EUROCRYPT 2001, section 8.1; made non-interactive by
 * Fiat-Shamir. Both reductions are exact, nothing is carried over: 1 + n has order n, so x + e m = z + t n gives
 * (1 + n)^(x + e m) = (1 + n)^z for every t; and (w + k n)^n = w^n mod n^2, so w^n depends on w mod n only.
 *
 * Special soundness: two answers (e, z, w), (e', z', w') to one a give m = (z - z') / (e - e') mod n and, with
 * u n + v (e - e') = 1, an r too; the error is 2^-128 per random-oracle query. Zero knowledge: z, w are uniform whatever
 * m and r are. Context (hospital, query, panels) and ciphertext are hashed, so that a proof that is replayed elsewhere,
 * or moved to c (1 + n), c^2 or c^-1, fails; a proof has one encoding only.
 */
import { base64UrlToBytes, bigintToBytes, bytesToBase64Url, bytesToBigint } from '../../core/bytes.js';
import { encodeList, encodeParts } from '../../core/encode.js';
import { shapeOf } from '../../core/errors.js';
import { randomBelow, type RandomBytes } from '../../core/random.js';
import { gcd, modInverse, modPow as bigintModPow, type ModPow } from '../arithmetic.js';
import { assertPlaintext, assertRandomness, randomUnit } from '../homomorphic.js';
import { assertCiphertext } from '../public-key.js';
import type { PaillierPublicKey } from '../types.js';
import { CHALLENGE_BYTES, CHALLENGE_LIMIT, assertRange, challengeOf, invalidProof } from './challenge.js';

const LABEL = 'careledger/paillier-plaintext-proof/v1';

/** Where a contribution belongs. */
export interface ContributionContext {
  /** The hospital that posts the ciphertext. */
  readonly mspId: string;
  readonly queryId: string;
  /** What it was computed from: CIDs or digests of the panels, in the order in which they are posted. */
  readonly panels: readonly string[];
}

export interface PlaintextProof {
  /** e, 0..2^128 - 1. */
  readonly challenge: bigint;
  /** 0..n - 1. */
  readonly z: bigint;
  /** 1..n - 1, coprime to n. */
  readonly w: bigint;
}

/** base64url: challenge of 16 bytes, z and w of keyBits / 8. */
export interface PlaintextProofJson {
  readonly challenge: string;
  readonly z: string;
  readonly w: string;
}

function encodeContext({ mspId, queryId, panels }: ContributionContext): Uint8Array {
  return encodeParts(
    'careledger/contribution-context/v1',
    mspId,
    queryId,
    encodeList('careledger/contribution-panels/v1', panels),
  );
}

function challenge(
  publicKey: PaillierPublicKey,
  ciphertext: bigint,
  context: ContributionContext,
  commitment: bigint,
): bigint {
  return challengeOf({
    label: LABEL,
    publicKey,
    context: encodeContext(context),
    statement: [ciphertext],
    commitments: [commitment],
  });
}

/**
 * Costs one exponentiation s^n mod n^2 and one of 128 bits mod n.
 * @param options.plaintext m of 0..n-1
 * @param options.randomness r of 2..n-1, coprime to n; under a `djn` key the r = h^x mod n behind h_s^x
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_INVALID_CIPHERTEXT. That the ciphertext is of (m, r) is not checked: for another
 * one the proof does not verify.
 */
export function provePlaintextKnowledge(options: {
  publicKey: PaillierPublicKey;
  ciphertext: bigint;
  plaintext: bigint;
  randomness: bigint;
  context: ContributionContext;
  modPow?: ModPow;
  random?: RandomBytes;
}): PlaintextProof {
  const { publicKey, ciphertext, plaintext, randomness, context, modPow = bigintModPow, random } = options;
  const { n, nSquared } = publicKey;
  assertCiphertext(publicKey, ciphertext);
  assertPlaintext(publicKey, plaintext);
  assertRandomness(publicKey, randomness);
  const x = randomBelow(n, random);
  const s = randomUnit(publicKey, random);
  const commitment = ((1n + x * n) * modPow(s, n, nSquared)) % nSquared;
  const e = challenge(publicKey, ciphertext, context, commitment);
  return { challenge: e, z: (x + e * plaintext) % n, w: (s * modPow(randomness, e, n)) % n };
}

function assertProof({ n }: PaillierPublicKey, proof: PlaintextProof): void {
  assertRange('proof.challenge', proof.challenge, CHALLENGE_LIMIT);
  assertRange('proof.z', proof.z, n);
  assertRange('proof.w', proof.w, n);
  if (gcd(n, proof.w) !== 1n) throw invalidProof('proof.w', 'coprime to n', 'a common factor');
}

/**
 * Costs one exponentiation w^n mod n^2 and one of 128 bits. Draws no randomness: fit for a contract.
 * @throws CRYPTO_PROOF_INVALID; CRYPTO_INVALID_CIPHERTEXT
 */
export function verifyPlaintextKnowledge(options: {
  publicKey: PaillierPublicKey;
  ciphertext: bigint;
  proof: PlaintextProof;
  context: ContributionContext;
  modPow?: ModPow;
}): void {
  const { publicKey, ciphertext, proof, context, modPow = bigintModPow } = options;
  const { n, nSquared } = publicKey;
  assertCiphertext(publicKey, ciphertext);
  assertProof(publicKey, proof);
  const answer = ((1n + proof.z * n) * modPow(proof.w, n, nSquared)) % nSquared;
  const asked = modPow(ciphertext, proof.challenge, nSquared);
  const commitment = (answer * modInverse(asked, nSquared)) % nSquared;
  if (challenge(publicKey, ciphertext, context, commitment) !== proof.challenge)
    throw invalidProof('proof', 'a proof of this ciphertext in this context', 'another challenge');
}

export function plaintextProofToJson(
  publicKey: PaillierPublicKey,
  proof: PlaintextProof,
): PlaintextProofJson {
  assertProof(publicKey, proof);
  const text = (value: bigint, sizeBytes: number): string =>
    bytesToBase64Url(bigintToBytes(value, sizeBytes));
  const sizeBytes = publicKey.keyBits / 8;
  return {
    challenge: text(proof.challenge, CHALLENGE_BYTES),
    z: text(proof.z, sizeBytes),
    w: text(proof.w, sizeBytes),
  };
}

function integerOf(argument: string, text: unknown, sizeBytes: number): bigint {
  if (typeof text !== 'string') throw invalidProof(argument, 'base64url text', shapeOf(text));
  const bytes = base64UrlToBytes(text);
  if (bytes.length !== sizeBytes) throw invalidProof(argument, `${sizeBytes} bytes`, shapeOf(bytes));
  return bytesToBigint(bytes);
}

/**
 * Strict: exact widths and ranges.
 * @throws CRYPTO_PROOF_INVALID; CRYPTO_INVALID_INPUT for text that is not canonical base64url
 */
export function plaintextProofFromJson(publicKey: PaillierPublicKey, json: unknown): PlaintextProof {
  if (json === null || typeof json !== 'object') throw invalidProof('proof', 'an object', shapeOf(json));
  const { challenge: e, z, w } = json as Record<string, unknown>;
  const sizeBytes = publicKey.keyBits / 8;
  const proof = {
    challenge: integerOf('proof.challenge', e, CHALLENGE_BYTES),
    z: integerOf('proof.z', z, sizeBytes),
    w: integerOf('proof.w', w, sizeBytes),
  };
  assertProof(publicKey, proof);
  return proof;
}
