/**
 * Stand-ins around one hospital's part in a ceremony: a ledger with the contract's rules in memory, a machine of few
 * rounds, a network between the hospitals, and crashes wherever one can happen.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  base64UrlToBytes,
  bytesToBase64Url,
  identitySharingDigest,
  sharingOnThisThread,
  type CeremonyProgress,
  type CeremonyStep,
  type ThresholdPublicKeyJson,
} from '@careledger/crypto';
import {
  CareLedgerError,
  canonicalJson,
  type ArgumentOf,
  type Ceremony,
  type CeremonyPost,
  type KeyRegistration,
  type MasterKeyRegistration,
} from '@careledger/protocol';
import { createCeremonyVault } from '../custody/ceremony-vault.js';
import { createIdentityShares, type IdentityShares } from '../custody/identity-shares.js';
import { createKeyShares, type KeyShares } from '../custody/key-shares.js';
import { createSealedFolder, prepareFolder, type SealedFolder } from '../custody/sealed-folder.js';
import { createSealing } from '../custody/sealing.js';
import type { CeremonyCustody, KeyInForce } from '../ports/ceremony-custody.js';
import type { CeremonyMachine, IdentityCeremonyMachine } from '../ports/ceremony-machine.js';
import type { CeremonyLedger, KeyDocument } from './ceremony-ledger.js';
import { ceremonyRoute, type MessageFetcher, type MessagePlace } from './message-exchange.js';
import { Participant, type ParticipantOptions } from './participant.js';

export const HOSPITALS = ['AlphaMSP', 'BravoMSP', 'CharlieMSP'] as const;
export const CEREMONY = 'ab'.repeat(16);

type Submission = keyof typeof RULES;

const notAllowed = (came: string): CareLedgerError => new CareLedgerError('TRANSITION_NOT_ALLOWED', { came });

/** What the contract does, as far as the gateways see it. */
const RULES = {
  Join(on: FakeLedger, by: string, { attempt, ...keys }: ArgumentOf<'ceremonies', 'Join'>) {
    const { ceremony } = on;
    if (ceremony.status !== 'joining' || ceremony.attempt !== attempt) throw notAllowed('a late join');
    if (ceremony.joined.some(({ mspId }) => mspId === by)) throw new CareLedgerError('ALREADY_EXISTS');
    const joined = [...ceremony.joined, { ...keys, mspId: by, txId: '' }];
    const status = joined.length === ceremony.participants.length ? 'running' : 'joining';
    on.ceremony = { ...ceremony, joined, status };
  },
  Post(on: FakeLedger, by: string, post: ArgumentOf<'ceremonies', 'Post'>) {
    if (on.ceremony.status !== 'running' || on.ceremony.attempt !== post.attempt)
      throw notAllowed('a late post');
    const place = `${String(post.attempt)}/${String(post.round)}/${by}`;
    if (on.posted.has(place)) throw new CareLedgerError('ALREADY_EXISTS');
    on.posted.set(place, { ...post, mspId: by, at: '', txId: '' });
  },
  Blame(on: FakeLedger, by: string, { ceremonyId, ...blame }: ArgumentOf<'ceremonies', 'Blame'>) {
    if (on.ceremony.attempt !== blame.attempt) throw notAllowed(`a late blame of ${ceremonyId}`);
    on.nextAttempt({ ...blame, accuser: by, at: '', txId: '' });
  },
  Resume(on: FakeLedger, _by: string, { attempt }: ArgumentOf<'ceremonies', 'Resume'>) {
    if (on.ceremony.attempt !== attempt) throw notAllowed('a late resumption');
    on.nextAttempt();
  },
  Start(on: FakeLedger, by: string, plan: ArgumentOf<'ceremonies', 'Start'>) {
    on.ceremony = {
      ...on.ceremony,
      ...plan,
      startedBy: { mspId: by, enrolmentId: 'gateway', role: 'gateway' },
    };
  },
};

export class FakeLedger {
  readonly posted = new Map<string, CeremonyPost>();
  registered: Array<KeyRegistration | MasterKeyRegistration> = [];
  key: KeyInForce | undefined;
  active: readonly string[] = HOSPITALS;
  ceremony: Ceremony = {
    ceremonyId: CEREMONY,
    scheme: 'paillier',
    purpose: 'generate',
    keyBits: 512,
    holders: [...HOSPITALS],
    threshold: 2,
    status: 'joining',
    attempt: 1,
    participants: [...HOSPITALS],
    joined: [],
    faults: [],
    interruptions: [],
    epoch: 0,
    startedBy: { mspId: HOSPITALS[0], enrolmentId: 'gateway', role: 'gateway' },
    startedAt: '',
    txId: '',
  };

  nextAttempt(fault?: Ceremony['faults'][number]): void {
    const { registration, ...rest } = this.ceremony;
    const faults = fault === undefined ? rest.faults : [...rest.faults, fault];
    this.ceremony = { ...rest, faults, attempt: rest.attempt + 1, joined: [], status: 'joining' };
    if (registration !== undefined) this.registered = [];
  }

  /** As a gateway sees it. `visit` is called around every submission. */
  as(mspId: string, visit: Visit = () => undefined): CeremonyLedger {
    const submitted = async (what: string, write: () => void): Promise<void> => {
      await visit(`before ${what}`);
      write();
      await visit(`after ${what}`);
    };
    const register = (argument: KeyDocument): void => {
      this.#register(mspId, argument);
    };
    const view = {
      mspId,
      scheme: this.ceremony.scheme,
      identity: { mspId },
      get: () => Promise.resolve(this.ceremony),
      all: () => Promise.resolve([this.ceremony]),
      posts: ({ attempt }: Ceremony, round: number) => Promise.resolve(this.postsOf(attempt, round)),
      registrations: () => Promise.resolve(this.registered),
      key: () => Promise.resolve(this.key),
      activeMembers: () => Promise.resolve([...this.active]),
      gatewayUrl: (of: string) => Promise.resolve(`https://${of}`),
      submit: (method: Submission, argument: never) =>
        submitted(method, () => {
          RULES[method](this, mspId, argument);
        }),
      register: (argument: KeyDocument) =>
        submitted('RegisterKey', () => {
          register(argument);
        }),
      accept: ({ sharingDigest }: ArgumentOf<'queries', 'AcceptKey'>) =>
        submitted('AcceptKey', () => {
          this.#accept(mspId, sharingDigest);
        }),
    };
    return view as unknown as CeremonyLedger;
  }

  postsOf(attempt: number, round: number): ReadonlyMap<string, CeremonyPost> {
    const posts = [...this.posted.values()];
    const present = posts.filter((post) => post.attempt === attempt && post.round === round);
    return new Map(present.map((post) => [post.mspId, post]));
  }

  #register(mspId: string, document: KeyDocument): void {
    const isMasterKey = 'masterKey' in document;
    const sharingDigest = isMasterKey
      ? identitySharingDigest(document.masterKey, document.sharing)
      : digestOf(document);
    const { registration } = this.ceremony;
    if (registration?.sharingDigest === sharingDigest) {
      this.#accept(mspId, sharingDigest);
      return;
    }
    this.registered.push({ ...document, sharingDigest, mspId, at: '', txId: '' } as KeyRegistration);
    if (registration !== undefined) {
      const accused = registration.registeredBy;
      const { attempt } = this.ceremony;
      this.nextAttempt({ attempt, accused, reason: 'KEY_CONFLICT', accuser: mspId, at: '', txId: '' });
      return;
    }
    const { keyId } = isMasterKey ? document.masterKey : document.publicKey;
    const first = { keyId, sharingDigest, registeredBy: mspId, acceptedBy: [mspId] };
    this.ceremony = { ...this.ceremony, registration: first };
  }

  #accept(mspId: string, sharingDigest: string): void {
    const { registration } = this.ceremony;
    if (registration?.sharingDigest !== sharingDigest) throw new CareLedgerError('KEY_CONFLICT');
    if (registration.acceptedBy.includes(mspId)) throw new CareLedgerError('ALREADY_EXISTS');
    const acceptedBy = [...registration.acceptedBy, mspId];
    const isLast = acceptedBy.length === this.ceremony.holders.length;
    const status = isLast ? 'finished' : this.ceremony.status;
    this.ceremony = { ...this.ceremony, status, registration: { ...registration, acceptedBy } };
  }
}

export function digestOf({ publicKey, sharing }: ThresholdPublicKeyJson): string {
  return sha256(canonicalJson({ publicKey, sharing }));
}

const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');

/** Called before and after everything that outlives a crash; throws to crash. */
export type Visit = (where: string) => void | Promise<void>;

export class Crash extends Error {}

/** Crashes once each time that a place is come to: the second time it lets pass. */
export function crashEverywhere(when: 'before' | 'after'): {
  readonly visit: Visit;
  readonly crashed: Set<string>;
} {
  const crashed = new Set<string>();
  const passed = new Map<string, number>();
  const visit: Visit = (where) => {
    if (!where.startsWith(when)) return;
    const times = passed.get(where) ?? 0;
    const here = `${where} #${String(times)}`;
    if (crashed.has(here)) {
      passed.set(where, times + 1);
      return;
    }
    crashed.add(here);
    throw new Crash(here);
  };
  return { visit, crashed };
}

const PROGRESS: CeremonyProgress = {
  phase: 'candidates',
  round: 0,
  candidates: 1,
  expectedCandidates: 2,
  fraction: 0.5,
};

interface ToyState {
  readonly self: string;
  readonly participants: readonly string[];
  readonly round: number;
  /** Everything that was said for all, by round. */
  readonly heard: readonly string[];
  readonly own: string;
}

/**
 * A machine that says random things for some rounds, and ends with a key that follows from all of them: whoever heard
 * something else has another key.
 */
export function toyMachine(rounds = 2): CeremonyMachine {
  const say = (state: ToyState, { self, participants }: ToyState = state): CeremonyStep => {
    const broadcast = new Uint8Array(Buffer.from(state.own, 'hex'));
    const others = participants.filter((mspId) => mspId !== self);
    const direct = Object.fromEntries(others.map((mspId) => [mspId, new Uint8Array(randomBytes(8))]));
    const outgoing = { round: state.round, broadcast, direct };
    return { state: Buffer.from(JSON.stringify(state)), outgoing, progress: PROGRESS };
  };
  const fresh = (): string => randomBytes(8).toString('hex');
  return {
    begin: ({ self, participants }) =>
      Promise.resolve(say({ self, participants, round: 0, heard: [], own: fresh() })),
    step(bytes, incoming) {
      const state = JSON.parse(Buffer.from(bytes).toString()) as ToyState;
      const said = incoming.map(({ from, broadcast }) => `${from}:${Buffer.from(broadcast).toString('hex')}`);
      const heard = [...state.heard, ...[...said, `${state.self}:${state.own}`].sort()];
      const round = state.round + 1;
      if (round < rounds) return Promise.resolve(say({ ...state, round, heard, own: fresh() }));
      const keyId = sha256(heard.join());
      const publicKey = {
        scheme: 'paillier',
        version: 1,
        keyBits: 512,
        n: '',
        encryption: 'djn',
        keyId,
      } as const;
      const texts = { verificationBase: '', verificationKeys: [], theta: '' };
      const sharing = { keyId, epoch: 0, threshold: 2, holders: state.participants, ...texts };
      const share = { holder: state.self, keyId, epoch: 0, value: bytesToBase64Url(Uint8Array.of(1)) };
      const document = { publicKey, sharing };
      const sharingDigest = sha256(canonicalJson(document));
      const result = { ...document, sharingDigest, share };
      return Promise.resolve({ state: bytes, progress: { ...PROGRESS, fraction: 1 }, result });
    },
  };
}

const sharing = sharingOnThisThread();
/** The machine itself: it is quick enough to need no stand-in. */
const identityMachine: IdentityCeremonyMachine = {
  begin: (parameters) => sharing.run('beginCeremony', parameters),
  step: (state, incoming) => sharing.run('stepCeremony', { state, incoming }),
};

/** A sealed folder in which every write and removal is a place where a crash can happen. */
export function crashingFolder(folder: SealedFolder, visit: Visit): SealedFolder {
  const around = async (what: string, work: () => Promise<void>): Promise<void> => {
    await visit(`before ${what}`);
    await work();
    await visit(`after ${what}`);
  };
  return {
    ...folder,
    write: (kind, id, secret) => around(`write of ${kind}`, () => folder.write(kind, id, secret)),
    remove: (kind, id) => around(`removal of ${kind}`, () => folder.remove(kind, id)),
  };
}

/** Hospitals with custodies on disk; each can be restarted, and its words on the wire are recorded. */
export class FakeConsortium {
  readonly ledger = new FakeLedger();
  readonly told: string[] = [];
  /** Every message that was handed out, by place, sender and recipient: the same each time. */
  readonly delivered = new Map<string, string>();
  /** Hospitals whose gateway does not answer. */
  readonly unreachable = new Set<string>();
  /** Replaces what a hospital hands out. */
  tamper: (from: string, message: Uint8Array, place: MessagePlace) => Uint8Array = (_from, message) =>
    message;
  nowMs = 0;
  readonly #hospitals = new Map<string, Hospital>();

  private constructor(
    private readonly dir: string,
    private readonly machine: CeremonyMachine,
    private readonly options: Partial<ParticipantOptions>,
  ) {}

  static async open(
    machine: CeremonyMachine = toyMachine(),
    options: Partial<ParticipantOptions> = {},
  ): Promise<FakeConsortium> {
    return new FakeConsortium(await mkdtemp(join(tmpdir(), 'ceremony-')), machine, options);
  }

  close(): Promise<void> {
    return rm(this.dir, { recursive: true, force: true });
  }

  /** Starts the hospital's gateway, anew when it runs: nothing but its folder survives. */
  async start(mspId: string, visit: Visit = () => undefined): Promise<Hospital> {
    const dir = join(this.dir, mspId);
    await prepareFolder(dir);
    const sealing = createSealing(Buffer.alloc(32, mspId));
    const folder = crashingFolder(createSealedFolder(dir, sealing), visit);
    const shares = createKeyShares({ mspId }, folder);
    const identityShares = createIdentityShares({ mspId }, folder);
    const custody = createCeremonyVault({
      mspId,
      folder,
      shares,
      identityShares,
      machines: { paillier: this.machine, identity: identityMachine },
      allowTestKeySize: true,
    });
    const ledger = this.ledger.as(mspId, visit);
    const fetcher: Pick<MessageFetcher, 'fetch'> = { fetch: (from, place) => this.fetch(mspId, from, place) };
    const options = { keyBits: 512, roundMs: 1_000, retryMs: 10, registerAfterMs: 100, ...this.options };
    const tell = (text: string, details: object): void => {
      this.told.push(`${mspId}: ${text} ${JSON.stringify(details)}`);
    };
    const participant = new Participant(options, { ledger, custody, fetcher, now: () => this.nowMs, tell });
    const hospital = { custody, shares, identityShares, participant, folder };
    this.#hospitals.set(mspId, hospital);
    return hospital;
  }

  /** Over the peer route, as another gateway asks. */
  async fetch(to: string, from: string, place: MessagePlace): Promise<Uint8Array> {
    const hospital = this.#hospitals.get(from);
    if (hospital === undefined || this.unreachable.has(from))
      throw new CareLedgerError('PEER_GATEWAY_UNAVAILABLE');
    const route = ceremonyRoute({ ledger: this.ledger.as(from), custody: hospital.custody });
    const { ceremonyId, attempt, round } = place;
    const answer = JSON.parse(await route.handle(to, { ceremonyId, attempt, round })) as { message: string };
    const message = base64UrlToBytes(answer.message);
    const where = `${String(attempt)}/${String(round)} ${from} to ${to}`;
    const before = this.delivered.get(where);
    if (before !== undefined && before !== sha256(message))
      throw new Error(`two messages in one place: ${where}`);
    this.delivered.set(where, sha256(message));
    return this.tamper(from, message, place);
  }

  /** Lets every hospital look, one after the other, until nothing changes on the ledger; a crashed one is restarted. */
  async settle(
    hospitals: readonly string[] = HOSPITALS,
    visits: Readonly<Record<string, Visit>> = {},
  ): Promise<void> {
    let before = '';
    for (let turn = 0; before !== this.#trace() && turn < 200; turn += 1) {
      before = this.#trace();
      for (const mspId of hospitals) await this.#look(mspId, visits[mspId]);
    }
  }

  async #look(mspId: string, visit: Visit | undefined): Promise<void> {
    const { participant } = this.#hospitals.get(mspId) ?? (await this.start(mspId, visit));
    try {
      await participant.advance(this.ledger.ceremony, new AbortController().signal);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.told.push(`${mspId}: crashed ${error.message}`);
      await this.start(mspId, visit);
    }
  }

  #trace(): string {
    const { ceremony, posted } = this.ledger;
    return `${JSON.stringify(ceremony)}${String(posted.size)}${String(this.told.length)}`;
  }
}

export interface Hospital {
  readonly custody: CeremonyCustody;
  readonly shares: KeyShares;
  readonly identityShares: IdentityShares;
  readonly participant: Participant;
  readonly folder: SealedFolder;
}
