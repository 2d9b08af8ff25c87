/**
 * The ceremony machine of one party: lockstep rounds as a pure function of (state, what came). docs/crypto/threshold.md
 * has the protocol; each round's equations stand in the file that holds it.
 *
 *   generate       factors [reduce ..] parts open filter   per batch of candidates, until one passes
 *                  confirm exponent deal prove agree
 *   redistribute   deal prove agree
 *
 *   broadcast = canonical CBOR { echo, body }      echo: digest of the parameters in round 0, then echo.ts
 *   direct    = canonical CBOR, the round's own
 *
 * The same state and messages always give the same bytes: a step that is repeated after a crash sends nothing new.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesEqual } from '../../core/bytes.js';
import { decodeCbor, encodeCbor, type CborMap, type CborValue } from '../../core/cbor.js';
import { invalidInput } from '../../core/errors.js';
import { randomBytes } from '../../core/random.js';
import { modPow as bigintModPow } from '../../paillier/arithmetic.js';
import { BIPRIMALITY_ROUNDS } from './biprimality.js';
import { CANDIDATE_ROUNDS } from './candidates.js';
import { CLOSING_ROUNDS } from './closing.js';
import { compareEchoes, makeEcho, observedDigests } from './echo.js';
import { EXPONENT_ROUNDS } from './exponent.js';
import { bytesOf, decodeFields } from './fields.js';
import { MAX_CEREMONY_MESSAGE_BYTES } from './message.js';
import { assertParameters, orderedParticipants, parametersDigest } from './parameters.js';
import { planOf } from './plan.js';
import {
  CeremonyBlame,
  CeremonyInconsistent,
  blaming,
  type Round,
  type RoundContext,
  type RoundName,
} from './round.js';
import { decodeState, encodeState, type EndedState, type WaitingState } from './state.js';
import { SEED_BYTES, nextSeed, seededRandom } from './stream.js';
import type {
  CeremonyFault,
  CeremonyIncoming,
  CeremonyParameters,
  CeremonyProgress,
  CeremonyStep,
  CeremonyTools,
} from './types.js';

const ROUNDS: Readonly<Record<RoundName, Round>> = {
  ...CANDIDATE_ROUNDS,
  ...BIPRIMALITY_ROUNDS,
  ...EXPONENT_ROUNDS,
  ...CLOSING_ROUNDS,
};
const NOTHING = new Uint8Array(0);

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

function progressOf(state: WaitingState): CeremonyProgress {
  const { parameters, round, name, batch, permille } = state;
  const phase = ROUNDS[name].phase;
  if (parameters.purpose === 'redistribute')
    return { phase, round, candidates: 0, expectedCandidates: 0, fraction: permille / 1000 };
  const plan = planOf(parameters.keyBits, parameters.holders.length);
  const candidates = (name in PLACE_IN_BATCH && name !== 'filter' ? batch : batch + 1) * plan.batch;
  return { phase, round, candidates, expectedCandidates: plan.expectedCandidates, fraction: permille / 1000 };
}

interface Next {
  readonly round: number;
  readonly name: RoundName;
  readonly data: CborMap;
  readonly seed: Uint8Array;
  readonly echo: Uint8Array;
  readonly observed: Uint8Array;
  readonly batch: number;
  readonly permille: number;
}

/** Sends the next round and waits for it. */
function enter(context: RoundContext, next: Next): CeremonyStep {
  const { parameters } = context;
  const { data, echo, ...place } = next;
  const emission = ROUNDS[next.name].emit(context, data);
  const broadcast = encodeCbor({ echo, body: emission.broadcast });
  const others = parameters.participants.filter((name) => name !== parameters.self);
  const direct = Object.fromEntries(others.map((name) => [name, encodeCbor(emission.direct(name))]));
  const permille = Math.max(next.permille, permilleOf(parameters, next.name, next.batch));
  const state: WaitingState = {
    ...place,
    kind: 'waiting',
    parameters,
    kept: emission.kept,
    sent: sha256(broadcast),
    permille,
  };
  return {
    state: encodeState(state),
    outgoing: { round: next.round, broadcast, direct },
    progress: progressOf(state),
  };
}

/**
 * The first step: nothing has come yet.
 * @throws CRYPTO_INVALID_INPUT for parameters that do not fit together, or a share that is not the dealer's
 */
export function beginCeremony(given: CeremonyParameters, tools: CeremonyTools = {}): CeremonyStep {
  assertParameters(given);
  const parameters = { ...given, participants: orderedParticipants(given) };
  const { random = randomBytes, modPow = bigintModPow } = tools;
  const seed = new Uint8Array(random(SEED_BYTES));
  const isGeneration = parameters.purpose === 'generate';
  return enter(
    { parameters, modPow, random: seededRandom(seed) },
    {
      round: 0,
      name: isGeneration ? 'factors' : 'deal',
      data: isGeneration ? { batch: 0 } : {},
      seed,
      echo: parametersDigest(parameters),
      observed: NOTHING,
      batch: 0,
      permille: 0,
    },
  );
}

/** What came, in the order of the participants. @throws CRYPTO_INVALID_INPUT unless it is one message of each other */
function inOrder(state: WaitingState, incoming: readonly CeremonyIncoming[]): CeremonyIncoming[] {
  const { participants, self } = state.parameters;
  const others = participants.filter((name) => name !== self);
  if (incoming.length !== others.length)
    throw invalidInput('incoming', `${others.length} messages`, `${incoming.length} messages`);
  return others.map((name) => {
    const message = incoming.find(({ from }) => from === name);
    if (message === undefined) throw invalidInput('incoming', `a message from ${name}`, 'none');
    if (message.round !== state.round)
      throw invalidInput('incoming.round', `round ${state.round}`, `round ${message.round}`);
    return message;
  });
}

interface Opened {
  readonly from: string;
  readonly echo: Uint8Array;
  readonly broadcast: CborValue;
  readonly direct: CborValue;
}

function openMessage({ from, broadcast, direct }: CeremonyIncoming): Opened {
  return blaming(from, 'GARBAGE', () => {
    const fields = decodeFields('broadcast', broadcast, ['echo', 'body'], MAX_CEREMONY_MESSAGE_BYTES);
    return {
      from,
      echo: bytesOf(fields, 'echo'),
      broadcast: fields['body'] ?? null,
      direct: decodeCbor(direct, MAX_CEREMONY_MESSAGE_BYTES),
    };
  });
}

/** Round 0 agrees on the parameters, every other on the broadcasts of the one before. */
function differenceOfViews(state: WaitingState, opened: readonly Opened[]): CeremonyFault | undefined {
  const { parameters, round, observed } = state;
  if (round > 0) {
    const echoes = opened.map(({ from, echo }) => [from, echo] as const);
    return compareEchoes({ parameters, round: round - 1, observed, echoes });
  }
  const own = parametersDigest(parameters);
  const different = opened.find(({ echo }) => !bytesEqual(echo, own));
  if (different === undefined) return undefined;
  return { reason: 'INCONSISTENT', round, detail: `${different.from} began with other parameters` };
}

function ended(outcome: Omit<EndedState, 'kind'>): CeremonyStep {
  return { state: encodeState({ kind: 'ended', ...outcome }), ...outcome };
}

function faultOf(error: unknown, round: number): CeremonyFault {
  if (error instanceof CeremonyBlame) {
    const { accused, reason, detail } = error;
    return { reason, accused, round, detail };
  }
  if (error instanceof CeremonyInconsistent) return { reason: 'INCONSISTENT', round, detail: error.detail };
  throw error;
}

function advance(
  state: WaitingState,
  messages: readonly CeremonyIncoming[],
  tools: CeremonyTools,
): CeremonyStep {
  const { parameters, round, name, kept } = state;
  const opened = messages.map(openMessage);
  const difference = differenceOfViews(state, opened);
  if (difference !== undefined) return ended({ progress: progressOf(state), fault: difference });
  const came = messages.flatMap(({ broadcast, direct }) => [sha256(broadcast), sha256(direct)]);
  const seed = nextSeed(state.seed, came);
  const context = { parameters, modPow: tools.modPow ?? bigintModPow, random: seededRandom(seed) };
  const outcome = ROUNDS[name].absorb(context, kept, opened);
  if ('result' in outcome) {
    const progress = { ...progressOf(state), fraction: 1 };
    return ended({ progress, result: outcome.result });
  }
  const { next, data } = outcome;
  const echo = makeEcho(parameters, messages);
  const observed = observedDigests(parameters, echo, state.sent);
  const batch = next === 'factors' ? state.batch + 1 : state.batch;
  return enter(context, {
    round: round + 1,
    name: next,
    data,
    seed,
    echo,
    observed,
    batch,
    permille: state.permille,
  });
}

/**
 * Goes one round on.
 * @param bytes `state` of the step before
 * @param incoming one message of each other participant, all of the round that was sent last
 * @returns the next round's messages, or how the attempt ended: `result`, or `fault` with or without a name
 * @throws CRYPTO_INVALID_INPUT for a state that no machine wrote or that has ended, and for messages that are not those
 *         of this round: mistakes of the caller, which name nobody
 */
export function stepCeremony(
  bytes: Uint8Array,
  incoming: readonly CeremonyIncoming[],
  tools: CeremonyTools = {},
): CeremonyStep {
  const state = decodeState(bytes);
  if (state.kind === 'ended') throw invalidInput('state', 'a ceremony that goes on', 'one that has ended');
  assertParameters(state.parameters);
  const messages = inOrder(state, incoming);
  try {
    return advance(state, messages, tools);
  } catch (error) {
    return ended({ progress: progressOf(state), fault: faultOf(error, state.round) });
  }
}

/** Where a stored machine stands: what its step returned, without the messages. @throws CRYPTO_INVALID_INPUT */
export function inspectCeremony(bytes: Uint8Array): Omit<CeremonyStep, 'outgoing'> {
  const state = decodeState(bytes);
  if (state.kind === 'waiting') return { state: bytes, progress: progressOf(state) };
  const { progress, result, fault } = state;
  return {
    state: bytes,
    progress,
    ...(result === undefined ? {} : { result }),
    ...(fault === undefined ? {} : { fault }),
  };
}
