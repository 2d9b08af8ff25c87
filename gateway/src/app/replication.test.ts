import { EVENTS, type EmrRecord } from '@careledger/protocol';
import { CareLedgerError } from '@careledger/protocol';
import { expect } from 'chai';
import type { LedgerEvent } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import type { LocalTable } from '../services/local-tables.js';
import { replicate, type ReplicationModules } from './replication.js';

const OWN = 'AlphaMSP';
const OTHER = 'BravoMSP';
const ATTACKER = 'MalloryMSP';
const IDS = { own: 'a'.repeat(32), other: 'b'.repeat(32), copied: 'c'.repeat(32), early: 'd'.repeat(32) };

function memoryTable<Row>(): LocalTable<Row> {
  const rows = new Map<string, Row>();
  return {
    get: (key) => Promise.resolve(rows.get(key)),
    put: (key, row) => Promise.resolve(void rows.set(key, row)),
    delete: (key) => Promise.resolve(void rows.delete(key)),
    async *entries() {
      await Promise.resolve();
      yield* [...rows];
    },
  };
}

/** The gateway of Alpha, which keeps a copy of everything, on a ledger of one-record batches. */
class Replica {
  readonly pins = new Set<string>();
  readonly #records = new Map<string, EmrRecord>();
  readonly #work: ReplicationModules['work'] = memoryTable();
  readonly #kept: ReplicationModules['kept'] = memoryTable();
  readonly keptRecords: ReplicationModules['keptRecords'] = memoryTable();

  anchor(batchId: string, ownerMspId: string, contentCid: string): Promise<void> {
    const recordId = `${batchId}.0`;
    const record = {
      recordId,
      ownerMspId,
      contentCid,
      headerCid: `${contentCid}-header`,
      status: 'anchored',
    };
    this.#records.set(recordId, record as EmrRecord);
    return this.#follow({ event: EVENTS.recordsAnchored, id: batchId, mspId: ownerMspId });
  }

  erase(batchId: string): Promise<void> {
    const recordId = `${batchId}.0`;
    this.#records.set(recordId, { ...this.#records.get(recordId)!, status: 'erased' });
    return this.#follow({ event: EVENTS.recordChanged, id: recordId, status: 'erased' });
  }

  reseal(batchId: string, contentCid: string): Promise<void> {
    const recordId = `${batchId}.0`;
    const before = this.#records.get(recordId)!;
    this.#records.set(recordId, { ...before, contentCid, headerCid: `${contentCid}-header` });
    return this.#follow({ event: EVENTS.recordsResealed, id: batchId, mspId: before.ownerMspId });
  }

  /** Until nothing is left to do. */
  async #follow(payload: LedgerEvent['payload']): Promise<void> {
    const stop = new AbortController();
    const errors: unknown[] = [];
    const events = async function* (): AsyncGenerator<LedgerEvent> {
      await Promise.resolve();
      yield { blockNumber: 1n, txId: 'ef'.repeat(32), payload };
      await new Promise((resolve) => setTimeout(resolve, 20));
      stop.abort();
    };
    const items = [OWN, OTHER, ATTACKER].map((mspId) => ({ mspId, status: 'active' }));
    const read = (method: string, { recordId = '', batchId = '' }: ReadArgument): unknown => {
      if (method === 'List') return { items };
      const found = method === 'GetBatch' ? this.#batch(batchId) : this.#records.get(recordId);
      if (found === undefined) throw new CareLedgerError('RECORD_NOT_FOUND');
      return found;
    };
    const modules = {
      ledger: { events },
      contracts: {
        evaluate: async (_identity: unknown, _contract: string, method: string, of: ReadArgument) =>
          Promise.resolve(read(method, of)),
      },
      identity: {},
      store: this.#store(),
      positions: memoryTable(),
      work: this.#work,
      kept: this.#kept,
      keptRecords: this.keptRecords,
      onError: (error: unknown) => errors.push(error),
    };
    const options = { mspId: OWN, replicationFactor: 3, retryMs: 1 };
    await replicate(options, modules as unknown as ReplicationModules, stop.signal);
    expect(errors).to.deep.equal([]);
  }

  #batch(batchId: string): { entries: EmrRecord[] } {
    const entries = [...this.#records.values()].filter(({ recordId }) => recordId.startsWith(`${batchId}.`));
    return { entries };
  }

  #store(): Partial<RecordStore> {
    return {
      pin: (cid) => Promise.resolve(void this.pins.add(cid)),
      unpin: (cid) => Promise.resolve(void this.pins.delete(cid)),
      stat: (cid) => Promise.resolve({ sizeBytes: 1, pinned: this.pins.has(cid) }),
    };
  }
}

interface ReadArgument {
  readonly recordId?: string;
  readonly batchId?: string;
}

describe('replication', () => {
  let replica: Replica;
  beforeEach(async () => {
    replica = new Replica();
    for (const cid of ['mine', 'mine-header', 'panel']) replica.pins.add(cid);
    await replica.anchor(IDS.own, OWN, 'mine');
    await replica.anchor(IDS.other, OTHER, 'theirs');
  });

  it('keeps copies for others, and lets go of what they or this hospital erased', async () => {
    expect([...replica.pins]).to.include.members(['theirs', 'theirs-header']);
    await replica.erase(IDS.other);
    await replica.erase(IDS.own);
    expect([...replica.pins]).to.deep.equal(['panel']);
  });

  it('keeps what a third hospital named in a record of its own and then erased', async () => {
    for (const cid of ['mine', 'theirs', 'panel']) {
      await replica.anchor(IDS.copied, ATTACKER, cid);
      await replica.erase(IDS.copied);
    }
    expect([...replica.pins]).to.include.members(['mine', 'mine-header', 'theirs', 'theirs-header', 'panel']);
  });

  it('follows a record that was sealed anew, and lets go of what it was before', async () => {
    await replica.reseal(IDS.other, 'anew');
    expect([...replica.pins]).to.include.members(['anew', 'anew-header']);
    expect([...replica.pins]).to.not.include.members(['theirs']);
    expect([...replica.pins]).to.not.include.members(['theirs-header']);
    // As kept before rows by record were.
    await replica.keptRecords.delete(`${IDS.other}.0`);
    await replica.reseal(IDS.other, 'again');
    expect([...replica.pins].sort()).to.deep.equal(['again', 'again-header', 'mine', 'mine-header', 'panel']);
  });

  it('keeps what a third hospital named and then sealed anew', async () => {
    for (const cid of ['mine', 'theirs', 'panel']) {
      await replica.anchor(IDS.copied, ATTACKER, cid);
      await replica.reseal(IDS.copied, `${cid}-anew`);
    }
    expect([...replica.pins]).to.include.members(['mine', 'mine-header', 'theirs', 'theirs-header', 'panel']);
  });

  it('keeps what a third hospital named before its owner did', async () => {
    await replica.anchor(IDS.early, ATTACKER, 'new');
    await replica.anchor(IDS.copied, OTHER, 'new');
    await replica.erase(IDS.early);
    expect([...replica.pins]).to.include('new');
    await replica.erase(IDS.copied);
    expect([...replica.pins]).not.to.include('new');
  });
});
