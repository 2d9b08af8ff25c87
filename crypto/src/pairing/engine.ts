/**
 * The pairing e: G1 x G2 -> GT on BLS12-381, as the identity and re-encryption schemes use it. Groups of prime order q,
 * written multiplicatively as in the papers.
 *
 *   G1   48 bytes, G2 96 bytes   compressed points as in the IETF's BLS draft, appendix "ZCash serialization"
 *   GT   576 bytes               the twelve coefficients of Fp12, each 48 bytes big-endian, in the order of the tower
 *                                ((c000, c001), (c010, c011), ...): Fp12 = Fp6[w], Fp6 = Fp2[v], Fp2 = Fp[u]
 *   Zq   32 bytes                big-endian, below q
 *
 * Two engines give the same values and bytes: mcl (WebAssembly; production) and noble (pure JavaScript; chaincode, the
 * oracle of the tests, the baseline of the benchmark). Neither is constant-time: SECURITY.md, _Secrets and time_.
 */

/** An element of G1; only the engine that made it understands it. */
export interface G1 {
  readonly group: 'G1';
}
export interface G2 {
  readonly group: 'G2';
}
export interface GT {
  readonly group: 'GT';
}

/** Order of the three groups. */
export const Q = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
export const SCALAR_BYTES = 32;
export const G1_BYTES = 48;
export const G2_BYTES = 96;
export const GT_BYTES = 576;

/** Scalars are bigints 0..q-1. */
export interface PairingEngine {
  readonly name: 'mcl' | 'noble';
  readonly g1: G1;
  readonly g2: G2;
  /** e(g1, g2). */
  readonly gt: GT;

  /** e(P, Q). */
  pair(left: G1, right: G2): GT;
  /** The product of e(P_i, Q_i), with one final exponentiation. */
  pairProduct(pairs: readonly (readonly [G1, G2])[]): GT;

  g1Multiply(left: G1, right: G1): G1;
  g1Power(base: G1, exponent: bigint): G1;
  /** The product of base_i^exponent_i. */
  g1Powers(bases: readonly G1[], exponents: readonly bigint[]): G1;
  g1Equal(left: G1, right: G1): boolean;
  g2Multiply(left: G2, right: G2): G2;
  g2Power(base: G2, exponent: bigint): G2;
  g2Powers(bases: readonly G2[], exponents: readonly bigint[]): G2;
  g2Equal(left: G2, right: G2): boolean;
  gtMultiply(left: GT, right: GT): GT;
  gtPower(base: GT, exponent: bigint): GT;
  gtInverse(value: GT): GT;
  gtEqual(left: GT, right: GT): boolean;

  /** RFC 9380, BLS12381G1_XMD:SHA-256_SSWU_RO_. */
  hashToG1(message: Uint8Array, domain: HashDomain): G1;

  /**
   * Every decode checks: canonical encoding, in the subgroup of order q, not the identity.
   * @param argument name for the error
   * @throws CRYPTO_INVALID_INPUT
   */
  decodeG1(argument: string, bytes: Uint8Array): G1;
  decodeG2(argument: string, bytes: Uint8Array): G2;
  decodeGT(argument: string, bytes: Uint8Array): GT;
  /** @throws CRYPTO_INVALID_INPUT for the identity, which no message of these schemes carries */
  encodeG1(value: G1): Uint8Array;
  encodeG2(value: G2): Uint8Array;
  encodeGT(value: GT): Uint8Array;
}

/** One domain separation tag for each use of hash-to-curve: if two coincided, the scheme would fall. */
export const HASH_DOMAINS = {
  /** H1: identities. */
  identity: 'CARELEDGER-V1-H1-BLS12381G1_XMD:SHA-256_SSWU_RO_',
  /** HT: tags. */
  tag: 'CARELEDGER-V1-HT-BLS12381G1_XMD:SHA-256_SSWU_RO_',
  /** HX: edge secrets. */
  edge: 'CARELEDGER-V1-HX-BLS12381G1_XMD:SHA-256_SSWU_RO_',
  /** HC: ciphertexts. */
  ciphertext: 'CARELEDGER-V1-HC-BLS12381G1_XMD:SHA-256_SSWU_RO_',
} as const;
export type HashDomain = keyof typeof HASH_DOMAINS;
