/** What every ceremony's machine takes and gives, whatever key it makes. */

export type CeremonyPurpose = 'generate' | 'redistribute';

/** The parameters that the shell of the machine itself looks at. */
export interface LockstepParameters {
  readonly ceremonyId: string;
  /** 1 for the first; one more after each fault. */
  readonly attempt: number;
  /** MSP id of the party whose machine this is. */
  readonly self: string;
  /** Everyone whose messages are needed: for `generate` the holders, for `redistribute` holders and dealers. */
  readonly participants: readonly string[];
  /** Ed25519 keys of all participants, base64url; without them an equivocation is noticed and not named. */
  readonly signingKeys?: Readonly<Record<string, string>>;
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
  /** Candidates for n that were tried, and how many are tried on average; 0 where none are needed. */
  readonly candidates: number;
  readonly expectedCandidates: number;
  /** Expected fraction of the work that is done, 0..1; never goes back. */
  readonly fraction: number;
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
export interface LockstepStep<Result> {
  readonly state: Uint8Array;
  readonly outgoing?: CeremonyOutgoing;
  readonly progress: CeremonyProgress;
  readonly result?: Result;
  readonly fault?: CeremonyFault;
}
