import { createHash } from 'node:crypto';
import { CareLedgerError, Sha256, validate } from '@careledger/protocol';
import { createQueue } from './queue.js';
import type { SealedFolder } from './sealed-folder.js';

const KIND = 'edge-share';
const DIGEST_BYTES = 32;

/** Shares of re-keys for which this hospital is a proxy: one file for each edge. */
export interface EdgeShares {
  /** Idempotent. @throws CareLedgerError ALREADY_EXISTS for another statement or share of an edge that is kept */
  put(of: { readonly edgeId: string; readonly statement: string; readonly share: Uint8Array }): Promise<void>;
  /** The share, if it belongs to this statement. @throws CareLedgerError KEY_NOT_FOUND */
  read(of: { readonly edgeId: string; readonly statement: string }): Promise<Uint8Array>;
  has(edgeId: string): Promise<boolean>;
  list(): Promise<readonly string[]>;
  erase(edgeIds: readonly string[]): Promise<void>;
}

/** A file is SHA-256 of the statement || share, so that a share is never used under another statement. */
export function createEdgeShares(folder: SealedFolder): EdgeShares {
  const serially = createQueue();
  return {
    put: ({ edgeId, statement, share }) =>
      serially(async () => {
        const bytes = Buffer.concat([digestOf(statement), share]);
        const before = await folder.read(KIND, validate(Sha256, edgeId));
        if (before === undefined) await folder.write(KIND, edgeId, bytes);
        else if (!bytes.equals(before))
          throw new CareLedgerError('ALREADY_EXISTS', { came: 'another share of an edge that is kept' });
      }),
    async read({ edgeId, statement }) {
      const stored = await folder.read(KIND, validate(Sha256, edgeId));
      const digest = digestOf(statement);
      if (stored !== undefined && digest.equals(stored.subarray(0, DIGEST_BYTES)))
        return stored.slice(DIGEST_BYTES);
      throw new CareLedgerError('KEY_NOT_FOUND', { message: 'This hospital keeps no share of that edge.' });
    },
    has: async (edgeId) => (await folder.read(KIND, validate(Sha256, edgeId))) !== undefined,
    list: () => folder.list(KIND),
    erase: (edgeIds) =>
      serially(async () => {
        for (const edgeId of edgeIds) await folder.remove(KIND, validate(Sha256, edgeId));
      }),
  };
}

function digestOf(statement: string): Buffer {
  return createHash('sha256').update(statement, 'utf8').digest();
}
