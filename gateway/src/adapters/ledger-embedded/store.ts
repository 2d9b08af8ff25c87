import { ClassicLevel, type Snapshot } from 'classic-level';
import { CareLedgerError } from '@careledger/protocol';
import type { Version } from './read-write-set.js';

/**
 * State, blocks and the index of transaction ids in one LevelDB, so that one atomic batch moves all three.
 *
 * | key                   | value                                                                       |
 * |-----------------------|-----------------------------------------------------------------------------|
 * | `b` number (8, BE)    | `common.Block` bytes                                                        |
 * | `s` state key (UTF-8) | block (8, BE), transaction (4, BE), policy length (4, BE), policy, value    |
 * | `t` transaction id    | block (8, BE), validation code (1)                                          |
 */
export interface StateEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly version: Version;
  /** Key-level endorsement policy, empty when the key has none. */
  readonly policy: Uint8Array;
}

export interface StoredTransaction {
  readonly blockNumber: number;
  readonly code: number;
}

export interface BlockCommit {
  readonly blockNumber: number;
  readonly block: Uint8Array;
  readonly transactions: readonly { readonly txId: string; readonly code: number }[];
  /** Undefined: the key goes. */
  readonly updates: ReadonlyMap<string, StateEntry | undefined>;
}

const KEY_OPTIONS = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;
const ENTRY_HEADER_BYTES = 16;

export class LedgerStore {
  private constructor(
    private readonly db: ClassicLevel<Buffer, Buffer>,
    private blocks: number,
  ) {}

  /** @throws CareLedgerError LEDGER_UNAVAILABLE when another process holds the folder or it cannot be read. */
  static async open(directory: string): Promise<LedgerStore> {
    const db = new ClassicLevel<Buffer, Buffer>(directory, KEY_OPTIONS);
    try {
      await db.open();
      const [last] = await db
        .keys({ gte: Buffer.from('b'), lt: Buffer.from('c'), reverse: true, limit: 1 })
        .all();
      return new LedgerStore(db, last === undefined ? 0 : Number(last.readBigUInt64BE(1)) + 1);
    } catch (cause) {
      await db.close().catch(() => undefined);
      throw new CareLedgerError('LEDGER_UNAVAILABLE', {
        message: 'The embedded ledger cannot be opened: another process holds it, or its files are damaged.',
        cause,
      });
    }
  }

  get height(): number {
    return this.blocks;
  }

  block(blockNumber: number): Uint8Array | undefined {
    return this.db.getSync(blockKey(blockNumber));
  }

  transaction(txId: string): StoredTransaction | undefined {
    const stored = this.db.getSync(Buffer.from(`t${txId}`));
    return stored === undefined
      ? undefined
      : { blockNumber: Number(stored.readBigUInt64BE(0)), code: stored[8] ?? 0 };
  }

  /** The committed state now. A view gives one that does not move. */
  state(key: string): StateEntry | undefined {
    return decodeEntry(key, this.db.getSync(stateKey(key)));
  }

  view(): StateView {
    return new StateView(this.db, this.db.snapshot());
  }

  /** Resolves once the block, its state and its index are on disk together. */
  async commit(commit: BlockCommit): Promise<void> {
    const put = (key: Buffer, value: Uint8Array) =>
      ({ type: 'put', key, value: Buffer.from(value) }) as const;
    const state = [...commit.updates].map(([key, entry]) =>
      entry === undefined
        ? ({ type: 'del', key: stateKey(key) } as const)
        : put(stateKey(key), encodeEntry(entry)),
    );
    const index = commit.transactions.map(({ txId, code }) =>
      put(Buffer.from(`t${txId}`), Buffer.concat([uint64(commit.blockNumber), Buffer.of(code)])),
    );
    await this.db.batch([put(blockKey(commit.blockNumber), commit.block), ...index, ...state], {
      sync: true,
    });
    this.blocks = commit.blockNumber + 1;
  }

  async close(): Promise<void> {
    await this.db.close();
  }
}

/** The state after one block, whatever is committed later. */
export class StateView {
  constructor(
    private readonly db: ClassicLevel<Buffer, Buffer>,
    private readonly snapshot: Snapshot,
  ) {}

  state(key: string): StateEntry | undefined {
    return decodeEntry(key, this.db.getSync(stateKey(key), { ...KEY_OPTIONS, snapshot: this.snapshot }));
  }

  /** Entries from `startKey` (inclusive) to `endKey` (exclusive, or inclusive; '' is the end), in UTF-8 order. */
  range(
    startKey: string,
    endKey: string,
    bounds: { readonly isEndIncluded: boolean } = { isEndIncluded: false },
  ): StateCursor {
    const end =
      endKey === '' ? { lt: Buffer.from('t') } : { [bounds.isEndIncluded ? 'lte' : 'lt']: stateKey(endKey) };
    const iterator = this.db.iterator({ gte: stateKey(startKey), ...end, snapshot: this.snapshot });
    return {
      async next(count) {
        const rows = await iterator.nextv(count);
        return rows.map(([key, value]) => entryOf(key.subarray(1).toString('utf8'), value));
      },
      close: () => iterator.close(),
    };
  }

  async close(): Promise<void> {
    await this.snapshot.close();
  }
}

export interface StateCursor {
  /** Up to `count` further entries; none at the end. */
  next(count: number): Promise<StateEntry[]>;
  close(): Promise<void>;
}

function blockKey(blockNumber: number): Buffer {
  return Buffer.concat([Buffer.from('b'), uint64(blockNumber)]);
}

function stateKey(key: string): Buffer {
  return Buffer.from(`s${key}`);
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function encodeEntry(entry: StateEntry): Buffer {
  const header = Buffer.alloc(ENTRY_HEADER_BYTES);
  header.writeBigUInt64BE(BigInt(entry.version.blockNumber), 0);
  header.writeUInt32BE(entry.version.txNumber, 8);
  header.writeUInt32BE(entry.policy.length, 12);
  return Buffer.concat([header, entry.policy, entry.value]);
}

function decodeEntry(key: string, stored: Buffer | undefined): StateEntry | undefined {
  return stored === undefined ? undefined : entryOf(key, stored);
}

function entryOf(key: string, stored: Buffer): StateEntry {
  const valueStart = ENTRY_HEADER_BYTES + stored.readUInt32BE(12);
  return {
    key,
    version: { blockNumber: Number(stored.readBigUInt64BE(0)), txNumber: stored.readUInt32BE(8) },
    policy: stored.subarray(ENTRY_HEADER_BYTES, valueStart),
    value: stored.subarray(valueStart),
  };
}
