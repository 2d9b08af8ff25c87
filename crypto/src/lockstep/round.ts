/** What the machine's shell and the rounds of a protocol know of each other. */
import type { CborMap, CborValue } from '../core/cbor.js';
import { CryptoError } from '../core/errors.js';
import type { CeremonyPhase } from './types.js';

/** What a party sends in a round, and what it keeps until the others' messages are there. */
export interface Emission {
  readonly broadcast: CborMap;
  /** For each other participant. */
  direct(to: string): CborMap;
  readonly kept: CborMap;
}

export interface Received {
  readonly from: string;
  readonly broadcast: CborValue;
  readonly direct: CborValue;
}

export type RoundOutcome<Name extends string, Result> =
  { readonly next: Name; readonly data: CborMap } | { readonly result: Result };

export interface LockstepRound<Context, Name extends string, Result> {
  readonly phase: CeremonyPhase;
  emit(context: Context, data: CborMap): Emission;
  /**
   * @param received in the order of the participants, without the own message
   * @throws CeremonyBlame, CeremonyInconsistent; CryptoError for a state that no machine wrote
   */
  absorb(context: Context, kept: CborMap, received: readonly Received[]): RoundOutcome<Name, Result>;
}

/** Ends an attempt with a name. Stays inside the machine, which returns it as a fault. */
export class CeremonyBlame extends Error {
  constructor(
    readonly accused: string,
    readonly reason: 'GARBAGE' | 'PROOF_INVALID' | 'EQUIVOCATION',
    readonly detail: string,
  ) {
    super(`${reason}: ${accused}: ${detail}`);
    this.name = 'CeremonyBlame';
  }
}

/** Ends an attempt without a name. */
export class CeremonyInconsistent extends Error {
  constructor(readonly detail: string) {
    super(detail);
    this.name = 'CeremonyInconsistent';
  }
}

/** Runs `act`; what it finds wrong is `from`'s doing. */
export function blaming<T>(from: string, reason: 'GARBAGE' | 'PROOF_INVALID', act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    throw new CeremonyBlame(from, reason, error.message);
  }
}
