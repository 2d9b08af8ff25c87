import { CareLedgerError } from '@careledger/protocol';
import { ClassicLevel } from 'classic-level';
import type { CID } from 'multiformats/cid';
import type { RecordStore } from '../../ports/record-store.js';
import { parseCid } from '../unixfs/cid.js';
import { fetchVerified, fileSize, makeFile, readFile, type FetchBlock } from '../unixfs/files.js';

export interface EmbeddedRecordStoreOptions {
  /** Folder of the LevelDB, made when absent. One process at a time. */
  readonly directory: string;
  /** The other hospitals' stores of this process: where blocks come from that are not here. */
  readonly neighbours?: () => readonly EmbeddedRecordStore[];
}

/**
 * IPFS blocks in a LevelDB. Keys: `block/CID` holds the bytes, `pin/ROOT` the CIDs of a pinned file's blocks,
 * `ref/CID/ROOT` says that a pin needs a block. A pin and its blocks come and go in one synced batch, so nothing is
 * kept that is not pinned.
 */
export class EmbeddedRecordStore implements RecordStore {
  private readonly writes = new Sequence();

  private constructor(
    private readonly db: ClassicLevel<string, Uint8Array>,
    private readonly neighbours: () => readonly EmbeddedRecordStore[],
  ) {}

  /** @throws CareLedgerError STORE_UNAVAILABLE when another process holds the folder or it cannot be read. */
  static async open(options: EmbeddedRecordStoreOptions): Promise<EmbeddedRecordStore> {
    const db = new ClassicLevel<string, Uint8Array>(options.directory, {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
    });
    try {
      await db.open();
    } catch (cause) {
      throw new CareLedgerError('STORE_UNAVAILABLE', { cause });
    }
    return new EmbeddedRecordStore(db, options.neighbours ?? (() => []));
  }

  async put(bytes: Uint8Array): Promise<string> {
    const { root, blocks } = await makeFile(bytes);
    await this.keep(root.toString(), blocks);
    return root.toString();
  }

  async get(
    cid: string,
    options: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array> {
    const root = parseCid(cid);
    const signal = options.signal ?? new AbortController().signal;
    return this.guarded(() => readFile(root, this.fetchAnywhere, { maxBytes: options.maxBytes, signal }));
  }

  async pin(cid: string): Promise<void> {
    const root = parseCid(cid);
    const { signal } = new AbortController();
    const blocks = new Map<string, Uint8Array>();
    const remember: FetchBlock = async (blockCid) => {
      const block = await fetchVerified(blockCid, this.fetchAnywhere, signal);
      blocks.set(blockCid.toString(), block);
      return block;
    };
    await this.guarded(() => readFile(root, remember, { maxBytes: Number.MAX_SAFE_INTEGER, signal }));
    await this.keep(cid, blocks);
  }

  async unpin(cid: string): Promise<void> {
    parseCid(cid);
    await this.guarded(() => this.writes.run(() => this.forget(cid)));
  }

  async stat(cid: string): Promise<{ readonly sizeBytes: number; readonly pinned: boolean } | undefined> {
    const root = parseCid(cid);
    return this.guarded(async () => {
      const block = await this.ownBlock(root);
      if (block === undefined) return undefined;
      // The root says how long the file is; it may be let go while we look, so it is read once.
      const sizeBytes = await fileSize(root, () => Promise.resolve(block), new AbortController().signal);
      return { sizeBytes, pinned: (await this.db.get(`pin/${cid}`)) !== undefined };
    });
  }

  /** A block goes with its last pin. */
  collect(): Promise<void> {
    return this.writes.run(() => Promise.resolve());
  }

  async close(): Promise<void> {
    await this.writes.run(() => this.db.close());
  }

  /** This store's copy, not yet hashed. */
  ownBlock(cid: CID): Promise<Uint8Array | undefined> {
    return this.db.status === 'open' ? this.db.get(`block/${cid.toString()}`) : Promise.resolve(undefined);
  }

  private readonly fetchAnywhere: FetchBlock = async (cid, signal) => {
    for (const store of [this, ...this.neighbours()]) {
      signal.throwIfAborted();
      const block = await store.ownBlock(cid);
      if (block !== undefined) return block;
    }
    throw new CareLedgerError('STORE_UNAVAILABLE', { extensions: { cid: cid.toString() } });
  };

  private async keep(root: string, blocks: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const put = (key: string, value: Uint8Array) => ({ type: 'put', key, value }) as const;
    const list = Buffer.from(JSON.stringify([...blocks.keys()]));
    const operations = [...blocks].flatMap(([cid, block]) => [
      put(`block/${cid}`, block),
      put(`ref/${cid}/${root}`, Buffer.of(1)),
    ]);
    const write = () => this.db.batch([...operations, put(`pin/${root}`, list)], { sync: true });
    await this.guarded(() => this.writes.run(write));
  }

  private async forget(root: string): Promise<void> {
    const list = await this.db.get(`pin/${root}`);
    if (list === undefined) return;
    const remove = (key: string) => ({ type: 'del', key }) as const;
    const operations = [remove(`pin/${root}`)];
    for (const cid of JSON.parse(Buffer.from(list).toString('utf8')) as string[]) {
      operations.push(remove(`ref/${cid}/${root}`));
      const holders = await this.db.keys({ gte: `ref/${cid}/`, lt: `ref/${cid}0`, limit: 2 }).all();
      if (holders.every((holder) => holder === `ref/${cid}/${root}`)) operations.push(remove(`block/${cid}`));
    }
    await this.db.batch(operations, { sync: true });
  }

  private async guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof CareLedgerError || (cause instanceof Error && cause.name === 'AbortError'))
        throw cause;
      throw new CareLedgerError('STORE_UNAVAILABLE', { cause });
    }
  }
}

/** One write after another: `forget` reads what it then removes. */
class Sequence {
  private last: Promise<unknown> = Promise.resolve();

  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const next = this.last.then(work, work);
    this.last = next.catch(() => undefined);
    return next;
  }
}
