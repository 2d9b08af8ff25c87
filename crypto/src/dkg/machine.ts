/** The ceremony of the identity master key: its rounds (rounds.ts) in the machine that all ceremonies have. */
import { createLockstep, type Place } from '../lockstep/machine.js';
import { orderedParticipants } from '../lockstep/parties.js';
import type { CeremonyProgress } from '../lockstep/types.js';
import { noblePairing } from '../pairing/index.js';
import { assertIdentityParameters, identityParametersDigest } from './parameters.js';
import { IDENTITY_ROUND_NAMES, type IdentityRoundContext, type IdentityRoundName } from './round.js';
import { IDENTITY_ROUNDS } from './rounds.js';
import { checkedIdentitySharing } from './sharing.js';
import type { IdentityCeremonyParameters, IdentityCeremonyResult, IdentityCeremonyTools } from './types.js';

const PERMILLE: Readonly<Record<IdentityRoundName, number>> = {
  commit: 0,
  deal: 250,
  complain: 600,
  justify: 750,
  agree: 900,
};

function progressOf({
  round,
  name,
  permille,
}: Place<IdentityCeremonyParameters, IdentityRoundName>): CeremonyProgress {
  const { phase } = IDENTITY_ROUNDS[name];
  return { phase, round, candidates: 0, expectedCandidates: 0, fraction: permille / 1000 };
}

interface IdentityCeremony {
  readonly parameters: IdentityCeremonyParameters;
  readonly tools: IdentityCeremonyTools;
  readonly context: IdentityRoundContext;
  readonly name: IdentityRoundName;
  readonly result: IdentityCeremonyResult;
}

const machine = createLockstep<IdentityCeremony>({
  names: IDENTITY_ROUND_NAMES,
  rounds: IDENTITY_ROUNDS,
  first: () => ({ name: 'commit', data: {} }),
  assertParameters: assertIdentityParameters,
  orderedParticipants,
  parametersDigest: identityParametersDigest,
  contextOf(parameters, random, { engine = noblePairing }) {
    const { present: key } = parameters;
    const present = key && checkedIdentitySharing(engine, key.masterKey, key.sharing);
    return { parameters, random, engine, present };
  },
  permilleOf: (_parameters, name) => PERMILLE[name],
  progressOf,
});

export const beginIdentityCeremony = machine.begin;
export const stepIdentityCeremony = machine.step;
export const inspectIdentityCeremony = machine.inspect;
