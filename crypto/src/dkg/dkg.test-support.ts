import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../core/bytes.js';
import { decodeCbor, encodeCbor, type CborMap, type CborValue } from '../core/cbor.js';
import type { CeremonyIncoming } from '../lockstep/types.js';
import { seededRandom } from '../lockstep/seed.js';
import { decodeState } from '../lockstep/state.js';
import { initPairing, type PairingEngine } from '../pairing/index.js';
import { HOSPITALS } from '../threshold/threshold.test-support.js';
import { beginIdentityCeremony, stepIdentityCeremony } from './machine.js';
import { IDENTITY_ROUND_NAMES, type IdentityRoundName } from './round.js';
import type {
  IdentityCeremonyParameters,
  IdentityCeremonyResult,
  IdentityCeremonyStep,
  IdentityShare,
  SharedMasterKey,
} from './types.js';

export type SharedParameters = Omit<IdentityCeremonyParameters, 'self' | 'share'>;
export type Steps = ReadonlyMap<string, IdentityCeremonyStep>;

/** Sees a message on its way, and returns what arrives in its place. */
export type Tamper = (message: CeremonyIncoming, to: string, name: IdentityRoundName) => CeremonyIncoming;

export const [H1, H2, H3, H4, H5] = HOSPITALS;

const unaltered: Tamper = (message) => message;

/** mcl, which the tests wait for once. */
let engine: PairingEngine;
before(async () => {
  engine = await initPairing();
});
export const tools = (): { engine: PairingEngine } => ({ engine });

export function generation(holderCount: number, changes: Partial<SharedParameters> = {}): SharedParameters {
  const holders = HOSPITALS.slice(0, holderCount);
  return {
    ceremonyId: 'identity-1',
    attempt: 1,
    purpose: 'generate',
    participants: holders,
    holders,
    threshold: Math.floor(holderCount / 2) + 1,
    ...changes,
  };
}

function beginAll(
  parameters: SharedParameters,
  seed: string,
  shares: Readonly<Record<string, IdentityShare>>,
): Steps {
  const begun = parameters.participants.map((self) => {
    const random = seededRandom(sha256(utf8('seed', `${seed}/${self}`)));
    const share = shares[self];
    const own = { ...parameters, self, ...(share === undefined ? {} : { share }) };
    return [self, beginIdentityCeremony(own, { ...tools(), random })] as const;
  });
  return new Map(begun);
}

function incomingFor(steps: Steps, to: string, tamper: Tamper): CeremonyIncoming[] {
  return [...steps].flatMap(([from, { outgoing, state }]) => {
    if (from === to || outgoing === undefined) return [];
    const { round, broadcast, direct } = outgoing;
    const message = { from, round, broadcast, direct: direct[to] ?? new Uint8Array(0) };
    return [tamper(message, to, nameOf(state))];
  });
}

export function nameOf(state: Uint8Array): IdentityRoundName {
  const decoded = decodeState<IdentityCeremonyParameters, IdentityRoundName, IdentityCeremonyResult>(
    state,
    IDENTITY_ROUND_NAMES,
  );
  if (decoded.kind === 'ended') throw new Error('the machine has ended');
  return decoded.name;
}

/** Runs all machines, round by round, until none sends anything. */
export function record(
  parameters: SharedParameters,
  options: {
    readonly seed?: string;
    readonly shares?: Readonly<Record<string, IdentityShare>>;
    readonly tamper?: Tamper;
  } = {},
): Steps[] {
  const { seed = 'a', shares = {}, tamper = unaltered } = options;
  const timeline = [beginAll(parameters, seed, shares)];
  for (;;) {
    const steps = timeline.at(-1) ?? new Map<string, IdentityCeremonyStep>();
    if ([...steps.values()].some(({ outgoing }) => outgoing === undefined)) return timeline;
    const next = [...steps].map(([self, { state }]) => {
      const incoming = incomingFor(steps, self, tamper);
      return [self, stepIdentityCeremony(state, incoming, tools())] as const;
    });
    timeline.push(new Map(next));
  }
}

export function resultsOf(timeline: readonly Steps[]): IdentityCeremonyResult[] {
  return [...(timeline.at(-1) ?? [])].flatMap(([, { result }]) => (result === undefined ? [] : [result]));
}

/** The endings of everybody else, each once. */
export function saidByOthers(timeline: readonly Steps[], accused: string): string[] {
  const others = Object.entries(endings(timeline)).filter(([self]) => self !== accused);
  return [...new Set(others.map(([, ending]) => ending))];
}

/** What each machine made of a run that ended: 'REASON of accused', or 'result'. */
export function endings(timeline: readonly Steps[]): Record<string, string> {
  const last = [...(timeline.at(-1) ?? [])];
  return Object.fromEntries(
    last.map(([self, { result, fault }]) => {
      if (fault !== undefined) return [self, [fault.reason, fault.accused ?? 'nobody'].join(' ')];
      return [self, result === undefined ? 'goes on' : 'result'];
    }),
  );
}

export function sharedKeyOf({ masterKey, sharing }: IdentityCeremonyResult): SharedMasterKey {
  return { masterKey, sharing };
}

export function sharesOf(results: readonly IdentityCeremonyResult[]): IdentityShare[] {
  return results.flatMap(({ share }) => (share === undefined ? [] : [share]));
}

interface Change {
  readonly broadcast?: (body: CborMap) => CborValue;
  readonly direct?: (body: CborMap) => CborValue;
}

/** Messages of one sender in one round, with another body. */
export function changing(
  where: { readonly from: string; readonly name: IdentityRoundName; readonly to?: string },
  change: Change,
): Tamper {
  return (message, to, name) => {
    const isMeant = message.from === where.from && name === where.name && (where.to ?? to) === to;
    return isMeant ? changed(message, change) : message;
  };
}

const unchanged = (body: CborMap): CborValue => body;

function changed(
  message: CeremonyIncoming,
  { broadcast = unchanged, direct = unchanged }: Change,
): CeremonyIncoming {
  const said = decodeCbor(message.broadcast, 2 ** 20) as CborMap;
  return {
    ...message,
    broadcast: encodeCbor({ ...said, body: broadcast(said['body'] as CborMap) }),
    direct: encodeCbor(direct(decodeCbor(message.direct, 2 ** 20) as CborMap)),
  };
}

/** One after the other. */
export function both(...tampers: readonly Tamper[]): Tamper {
  return (message, to, name) => tampers.reduce((arriving, tamper) => tamper(arriving, to, name), message);
}

/** The body of the broadcast that a sender made in a round. */
export function bodyOf(timeline: readonly Steps[], from: string, name: IdentityRoundName): CborMap {
  const steps = timeline.find((each) => nameOf(each.get(from)?.state ?? new Uint8Array(0)) === name);
  const broadcast = steps?.get(from)?.outgoing?.broadcast ?? new Uint8Array(0);
  return (decodeCbor(broadcast, 2 ** 20) as CborMap)['body'] as CborMap;
}

export function flipped(bytes: CborValue | undefined, at = -1): Uint8Array {
  const copy = new Uint8Array(bytes as Uint8Array);
  const place = at < 0 ? copy.length + at : at;
  copy[place] = (copy[place] ?? 0) ^ 1;
  return copy;
}

export function subsets<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, at) => subsets(items.slice(at + 1), size - 1).map((rest) => [item, ...rest]));
}
