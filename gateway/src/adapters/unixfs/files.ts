import { CareLedgerError } from '@careledger/protocol';
import { exporter, type UnixFSEntry } from 'ipfs-unixfs-exporter';
import { importer } from 'ipfs-unixfs-importer';
import { fixedSize } from 'ipfs-unixfs-importer/chunker';
import { balanced } from 'ipfs-unixfs-importer/layout';
import type { CID } from 'multiformats/cid';
import { UNIXFS_CHUNK_BYTES, UNIXFS_MAX_LINKS } from '../../ports/record-store.js';
import { assertBlock } from './cid.js';

/** Blocks of other implementations may be larger than a chunk; none may be larger than this. */
export const MAX_BLOCK_BYTES = 2 * UNIXFS_CHUNK_BYTES;
const PARALLEL_BLOCKS = 4;

/** A file as blocks, the root last. */
export interface FileBlocks {
  readonly root: CID;
  readonly blocks: ReadonlyMap<string, Uint8Array>;
}

/** Where blocks come from. What it gives is not believed: every block is hashed. Rejects when it has none. */
export type FetchBlock = (cid: CID, signal: AbortSignal) => Promise<Uint8Array>;

/**
 * Cuts bytes into blocks with the parameters of the port.
 * @throws CareLedgerError SCHEMA_VIOLATION for no bytes at all: an empty record is a mistake of the caller.
 */
export async function makeFile(bytes: Uint8Array): Promise<FileBlocks> {
  if (bytes.length === 0)
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'at least one byte', came: 'none' });
  const blocks = new Map<string, Uint8Array>();
  const collector = {
    async put(cid: CID, block: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<CID> {
      blocks.set(cid.toString(), await collect(block));
      return cid;
    },
  };
  const options = {
    cidVersion: 1,
    rawLeaves: true,
    reduceSingleLeafToSelf: true,
    wrapWithDirectory: false,
    chunker: fixedSize({ chunkSize: UNIXFS_CHUNK_BYTES }),
    layout: balanced({ maxChildrenPerNode: UNIXFS_MAX_LINKS }),
  } as const;
  let root: CID | undefined;
  for await (const entry of importer([{ content: bytes }], collector, options)) root = entry.cid;
  if (root === undefined) throw new CareLedgerError('INTERNAL');
  return { root, blocks };
}

/**
 * Reads a file block by block, each hashed against its CID.
 * @throws CareLedgerError CID_MISMATCH, BODY_TOO_LARGE, CID_INVALID for a CID that is not of a file; what
 * `fetchBlock` rejects with.
 */
export async function readFile(
  cid: CID,
  fetchBlock: FetchBlock,
  options: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  const entry = await openFile(cid, fetchBlock, options.signal);
  if (entry.size > BigInt(options.maxBytes)) throw tooLarge(options.maxBytes);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of entry.content({
    signal: options.signal,
    blockReadConcurrency: PARALLEL_BLOCKS,
  })) {
    sizeBytes += chunk.length;
    // The size that the root claims is its author's word.
    if (sizeBytes > options.maxBytes) throw tooLarge(options.maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The size that a file's root states. Errors as `readFile`. */
export async function fileSize(cid: CID, fetchBlock: FetchBlock, signal: AbortSignal): Promise<number> {
  return Number((await openFile(cid, fetchBlock, signal)).size);
}

async function openFile(
  cid: CID,
  fetchBlock: FetchBlock,
  signal: AbortSignal,
): Promise<Extract<UnixFSEntry, { type: 'file' | 'raw' }>> {
  const source = {
    async *get(blockCid: CID): AsyncGenerator<Uint8Array> {
      yield await fetchVerified(blockCid, fetchBlock, signal);
    },
  };
  const entry = await exporter(cid, source, { signal });
  if (entry.type !== 'file' && entry.type !== 'raw') {
    throw new CareLedgerError('CID_INVALID', { expected: 'the CID of a file', came: entry.type });
  }
  return entry;
}

/** @throws CareLedgerError CID_MISMATCH; what `fetchBlock` rejects with. */
export async function fetchVerified(
  cid: CID,
  fetchBlock: FetchBlock,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const block = await fetchBlock(cid, signal);
  if (block.length > MAX_BLOCK_BYTES) throw tooLarge(MAX_BLOCK_BYTES);
  assertBlock(cid, block);
  return block;
}

function tooLarge(maxBytes: number): CareLedgerError {
  return new CareLedgerError('BODY_TOO_LARGE', { expected: `at most ${String(maxBytes)} bytes` });
}

async function collect(
  block: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  if (block instanceof Uint8Array) return block;
  const parts: Uint8Array[] = [];
  for await (const part of block) parts.push(part);
  return Buffer.concat(parts);
}
