/**
 * This hospital as a key server: it keeps parts of other hospitals' erasure keys, punctures what the ledger says is spent,
 * and gives the owner back what it needs for a record that stands. What it gives to openings along edges goes another
 * way (`opening-authority.ts`).
 *
 * Alone it knows nothing of any key; with one of the other two custodians it makes them all (crypto `erasure-parts`).
 */
import { encodeErasureParts } from '@careledger/crypto';
import { CareLedgerError, validate, type EmrRecord } from '@careledger/protocol';
import type { ErasureCustody, ErasureTree } from '../ports/erasure-custody.js';
import type { PeerRoute } from '../release/index.js';
import { mapBounded } from '../services/bounded.js';
import {
  ERASURE_DEALS_PATH,
  ERASURE_PARTS_PATH,
  ErasureDealSchema,
  ErasurePartsRequestSchema,
  type ErasurePartsAnswer,
} from './erasure-protocol.js';
import { spentLeavesOf, treeOf, type ErasureLedger } from './erasure-ledger.js';

const CONCURRENCY = 8;

export interface KeyServerModules {
  readonly ledger: Pick<ErasureLedger, 'mspId' | 'activeMembers' | 'hospitalOf' | 'recordsOf' | 'record'>;
  readonly custody: Pick<ErasureCustody, 'accept' | 'puncture' | 'partsOf'>;
}

export class KeyServer {
  constructor(private readonly modules: KeyServerModules) {}

  /** What other gateways may ask. */
  get routes(): readonly PeerRoute[] {
    return [
      {
        path: ERASURE_DEALS_PATH,
        handle: async (caller, body) => JSON.stringify({ held: await this.take(caller, body) }),
      },
      {
        path: ERASURE_PARTS_PATH,
        handle: async (caller, body) => JSON.stringify(await this.give(caller, body)),
      },
    ];
  }

  /**
   * Takes over parts of keys of the caller's own patients. Leaves that the ledger says are spent are not taken over, and
   * those that were spent meanwhile are punctured afterwards.
   * @throws CareLedgerError SCHEMA_VIOLATION, NOT_OWNER, MEMBER_NOT_ACTIVE, PATIENT_NOT_FOUND, ALREADY_EXISTS
   */
  async take(callerMspId: string, body: unknown): Promise<string[]> {
    const { pseudonym, keyServers, keys } = validate(ErasureDealSchema, body);
    const { ledger, custody } = this.modules;
    const owner = await ledger.hospitalOf(pseudonym);
    if (owner !== callerMspId)
      throw new CareLedgerError('NOT_OWNER', {
        expected: 'the hospital of the patient',
        came: callerMspId,
      });
    const active = await ledger.activeMembers();
    // Also bounds how many keys there can be for one patient.
    const away = keyServers.find((mspId) => !active.includes(mspId) || mspId === callerMspId);
    if (away !== undefined || !keyServers.includes(ledger.mspId))
      throw new CareLedgerError('SCHEMA_VIOLATION', {
        expected: 'two other active members as key servers, this hospital among them',
        came: keyServers.join(', '),
      });
    const trees = keys.map(({ recordType, generation, parts }) => ({
      tree: { ownerMspId: owner, pseudonym, recordType, keyServers } satisfies ErasureTree,
      dealt: { generation, parts: parts.map((part) => new Uint8Array(Buffer.from(part, 'base64url'))) },
    }));
    const before = await ledger.recordsOf(pseudonym);
    for (const { tree, dealt } of trees)
      await custody.accept(tree, { ...dealt, spent: spentLeavesOf(tree, before) });
    const after = await ledger.recordsOf(pseudonym);
    for (const { tree } of trees)
      for (const leaf of spentLeavesOf(tree, after)) await custody.puncture({ ...tree, leaf });
    return trees.map(({ tree }) => tree.recordType);
  }

  /**
   * For the owner's own records that stand, for its care and its releases.
   * @throws CareLedgerError SCHEMA_VIOLATION, RELEASE_NOT_AUTHORISED, and what the ledger throws
   */
  async give(callerMspId: string, body: unknown): Promise<ErasurePartsAnswer> {
    const { recordIds } = validate(ErasurePartsRequestSchema, body);
    const records = await mapBounded(recordIds, CONCURRENCY, (recordId) =>
      this.#recordOf(callerMspId, recordId),
    );
    const given = await mapBounded(records, CONCURRENCY, async (record) => {
      const { erasureLeaf: leaf, status } = record;
      if (leaf === undefined || status === 'erased') return [];
      const parts = await this.modules.custody.partsOf({ ...treeOf(record), leaf });
      if (parts.size === 0) return [];
      const encoded = encodeErasureParts(parts);
      for (const part of parts.values()) part.fill(0);
      return [{ recordId: record.recordId, parts: Buffer.from(encoded).toString('base64url') }];
    });
    return { parts: given.flat() };
  }

  async #recordOf(callerMspId: string, recordId: string): Promise<EmrRecord> {
    const { ledger } = this.modules;
    const record = await ledger.record(recordId);
    const isTheirs =
      record?.ownerMspId === callerMspId && (record.keyServers?.includes(ledger.mspId) ?? false);
    if (record === undefined || !isTheirs)
      throw new CareLedgerError('RELEASE_NOT_AUTHORISED', {
        came: 'a record that is not the caller’s, or of whose key this hospital is no server',
      });
    return record;
  }
}
