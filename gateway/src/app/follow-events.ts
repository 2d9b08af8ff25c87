import type { EventPosition, Ledger, LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import { isStopped, pause } from './pause.js';

export interface Following {
  readonly ledger: Pick<Ledger, 'events'>;
  readonly identity: SigningIdentity;
  readonly position: {
    readonly load: () => Promise<EventPosition>;
    readonly save: (position: EventPosition) => Promise<void>;
  };
  /** Durable when it resolves. @returns whether the event asked for anything; only then its position is kept at once */
  readonly take: (event: LedgerEvent) => Promise<boolean>;
  readonly retryMs: number;
  readonly onError: (error: unknown) => void;
}

/** Of events that ask for nothing, only every so many-th is noted: going over them again is harmless. */
const NOTE_EVERY = 256;

/** Every event of the ledger from the kept position on, until the signal aborts; never rejects. */
export async function followEvents(following: Following, signal: AbortSignal): Promise<void> {
  while (!isStopped(signal)) {
    try {
      await readEvents(following, signal);
    } catch (error) {
      if (!isStopped(signal)) following.onError(error);
    }
    await pause(following.retryMs, signal);
  }
}

async function readEvents(
  { ledger, identity, position, take }: Following,
  signal: AbortSignal,
): Promise<void> {
  let sinceNoted = 0;
  for await (const event of ledger.events(identity, await position.load(), signal)) {
    const isTaken = await take(event);
    sinceNoted += 1;
    if (!isTaken && sinceNoted < NOTE_EVERY) continue;
    sinceNoted = 0;
    await position.save({ blockNumber: event.blockNumber, afterTxId: event.txId });
  }
}
