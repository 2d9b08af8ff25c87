/** The rounds that make and move a Paillier key, as far as they know of each other. */
import type { RandomBytes } from '../../core/random.js';
import type { LockstepRound, RoundOutcome } from '../../lockstep/round.js';
import type { ModPow } from '../../paillier/arithmetic.js';
import type { CeremonyParameters, CeremonyResult } from './types.js';

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

export type Outcome = RoundOutcome<RoundName, CeremonyResult>;
export type Round = LockstepRound<RoundContext, RoundName, CeremonyResult>;

/** The 1-based place of a holder. */
export function holderPoint(context: RoundContext, name: string): number {
  return context.parameters.holders.indexOf(name) + 1;
}

export function selfPoint(context: RoundContext): number {
  return holderPoint(context, context.parameters.self);
}
