/** What goes into and comes out of the ceremony machine. Equations and guarantees: docs/crypto/threshold.md. */
import type { RandomBytes } from '../../core/random.js';
import type { ModPow } from '../../paillier/arithmetic.js';
import type { PaillierPublicKeyJson } from '../../paillier/types.js';
import type { SharingJson, ThresholdPublicKeyJson, ThresholdShareJson } from '../types.js';

export type CeremonyPurpose = 'generate' | 'redistribute';

/** What each participant passes to `beginCeremony`; all but `self` and `share` are the same for everyone. */
export interface CeremonyParameters {
  readonly ceremonyId: string;
  /** 1 for the first; one more after each fault. */
  readonly attempt: number;
  readonly purpose: CeremonyPurpose;
  readonly keyBits: number;
  /** MSP id of the party whose machine this is. */
  readonly self: string;
  /** Everyone whose messages are needed: for `generate` the holders, for `redistribute` holders and dealers. */
  readonly participants: readonly string[];
  /** Who will hold a share, in the order of their points; 3 to 10. */
  readonly holders: readonly string[];
  /** Shares that will be needed to decrypt, more than half of the holders. */
  readonly threshold: number;
  /** `redistribute`: exactly as many present holders as are needed today; they deal. */
  readonly dealers?: readonly string[];
  /** `redistribute`: the key as it is held today. */
  readonly present?: ThresholdPublicKeyJson;
  /** `redistribute`, dealers only: the own share of today; secret. */
  readonly share?: ThresholdShareJson;
  /** Ed25519 keys of all participants, base64url; without them an equivocation is noticed and not named. */
  readonly signingKeys?: Readonly<Record<string, string>>;
  readonly allowTestKeySize?: boolean;
}

export interface CeremonyTools {
  /** Asked once, by `beginCeremony`, for 32 bytes: every later draw derives from them and from what came. */
  readonly random?: RandomBytes;
  readonly modPow?: ModPow;
}

/** Messages of one round: each participant gets the same broadcast and its own direct part. */
export interface CeremonyOutgoing {
  readonly round: number;
  readonly broadcast: Uint8Array;
  /** By MSP id, for every other participant; secret. */
  readonly direct: Readonly<Record<string, Uint8Array>>;
}

/** One participant's message of a round, as `openCeremonyMessage` returns it. */
export interface CeremonyIncoming {
  readonly from: string;
  readonly round: number;
  readonly broadcast: Uint8Array;
  readonly direct: Uint8Array;
  /** The sender's signature over the digest of its broadcast (`CEREMONY_RECEIPT_BYTES`): lets an equivocation be named. */
  readonly receipt?: Uint8Array;
}

export const CEREMONY_PHASES = ['candidates', 'biprimality', 'sharing', 'proving', 'agreeing'] as const;
export type CeremonyPhase = (typeof CEREMONY_PHASES)[number];

export interface CeremonyProgress {
  readonly phase: CeremonyPhase;
  readonly round: number;
  /** Candidates for n that were tried, and how many are tried on average. */
  readonly candidates: number;
  readonly expectedCandidates: number;
  /** Expected fraction of the work that is done, 0..1; never goes back. */
  readonly fraction: number;
}

export interface CeremonyResult {
  readonly publicKey: PaillierPublicKeyJson;
  readonly sharing: SharingJson;
  /** SHA-256 of the canonical JSON of { publicKey, sharing }, lower-case hex: the same for every participant. */
  readonly sharingDigest: string;
  /** Secret; absent for a dealer that leaves. */
  readonly share?: ThresholdShareJson;
}

/** Why an attempt ended. The first three name who caused it. */
export type CeremonyFault =
  | {
      /** GARBAGE: does not parse or is out of range. PROOF_INVALID: contradicts a commitment or proof. */
      readonly reason: 'GARBAGE' | 'PROOF_INVALID' | 'EQUIVOCATION';
      readonly accused: string;
      readonly round: number;
      readonly detail: string;
    }
  | {
      /** Somebody cheated (or a batch without luck came 48 times): nobody can be named. */
      readonly reason: 'INCONSISTENT';
      readonly accused?: undefined;
      readonly round: number;
      readonly detail: string;
    };

/**
 * Store `state` and `outgoing` durably before sending: the state holds secrets, and what was sent once must not be sent
 * differently. With `result` or `fault` the machine has ended.
 */
export interface CeremonyStep {
  readonly state: Uint8Array;
  readonly outgoing?: CeremonyOutgoing;
  readonly progress: CeremonyProgress;
  readonly result?: CeremonyResult;
  readonly fault?: CeremonyFault;
}
