import { createHash } from 'node:crypto';
import Long from 'long';
import type { ChaincodeStub, Iterators } from 'fabric-shim-api';
import { embeddedContracts } from '../embedded.js';
import {
  decodeChaincodeError,
  msFromInstant,
  type Caller,
  type CareLedgerError,
  type LedgerEventPayload,
} from '@careledger/protocol';
import { staffCertificate } from './certificates.js';
import { invoke } from './invoke.js';

const CHANNEL = 'carechannel';
const TEST_CONTRACTS = embeddedContracts({ allowTestKeySize: true });
const START_MS = Date.UTC(2026, 10, 20, 8);

export interface Committed {
  readonly txId: string;
  readonly at: string;
  readonly response: unknown;
  readonly events: readonly LedgerEventPayload[];
  /** Keys written or deleted, with `undefined` for a deletion. */
  readonly writes: ReadonlyMap<string, Uint8Array | undefined>;
  readonly policies: ReadonlyMap<string, Uint8Array>;
  /** Keys read one by one, and prefixes read as a range. */
  readonly reads: ReadonlySet<string>;
  readonly ranges: ReadonlySet<string>;
}

/**
 * A world state in memory that behaves like a peer's where the contracts can tell: a transaction does not see its own
 * writes, a failed one leaves nothing, keys are in the order of their UTF-8 bytes. It has no versions: conflicts are the
 * ledger adapters' conformance suite.
 */
export class MemoryLedger {
  readonly channel = CHANNEL;
  readonly state = new Map<string, Uint8Array>();
  readonly policies = new Map<string, Uint8Array>();
  private transactions = 0;
  private nowMs = START_MS;

  constructor(private readonly contracts = TEST_CONTRACTS) {}

  get now(): string {
    return new Date(this.nowMs).toISOString();
  }

  /** Another ledger from here on: what many tests begin with is made once. */
  fork(): MemoryLedger {
    const copy = new MemoryLedger(this.contracts);
    for (const [key, value] of this.state) copy.state.set(key, value);
    for (const [key, policy] of this.policies) copy.policies.set(key, policy);
    copy.transactions = this.transactions;
    copy.nowMs = this.nowMs;
    return copy;
  }

  advance(ms: number): void {
    this.nowMs += ms;
  }

  setTime(instant: string): void {
    this.nowMs = msFromInstant(instant);
  }

  /** Submits and commits. The argument may be text, to send what is not JSON. */
  async submit(caller: Caller, method: string, argument: unknown, idempotencyKey = ''): Promise<Committed> {
    const stub = await this.simulate(caller, method, [textOf(argument), idempotencyKey]);
    for (const [key, value] of stub.writes) {
      if (value === undefined) this.state.delete(key);
      else this.state.set(key, value);
    }
    for (const [key, policy] of stub.policies) this.policies.set(key, policy);
    this.advance(1);
    return stub.committed();
  }

  async evaluate(caller: Caller, method: string, argument: unknown): Promise<unknown> {
    const stub = await this.simulate(caller, method, [textOf(argument)]);
    return stub.committed().response;
  }

  /** The error with which a transaction fails; it must leave the state as it was. */
  async refusal(
    caller: Caller,
    method: string,
    argument: unknown,
    idempotencyKey = '',
  ): Promise<CareLedgerError> {
    const size = this.state.size;
    try {
      await this.submit(caller, method, argument, idempotencyKey);
    } catch (error) {
      const coded = decodeChaincodeError((error as Error).message);
      if (coded === undefined || this.state.size !== size) throw error;
      return coded;
    }
    throw new Error(`${method} was accepted`);
  }

  private async simulate(caller: Caller, method: string, params: string[]): Promise<MemoryStub> {
    this.transactions += 1;
    const stub = new MemoryStub(this, {
      creator: { mspid: caller.mspId, idBytes: await staffCertificate(caller) },
      txId: createHash('sha256').update(`tx ${this.transactions}`).digest('hex'),
      nowMs: this.nowMs,
      fcn: method,
      params,
    });
    stub.response = await invoke(this.contracts, stub as unknown as Parameters<typeof invoke>[1]);
    return stub;
  }
}

interface Proposal {
  readonly creator: { readonly mspid: string; readonly idBytes: Uint8Array };
  readonly txId: string;
  readonly nowMs: number;
  readonly fcn: string;
  readonly params: string[];
}

type Stub = Pick<
  ChaincodeStub,
  | 'getState'
  | 'putState'
  | 'deleteState'
  | 'createCompositeKey'
  | 'splitCompositeKey'
  | 'setStateValidationParameter'
  | 'getTxTimestamp'
  | 'getTxID'
  | 'getChannelID'
  | 'setEvent'
  | 'getFunctionAndParameters'
>;

class MemoryStub implements Stub {
  readonly writes = new Map<string, Uint8Array | undefined>();
  readonly policies = new Map<string, Uint8Array>();
  readonly reads = new Set<string>();
  readonly ranges = new Set<string>();
  readonly events: LedgerEventPayload[] = [];
  response = '';

  constructor(
    private readonly ledger: MemoryLedger,
    private readonly proposal: Proposal,
  ) {}

  committed(): Committed {
    const { writes, policies, reads, ranges, events } = this;
    const at = new Date(this.proposal.nowMs).toISOString();
    const response: unknown = JSON.parse(this.response);
    return { txId: this.proposal.txId, at, response, events, writes, policies, reads, ranges };
  }

  getState(key: string): Promise<Uint8Array> {
    this.reads.add(key);
    return Promise.resolve(this.ledger.state.get(key) ?? new Uint8Array());
  }

  putState(key: string, value: Uint8Array): Promise<void> {
    if (value.length === 0) throw new Error('an empty value is a deletion in Fabric');
    this.writes.set(key, Uint8Array.from(value));
    return Promise.resolve();
  }

  deleteState(key: string): Promise<void> {
    this.writes.set(key, undefined);
    return Promise.resolve();
  }

  setStateValidationParameter(key: string, policy: Uint8Array): Promise<void> {
    this.policies.set(key, policy);
    return Promise.resolve();
  }

  getStateByPartialCompositeKey(prefix: string, attributes: string[]): Promise<Iterators.StateQueryIterator> {
    const start = this.createCompositeKey(prefix, attributes);
    this.ranges.add(start);
    return Promise.resolve(this.iterate(start, '', Number.MAX_SAFE_INTEGER));
  }

  /** Fabric takes the bookmark as the first key to read, whatever page it came from, and forbids writing afterwards. */
  getStateByPartialCompositeKeyWithPagination(
    prefix: string,
    attributes: string[],
    pageSize: number,
    bookmark: string,
  ) {
    if (this.writes.size > 0) throw new Error('a paginated query in a transaction that writes');
    const iterator = this.iterate(this.createCompositeKey(prefix, attributes), bookmark, pageSize);
    return Promise.resolve({ iterator, metadata: { fetchedRecordsCount: 0, bookmark: '' } });
  }

  createCompositeKey(prefix: string, attributes: string[]): string {
    if (attributes.some((attribute) => attribute === '')) throw new Error('an empty attribute');
    return `\u0000${[prefix, ...attributes].join('\u0000')}\u0000`;
  }

  splitCompositeKey(key: string): { objectType: string; attributes: string[] } {
    const [objectType = '', ...attributes] = key.slice(1, -1).split('\u0000');
    return { objectType, attributes };
  }

  getCreator() {
    return this.proposal.creator;
  }

  getTxTimestamp() {
    const seconds = Long.fromNumber(Math.floor(this.proposal.nowMs / 1000), true);
    return { seconds, nanos: (this.proposal.nowMs % 1000) * 1_000_000 };
  }

  getTxID(): string {
    return this.proposal.txId;
  }

  getChannelID(): string {
    return CHANNEL;
  }

  setEvent(name: string, payload: Uint8Array): void {
    const event = JSON.parse(Buffer.from(payload).toString()) as LedgerEventPayload;
    if (event.event !== name) throw new Error('an event under another name');
    this.events.push(event);
  }

  getFunctionAndParameters(): { fcn: string; params: string[] } {
    return { fcn: this.proposal.fcn, params: this.proposal.params };
  }

  private iterate(prefix: string, start: string, limit: number): Iterators.StateQueryIterator {
    const keys = [...this.ledger.state.keys()]
      .filter((key) => key.startsWith(prefix) && key !== prefix && key >= start)
      .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      .slice(0, limit);
    const entries = keys.map((key) => ({
      namespace: '',
      key,
      value: this.ledger.state.get(key) ?? new Uint8Array(),
    }));
    let read = 0;
    return {
      // At the end fabric-shim answers `done` without a value.
      next: () => {
        const value = entries[read];
        read += 1;
        return Promise.resolve(
          (value === undefined
            ? { done: true }
            : { value, done: false }) as Iterators.NextResult<Iterators.KV>,
        );
      },
      close: () => Promise.resolve(),
    };
  }
}

function textOf(argument: unknown): string {
  return typeof argument === 'string' ? argument : JSON.stringify(argument);
}
