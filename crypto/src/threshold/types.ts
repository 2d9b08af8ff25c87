/**
 * What a threshold key is, as data. Equations: docs/crypto/threshold.md.
 *
 *   phi = phi(n), beta random, F(x) an integer polynomial of degree threshold - 1 with phi | F(0)
 *   holder i (1-based place in `holders`) keeps S_i = F(i), an integer; Delta = (number of holders)!
 *   v in Z*_{n^2} a square, v_i = v^(Delta S_i)
 *   partial c_i = c^(2 Delta S_i);   x = prod c_i^(2 mu_i),  mu_i = Delta prod_{j != i} j / (j - i);   m = L(x) / theta mod n
 *
 * The 2 in x is there because the proof is about c_i^2: it leaves the sign of c_i open, and a mu_i may be odd.
 */
import type { PaillierPublicKeyJson } from '../paillier/types.js';

/** Public: how the decryption exponent is shared. Redistribution makes a new one for the same public key. */
export interface Sharing {
  readonly keyId: string;
  /** 0 after generation, one more after each redistribution: shares of two epochs do not mix. */
  readonly epoch: number;
  /** Partial decryptions that are needed, a majority of the holders. */
  readonly threshold: number;
  /** MSP ids; the place of a holder, from 1, is the point at which its share is taken. */
  readonly holders: readonly string[];
  /** v. */
  readonly verificationBase: bigint;
  /** v_i, in the order of `holders`. */
  readonly verificationKeys: readonly bigint[];
  /** L of what a ciphertext of 1 combines to, 1..n-1, coprime to n. */
  readonly theta: bigint;
}

/** Integers as base64url: elements of Z*_{n^2} in 2 keyBits / 8 bytes, theta in keyBits / 8. */
export interface SharingJson {
  readonly keyId: string;
  readonly epoch: number;
  readonly threshold: number;
  readonly holders: readonly string[];
  readonly verificationBase: string;
  readonly verificationKeys: readonly string[];
  readonly theta: string;
}

/** Secret. */
export interface ThresholdShare {
  readonly holder: string;
  readonly keyId: string;
  readonly epoch: number;
  /** S_i, a positive integer of about 2 keyBits + 300 bits. */
  readonly value: bigint;
}

/** Secret; `value` is base64url of minimal big-endian bytes. */
export interface ThresholdShareJson {
  readonly holder: string;
  readonly keyId: string;
  readonly epoch: number;
  readonly value: string;
}

/**
 * What a partial decryption is for; enters the challenge of its proof, so that a proof made for one opening does not
 * serve for another.
 */
export interface OpeningContext {
  readonly queryId: string;
  /** 'aggregate', or 'ceremony' for the test ciphertext that closes a ceremony. */
  readonly step: 'aggregate' | 'ceremony';
  readonly index: number;
}

/** c_i with the proof that log_{c^4}(c_i^2) = log_v(v_i), Fiat-Shamir in the form (challenge, response). */
export interface ProvenPartial {
  readonly holder: string;
  readonly keyId: string;
  readonly epoch: number;
  /** SHA-256 of the ciphertext this belongs to (`ciphertextDigest`), lower-case hex. */
  readonly ciphertextDigest: string;
  readonly value: bigint;
  readonly proof: { readonly challenge: bigint; readonly response: bigint };
}

/** value: base64url of 2 keyBits / 8 bytes; challenge: 16 bytes; response: minimal big-endian bytes. */
export interface ProvenPartialJson {
  readonly holder: string;
  readonly keyId: string;
  readonly epoch: number;
  readonly ciphertextDigest: string;
  readonly value: string;
  readonly proof: { readonly challenge: string; readonly response: string };
}

/** A key as the ledger carries it. */
export interface ThresholdPublicKeyJson {
  readonly publicKey: PaillierPublicKeyJson;
  readonly sharing: SharingJson;
}
