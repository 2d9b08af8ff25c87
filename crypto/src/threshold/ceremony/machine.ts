/**
 * The ceremony of a Paillier key. docs/crypto/threshold.md has the protocol; each round's equations stand in the file
 * that holds it.
 *
 *   generate       factors [reduce ..] parts open filter   per batch of candidates, until one passes
 *                  confirm exponent deal prove agree
 *   redistribute   deal prove agree
 */
import { createLockstep, type LockstepContext, type Place } from '../../lockstep/machine.js';
import { orderedParticipants } from '../../lockstep/parties.js';
import type { CeremonyProgress } from '../../lockstep/types.js';
import { modPow as bigintModPow } from '../../paillier/arithmetic.js';
import { BIPRIMALITY_ROUNDS } from './biprimality.js';
import { CANDIDATE_ROUNDS } from './candidates.js';
import { CLOSING_ROUNDS } from './closing.js';
import { EXPONENT_ROUNDS } from './exponent.js';
import { assertParameters, parametersDigest } from './parameters.js';
import { planOf } from './plan.js';
import { ROUND_NAMES, type Round, type RoundContext, type RoundName } from './round.js';
import type { CeremonyParameters, CeremonyResult, CeremonyTools } from './types.js';

const ROUNDS: Readonly<Record<RoundName, Round>> = {
  ...CANDIDATE_ROUNDS,
  ...BIPRIMALITY_ROUNDS,
  ...EXPONENT_ROUNDS,
  ...CLOSING_ROUNDS,
};

/** Where a round stands: within its batch, or (from `confirm` on) in 1/1000 of the whole. */
const PLACE_IN_BATCH: Partial<Record<RoundName, number>> = {
  factors: 0,
  reduce: 0.1,
  parts: 0.2,
  open: 0.4,
  filter: 0.6,
};
const CANDIDATES_PERMILLE = 800;
const PERMILLE: Partial<Record<RoundName, number>> = {
  confirm: 800,
  exponent: 850,
  deal: 880,
  prove: 930,
  agree: 980,
};

function permilleOf(parameters: CeremonyParameters, name: RoundName, batch: number): number {
  const place = PLACE_IN_BATCH[name];
  if (place === undefined) return PERMILLE[name] ?? 0;
  const plan = planOf(parameters.keyBits, parameters.holders.length);
  const tried = (batch + place) * plan.batch;
  return Math.floor(CANDIDATES_PERMILLE * (1 - Math.exp(-tried / plan.expectedCandidates)));
}

function progressOf(state: Place<CeremonyParameters, RoundName>): CeremonyProgress {
  const { parameters, round, name, batch, permille } = state;
  const phase = ROUNDS[name].phase;
  if (parameters.purpose === 'redistribute')
    return { phase, round, candidates: 0, expectedCandidates: 0, fraction: permille / 1000 };
  const plan = planOf(parameters.keyBits, parameters.holders.length);
  const candidates = (name in PLACE_IN_BATCH && name !== 'filter' ? batch : batch + 1) * plan.batch;
  return { phase, round, candidates, expectedCandidates: plan.expectedCandidates, fraction: permille / 1000 };
}

interface PaillierCeremony {
  readonly parameters: CeremonyParameters;
  readonly tools: CeremonyTools;
  readonly context: RoundContext & LockstepContext<CeremonyParameters>;
  readonly name: RoundName;
  readonly result: CeremonyResult;
}

const machine = createLockstep<PaillierCeremony>({
  names: ROUND_NAMES,
  rounds: ROUNDS,
  first: ({ purpose }) =>
    purpose === 'generate' ? { name: 'factors', data: { batch: 0 } } : { name: 'deal', data: {} },
  assertParameters,
  orderedParticipants,
  parametersDigest,
  contextOf: (parameters, random, { modPow = bigintModPow }) => ({ parameters, random, modPow }),
  repeats: 'factors',
  permilleOf,
  progressOf,
});

export const beginCeremony = machine.begin;
export const stepCeremony = machine.step;
export const inspectCeremony = machine.inspect;
