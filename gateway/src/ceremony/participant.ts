/**
 * One hospital's part in one ceremony: join, post, fetch, step, and in the end register or accept. Level-triggered on
 * the ceremony as the ledger has it and on what the custody has stored, so that a crash, a repeated look or a message
 * that comes twice changes nothing.
 */
import { CareLedgerError, canonicalJson, type Ceremony, type CeremonyPost } from '@careledger/protocol';
import {
  isTrouble,
  type CeremonyCustody,
  type CeremonyOutcome,
  type CeremonyPart,
  type CeremonyTrouble,
  type KeyInForce,
  type PostedMessage,
} from '../ports/ceremony-custody.js';
import type { CeremonyLedger } from './ceremony-ledger.js';
import { whyNotJoin } from './ceremony-policy.js';
import { registerOrAccept } from './registration.js';
import type { MessageFetcher } from './message-exchange.js';
import { RoundClock } from './round-clock.js';

export interface ParticipantOptions {
  /** Of the Paillier keys that this hospital is configured for. */
  readonly keyBits: number;
  /** How long a message may take, from when it is awaited, before its sender is named as silent. */
  readonly roundMs: number;
  /** How often a message that could not be fetched is asked for again. */
  readonly retryMs: number;
  /** How long the first holder may take to register the key before others do. */
  readonly registerAfterMs: number;
}

export interface ParticipantModules {
  readonly ledger: CeremonyLedger;
  readonly custody: CeremonyCustody;
  readonly fetcher: Pick<MessageFetcher, 'fetch'>;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
  /** Told of everything that a person would want to read in the log. */
  readonly tell: (text: string, details: Readonly<Record<string, unknown>>) => void;
}

/** What was looked at, and when to look again without an event: undefined when the next event is soon enough. */
export type Look = { readonly waitMs: number | undefined };

const NEXT_EVENT: Look = { waitMs: undefined };

export class Participant {
  readonly #clock: RoundClock;
  /** Messages of the present round that have come. */
  #received = new Map<string, PostedMessage>();
  #told = '';
  /** The attempt of which this hospital has everything that it posted. */
  #intact = '';

  constructor(
    private readonly options: ParticipantOptions,
    private readonly modules: ParticipantModules,
  ) {
    this.#clock = new RoundClock(options.roundMs, modules.now);
  }

  /** As far as it goes now. @throws what ledger, custody and machine throw; the next look goes on from there */
  async advance(ceremony: Ceremony, signal: AbortSignal): Promise<Look> {
    if (!ceremony.participants.includes(this.modules.ledger.mspId)) return NEXT_EVENT;
    if (ceremony.status === 'joining') return this.#join(ceremony);
    if (ceremony.status === 'running') return this.#run(ceremony, signal);
    return NEXT_EVENT;
  }

  async #join(ceremony: Ceremony): Promise<Look> {
    const { ledger, custody } = this.modules;
    const { ceremonyId, attempt, joined } = ceremony;
    if (joined.some(({ mspId }) => mspId === ledger.mspId)) return NEXT_EVENT;
    const { keyBits } = this.options;
    const facts = { ceremony, keyBits, key: await ledger.key(), activeMembers: await ledger.activeMembers() };
    const objection = whyNotJoin(facts);
    if (objection !== undefined) {
      this.#tellOnce(`this hospital does not take part in the ceremony: ${objection}`, { ceremonyId });
      return NEXT_EVENT;
    }
    const keys = await custody.keys(ceremonyId, attempt);
    await ledger.submit('Join', {
      ceremonyId,
      attempt,
      encryptionKey: Buffer.from(keys.encryptionKey).toString('base64url'),
      signingKey: Buffer.from(keys.signingKey).toString('base64url'),
    });
    this.modules.tell('joined the ceremony', { ceremonyId, attempt });
    return NEXT_EVENT;
  }

  async #run(ceremony: Ceremony, signal: AbortSignal): Promise<Look> {
    const { custody, ledger } = this.modules;
    const damage = await this.#damage(ceremony);
    if (damage !== undefined) return this.#giveUp(ceremony, { round: 0, detail: damage });
    const key = ceremony.purpose === 'redistribute' ? await ledger.key() : undefined;
    let part = await this.#timed(() => custody.begin(viewOf(ceremony, key), signal));
    for (;;) {
      if (isTrouble(part)) return this.#giveUp(ceremony, part);
      if (part.result !== undefined) return this.#finish(ceremony, part);
      const posts = await this.#post(ceremony, part);
      const missing = await this.#fetchAll(ceremony, part, posts, signal);
      if (missing.length > 0) return this.#await(ceremony, part, missing);
      const received = this.#received;
      part = await this.#timed(() => custody.step(viewOf(ceremony, key), received, signal));
      if (signal.aborted) return NEXT_EVENT;
    }
  }

  /**
   * What of this hospital stands on the ledger, and not in its custody: a backup was restored. To go on would be to say
   * other things than were posted, or to take everybody's messages for garbage. Looked for once in each attempt.
   */
  async #damage(ceremony: Ceremony): Promise<string | undefined> {
    const { custody, ledger } = this.modules;
    const { ceremonyId, attempt, joined } = ceremony;
    const place = `${ceremonyId}/${String(attempt)}`;
    if (this.#intact === place) return undefined;
    const { signingKey } = await custody.keys(ceremonyId, attempt);
    const own = joined.find(({ mspId }) => mspId === ledger.mspId);
    if (own?.signingKey !== Buffer.from(signingKey).toString('base64url'))
      return 'this hospital does not have the keys that it joined with';
    const part = await custody.part(ceremonyId);
    const { round, digests } = part?.attempt === attempt ? part : { round: -1, digests: {} };
    const posted = (await ledger.posts(ceremony, Math.max(0, round))).get(ledger.mspId)?.digests;
    const isOther = posted !== undefined && canonicalJson(posted) !== canonicalJson(digests);
    if (isOther || (await ledger.posts(ceremony, round + 1)).has(ledger.mspId))
      return 'this hospital does not have what it posted';
    this.#intact = place;
    return undefined;
  }

  /** Once on the ledger, the digests bind: other messages in their place would be an equivocation of our own. */
  async #post(ceremony: Ceremony, part: CeremonyPart): Promise<ReadonlyMap<string, CeremonyPost>> {
    const { ledger } = this.modules;
    const { ceremonyId, attempt } = ceremony;
    if (this.#clock.begin(`${ceremonyId}/${String(attempt)}/${String(part.round)}`))
      this.#received = new Map();
    const posts = await ledger.posts(ceremony, part.round);
    if (posts.has(ledger.mspId)) return posts;
    const { round, digests, progress } = part;
    await ledger.submit('Post', { ceremonyId, attempt, round, digests: { ...digests } });
    this.#tellOnce('the ceremony goes on', { ceremonyId, attempt, phase: progress.phase });
    return ledger.posts(ceremony, round);
  }

  /** @returns whose messages have not come yet */
  async #fetchAll(
    ceremony: Ceremony,
    { round }: CeremonyPart,
    posts: ReadonlyMap<string, CeremonyPost>,
    signal: AbortSignal,
  ): Promise<string[]> {
    const { ledger, fetcher } = this.modules;
    const received = this.#received;
    const awaited = ceremony.participants.filter((mspId) => mspId !== ledger.mspId && !received.has(mspId));
    const place = { ceremonyId: ceremony.ceremonyId, attempt: ceremony.attempt, round };
    await Promise.all(
      awaited.map(async (mspId) => {
        const digests = posts.get(mspId)?.digests;
        if (digests === undefined) return;
        this.#clock.hasPosted(mspId);
        // Whoever cannot be reached is asked again, and named when the time of the round is over.
        const bytes = await fetcher.fetch(mspId, place, signal).catch(passing);
        if (bytes === undefined) return;
        received.set(mspId, {
          bytes,
          digest: digests[ledger.mspId] ?? '',
          broadcastDigest: digests[mspId] ?? '',
        });
      }),
    );
    return awaited.filter((mspId) => !received.has(mspId));
  }

  async #await(ceremony: Ceremony, { round }: CeremonyPart, missing: readonly string[]): Promise<Look> {
    const late = missing.find((mspId) => this.#clock.isLate(mspId));
    if (late !== undefined) {
      const detail = 'no message within the time of a round';
      return this.#giveUp(ceremony, { accused: late, reason: 'SILENT', round, detail });
    }
    const isFetching = missing.some((mspId) => this.#clock.isPosted(mspId));
    return { waitMs: isFetching ? this.options.retryMs : this.#clock.untilLateMs(missing) };
  }

  /** Names whoever is at fault or, when nobody can be named, gives the attempt up. */
  async #giveUp({ ceremonyId, attempt }: Ceremony, trouble: CeremonyTrouble): Promise<Look> {
    const { ledger, tell } = this.modules;
    const { accused, round, detail } = trouble;
    tell('an attempt of the ceremony cannot go on', { ceremonyId, attempt, round, accused, detail });
    // What others have of us cannot be what we sent; they see it too, and end the attempt.
    if (accused === ledger.mspId) return NEXT_EVENT;
    await unlessItEnded(
      accused === undefined
        ? ledger.submit('Resume', { ceremonyId, attempt, reason: 'inconsistent' })
        : ledger.submit('Blame', { ceremonyId, attempt, round, accused, reason: trouble.reason }),
    );
    return NEXT_EVENT;
  }

  async #finish(ceremony: Ceremony, part: CeremonyPart): Promise<Look> {
    const { ledger } = this.modules;
    const { ceremonyId, attempt, holders, registration } = ceremony;
    const { result, round } = part;
    if (result === undefined || !holders.includes(ledger.mspId)) return NEXT_EVENT;
    this.#clock.begin(`${ceremonyId}/${String(attempt)}/end`);
    const isFirst = holders[0] === ledger.mspId || this.#clock.elapsedMs() >= this.options.registerAfterMs;
    const awaited =
      registration === undefined
        ? holders
        : holders.filter((mspId) => !registration.acceptedBy.includes(mspId));
    if (awaited.includes(ledger.mspId)) {
      if (registration === undefined && !isFirst) return { waitMs: this.options.registerAfterMs };
      await unlessItEnded(registerOrAccept(ledger, ceremony, result));
      this.#tellDisputes(ceremony, result);
      this.modules.tell('the ceremony has ended here; waiting for the other holders', {
        ceremonyId,
        attempt,
      });
      return NEXT_EVENT;
    }
    for (const mspId of awaited) this.#clock.hasPosted(mspId);
    return this.#await(ceremony, { ...part, round }, awaited);
  }

  /** Nobody can be named for them, and nothing was lost; a person may want to ask the two. */
  #tellDisputes({ ceremonyId }: Ceremony, { disputes = [] }: CeremonyOutcome): void {
    for (const dispute of disputes)
      this.modules.tell('a complaint was answered with the right share', { ceremonyId, ...dispute });
  }

  async #timed(work: () => Promise<CeremonyPart | CeremonyTrouble>): Promise<CeremonyPart | CeremonyTrouble> {
    const started = this.modules.now();
    const step = await work();
    this.#clock.ownStepTook(this.modules.now() - started);
    return step;
  }

  #tellOnce(text: string, details: Readonly<Record<string, unknown>>): void {
    const told = JSON.stringify([text, details]);
    if (told === this.#told) return;
    this.#told = told;
    this.modules.tell(text, details);
  }
}

function viewOf(ceremony: Ceremony, key: KeyInForce | undefined): { ceremony: Ceremony; key?: KeyInForce } {
  return key === undefined ? { ceremony } : { ceremony, key };
}

function passing(error: unknown): undefined {
  const isPassing = error instanceof CareLedgerError && error.entry.status >= 500;
  if (!isPassing) throw error;
  return undefined;
}

/** Another participant was quicker: the next look sees what it did. */
async function unlessItEnded(step: Promise<unknown>): Promise<void> {
  try {
    await step;
  } catch (error) {
    const settled = ['TRANSITION_NOT_ALLOWED', 'ALREADY_EXISTS'];
    if (!(error instanceof CareLedgerError) || !settled.includes(error.code)) throw error;
  }
}
