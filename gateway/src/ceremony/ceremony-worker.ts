/**
 * Follows the ledger for the ceremonies of one scheme: takes part in the one that has not ended, takes over what a finished one made, and
 * forgets what a failed one left. At the hospital that is to begin, starts the first one when everybody is there.
 */
import { CareLedgerError, EVENTS, type Ceremony } from '@careledger/protocol';
import { bytesToHex, randomBytes } from '@careledger/crypto';
import { isStopped, pause } from '../app/pause.js';
import { keyIdOf, type KeyInForce } from '../ports/ceremony-custody.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger } from '../ports/ledger.js';
import { isUnfinished, type CeremonyLedger } from './ceremony-ledger.js';
import type { Participant } from './participant.js';

export interface CeremonyWorkerOptions {
  /** Who has to be an active member before this hospital starts the first ceremony. Absent: others start it. */
  readonly startsWith?: readonly string[];
  /** Of a Paillier key. */
  readonly keyBits: number;
  /** How often to look without an event. */
  readonly recheckMs: number;
}

export interface CeremonyWorkerModules {
  readonly ledger: CeremonyLedger;
  readonly events: Pick<Ledger, 'events'>;
  readonly custody: Pick<KeyCustody, 'ceremonies' | 'eraseKeyShares'>;
  readonly participant: Pick<Participant, 'advance'>;
  readonly tell: (text: string, details: Readonly<Record<string, unknown>>) => void;
  /** Told of the key in force, again and again. */
  readonly onKey: (key: KeyInForce) => void;
  readonly onProblem: (error: unknown) => void;
}

const WATCHED: readonly string[] = [
  EVENTS.ceremonyChanged,
  EVENTS.ceremonyPosted,
  EVENTS.keyRegistered,
  EVENTS.masterKeyRegistered,
  EVENTS.memberChanged,
];
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;

export class CeremonyWorker {
  #isAsked = true;
  #wake: () => void = () => undefined;
  #failures = 0;
  /** The kind of failure that was told of last; told once while it stays. */
  #reported = '';
  /** The ceremony that had not ended at the last look. */
  #present: string | undefined;

  constructor(
    private readonly options: CeremonyWorkerOptions,
    private readonly modules: CeremonyWorkerModules,
  ) {}

  /** Until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const listening = this.#listen(signal);
    while (!isStopped(signal)) {
      this.#isAsked = false;
      const waitMs = await this.#attempt(signal);
      await this.#sleep(Math.min(waitMs, this.options.recheckMs), signal);
    }
    await listening;
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { events, ledger, onProblem } = this.modules;
    while (!isStopped(signal)) {
      try {
        for await (const { payload } of events.events(ledger.identity, 'next', signal))
          if (WATCHED.includes(payload.event)) this.#ask();
      } catch (error) {
        if (!isStopped(signal)) onProblem(error);
      }
      await pause(LAST_RETRY_MS, signal);
    }
  }

  #ask(): void {
    this.#isAsked = true;
    this.#wake();
  }

  /** Until somebody asks, the time is over, or the signal aborts. */
  async #sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isAsked) return;
    const woken = new AbortController();
    this.#wake = () => {
      woken.abort();
    };
    await pause(durationMs, AbortSignal.any([signal, woken.signal]));
  }

  async #attempt(signal: AbortSignal): Promise<number> {
    try {
      const waitMs = await this.#look(signal);
      this.#failures = 0;
      this.#reported = '';
      return waitMs ?? Number.POSITIVE_INFINITY;
    } catch (error) {
      if (!isStopped(signal) && !isPassing(error)) this.#report(error);
      this.#failures += 1;
      return Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
    }
  }

  #report(error: unknown): void {
    const kind = error instanceof CareLedgerError ? error.code : 'INTERNAL';
    if (kind === this.#reported) return;
    this.#reported = kind;
    this.modules.onProblem(error);
  }

  async #look(signal: AbortSignal): Promise<number | undefined> {
    const { ledger, participant, custody, onKey } = this.modules;
    const before = this.#present === undefined ? undefined : await ledger.get(this.#present);
    if (before !== undefined && isUnfinished(before))
      return (await participant.advance(before, signal)).waitMs;
    const ceremonies = await ledger.all();
    const present = ceremonies.find(isUnfinished);
    this.#present = present?.ceremonyId;
    for (const ceremonyId of await custody.ceremonies.kept())
      await this.#settle(ceremonies.find((ceremony) => ceremony.ceremonyId === ceremonyId));
    const key = await ledger.key();
    if (key !== undefined) {
      onKey(key);
      await this.#forgetEarlierShares(key);
    }
    if (present !== undefined) return (await participant.advance(present, signal)).waitMs;
    if (key === undefined && ceremonies.length === 0) await this.#start();
    return undefined;
  }

  /** What is kept of a ceremony that has ended: its share comes into use, or nothing of it is needed any more. */
  async #settle(ceremony: Ceremony | undefined): Promise<void> {
    const { custody, tell } = this.modules;
    if (ceremony === undefined || isUnfinished(ceremony)) return;
    const { ceremonyId, status } = ceremony;
    if (status === 'finished') await custody.ceremonies.adopt(ceremonyId);
    else await custody.ceremonies.erase(ceremonyId);
    tell(`the ceremony has ${status}`, { ceremonyId });
  }

  /** Also at a hospital that has left the holders: what it still had would open nothing new, but old results. */
  async #forgetEarlierShares(key: KeyInForce): Promise<void> {
    const { epoch: beforeEpoch } = key.sharing;
    await this.modules.custody.eraseKeyShares({ keyId: keyIdOf(key), beforeEpoch });
  }

  async #start(): Promise<void> {
    const { ledger, tell } = this.modules;
    const { startsWith, keyBits } = this.options;
    if (startsWith === undefined) return;
    const active = await ledger.activeMembers();
    if (!startsWith.every((mspId) => active.includes(mspId))) return;
    const ceremonyId = bytesToHex(randomBytes(16));
    const others = active.filter((mspId) => !startsWith.includes(mspId));
    const holders = [...startsWith, ...others];
    const { scheme } = ledger;
    const size = scheme === 'paillier' ? { keyBits } : {};
    await ledger.submit('Start', { ceremonyId, scheme, purpose: 'generate', holders, ...size });
    tell('started the ceremony that makes the consortium’s key', { ceremonyId, scheme, ...size });
  }
}

/** The ledger moved on between a look and a step; the next look sees how. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof CareLedgerError)) return false;
  return error.code === 'TRANSITION_NOT_ALLOWED' || error.code === 'ALREADY_EXISTS';
}
