import {
  CareLedgerError,
  EVENTS,
  type EmrRecord,
  type Erasure,
  type PostErasure,
} from '@careledger/protocol';
import { expect } from 'chai';
import { ErasureWorker, type ErasureRow, type ErasureWorkerModules } from './erasure-worker.js';

const [OWNER, OTHER] = ['H1MSP', 'H2MSP'] as const;
const RECORD_ID = `${'b'.repeat(32)}.0`;
const CIDS = ['content', 'header', 'shared'];

/** One gateway, of the owner or of another hospital, and the ledger as it sees it. */
class Node {
  readonly done: string[] = [];
  readonly posts: PostErasure[] = [];
  readonly rows = new Map<string, ErasureRow>();
  readonly present = new Map<string, { sizeBytes: number; pinned: boolean }>(
    CIDS.map((cid) => [cid, { sizeBytes: 1, pinned: true }]),
  );
  record = {
    recordId: RECORD_ID,
    ownerMspId: OWNER,
    pseudonym: 'a'.repeat(32),
    type: 'laboratory',
    status: 'erased',
    erasureLeaf: 5,
  } as EmrRecord;
  erasure: Erasure = { recordId: RECORD_ID, receipts: [], missing: [] };
  failing: 'collect' | 'puncture' | 'submit' | undefined;
  readonly worker: ErasureWorker;

  constructor(readonly mspId: string) {
    const step = (name: string, kind?: Node['failing']): Promise<number> => {
      if (kind !== undefined && this.failing === kind) return Promise.reject(new Error(kind));
      this.done.push(name);
      return Promise.resolve(1);
    };
    this.worker = new ErasureWorker({
      identity: { mspId },
      contracts: {
        evaluate: (_: unknown, contract: string, method: string) => {
          if (method === 'GetBatch') return Promise.resolve({ entries: [this.record], ownerMspId: OWNER });
          return Promise.resolve(contract === 'erasures' ? this.erasure : this.record);
        },
        submit: async (_: unknown, __: string, method: string, argument: PostErasure) => {
          await step(method, 'submit');
          if (method === 'Post') this.posts.push(argument);
          else throw new CareLedgerError('ALREADY_EXISTS');
        },
      },
      custody: {
        puncture: ({ leaf }: { leaf: number }) => step(`puncture ${String(leaf)}`, 'puncture'),
        noteLeaf: ({ leaf }: { leaf: number }) => step(`note ${String(leaf)}`),
      },
      store: {
        stat: (cid: string) => Promise.resolve(this.present.get(cid)),
        collect: async () => {
          await step('collect', 'collect');
          for (const [cid, { pinned }] of this.present) if (!pinned) this.present.delete(cid);
        },
      },
      work: {
        get: (key: string) => Promise.resolve(this.rows.get(key)),
        put: (key: string, row: ErasureRow) => Promise.resolve(void this.rows.set(key, row)),
        delete: (key: string) => Promise.resolve(void this.rows.delete(key)),
        async *entries(this: { rows: Map<string, ErasureRow> }) {
          await Promise.resolve();
          yield* [...this.rows];
        },
        rows: this.rows,
      },
      answers: [{ forget: () => step('forget') }, { forget: () => Promise.resolve(0) }],
      letGo: async () => {
        await step('let go');
        for (const cid of CIDS)
          if (this.present.has(cid)) this.present.set(cid, { sizeBytes: 1, pinned: false });
      },
      objectsOf: () => CIDS,
      forgetNotes: () => Promise.resolve(),
    } as unknown as ErasureWorkerModules);
  }

  async erase(): Promise<unknown[]> {
    const payload = { event: EVENTS.recordChanged, id: RECORD_ID, status: 'erased' } as const;
    expect(await this.worker.take({ payload }, false)).to.equal(true);
    return this.worker.workOff();
  }
}

describe('erasing a record here', () => {
  it('punctures, forgets, lets go and collects before it says so', async () => {
    const node = new Node(OWNER);
    expect(await node.erase()).to.deep.equal([]);
    expect(node.done).to.deep.equal([
      'puncture 5',
      'forget',
      'let go',
      'collect',
      'forget',
      'Post',
      'Certify',
    ]);
    expect(node.posts).to.deep.equal([
      { recordId: RECORD_ID, erasureKey: 'punctured', answers: 2, absent: CIDS, shared: [] },
    ]);
    expect(node.rows.size).to.equal(0);
  });

  it('says of another hospital’s record, and of one before erasure keys, what is so', async () => {
    const other = new Node(OTHER);
    await other.erase();
    expect(other.posts[0]?.erasureKey).to.equal('not-held');
    expect(other.done).to.not.include('puncture 5');
    const old = new Node(OWNER);
    old.record = { ...old.record };
    delete (old.record as { erasureLeaf?: number }).erasureLeaf;
    await old.erase();
    expect(old.posts[0]?.erasureKey).to.equal('none');
  });

  it('punctures as a key server what was erased, and what its owner sealed anew', async () => {
    const server = new Node(OTHER);
    server.record = { ...server.record, keyServers: [OTHER, 'H3MSP'] };
    await server.erase();
    expect(server.done).to.include('puncture 5');
    expect(server.posts[0]?.erasureKey).to.equal('punctured');
    const resealed = { event: EVENTS.recordsResealed, id: 'b'.repeat(32), mspId: OWNER } as const;
    const spentLeaves = [
      { leaf: 2, keyServers: [OTHER, 'H3MSP'] },
      { leaf: 3, keyServers: ['H3MSP', 'H4MSP'] },
      { leaf: 4 },
    ];
    const sealedAnew = { times: 3, at: '', txId: '', spentLeaves };
    for (const [mspId, expected] of [
      [OTHER, ['puncture 2']],
      [OWNER, []],
    ] as const) {
      const node = new Node(mspId);
      node.record = { ...node.record, status: 'anchored', resealed: sealedAnew };
      expect(await node.worker.take({ payload: resealed }, false)).to.equal(false);
      expect(node.done, mspId).to.deep.equal(expected);
    }
    // The event is taken again until it is done.
    const failing = new Node(OTHER);
    failing.record = { ...failing.record, status: 'anchored', resealed: sealedAnew };
    failing.failing = 'puncture';
    const outcome: unknown = await failing.worker.take({ payload: resealed }, false).catch(() => 'failed');
    expect(outcome).to.equal('failed');
  });

  it('says nothing while anything failed, keeps the work, and goes on later', async () => {
    for (const failing of ['puncture', 'collect', 'submit'] as const) {
      const node = new Node(OWNER);
      node.failing = failing;
      expect(await node.erase(), failing).to.have.length(1);
      expect([node.posts.length, node.rows.size], failing).to.deep.equal([0, 1]);
      node.failing = undefined;
      expect(await node.worker.workOff()).to.deep.equal([]);
      expect([node.posts.length, node.rows.size], failing).to.deep.equal([1, 0]);
    }
  });

  it('punctures again what a restored custody has back, though all is said and certified', async () => {
    const node = new Node(OWNER);
    node.erasure = {
      ...node.erasure,
      receipts: [{ by: { mspId: OWNER } } as never],
      certificate: {} as never,
    };
    await node.erase();
    expect(node.done).to.include('puncture 5');
    expect(node.done).to.not.include.members(['Post', 'Certify']);
  });

  it('certifies only when nobody is missing, and names objects that are kept for another record', async () => {
    const node = new Node(OTHER);
    node.erasure = { ...node.erasure, missing: [OWNER] };
    node.present.delete('content');
    const kept = { sizeBytes: 1, pinned: true };
    Object.defineProperty(node.present, 'set', { value: () => node.present });
    node.present.delete('shared');
    expect(node.present.get('header')).to.deep.equal(kept);
    await node.erase();
    expect(node.posts[0]).to.deep.include({ absent: ['content', 'shared'], shared: ['header'] });
    expect(node.done).to.not.include('Certify');
  });

  it('notes leaves of sealings of before this process, of this hospital alone, and does nothing for a record that stands', async () => {
    const node = new Node(OWNER);
    const sealed = { event: EVENTS.recordsAnchored, id: 'b'.repeat(32), mspId: OWNER } as const;
    await node.worker.take({ payload: sealed }, false);
    await node.worker.take({ payload: { ...sealed, mspId: OTHER } }, true);
    expect(node.done).to.deep.equal([]);
    await node.worker.take({ payload: sealed }, true);
    expect(node.done).to.deep.equal(['note 5']);
    node.record = { ...node.record, status: 'anchored' };
    expect(await node.erase()).to.deep.equal([]);
    expect([node.done.length, node.rows.size]).to.deep.equal([1, 0]);
  });
});
