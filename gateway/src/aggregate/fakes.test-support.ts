/** Stand-ins for what surrounds the aggregate's parts: a ledger that answers from functions, and tables in memory. */
import { CareLedgerError, type ErrorCode } from '@careledger/protocol';
import type { Ledger, LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import type { LocalTable } from '../services/local-tables.js';
import { AggregateLedger } from './aggregate-ledger.js';

export const MEMBERS = ['AlphaMSP', 'BravoMSP', 'CharlieMSP', 'DeltaMSP'] as const;

export type Argument = Readonly<Record<string, unknown>>;
type Answer = (argument: Argument) => unknown;

export class FakeLedger {
  /** What was submitted, in order: method and argument. */
  readonly submitted: { readonly method: string; readonly argument: Argument }[] = [];
  /** By method; what throws is the ledger's error. */
  readonly answers: Record<string, Answer> = {};
  onSubmit: (method: string, argument: Argument, identity: SigningIdentity) => void = () => undefined;
  #events: LedgerEvent[] = [];
  #wake: () => void = () => undefined;

  as(mspId: string): AggregateLedger {
    const sign = (): Promise<never> => Promise.reject(new Error('nothing is signed here'));
    const identity = { mspId, certificate: '', sign };
    return new AggregateLedger({ ledger: this as unknown as Ledger, identity, allowTestKeySize: true });
  }

  async evaluate(
    _identity: unknown,
    _contract: string,
    method: string,
    argument: Argument,
  ): Promise<unknown> {
    await Promise.resolve();
    const answer = this.answers[method];
    if (answer === undefined) throw new Error(`nobody answers ${method}`);
    return answer(argument);
  }

  async submit(identity: SigningIdentity, _contract: string, method: string, argument: Argument) {
    await Promise.resolve();
    this.onSubmit(method, argument, identity);
    this.submitted.push({ method, argument });
    return { txId: '', blockNumber: 0n, result: {} };
  }

  emit(event: string, id: string): void {
    const blockNumber = BigInt(this.#events.length);
    const payload = { event, id, mspId: '', status: '' } as unknown as LedgerEvent['payload'];
    this.#events.push({ blockNumber, txId: `tx-${String(blockNumber)}`, payload });
    this.#wake();
  }

  async *events(_identity: unknown, _from: unknown, signal: AbortSignal): AsyncIterable<LedgerEvent> {
    signal.addEventListener('abort', () => {
      this.#wake();
    });
    for (let next = 0; !signal.aborted;) {
      const event = this.#events[next];
      if (event === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      next += 1;
      yield event;
    }
  }

  get methods(): string[] {
    return this.submitted.map(({ method }) => method);
  }
}

export class FakeTable<Row> implements LocalTable<Row> {
  readonly rows = new Map<string, Row>();

  get(key: string): Promise<Row | undefined> {
    return Promise.resolve(this.rows.get(key));
  }
  put(key: string, row: Row): Promise<void> {
    this.rows.set(key, row);
    return Promise.resolve();
  }
  delete(key: string): Promise<void> {
    this.rows.delete(key);
    return Promise.resolve();
  }
  async *entries(): AsyncIterable<readonly [string, Row]> {
    await Promise.resolve();
    yield* [...this.rows];
  }
}

/** The code that the work is refused with. */
export async function refusalOf(work: Promise<unknown>): Promise<ErrorCode> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CareLedgerError) return error.code;
    throw error;
  }
  throw new Error('it was not refused');
}
