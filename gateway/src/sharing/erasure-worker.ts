/**
 * This hospital's part in erasing records, its own and others'. An erasure on the ledger asks every member to destroy
 * what it has: the custodians of its erasure key puncture the record's leaf, and everybody forgets answers that hold the record's keys, unpins
 * its objects and has the node collect them. Then the hospital says so on the ledger, and whoever is the last certifies.
 *
 * The rows of work follow the ledger's events from a position that lies beside the erasure keys in the custody: one that
 * was restored from a backup goes over the erasures since then again, and punctures what it has back.
 */
import {
  CareLedgerError,
  EVENTS,
  custodiansOf,
  type EmrRecord,
  type Erasure,
  type ErrorCode,
  type PostErasure,
} from '@careledger/protocol';
import type { ErasureCustody } from '../ports/erasure-custody.js';
import type { LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import type { AnswerStore } from '../release/answer-store.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';
import { treeOf } from './erasure-ledger.js';

/** Row of the `erasures` table, by record id. */
export interface ErasureRow {
  readonly recordId: string;
}

export interface ErasureWorkerModules {
  readonly contracts: Pick<ContractCaller, 'evaluate' | 'submit'>;
  readonly identity: SigningIdentity;
  readonly store: Pick<RecordStore, 'stat' | 'collect'>;
  readonly custody: Pick<ErasureCustody, 'puncture' | 'noteLeaf'>;
  readonly work: LocalTable<ErasureRow>;
  /** Every place where answers to openings lie. */
  readonly answers: readonly Pick<AnswerStore, 'forget'>[];
  /** Lets go of a record's objects. */
  readonly letGo: (record: EmrRecord) => Promise<void>;
  readonly objectsOf: (record: EmrRecord) => string[];
  /** Where a record's sensitivity may be noted. */
  readonly forgetNotes: (recordId: string) => Promise<void>;
}

/** An erasure that was done on this node, and not yet said on the ledger. */
interface Destroyed {
  readonly record: EmrRecord;
  readonly answers: number;
}

export class ErasureWorker {
  constructor(private readonly modules: ErasureWorkerModules) {}

  /**
   * Notes what an event asks for. Durable when it resolves.
   * @param isCatchingUp the event is older than this process, so that leaves it speaks of may be unknown to the custody
   * @returns whether it asked for anything
   */
  async take({ payload }: Pick<LedgerEvent, 'payload'>, isCatchingUp: boolean): Promise<boolean> {
    const { work, identity } = this.modules;
    if (payload.event === EVENTS.recordChanged && payload.status === 'erased') {
      await work.put(payload.id, { recordId: payload.id });
      return true;
    }
    const isOwn = payload.mspId === identity.mspId;
    const isSealed = payload.event === EVENTS.recordsAnchored || payload.event === EVENTS.recordsResealed;
    if (isOwn && isSealed && isCatchingUp) await this.#noteLeaves(payload.id);
    // The owner's own go when its attempt at sealing is settled.
    if (!isOwn && payload.event === EVENTS.recordsResealed) await this.#punctureSpent(payload.id);
    return false;
  }

  /**
   * Goes over all that is noted, once: what fails stays for the next time, and keeps nothing else back. The node collects
   * once for all of it.
   * @returns the failures
   */
  async workOff(): Promise<unknown[]> {
    const failures: unknown[] = [];
    const destroyed: Destroyed[] = [];
    for await (const [recordId] of this.modules.work.entries()) {
      try {
        const done = await this.#destroy(recordId);
        if (done === undefined) await this.modules.work.delete(recordId);
        else destroyed.push(done);
      } catch (error) {
        failures.push(error);
      }
    }
    if (destroyed.length === 0) return failures;
    try {
      await this.modules.store.collect();
    } catch (error) {
      return [...failures, error];
    }
    for (const done of destroyed) {
      try {
        await this.#say(done);
        await this.modules.work.delete(done.record.recordId);
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  /** Undefined for a record that was not erased after all. */
  async #destroy(recordId: string): Promise<Destroyed | undefined> {
    const { contracts, identity, custody, letGo, forgetNotes } = this.modules;
    const record = await contracts.evaluate(identity, 'records', 'Get', { recordId });
    if (record.status !== 'erased') return undefined;
    const { erasureLeaf: leaf } = record;
    if (leaf !== undefined && custodiansOf(record).includes(identity.mspId))
      await custody.puncture({ ...treeOf(record), leaf });
    const answers = await this.#forgetAnswers(recordId);
    await forgetNotes(recordId);
    await letGo(record);
    return { record, answers };
  }

  async #forgetAnswers(recordId: string): Promise<number> {
    let forgotten = 0;
    for (const store of this.modules.answers) forgotten += await store.forget(recordId);
    return forgotten;
  }

  async #say({ record, answers: forgotten }: Destroyed): Promise<void> {
    const { contracts, identity } = this.modules;
    const { recordId } = record;
    // Once more: an answer may have been under way when the others were forgotten.
    const answers = forgotten + (await this.#forgetAnswers(recordId));
    const before = await contracts.evaluate(identity, 'erasures', 'Get', { recordId });
    const isSaid = before.receipts.some(({ by }) => by.mspId === identity.mspId);
    if (!isSaid) {
      const posted: PostErasure = {
        recordId,
        erasureKey: this.#keyOutcome(record),
        answers,
        ...(await this.#look(record)),
      };
      await unless(['ALREADY_EXISTS'], contracts.submit(identity, 'erasures', 'Post', posted));
    }
    await this.#certify(recordId, isSaid ? before : undefined);
  }

  #keyOutcome(record: EmrRecord): PostErasure['erasureKey'] {
    if (!custodiansOf(record).includes(this.modules.identity.mspId)) return 'not-held';
    return record.erasureLeaf === undefined ? 'none' : 'punctured';
  }

  /** @throws CareLedgerError STORE_UNAVAILABLE while the node still has an object that nobody wants kept */
  async #look(record: EmrRecord): Promise<Pick<PostErasure, 'absent' | 'shared'>> {
    const [absent, shared]: [string[], string[]] = [[], []];
    for (const cid of this.modules.objectsOf(record)) {
      const found = await this.modules.store.stat(cid);
      if (found === undefined) absent.push(cid);
      else if (found.pinned) shared.push(cid);
      else {
        throw new CareLedgerError('STORE_UNAVAILABLE', {
          message: 'The node still has an object that was unpinned and collected.',
        });
      }
    }
    return { absent, shared };
  }

  /** Whoever posts last finds nobody missing: blocks are in one order. */
  async #certify(recordId: string, known: Erasure | undefined): Promise<void> {
    const { contracts, identity } = this.modules;
    const { missing, certificate } =
      known ?? (await contracts.evaluate(identity, 'erasures', 'Get', { recordId }));
    if (missing.length > 0 || certificate !== undefined) return;
    const certifying = contracts.submit(identity, 'erasures', 'Certify', { recordId });
    // Another hospital was at it at the same time, or a member was admitted meanwhile, which certifies after its own.
    await unless(['ALREADY_EXISTS', 'TRANSITION_NOT_ALLOWED', 'LEDGER_CONFLICT'], certifying);
  }

  async #noteLeaves(batchId: string): Promise<void> {
    const { contracts, identity, custody } = this.modules;
    const { entries, ownerMspId } = await contracts.evaluate(identity, 'records', 'GetBatch', { batchId });
    for (const entry of entries) {
      const { erasureLeaf: leaf } = entry;
      if (leaf !== undefined) await custody.noteLeaf({ ...treeOf({ ...entry, ownerMspId }), leaf });
    }
  }

  /** What another hospital sealed anew: the leaves of before, of which parts are held here. */
  async #punctureSpent(batchId: string): Promise<void> {
    const { contracts, identity, custody } = this.modules;
    const { entries, ownerMspId } = await contracts.evaluate(identity, 'records', 'GetBatch', { batchId });
    for (const { pseudonym, type: recordType, resealed } of entries) {
      for (const spent of resealed?.spentLeaves ?? []) {
        if (spent.keyServers?.includes(identity.mspId) ?? false)
          await custody.puncture({ ownerMspId, pseudonym, recordType, ...spent });
      }
    }
  }
}

async function unless(codes: readonly ErrorCode[], pending: Promise<unknown>): Promise<void> {
  try {
    await pending;
  } catch (error) {
    if (!(error instanceof CareLedgerError) || !codes.includes(error.code)) throw error;
  }
}
