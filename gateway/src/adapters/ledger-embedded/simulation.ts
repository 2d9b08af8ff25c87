import { peer } from '@hyperledger/fabric-protos';
import { VALIDATION_PARAMETER, type RangeRead, type ReadWriteSet, type Version } from './read-write-set.js';
import type { StateCursor, StateEntry, StateView } from './store.js';

/** As many results as a peer sends to the chaincode at once; what was sent counts as read. */
const RESULTS_PER_BATCH = 100;

export interface KeyValue {
  readonly key: string;
  readonly value: Buffer;
}

/** The part of fabric-shim's state iterator that contracts use. */
export interface ResultIterator {
  next(): Promise<{ value: KeyValue; done: false } | { done: true }>;
  close(): Promise<void>;
}

/**
 * The peer's side of fabric-shim's stub: what the stub would ask over gRPC is answered here from one view of the
 * committed state, and recorded. Reads never see the transaction's own writes; paginated queries and writes exclude
 * each other in one transaction; both as in Fabric's transaction simulator.
 */
export class Simulation {
  private readonly reads = new Map<string, Version | undefined>();
  private readonly writes = new Map<string, Uint8Array | undefined>();
  private readonly policies = new Map<string, Uint8Array>();
  private readonly openRanges: OpenRange[] = [];
  private hasPaginated = false;

  constructor(private readonly view: StateView) {}

  handleGetState(collection: string, key: string): Promise<Buffer> {
    return settle(() => Buffer.from(this.read(collection, key)?.value ?? []));
  }

  handleGetStateMetadata(collection: string, key: string): Promise<Record<string, Uint8Array>> {
    return settle(() => {
      const policy = this.read(collection, key)?.policy ?? new Uint8Array();
      return policy.length === 0 ? {} : { [VALIDATION_PARAMETER]: policy };
    });
  }

  handlePutState(collection: string, key: string, value: Uint8Array): Promise<Buffer> {
    return settle(() => {
      this.assertWritable(collection, key);
      if (value.length === 0)
        throw new Error(`putState of an empty value: Fabric would delete the key. ${shown(key)}`);
      this.writes.set(key, Buffer.from(value));
      return Buffer.alloc(0);
    });
  }

  handleDeleteState(collection: string, key: string): Promise<Buffer> {
    return settle(() => {
      this.assertWritable(collection, key);
      this.writes.set(key, undefined);
      return Buffer.alloc(0);
    });
  }

  handlePutStateMetadata(
    collection: string,
    key: string,
    _name: string,
    policy: Uint8Array,
  ): Promise<Buffer> {
    return settle(() => {
      this.assertWritable(collection, key);
      this.policies.set(key, Buffer.from(policy));
      return Buffer.alloc(0);
    });
  }

  async handleGetStateByRange(
    collection: string,
    startKey: string,
    endKey: string,
    _channel: string,
    _txId: string,
    metadata?: Uint8Array,
  ): Promise<{ iterator: ResultIterator; metadata?: { bookmark: string; fetchedRecordsCount: number } }> {
    assertPublic(collection);
    if (metadata !== undefined)
      return this.page(startKey, endKey, peer.QueryMetadata.deserializeBinary(metadata));
    const range = new OpenRange(startKey, endKey, this.view.range(startKey, endKey));
    this.openRanges.push(range);
    await range.fetch();
    return { iterator: range };
  }

  /** Everything read and written so far. */
  result(): ReadWriteSet {
    const ranges = this.openRanges.map((range) => range.seen());
    return { reads: this.reads, ranges, writes: this.writes, policies: this.policies };
  }

  async close(): Promise<void> {
    await Promise.all(this.openRanges.map((range) => range.close()));
    await this.view.close();
  }

  private async page(startKey: string, endKey: string, query: peer.QueryMetadata) {
    if (this.writes.size > 0 || this.policies.size > 0) {
      throw new Error('A paginated query is supported only in a read-only transaction');
    }
    const pageSize = query.getPagesize();
    if (pageSize < 1) throw new Error('a paginated query needs a page size of at least 1');
    this.hasPaginated = true;
    const cursor = this.view.range(query.getBookmark() === '' ? startKey : query.getBookmark(), endKey);
    try {
      const entries = await cursor.next(pageSize + 1);
      const page = entries.slice(0, pageSize);
      const bookmark = entries[pageSize]?.key ?? '';
      return { iterator: iterate(page), metadata: { bookmark, fetchedRecordsCount: page.length } };
    } finally {
      await cursor.close();
    }
  }

  private read(collection: string, key: string): StateEntry | undefined {
    assertPublic(collection);
    assertKey(key);
    const entry = this.view.state(key);
    this.reads.set(key, entry?.version);
    return entry;
  }

  private assertWritable(collection: string, key: string): void {
    assertPublic(collection);
    assertKey(key);
    if (this.hasPaginated)
      throw new Error('Transaction has already performed a paginated query. Writes are not allowed');
  }
}

/** One non-paginated range query: reads ahead in batches and remembers what it has seen. */
class OpenRange implements ResultIterator {
  private readonly reads: { key: string; version: Version }[] = [];
  private readonly waiting: StateEntry[] = [];
  private exhausted = false;

  constructor(
    private readonly startKey: string,
    private readonly endKey: string,
    private readonly cursor: StateCursor,
  ) {}

  async fetch(): Promise<void> {
    const entries = await this.cursor.next(RESULTS_PER_BATCH);
    this.exhausted = entries.length < RESULTS_PER_BATCH;
    this.waiting.push(...entries);
    for (const { key, version } of entries) this.reads.push({ key, version });
  }

  async next(): Promise<{ value: KeyValue; done: false } | { done: true }> {
    if (this.waiting.length === 0 && !this.exhausted) await this.fetch();
    const entry = this.waiting.shift();
    return entry === undefined ? { done: true } : { value: toKeyValue(entry), done: false };
  }

  async close(): Promise<void> {
    await this.cursor.close();
  }

  seen(): RangeRead {
    const { startKey, exhausted, reads } = this;
    return {
      startKey,
      exhausted,
      reads,
      endKey: exhausted ? this.endKey : (reads.at(-1)?.key ?? this.endKey),
    };
  }
}

function iterate(entries: readonly StateEntry[]): ResultIterator {
  const waiting = [...entries];
  return {
    next() {
      const entry = waiting.shift();
      return Promise.resolve(
        entry === undefined ? { done: true } : { value: toKeyValue(entry), done: false },
      );
    },
    close: () => Promise.resolve(),
  };
}

function toKeyValue(entry: StateEntry): KeyValue {
  return { key: entry.key, value: Buffer.from(entry.value) };
}

function assertPublic(collection: string): void {
  if (collection !== '') throw new Error('private data collections are not part of the embedded ledger');
}

function assertKey(key: string): void {
  if (key === '') throw new Error('a state key must not be empty');
  if (!key.isWellFormed()) throw new Error('a state key must be well-formed Unicode');
}

function shown(key: string): string {
  return `Key of ${String(key.length)} characters.`;
}

/** A synchronous answer as a promise, with what it throws as a rejection. */
function settle<Result>(answer: () => Result): Promise<Result> {
  return new Promise((resolve) => {
    resolve(answer());
  });
}
