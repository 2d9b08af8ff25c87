import { CareLedgerError } from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import { mapBounded } from './bounded.js';
import type { ContractCaller } from './contract-caller.js';
import type { LocalTable } from './local-tables.js';

/** Row of the `unfinished` table, under `batchId/cid`: an object that no transaction is known to name yet. */
export interface UnfinishedObject {
  readonly batchId: string;
  readonly cid: string;
  readonly storedAtMs: number;
}

/** Follows what one anchoring has stored, so that nothing stays pinned that the ledger does not name. */
export interface BatchJournal {
  stored(cid: string): Promise<void>;
  /** The transaction stands: the objects are the ledger's now. */
  keep(): Promise<void>;
  /** The transaction will never stand: lets go of the objects. */
  discard(): Promise<void>;
}

interface JournalModules {
  readonly store: RecordStore;
  readonly unfinished: LocalTable<UnfinishedObject>;
}

export function openBatchJournal(
  options: { readonly batchId: string; readonly concurrency: number },
  { store, unfinished }: JournalModules,
): BatchJournal {
  const { batchId, concurrency } = options;
  const cids = new Set<string>();
  const forget = async (cid: string): Promise<void> => unfinished.delete(`${batchId}/${cid}`);
  return {
    async stored(cid) {
      cids.add(cid);
      // Not synced: it has to survive this process, and a row lost with the machine only leaves a ciphertext pinned.
      await unfinished.put(`${batchId}/${cid}`, { batchId, cid, storedAtMs: Date.now() }, { sync: false });
    },
    async keep() {
      await mapBounded([...cids], concurrency, forget);
    },
    async discard() {
      await mapBounded([...cids], concurrency, async (cid) => {
        await store.unpin(cid);
        await forget(cid);
      });
    },
  };
}

/**
 * Settles what a gateway left behind that ended between storing and anchoring: objects of batches that are not on the
 * ledger are let go. Only those of a certain age: a request may be under way, and a transaction whose fate was unknown
 * may still come to stand.
 * @returns how many objects were let go.
 */
export async function discardUnfinished(
  options: { readonly minAgeMs: number },
  identity: SigningIdentity,
  { store, unfinished, contracts }: JournalModules & { readonly contracts: ContractCaller },
): Promise<number> {
  const stands = new Map<string, boolean>();
  let discarded = 0;
  for await (const [key, { batchId, cid, storedAtMs }] of unfinished.entries()) {
    if (Date.now() - storedAtMs < options.minAgeMs) continue;
    const isAnchored = stands.get(batchId) ?? (await isOnLedger(identity, contracts, batchId));
    stands.set(batchId, isAnchored);
    if (!isAnchored) {
      await store.unpin(cid);
      discarded += 1;
    }
    await unfinished.delete(key);
  }
  return discarded;
}

async function isOnLedger(
  identity: SigningIdentity,
  contracts: ContractCaller,
  batchId: string,
): Promise<boolean> {
  try {
    await contracts.evaluate(identity, 'records', 'Get', { recordId: `${batchId}.0` });
    return true;
  } catch (error) {
    if (error instanceof CareLedgerError && error.code === 'RECORD_NOT_FOUND') return false;
    throw error;
  }
}
