/** The identity master key and how it is shared. JSON: bytes are base64url. */

/** P = g2^s. */
export interface IdentityMasterKey {
  /** 96 bytes. */
  readonly publicKey: string;
  /** SHA-256 of the point's bytes, lower-case hex. */
  readonly keyId: string;
}

/** The holder at place i of `holders`, from 1, has s_i = F(i); any `threshold` of them have s = F(0). */
export interface IdentitySharing {
  /** 0 for the first; one more after each redistribution. */
  readonly epoch: number;
  readonly threshold: number;
  /** MSP ids. */
  readonly holders: readonly string[];
  /** A_0 = P, .., A_{threshold - 1}, 96 bytes each: g2 to the coefficients of F. */
  readonly commitments: readonly string[];
}

/** Secret: s_i. */
export interface IdentityShare {
  readonly keyId: string;
  readonly epoch: number;
  readonly holder: string;
  /** The holder's place, from 1. */
  readonly point: number;
  /** 32 bytes. */
  readonly scalar: string;
}
