import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../../core/bytes.js';
import { decodeCbor, encodeCbor, type CborMap, type CborValue } from '../../core/cbor.js';
import { ceremonyModPow as modPow } from '../engine/one-off-mod-pow.js';
import type { ThresholdShareJson } from '../types.js';
import { HOSPITALS } from '../threshold.test-support.js';
import { beginCeremony, stepCeremony } from './machine.js';
import { ROUND_NAMES, type RoundName } from './round.js';
import { decodeState, type WaitingState } from '../../lockstep/state.js';
import { seededRandom } from '../../lockstep/seed.js';
import type { CeremonyIncoming } from '../../lockstep/types.js';
import type { CeremonyParameters, CeremonyResult, CeremonyStep } from './types.js';

export type SharedParameters = Omit<CeremonyParameters, 'self' | 'share' | 'signingKeys'>;

/** A ceremony of test size among the first `holderCount` hospitals. */
export function generationOf(holderCount: number, keyBits = 256): SharedParameters {
  const holders = HOSPITALS.slice(0, holderCount);
  return {
    ceremonyId: `ceremony-${holderCount}`,
    attempt: 1,
    purpose: 'generate',
    keyBits,
    participants: holders,
    holders,
    threshold: Math.floor(holderCount / 2) + 1,
    allowTestKeySize: true,
  };
}

/** What every party's machine returned, round after round. */
export type Timeline = ReadonlyArray<ReadonlyMap<string, CeremonyStep>>;

/** What arrives at `to` after the steps of a round. */
export function incomingFor(steps: ReadonlyMap<string, CeremonyStep>, to: string): CeremonyIncoming[] {
  return [...steps].flatMap(([from, { outgoing }]) => {
    if (from === to || outgoing === undefined) return [];
    const { round, broadcast, direct } = outgoing;
    return [{ from, round, broadcast, direct: direct[to] ?? new Uint8Array(0) }];
  });
}

/** Runs all machines from seeds that the test knows, so that a run can be told again. */
export function recordCeremony(
  parameters: SharedParameters,
  seed: string,
  shares: Readonly<Record<string, ThresholdShareJson>> = {},
): Timeline {
  const first = parameters.participants.map((self) => {
    const random = seededRandom(sha256(utf8('seed', `${seed}/${self}`)));
    const share = shares[self];
    const own = { ...parameters, self, ...(share === undefined ? {} : { share }) };
    return [self, beginCeremony(own, { random, modPow })] as const;
  });
  const timeline = [new Map(first)];
  for (;;) {
    const steps = timeline.at(-1) ?? new Map<string, CeremonyStep>();
    if ([...steps.values()].every(({ outgoing }) => outgoing === undefined)) return timeline;
    const next = [...steps].map(
      ([self, { state }]) => [self, stepCeremony(state, incomingFor(steps, self), { modPow })] as const,
    );
    timeline.push(new Map(next));
  }
}

/** Seeds that find a key in the first batch, which keeps the tests short; any others do. */
const SEEDS = { 3: 'a', 4: 'c', 5: 'b' } as const;
const recorded = new Map<number, Timeline>();

/** One recorded generation for each number of holders. */
export function generationTimeline(holderCount: 3 | 4 | 5): Timeline {
  const timeline = recorded.get(holderCount) ?? recordCeremony(generationOf(holderCount), SEEDS[holderCount]);
  recorded.set(holderCount, timeline);
  return timeline;
}

/** The steps after which the machines wait for a round of this name: the last such. */
export function stepsOf(timeline: Timeline, name: RoundName): ReadonlyMap<string, CeremonyStep> {
  const found = timeline.findLast((steps) => nameOf(steps) === name);
  if (found === undefined) throw new Error(`no round ${name}`);
  return found;
}

export function nameOf(steps: ReadonlyMap<string, CeremonyStep>): RoundName | undefined {
  const [step] = steps.values();
  return step?.outgoing === undefined ? undefined : waiting(step.state).name;
}

export function waiting(state: Uint8Array): WaitingState<CeremonyParameters, RoundName> {
  const decoded = decodeState<CeremonyParameters, RoundName, CeremonyResult>(state, ROUND_NAMES);
  if (decoded.kind !== 'waiting') throw new Error('the machine has ended');
  return decoded;
}

export type Part = 'broadcast' | 'direct';

/** The fields of a round's own body in one part of a message. */
export function bodyOf(message: CeremonyIncoming, part: Part): CborMap {
  const fields = decodeCbor(message[part], 2 ** 23) as CborMap;
  return part === 'broadcast' ? (fields['body'] as CborMap) : fields;
}

/** The message with another body in one part; the echo stays. */
export function withBody(message: CeremonyIncoming, part: Part, body: CborValue): CeremonyIncoming {
  if (part === 'direct') return { ...message, direct: encodeCbor(body) };
  const { echo = null } = decodeCbor(message.broadcast, 2 ** 23) as CborMap;
  return { ...message, broadcast: encodeCbor({ echo, body }) };
}

/** Steps `victim` on with the message of `from` replaced. */
export function stepWith(
  steps: ReadonlyMap<string, CeremonyStep>,
  options: { victim: string; from: string; change: (message: CeremonyIncoming) => CeremonyIncoming },
): CeremonyStep {
  const { victim, from, change } = options;
  const incoming = incomingFor(steps, victim).map((message) =>
    message.from === from ? change(message) : message,
  );
  return stepCeremony(steps.get(victim)?.state ?? new Uint8Array(0), incoming, { modPow });
}

/** Bytes of the same length that stand for a number one higher (modulo 2^(8 length)). */
export function plusOne(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  for (let at = copy.length - 1; at >= 0; at--) {
    copy[at] = ((copy[at] ?? 0) + 1) & 255;
    if (copy[at] !== 0) break;
  }
  return copy;
}
