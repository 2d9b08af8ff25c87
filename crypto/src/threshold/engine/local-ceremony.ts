/**
 * TEST SUPPORT: all machines of a ceremony in one process, which therefore sees every secret. For tests, benchmarks and
 * demos; `@careledger/crypto/testing` is its only way out.
 */
import { bytesToBase64Url } from '../../core/bytes.js';
import { generateHpkeKeyPair } from '../../core/hpke.js';
import { beginCeremony, stepCeremony } from '../ceremony/machine.js';
import {
  generateCeremonySigningKeys,
  openCeremonyMessage,
  sealCeremonyMessage,
} from '../../lockstep/message.js';
import type { CeremonyFault, CeremonyIncoming, CeremonyOutgoing } from '../../lockstep/types.js';
import type { CeremonyParameters, CeremonyResult, CeremonyStep, CeremonyTools } from '../ceremony/types.js';
import type { ThresholdShareJson } from '../types.js';
import { ceremonyModPow } from './one-off-mod-pow.js';

/** A message on its way from one machine to another. */
export interface LocalMessage {
  readonly from: string;
  readonly to: string;
  readonly round: number;
  readonly broadcast: Uint8Array;
  readonly direct: Uint8Array;
}

export interface LocalCeremonyOptions {
  readonly parameters: Omit<CeremonyParameters, 'self' | 'share' | 'signingKeys'>;
  /** `redistribute`: the dealers' shares, by holder. */
  readonly shares?: Readonly<Record<string, ThresholdShareJson>>;
  readonly tools?: CeremonyTools;
  /** Sends every message sealed, signed and opened, as between gateways. */
  readonly sealed?: boolean;
  /** Sees each message and returns what arrives in its place. */
  readonly onMessage?: (message: LocalMessage) => Pick<LocalMessage, 'broadcast' | 'direct'>;
  /** Sees each step, and returns the state that its machine goes on with. */
  readonly onStep?: (party: string, step: CeremonyStep) => Uint8Array;
}

export interface LocalCeremony {
  /** By MSP id; empty when the attempt ended with a fault. */
  readonly results: Readonly<Record<string, CeremonyResult>>;
  /** What each machine found; empty when the attempt ended with a key. */
  readonly faults: Readonly<Record<string, CeremonyFault>>;
  readonly rounds: number;
}

interface Party {
  readonly name: string;
  readonly signing: ReturnType<typeof generateCeremonySigningKeys>;
  readonly encryption: ReturnType<typeof generateHpkeKeyPair>;
}

type Steps = ReadonlyMap<string, CeremonyStep>;

async function deliver(
  options: LocalCeremonyOptions,
  sender: Party,
  recipient: Party,
  outgoing: CeremonyOutgoing,
): Promise<CeremonyIncoming> {
  const { round } = outgoing;
  const made = {
    from: sender.name,
    to: recipient.name,
    round,
    broadcast: outgoing.broadcast,
    direct: outgoing.direct[recipient.name] ?? new Uint8Array(0),
  };
  const { broadcast, direct } = options.onMessage?.(made) ?? made;
  if (options.sealed !== true) return { from: sender.name, round, broadcast, direct };
  const { ceremonyId, attempt } = options.parameters;
  const address = { ceremonyId, attempt, round, from: sender.name, to: recipient.name };
  const { sealed, digest } = await sealCeremonyMessage({
    address,
    recipientKey: recipient.encryption.publicKey,
    signingKey: sender.signing.privateKey,
    broadcast,
    direct,
  });
  return openCeremonyMessage({
    sealed,
    address,
    digest,
    senderKey: sender.signing.publicKey,
    recipientPrivateKey: recipient.encryption.privateKey,
  });
}

function collect<T>(
  steps: ReadonlyMap<string, CeremonyStep>,
  pick: (step: CeremonyStep) => T | undefined,
): Record<string, T> {
  const entries = [...steps].flatMap(([name, step]) => {
    const picked = pick(step);
    return picked === undefined ? [] : [[name, picked] as const];
  });
  return Object.fromEntries(entries);
}

function begin(options: LocalCeremonyOptions, parties: readonly Party[], tools: CeremonyTools): Steps {
  const { parameters, shares = {}, sealed } = options;
  const signingKeys = Object.fromEntries(
    parties.map(({ name, signing }) => [name, bytesToBase64Url(signing.publicKey)]),
  );
  const steps = parties.map(({ name: self }) => {
    const share = shares[self];
    const own = share === undefined ? { self } : { self, share };
    const keys = sealed === true ? { signingKeys } : {};
    return [self, beginCeremony({ ...parameters, ...own, ...keys }, tools)] as const;
  });
  return new Map(steps);
}

async function messagesFor(
  options: LocalCeremonyOptions,
  parties: readonly Party[],
  recipient: Party,
  steps: Steps,
): Promise<CeremonyIncoming[]> {
  const incoming: CeremonyIncoming[] = [];
  for (const sender of parties) {
    const outgoing = steps.get(sender.name)?.outgoing;
    if (sender !== recipient && outgoing !== undefined)
      incoming.push(await deliver(options, sender, recipient, outgoing));
  }
  return incoming;
}

/** Runs one attempt to its end: until every machine has a result, or one has a fault. */
export async function runCeremonyLocally(options: LocalCeremonyOptions): Promise<LocalCeremony> {
  const { parameters, tools = { modPow: ceremonyModPow } } = options;
  const parties: Party[] = parameters.participants.map((name) => ({
    name,
    signing: generateCeremonySigningKeys(),
    encryption: generateHpkeKeyPair(),
  }));
  let steps = begin(options, parties, tools);
  for (let rounds = 0; ; rounds++) {
    const states = new Map(
      [...steps].map(([name, step]) => [name, options.onStep?.(name, step) ?? step.state]),
    );
    const results = collect(steps, (step) => step.result);
    const faults = collect(steps, (step) => step.fault);
    if (Object.keys({ ...results, ...faults }).length > 0) return { results, faults, rounds };
    const next = new Map<string, CeremonyStep>();
    for (const recipient of parties) {
      const state = states.get(recipient.name) ?? new Uint8Array(0);
      const incoming = await messagesFor(options, parties, recipient, steps);
      next.set(recipient.name, stepCeremony(state, incoming, tools));
    }
    steps = next;
  }
}
