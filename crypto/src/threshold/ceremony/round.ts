/** What the machine and its rounds know of each other. */
import type { CborMap, CborValue } from '../../core/cbor.js';
import { CryptoError } from '../../core/errors.js';
import type { RandomBytes } from '../../core/random.js';
import type { ModPow } from '../../paillier/arithmetic.js';
import type { CeremonyParameters, CeremonyPhase, CeremonyResult } from './types.js';

export const ROUND_NAMES = [
  'factors',
  'reduce',
  'parts',
  'open',
  'filter',
  'confirm',
  'exponent',
  'deal',
  'prove',
  'agree',
] as const;
export type RoundName = (typeof ROUND_NAMES)[number];

export interface RoundContext {
  readonly parameters: CeremonyParameters;
  readonly random: RandomBytes;
  readonly modPow: ModPow;
}

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

export type Outcome =
  { readonly next: RoundName; readonly data: CborMap } | { readonly result: CeremonyResult };

export interface Round {
  readonly phase: CeremonyPhase;
  emit(context: RoundContext, data: CborMap): Emission;
  /**
   * @param received in the order of the participants, without the own message
   * @throws CeremonyBlame, CeremonyInconsistent; CryptoError for a state that no machine wrote
   */
  absorb(context: RoundContext, kept: CborMap, received: readonly Received[]): Outcome;
}

/** Ends an attempt with a name. Stays inside this folder: the machine returns it as a fault. */
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

/** The 1-based place of a holder. */
export function holderPoint(context: RoundContext, name: string): number {
  return context.parameters.holders.indexOf(name) + 1;
}

export function selfPoint(context: RoundContext): number {
  return holderPoint(context, context.parameters.self);
}
