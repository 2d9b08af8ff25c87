import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_PANEL_BLOCK_BYTES } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';
import { cidOf } from './cid.js';

/** Where ciphertext comes from. Nobody has to be believed: `fetchRecord` hashes what comes. */
export interface RecordSource {
  /** Rejects when it has none. */
  fetch(cid: string): Promise<Uint8Array>;
}

const FETCH_TIMEOUT_MS = 60_000;
const CID_FORM = /^b[a-z2-7]{50,100}$/;

/**
 * Bytes that hash to the CID.
 * @throws CareLedgerError CID_INVALID, CID_MISMATCH, STORE_UNAVAILABLE when the source has none
 */
export async function fetchRecord(source: RecordSource, cid: string): Promise<Uint8Array> {
  // It becomes part of a path or an address.
  if (!CID_FORM.test(cid)) throw new CareLedgerError('CID_INVALID');
  let bytes: Uint8Array;
  try {
    bytes = await source.fetch(cid);
  } catch (cause) {
    throw new CareLedgerError('STORE_UNAVAILABLE', { extensions: { cid }, cause });
  }
  const actual = await cidOf(bytes);
  if (actual === cid) return bytes;
  throw new CareLedgerError('CID_MISMATCH', { expected: cid, came: actual ?? 'no bytes' });
}

/** A folder in which each file is named by its CID: what `careledger export` writes. */
export function folderRecords(folder: string): RecordSource {
  return { fetch: (cid) => readFile(join(folder, cid)) };
}

/** A Kubo node's RPC, such as `http://127.0.0.1:17041`. */
export function kuboRecords(rpcUrl: string): RecordSource {
  return {
    async fetch(cid) {
      const url = new URL(`/api/v0/cat?arg=${cid}`, rpcUrl);
      const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
      if (!response.ok) throw new Error(`The node answered ${String(response.status)}.`);
      return boundedBody(response);
    },
  };
}

async function boundedBody(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of response.body ?? []) {
    const bytes = part as Uint8Array;
    sizeBytes += bytes.length;
    if (sizeBytes > MAX_PANEL_BLOCK_BYTES) throw new CareLedgerError('BODY_TOO_LARGE');
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}
