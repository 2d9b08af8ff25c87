/** The identity master key, how it is shared, and what goes into and comes out of its ceremony. JSON: bytes are base64url. */
import type { RandomBytes } from '../core/random.js';
import type { CeremonyPurpose, LockstepParameters, LockstepStep } from '../lockstep/types.js';
import type { PairingEngine } from '../pairing/index.js';

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

/** A master key as the ledger carries it. */
export interface SharedMasterKey {
  readonly masterKey: IdentityMasterKey;
  readonly sharing: IdentitySharing;
}

/** What each participant passes to `beginIdentityCeremony`; all but `self` and `share` are the same for everyone. */
export interface IdentityCeremonyParameters extends LockstepParameters {
  readonly purpose: CeremonyPurpose;
  /** Who will hold a share, in the order of their points; 3 to 10. */
  readonly holders: readonly string[];
  /** Shares that will be needed, more than half of the holders. */
  readonly threshold: number;
  /** `redistribute`: exactly as many present holders as are needed today; they deal. */
  readonly dealers?: readonly string[];
  /** `redistribute`: the key as it is held today. */
  readonly present?: SharedMasterKey;
  /** `redistribute`, dealers only: the own share of today; secret. */
  readonly share?: IdentityShare;
}

export interface IdentityCeremonyTools {
  /** Asked once, by `beginIdentityCeremony`, for 32 bytes. */
  readonly random?: RandomBytes;
  /** Default: noble. Both give the same bytes. */
  readonly engine?: PairingEngine;
}

/** A complaint that its dealer answered with the right share: one of the two did not keep to the protocol. */
export interface IdentityDispute {
  readonly dealer: string;
  readonly holder: string;
}

export interface IdentityCeremonyResult extends SharedMasterKey {
  /** `identitySharingDigest`: the same for every participant. */
  readonly sharingDigest: string;
  readonly disputes: readonly IdentityDispute[];
  /** Secret; absent for a dealer that leaves. */
  readonly share?: IdentityShare;
}

export type IdentityCeremonyStep = LockstepStep<IdentityCeremonyResult>;
