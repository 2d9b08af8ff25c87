import { CareLedgerError, type EmrRecord } from '@careledger/protocol';
import type { ErasureTree } from '../ports/erasure-custody.js';
import type { SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller } from '../services/contract-caller.js';
import { listOf } from '../services/members.js';
import { recordsOfPatient } from '../services/patient-records.js';

/** The ledger as erasure keys need it: this hospital's own peer, under the gateway's own identity. */
export interface ErasureLedger {
  readonly mspId: string;
  activeMembers(): Promise<readonly string[]>;
  /** @throws CareLedgerError MEMBER_NOT_FOUND */
  gatewayUrl(mspId: string): Promise<string>;
  /** The hospital that made the pseudonym. @throws CareLedgerError PATIENT_NOT_FOUND */
  hospitalOf(pseudonym: string): Promise<string>;
  recordsOf(pseudonym: string): Promise<readonly EmrRecord[]>;
  /** Undefined when there is none. */
  record(recordId: string): Promise<EmrRecord | undefined>;
}

/** How long the list of active members is believed: each record that is sealed asks for it. */
const MEMBERS_MS = 5_000;

export function createErasureLedger(
  identity: SigningIdentity,
  contracts: Pick<ContractCaller, 'evaluate'>,
  /** Milliseconds, of any beginning. */
  clock: () => number = () => performance.now(),
): ErasureLedger {
  let known: { readonly members: Promise<readonly string[]>; readonly atMs: number } | undefined;
  const activeMembers = async (): Promise<readonly string[]> =>
    (await listOf(contracts, identity)).filter(({ status }) => status === 'active').map(({ mspId }) => mspId);
  return {
    mspId: identity.mspId,
    async activeMembers() {
      const nowMs = clock();
      if (known === undefined || nowMs - known.atMs > MEMBERS_MS) {
        known = { members: activeMembers(), atMs: nowMs };
        known.members.catch(() => {
          known = undefined;
        });
      }
      return known.members;
    },
    gatewayUrl: async (mspId) => (await contracts.evaluate(identity, 'members', 'Get', { mspId })).gatewayUrl,
    hospitalOf: async (pseudonym) =>
      (await contracts.evaluate(identity, 'patients', 'Get', { pseudonym })).mspId,
    recordsOf: (pseudonym) => recordsOfPatient(contracts, identity, pseudonym),
    async record(recordId) {
      try {
        return await contracts.evaluate(identity, 'records', 'Get', { recordId });
      } catch (error) {
        if (error instanceof CareLedgerError && error.code === 'RECORD_NOT_FOUND') return undefined;
        throw error;
      }
    },
  };
}

/** Which key a record's leaf is of. */
export function treeOf({
  ownerMspId,
  pseudonym,
  type,
  keyServers,
}: Pick<EmrRecord, 'ownerMspId' | 'pseudonym' | 'type' | 'keyServers'>): ErasureTree {
  return { ownerMspId, pseudonym, recordType: type, ...(keyServers === undefined ? {} : { keyServers }) };
}

/** Leaves of a key that no record may need any more: of erased records, and of what was sealed anew. */
export function spentLeavesOf(tree: ErasureTree, records: readonly EmrRecord[]): number[] {
  const of = placeOf(tree);
  return records.flatMap((record) => {
    if (record.ownerMspId !== tree.ownerMspId || record.type !== tree.recordType) return [];
    const { status, erasureLeaf, keyServers, resealed } = record;
    const erased =
      status === 'erased' && erasureLeaf !== undefined ? [{ leaf: erasureLeaf, keyServers }] : [];
    return [...erased, ...(resealed?.spentLeaves ?? [])]
      .filter((spent) => placeOf(spent) === of)
      .map(({ leaf }) => leaf);
  });
}

function placeOf({ keyServers = [] }: { readonly keyServers?: readonly string[] | undefined }): string {
  return keyServers.join();
}
