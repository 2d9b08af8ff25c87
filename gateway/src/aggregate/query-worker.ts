/**
 * Carries every query forward as far as this hospital can: level-triggered on the query's state, so that a repeated or
 * missed event, a crash, or another gateway that was quicker changes nothing.
 */
import { CareLedgerError, EVENTS, type Query, type QueryDetails } from '@careledger/protocol';
import type { EventPosition } from '../ports/ledger.js';
import type { KeyHolders } from '../ports/key-holders.js';
import type { AggregateLedger } from './aggregate-ledger.js';
import type { Contributor } from './contributor.js';
import type { ShareHolder } from './share-holder.js';
import { pause } from '../app/pause.js';

const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 15_000;
const ATTEMPTS = 8;

export interface QueryWorkerModules {
  readonly aggregate: AggregateLedger;
  readonly contributor: Contributor;
  readonly shareHolder: ShareHolder;
  readonly holders: KeyHolders;
  /** Where the events were read up to; kept by the caller across restarts. */
  readonly position: { load(): Promise<EventPosition>; save(position: EventPosition): Promise<void> };
  readonly onProblem: (problem: { readonly queryId: string; readonly error: unknown }) => void;
}

export class QueryWorker {
  constructor(private readonly modules: QueryWorkerModules) {}

  /** Until the signal aborts. @throws what the ledger throws when its events cannot be read */
  async run(signal: AbortSignal): Promise<void> {
    const { aggregate, position, holders } = this.modules;
    const ensureKey = () => holders.ensureKey(signal);
    await this.#untilDone('', ensureKey, signal);
    for await (const event of aggregate.ledger.events(aggregate.identity, await position.load(), signal)) {
      const { event: name, id } = event.payload;
      if (name === EVENTS.keyRegistered || name === EVENTS.memberChanged)
        await this.#untilDone('', ensureKey, signal);
      if (name.startsWith('query.')) await this.#untilDone(id, () => this.#advance(id), signal);
      await position.save({ blockNumber: event.blockNumber, afterTxId: event.txId });
    }
  }

  /** Bounded: a query that cannot be carried forward now is tried again at its next event, or after a restart. */
  async #untilDone(queryId: string, work: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        await work();
        return;
      } catch (error) {
        if (isSettledElsewhere(error)) return;
        if (attempt === ATTEMPTS || !isPassing(error)) {
          this.modules.onProblem({ queryId, error });
          return;
        }
        await pause(Math.min(FIRST_RETRY_MS * 2 ** attempt, LAST_RETRY_MS), signal);
      }
    }
  }

  async #advance(queryId: string): Promise<void> {
    const details = await this.modules.aggregate.query(queryId);
    const { status } = details.query;
    if (status === 'opened') await this.#advanceOpened(details);
    if (status === 'contributed') await this.#advanceContributed(details);
  }

  async #advanceOpened({ query, contributions }: QueryDetails): Promise<void> {
    const answered = new Set(contributions.map(({ mspId }) => mspId));
    if (query.members.includes(this.#mspId) && !answered.has(this.#mspId)) {
      await this.modules.contributor.answer(query);
      answered.add(this.#mspId);
    }
    if (this.#leads(query) && query.members.every((member) => answered.has(member)))
      await this.#submit('Complete', query);
  }

  async #advanceContributed({ query, contributions, partials }: QueryDetails): Promise<void> {
    const { key } = await this.modules.aggregate.activeKey();
    const posted = new Set(partials.map(({ mspId }) => mspId));
    if (key.holders.includes(this.#mspId) && !posted.has(this.#mspId)) {
      await this.modules.shareHolder.answer({ query, contributions, partials });
      posted.add(this.#mspId);
    }
    if (this.#leads(query) && key.holders.every((holder) => posted.has(holder)))
      await this.#submit('Publish', query);
  }

  /** Anyone may complete and publish; the researcher's own hospital does, so that four gateways do not race. */
  #leads(query: Query): boolean {
    return query.researcher.mspId === this.#mspId;
  }

  async #submit(method: 'Complete' | 'Publish', { queryId }: Query): Promise<void> {
    const { ledger, identity } = this.modules.aggregate;
    await ledger.submit(identity, 'queries', method, { queryId });
  }

  get #mspId(): string {
    return this.modules.aggregate.mspId;
  }
}

/** Somebody else, or this gateway before a crash, already did it. */
function isSettledElsewhere(error: unknown): boolean {
  return (
    error instanceof CareLedgerError &&
    (error.code === 'TRANSITION_NOT_ALLOWED' || error.code === 'ALREADY_EXISTS')
  );
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof CareLedgerError)) return false;
  return error.entry.status === 503 || error.code === 'LEDGER_CONFLICT' || error.code === 'COMMIT_UNKNOWN';
}
