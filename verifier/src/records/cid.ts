import { importer } from 'ipfs-unixfs-importer';
import { fixedSize } from 'ipfs-unixfs-importer/chunker';
import { balanced } from 'ipfs-unixfs-importer/layout';

/** The record store's parameters (gateway/src/ports/record-store.ts), so that the same bytes have the same name. */
const CHUNK_BYTES = 1_048_576;
const MAX_LINKS = 174;

/** CID of a file: version 1, sha2-256, raw leaves, chunks of 1 MiB, balanced. Base32; undefined for no bytes. */
export async function cidOf(bytes: Uint8Array): Promise<string | undefined> {
  // What is hashed is thrown away: only the name is asked for.
  const discard = { put: <Cid>(cid: Cid): Cid => cid };
  const options = {
    cidVersion: 1,
    rawLeaves: true,
    reduceSingleLeafToSelf: true,
    wrapWithDirectory: false,
    chunker: fixedSize({ chunkSize: CHUNK_BYTES }),
    layout: balanced({ maxChildrenPerNode: MAX_LINKS }),
  } as const;
  let root: string | undefined;
  for await (const { cid } of importer([{ content: bytes }], discard, options)) root = cid.toString();
  return root;
}
