/** Paillier's keys and what is computed under them, as data. */

/** How randomness is made, part of the key: `rn` is r^n (textbook), `djn` is h_s^x (Damgard, Jurik, Nielsen). */
export const ENCRYPTION_MODES = ['rn', 'djn'] as const;
export type EncryptionMode = (typeof ENCRYPTION_MODES)[number];

/**
 * n = p q; generator g = 1 + n. E(m; r) = (1 + m n) r^n mod n^2 for m in 0..n-1, r in Z*_n.
 * Paillier, EUROCRYPT 1999, section 4, with the generator of Damgard and Jurik, PKC 2001.
 */
export interface PaillierPublicKey {
  readonly n: bigint;
  readonly nSquared: bigint;
  /** Binary digits of n, exact. */
  readonly keyBits: number;
  readonly encryption: EncryptionMode;
  /** SHA-256 of the mode and n, lower-case hex. */
  readonly keyId: string;
}

/** The published form; `n` is base64url of keyBits/8 big-endian bytes. */
export interface PaillierPublicKeyJson {
  readonly scheme: 'paillier';
  readonly version: 1;
  readonly keyBits: number;
  readonly n: string;
  readonly encryption: EncryptionMode;
  readonly keyId: string;
}

/** Seen by labelled dealers and by tests only. lambda = lcm(p - 1, q - 1). */
export interface PaillierPrivateKey {
  readonly publicKey: PaillierPublicKey;
  readonly p: bigint;
  readonly q: bigint;
  readonly lambda: bigint;
}
