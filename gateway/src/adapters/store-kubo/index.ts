import { CareLedgerError } from '@careledger/protocol';
import { create, type KuboRPCClient } from 'kubo-rpc-client';
import type { CID } from 'multiformats/cid';
import { UNIXFS_CHUNK_BYTES, UNIXFS_MAX_LINKS, type RecordStore } from '../../ports/record-store.js';
import { parseCid } from '../unixfs/cid.js';
import { fileSize, makeFile, readFile, type FetchBlock } from '../unixfs/files.js';

export interface KuboRecordStoreOptions {
  /** RPC address of this hospital's node, such as `http://127.0.0.1:5001`. */
  readonly rpcUrl: string;
  /** Bound of every single call of this store, fetching from other nodes included. Default 60 s. */
  readonly timeoutMs?: number;
}

/** A node with millions of blocks goes over them for minutes. */
const COLLECT_TIMEOUT_MS = 1_800_000;

/** The hospital's Kubo node. It keeps and moves blocks; what it says of their content is not believed. */
export class KuboRecordStore implements RecordStore {
  private readonly client: KuboRPCClient;
  private readonly timeoutMs: number;

  constructor(options: KuboRecordStoreOptions) {
    this.client = create({ url: options.rpcUrl });
    this.timeoutMs = options.timeoutMs ?? 60_000;
  }

  /** @throws CareLedgerError also CID_MISMATCH when the node stored under another CID than these bytes have. */
  async put(bytes: Uint8Array): Promise<string> {
    const { root } = await makeFile(bytes);
    const added = await this.bounded((signal) => this.client.add(bytes, { ...ADD_OPTIONS, signal }));
    if (added.cid.toString() !== root.toString()) {
      throw new CareLedgerError('CID_MISMATCH', {
        message: 'The record store answered another CID than the bytes have.',
      });
    }
    return root.toString();
  }

  async get(
    cid: string,
    options: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array> {
    const root = parseCid(cid);
    const { maxBytes } = options;
    return this.bounded((signal) => readFile(root, this.fetchBlock(), { maxBytes, signal }), options.signal);
  }

  async pin(cid: string): Promise<void> {
    const root = parseCid(cid);
    await this.bounded((signal) => this.client.pin.add(root, { recursive: true, signal }));
  }

  async unpin(cid: string): Promise<void> {
    const root = parseCid(cid);
    if (!(await this.isPinned(root))) return;
    await this.bounded((signal) => this.client.pin.rm(root, { recursive: true, signal }));
  }

  /** Looks on this node only. After `unpin` the bytes stay until the node collects its garbage. */
  async stat(cid: string): Promise<{ readonly sizeBytes: number; readonly pinned: boolean } | undefined> {
    const root = parseCid(cid);
    const sizeBytes = await this.orIfNotFound(
      this.bounded((signal) => fileSize(root, this.fetchBlock({ offline: true }), signal)),
    );
    return sizeBytes === undefined ? undefined : { sizeBytes, pinned: await this.isPinned(root) };
  }

  async collect(): Promise<void> {
    await this.bounded(
      async (signal) => {
        for await (const removed of this.client.repo.gc({ signal })) {
          if (removed.err != null) throw removed.err;
        }
      },
      undefined,
      COLLECT_TIMEOUT_MS,
    );
  }

  /** Nothing is held open between calls. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  private fetchBlock(searchParams: Record<string, unknown> = {}): FetchBlock {
    return (cid, signal) =>
      this.client.block.get(cid, { signal, searchParams: asSearchParams(searchParams) });
  }

  private async isPinned(cid: CID): Promise<boolean> {
    const list = this.bounded(async (signal) => {
      for await (const pin of this.client.pin.ls({ paths: cid, type: 'recursive', signal })) {
        if (pin.cid.equals(cid)) return true;
      }
      return false;
    });
    return (await this.orIfNotFound(list)) ?? false;
  }

  /** A node that answers "I have not got it" answers with an HTTP error; one that does not answer, with another. */
  private async orIfNotFound<Result>(pending: Promise<Result>): Promise<Result | undefined> {
    try {
      return await pending;
    } catch (error) {
      if (error instanceof CareLedgerError && error.code === 'STORE_UNAVAILABLE' && isHttpError(error.cause))
        return undefined;
      throw error;
    }
  }

  private async bounded<Result>(
    work: (signal: AbortSignal) => Promise<Result>,
    caller?: AbortSignal,
    timeoutMs = this.timeoutMs,
  ): Promise<Result> {
    const signals = [AbortSignal.timeout(timeoutMs), ...(caller === undefined ? [] : [caller])];
    try {
      return await work(AbortSignal.any(signals));
    } catch (cause) {
      if (cause instanceof CareLedgerError) throw cause;
      caller?.throwIfAborted();
      if (isDamage(cause)) throw damaged(cause);
      throw new CareLedgerError('STORE_UNAVAILABLE', { cause });
    }
  }
}

/** The node hashes what it reads from its disk (`Datastore.HashOnRead`); these are Kubo's words for a difference. */
function isDamage(error: unknown): boolean {
  return error instanceof Error && /different hash than requested/.test(error.message);
}

function damaged(cause: unknown): CareLedgerError {
  return new CareLedgerError('CID_MISMATCH', { message: 'A stored block does not hash to its CID.', cause });
}

/** In the RPC's own spelling, so that no default of the node or the client decides about a CID. */
const ADD_OPTIONS = {
  pin: true,
  searchParams: asSearchParams({
    'cid-version': 1,
    'raw-leaves': true,
    chunker: `size-${String(UNIXFS_CHUNK_BYTES)}`,
    'max-file-links': UNIXFS_MAX_LINKS,
    hash: 'sha2-256',
    trickle: false,
    inline: false,
    'wrap-with-directory': false,
  }),
};

/** The client spreads this over its own parameters; its type asks for URLSearchParams, which would spread to nothing. */
function asSearchParams(parameters: Record<string, unknown>): URLSearchParams {
  return parameters as unknown as URLSearchParams;
}

function isHttpError(error: unknown): boolean {
  return error instanceof Error && error.name === 'HTTPError';
}
