/**
 * The machine of one party of a ceremony: lockstep rounds as a pure function of (state, what came). Which rounds there
 * are is the protocol's: threshold/ceremony makes a Paillier key, dkg the master key of identities.
 *
 *   broadcast = canonical CBOR { echo, body }      echo: digest of the parameters in round 0, then echo.ts
 *   direct    = canonical CBOR, the round's own
 *
 * The same state and messages always give the same bytes: a step that is repeated after a crash sends nothing new.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesEqual } from '../core/bytes.js';
import { decodeCbor, encodeCbor, type CborMap, type CborValue } from '../core/cbor.js';
import { invalidInput } from '../core/errors.js';
import { randomBytes, type RandomBytes } from '../core/random.js';
import { compareEchoes, makeEcho, observedDigests } from './echo.js';
import { bytesOf, decodeFields } from './fields.js';
import { MAX_CEREMONY_MESSAGE_BYTES } from './message.js';
import { CeremonyBlame, CeremonyInconsistent, blaming, type LockstepRound } from './round.js';
import { SEED_BYTES, nextSeed, seededRandom } from './seed.js';
import { decodeState, encodeState, type EndedState, type WaitingState } from './state.js';
import type {
  CeremonyFault,
  CeremonyIncoming,
  CeremonyProgress,
  LockstepParameters,
  LockstepStep,
} from './types.js';

const NOTHING = new Uint8Array(0);

export interface LockstepContext<Parameters> {
  readonly parameters: Parameters;
  readonly random: RandomBytes;
}

export interface LockstepTools {
  /** Asked once, by `begin`, for 32 bytes: every later draw derives from them and from what came. */
  readonly random?: RandomBytes;
}

/** Where a machine stands, as far as its progress shows it. */
export type Place<Parameters extends LockstepParameters, Name extends string> = Pick<
  WaitingState<Parameters, Name>,
  'parameters' | 'round' | 'name' | 'batch' | 'permille'
>;

/** The types of a protocol. */
export interface ProtocolTypes {
  readonly parameters: LockstepParameters;
  readonly tools: LockstepTools;
  readonly context: LockstepContext<this['parameters']>;
  readonly name: string;
  readonly result: object;
}

/** What a machine has to know to go through the rounds of one kind of ceremony. */
export interface Protocol<T extends ProtocolTypes> {
  readonly names: readonly T['name'][];
  readonly rounds: Readonly<Record<T['name'], LockstepRound<T['context'], T['name'], T['result']>>>;
  first(parameters: T['parameters']): { readonly name: T['name']; readonly data: CborMap };
  /** @throws CRYPTO_INVALID_INPUT naming what does not fit */
  assertParameters(parameters: T['parameters'], tools: T['tools']): void;
  /** The order in which everyone reads messages and echoes. */
  orderedParticipants(parameters: T['parameters']): string[];
  /** Of what has to be the same for everyone. */
  parametersDigest(parameters: T['parameters']): Uint8Array;
  contextOf(parameters: T['parameters'], random: RandomBytes, tools: T['tools']): T['context'];
  /** The round after which another batch has begun, where rounds repeat. */
  readonly repeats?: T['name'];
  /** Expected work that is done when a round of a batch begins, in 1/1000. */
  permilleOf(parameters: T['parameters'], name: T['name'], batch: number): number;
  progressOf(place: Place<T['parameters'], T['name']>): CeremonyProgress;
}

export interface LockstepMachine<T extends ProtocolTypes> {
  /**
   * The first step: nothing has come yet.
   * @throws CRYPTO_INVALID_INPUT for parameters that do not fit together, or a share that is not the dealer's
   */
  readonly begin: (parameters: T['parameters'], tools?: T['tools']) => LockstepStep<T['result']>;
  /**
   * Goes one round on.
   * @param state of the step before
   * @param incoming one message of each other participant, all of the round that was sent last
   * @returns the next round's messages, or how the attempt ended: `result`, or `fault` with or without a name
   * @throws CRYPTO_INVALID_INPUT for a state that no machine wrote or that has ended, and for messages that are not
   *         those of this round: mistakes of the caller, which name nobody
   */
  readonly step: (
    state: Uint8Array,
    incoming: readonly CeremonyIncoming[],
    tools?: T['tools'],
  ) => LockstepStep<T['result']>;
  /** Where a stored machine stands: what its step returned, without the messages. @throws CRYPTO_INVALID_INPUT */
  readonly inspect: (state: Uint8Array) => Omit<LockstepStep<T['result']>, 'outgoing'>;
}

type Waiting<T extends ProtocolTypes> = WaitingState<T['parameters'], T['name']>;

interface Next<T extends ProtocolTypes> extends Pick<
  Waiting<T>,
  'round' | 'name' | 'seed' | 'observed' | 'batch' | 'permille'
> {
  readonly data: CborMap;
  readonly echo: Uint8Array;
}

export function createLockstep<T extends ProtocolTypes>(protocol: Protocol<T>): LockstepMachine<T> {
  /** Sends the next round and waits for it. */
  const enter = (context: T['context'], next: Next<T>): LockstepStep<T['result']> => {
    const { parameters } = context;
    const { data, echo, ...place } = next;
    const name: T['name'] = next.name;
    const emission = protocol.rounds[name].emit(context, data);
    const broadcast = encodeCbor({ echo, body: emission.broadcast });
    const others = parameters.participants.filter((other) => other !== parameters.self);
    const direct = Object.fromEntries(others.map((other) => [other, encodeCbor(emission.direct(other))]));
    const state: Waiting<T> = {
      ...place,
      kind: 'waiting',
      parameters,
      kept: emission.kept,
      sent: sha256(broadcast),
      permille: Math.max(next.permille, protocol.permilleOf(parameters, next.name, next.batch)),
    };
    return {
      state: encodeState(state),
      outgoing: { round: next.round, broadcast, direct },
      progress: protocol.progressOf(state),
    };
  };

  const advance = (
    state: Waiting<T>,
    messages: readonly CeremonyIncoming[],
    tools: T['tools'],
  ): LockstepStep<T['result']> => {
    const { parameters, round, kept } = state;
    const name: T['name'] = state.name;
    const opened = messages.map(openMessage);
    const difference = differenceOfViews(state, opened, protocol.parametersDigest(parameters));
    if (difference !== undefined) return ended({ progress: protocol.progressOf(state), fault: difference });
    const came = messages.flatMap(({ broadcast, direct }) => [sha256(broadcast), sha256(direct)]);
    const seed = nextSeed(state.seed, came);
    const context = protocol.contextOf(parameters, seededRandom(seed), tools);
    const outcome = protocol.rounds[name].absorb(context, kept, opened);
    if ('result' in outcome) {
      const progress = { ...protocol.progressOf(state), fraction: 1 };
      return ended({ progress, result: outcome.result });
    }
    const { next, data } = outcome;
    const echo = makeEcho(parameters, messages);
    const observed = observedDigests(parameters, echo, state.sent);
    const batch = next === protocol.repeats ? state.batch + 1 : state.batch;
    const { permille } = state;
    return enter(context, { round: round + 1, name: next, data, seed, echo, observed, batch, permille });
  };

  const decoded = (bytes: Uint8Array): Waiting<T> | EndedState<T['result']> =>
    decodeState<T['parameters'], T['name'], T['result']>(bytes, protocol.names);

  return {
    begin(given, tools = {}) {
      protocol.assertParameters(given, tools);
      const parameters = { ...given, participants: protocol.orderedParticipants(given) };
      const seed = new Uint8Array((tools.random ?? randomBytes)(SEED_BYTES));
      return enter(protocol.contextOf(parameters, seededRandom(seed), tools), {
        ...protocol.first(parameters),
        round: 0,
        seed,
        echo: protocol.parametersDigest(parameters),
        observed: NOTHING,
        batch: 0,
        permille: 0,
      });
    },

    step(bytes, incoming, tools = {}) {
      const state = decoded(bytes);
      if (state.kind === 'ended')
        throw invalidInput('state', 'a ceremony that goes on', 'one that has ended');
      protocol.assertParameters(state.parameters, tools);
      const messages = inOrder(state, incoming);
      try {
        return advance(state, messages, tools);
      } catch (error) {
        return ended({ progress: protocol.progressOf(state), fault: faultOf(error, state.round) });
      }
    },

    inspect(bytes) {
      const state = decoded(bytes);
      if (state.kind === 'waiting') return { state: bytes, progress: protocol.progressOf(state) };
      const { progress, result, fault } = state;
      return {
        state: bytes,
        progress,
        ...(result === undefined ? {} : { result }),
        ...(fault === undefined ? {} : { fault }),
      };
    },
  };
}

type AnyWaiting = WaitingState<LockstepParameters, string>;

/** What came, in the order of the participants. @throws CRYPTO_INVALID_INPUT unless it is one message of each other */
function inOrder(state: AnyWaiting, incoming: readonly CeremonyIncoming[]): CeremonyIncoming[] {
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
function differenceOfViews(
  state: AnyWaiting,
  opened: readonly Opened[],
  own: Uint8Array,
): CeremonyFault | undefined {
  const { parameters, round, observed } = state;
  if (round > 0) {
    const echoes = opened.map(({ from, echo }) => [from, echo] as const);
    return compareEchoes({ parameters, round: round - 1, observed, echoes });
  }
  const different = opened.find(({ echo }) => !bytesEqual(echo, own));
  if (different === undefined) return undefined;
  return { reason: 'INCONSISTENT', round, detail: `${different.from} began with other parameters` };
}

function ended<Result>(outcome: Omit<EndedState<Result>, 'kind'>): LockstepStep<Result> {
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
