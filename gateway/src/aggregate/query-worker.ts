/**
 * Carries every query forward as far as this hospital can: level-triggered on the query's state, so that a repeated or
 * missed event, a crash, or another gateway that was quicker changes nothing. What could not be done now is noted in a
 * table before the event's position is saved, and is tried again until it is done or the query has ended.
 */
import {
  CareLedgerError,
  EVENTS,
  type Member,
  type Page,
  type Query,
  type QueryDetails,
} from '@careledger/protocol';
import type { EventPosition, LedgerEvent } from '../ports/ledger.js';
import type { LocalTable } from '../services/local-tables.js';
import { isStopped } from '../app/pause.js';
import type { AggregateLedger } from './aggregate-ledger.js';
import type { Contributor } from './contributor.js';
import { KeyedWork } from './keyed-work.js';
import type { ShareHolder } from './share-holder.js';

export interface QueryWorkerModules {
  readonly aggregate: AggregateLedger;
  readonly contributor: Pick<Contributor, 'answer'>;
  readonly shareHolder: Pick<ShareHolder, 'answer'>;
  /** Where the events were read up to; kept by the caller across restarts. */
  readonly position: { load(): Promise<EventPosition>; save(position: EventPosition): Promise<void> };
  /** Queries to look at again, by id. */
  readonly unfinished: LocalTable<UnfinishedQuery>;
  /** Told once of each kind of failure of a query; the work is tried again all the same. */
  readonly onProblem: (problem: { readonly queryId: string; readonly error: unknown }) => void;
  readonly retry?: Partial<RetryTimes>;
}

export type UnfinishedQuery = Readonly<Record<string, never>>;

export interface RetryTimes {
  /** Doubles with every failure. */
  readonly firstMs: number;
  /** Also how often a query is looked at again that waits for other hospitals. */
  readonly lastMs: number;
}

const RETRY: RetryTimes = { firstMs: 200, lastMs: 5_000 };
const QUERIES_AT_ONCE = 4;
type Progress = 'done' | 'waiting';

export class QueryWorker {
  readonly #unfinished = new Set<string>();
  readonly #failures = new Map<string, { attempts: number; reported: string | undefined }>();
  /** When an id is looked at again without an event: at most one for each. */
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #retry: RetryTimes;

  constructor(private readonly modules: QueryWorkerModules) {
    this.#retry = { ...RETRY, ...modules.retry };
  }

  /** Until the signal aborts. @throws what the ledger throws when its events cannot be read */
  async run(signal: AbortSignal): Promise<void> {
    const { aggregate, position, unfinished } = this.modules;
    const work: KeyedWork = new KeyedWork(QUERIES_AT_ONCE, (id): Promise<void> =>
      this.#look(id, work, signal),
    );
    try {
      for await (const [queryId] of unfinished.entries()) {
        this.#unfinished.add(queryId);
        work.ask(queryId);
      }
      for await (const event of aggregate.ledger.events(aggregate.identity, await position.load(), signal)) {
        await this.#note(event, work);
        await position.save({ blockNumber: event.blockNumber, afterTxId: event.txId });
      }
    } finally {
      await work.stop();
      for (const timer of this.#timers.values()) clearTimeout(timer);
      this.#timers.clear();
    }
  }

  async #note({ payload: { event, id } }: LedgerEvent, work: KeyedWork): Promise<void> {
    // Under another sharing of the key, shares are posted anew; without a member, fewer are waited for.
    if (event === EVENTS.keyRegistered || event === EVENTS.memberChanged)
      for (const queryId of this.#unfinished) work.ask(queryId);
    if (!event.startsWith('query.')) return;
    if (!this.#unfinished.has(id)) await this.modules.unfinished.put(id, {}, { sync: false });
    this.#unfinished.add(id);
    work.ask(id);
  }

  async #look(id: string, work: KeyedWork, signal: AbortSignal): Promise<void> {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    if (signal.aborted) return;
    const delayMs = await this.#attempt(id);
    if (delayMs === undefined || isStopped(signal)) return;
    const timer = setTimeout(() => {
      work.ask(id);
    }, delayMs);
    this.#timers.set(id, timer.unref());
  }

  /** @returns when to look again, or undefined when the next event is soon enough */
  async #attempt(id: string): Promise<number | undefined> {
    try {
      const progress = await this.#advance(id);
      this.#failures.delete(id);
      if (progress === 'waiting') return this.#retry.lastMs;
      if (this.#unfinished.delete(id)) await this.modules.unfinished.delete(id);
      return undefined;
    } catch (error) {
      return this.#failed(id, error);
    }
  }

  #failed(id: string, error: unknown): number {
    const { attempts, reported } = this.#failures.get(id) ?? { attempts: 0, reported: undefined };
    const { firstMs, lastMs } = this.#retry;
    const kind = error instanceof CareLedgerError ? error.code : 'INTERNAL';
    const isQuiet = isSettledElsewhere(error) || (isPassing(error) && attempts < 2) || reported === kind;
    if (!isQuiet) this.modules.onProblem({ queryId: id, error });
    this.#failures.set(id, { attempts: attempts + 1, reported: isQuiet ? reported : kind });
    return Math.min(firstMs * 2 ** attempts, lastMs);
  }

  async #advance(queryId: string): Promise<Progress> {
    const details = await this.modules.aggregate.query(queryId);
    const { status } = details.query;
    if (status === 'opened') return this.#advanceOpened(details);
    if (status === 'contributed') return this.#advanceContributed(details);
    return 'done';
  }

  async #advanceOpened({ query, contributions }: QueryDetails): Promise<Progress> {
    const answered = new Set(contributions.map(({ mspId }) => mspId));
    if (query.members.includes(this.#mspId) && !answered.has(this.#mspId)) {
      await this.modules.contributor.answer(query);
      answered.add(this.#mspId);
    }
    const missing = query.members.filter((member) => !answered.has(member));
    return this.#leadTo('Complete', query, missing);
  }

  /** Every contributor that still has a say, and a majority of the holders: the contract asks for the same. */
  async #advanceContributed(details: QueryDetails): Promise<Progress> {
    const { query, partials } = details;
    const { sharing } = (await this.modules.aggregate.activeKey()).key;
    const posted = new Set(partials.filter(({ epoch }) => epoch === sharing.epoch).map(({ mspId }) => mspId));
    if (sharing.holders.includes(this.#mspId) && !posted.has(this.#mspId)) {
      await this.modules.shareHolder.answer(details);
      posted.add(this.#mspId);
    }
    const missing = (query.contributors ?? []).filter(
      (mspId) => sharing.holders.includes(mspId) && !posted.has(mspId),
    );
    if (posted.size < sharing.threshold) return 'waiting';
    return this.#leadTo('Publish', query, missing);
  }

  /** Anyone may complete and publish; the researcher's own hospital does, so that four gateways do not race. */
  async #leadTo(method: 'Complete' | 'Publish', query: Query, missing: readonly string[]): Promise<Progress> {
    if (query.researcher.mspId !== this.#mspId) return method === 'Complete' ? 'done' : 'waiting';
    if ((await this.#activeOf(missing)).length > 0) return 'waiting';
    const { ledger, identity } = this.modules.aggregate;
    await ledger.submit(identity, 'queries', method, { queryId: query.queryId });
    return 'done';
  }

  /** A hospital that was suspended after the query opened is not waited for; the contract says the same. */
  async #activeOf(mspIds: readonly string[]): Promise<string[]> {
    if (mspIds.length === 0) return [];
    const { ledger, identity } = this.modules.aggregate;
    const { items } = (await ledger.evaluate(identity, 'members', 'List', {})) as Page<Member>;
    return mspIds.filter((mspId) =>
      items.some((member) => member.mspId === mspId && member.status === 'active'),
    );
  }

  get #mspId(): string {
    return this.modules.aggregate.mspId;
  }
}

/** Somebody else, or this gateway before a crash, already did it: the next look sees it. */
function isSettledElsewhere(error: unknown): boolean {
  const settled = ['TRANSITION_NOT_ALLOWED', 'ALREADY_EXISTS', 'SHARING_SUPERSEDED'];
  return error instanceof CareLedgerError && settled.includes(error.code);
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof CareLedgerError)) return false;
  // The share of a key that was just made or shared anew is taken over a moment later.
  const passing = ['LEDGER_CONFLICT', 'COMMIT_UNKNOWN', 'KEY_NOT_FOUND'];
  return error.entry.status === 503 || passing.includes(error.code);
}
