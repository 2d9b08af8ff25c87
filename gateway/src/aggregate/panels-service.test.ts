import {
  createPaillierPool,
  publicKeyToJson,
  type PaillierPool,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { dealThresholdKey } from '@careledger/crypto/testing';
import { CareLedgerError, type Panel } from '@careledger/protocol';
import { expect } from 'chai';
import type { RecordStore } from '../ports/record-store.js';
import { FakeLedger, FakeTable, MEMBERS, refusalOf, type Argument } from './fakes.test-support.js';
import type { LocalPanel } from './local-knowledge.js';
import { PanelsService, type PanelInput } from './panels-service.js';

const LAYOUT = {
  id: 'vitals',
  version: 1,
  keyBits: 512,
  fields: [{ kind: 'numeric', name: 'temperature', unit: 'Cel', scale: 1, min: '-5', max: '4.5' }],
  maxRecords: 100,
  statisticalBits: 40,
};

class World {
  readonly ledger = new FakeLedger();
  readonly panels = new FakeTable<LocalPanel>();
  readonly stopping = new AbortController();
  readonly stored: string[] = [];
  readonly anchored = new Map<string, Argument>();
  encrypted = 0;
  readonly service: PanelsService;
  readonly #identity = this.ledger.as('AlphaMSP').identity;

  constructor(publicKey: PaillierPublicKey, pool: PaillierPool) {
    const { answers } = this.ledger;
    const sharing = { holders: MEMBERS };
    answers['GetKey'] = () => ({ publicKey: publicKeyToJson(publicKey), sharing, status: 'active' });
    answers['GetLayout'] = ({ layoutId }) => ({
      layout: layoutId === 'wide' ? { ...LAYOUT, id: 'wide', keyBits: 1024 } : LAYOUT,
    });
    answers['Get'] = ({ panelId }) => {
      const panel = this.anchored.get(String(panelId));
      if (panel === undefined) throw new CareLedgerError('PANEL_NOT_FOUND');
      return panel;
    };
    this.ledger.onSubmit = (_method, argument) => {
      const panelId = String(argument['panelId']);
      if (this.anchored.has(panelId)) throw new CareLedgerError('ALREADY_EXISTS');
      this.anchored.set(panelId, argument);
    };
    const store: Pick<RecordStore, 'put'> = {
      put: () => {
        const cid = `cid-${String(this.stored.length)}`;
        this.stored.push(cid);
        return Promise.resolve(cid);
      },
    };
    this.service = new PanelsService(this.ledger.as('AlphaMSP'), {
      store: store as RecordStore,
      knowledge: { panels: this.panels },
      pool,
      stopping: this.stopping.signal,
      onRowsEncrypted: (count) => (this.encrypted += count),
    });
  }

  put(changes: Partial<PanelInput> = {}): Promise<Panel> {
    return this.service.put({ ...input(), ...changes }, { identity: this.#identity });
  }

  get nothingKept(): boolean {
    return this.stored.length + this.anchored.size + this.panels.rows.size + this.encrypted === 0;
  }
}

const row = (temperature: string): PanelInput['rows'][number] => ({
  patient: 'p',
  subject: { conditions: [] },
  values: { temperature },
});
const input = (): PanelInput => ({
  panelId: 'ab'.repeat(16),
  layoutId: 'vitals',
  layoutVersion: 1,
  rows: [row('1.5'), row('-5'), { ...row(''), values: {} }],
});

describe('panels', function () {
  this.timeout(20_000);
  let pool: PaillierPool;
  let publicKey: PaillierPublicKey;
  before(() => {
    pool = createPaillierPool({ workers: 1, allowTestKeySize: true });
    ({ publicKey } = dealThresholdKey({ keyBits: 512, holders: MEMBERS, allowTestKeySize: true }));
  });
  after(() => pool.close());
  const world = (): World => new World(publicKey, pool);

  it('are encrypted, stored, remembered and anchored; with the same rows again, anchored as they are', async () => {
    const here = world();
    const panel = await here.put();
    expect([panel.cid, here.stored, here.encrypted]).to.deep.equal(['cid-0', ['cid-0'], 3]);
    expect(here.panels.rows.get(panel.panelId)?.rows.map(({ fields }) => fields)).to.deep.equal([
      ['temperature'],
      ['temperature'],
      [],
    ]);
    expect(JSON.stringify([...here.panels.rows.values()]), 'no value is kept in the clear').not.to.include(
      '1.5',
    );
    expect(await here.put()).to.deep.equal(panel);
    expect(here.stored).to.have.length(1);
    expect(await refusalOf(here.put({ rows: [row('2')] }))).to.equal('ALREADY_EXISTS');
    expect([here.panels.rows.get(panel.panelId)?.cid, here.anchored.size]).to.deep.equal(['cid-0', 1]);
  });

  it('whose anchoring failed keep their block: the retry encrypts nothing', async () => {
    const here = world();
    const { onSubmit } = here.ledger;
    here.ledger.onSubmit = () => {
      throw new CareLedgerError('COMMIT_UNKNOWN');
    };
    expect(await refusalOf(here.put())).to.equal('COMMIT_UNKNOWN');
    here.ledger.onSubmit = onSubmit;
    expect((await here.put()).cid).to.equal('cid-0');
    expect([here.stored.length, here.encrypted]).to.deep.equal([1, 3]);
  });

  it('put twice at once are one panel', async () => {
    const here = world();
    const [first, second] = await Promise.all([here.put(), here.put()]);
    expect([first.cid, second.cid, here.stored.length]).to.deep.equal(['cid-0', 'cid-0', 1]);
    const other = world();
    const both = [other.put(), refusalOf(other.put({ rows: [row('3')] }))] as const;
    expect([(await both[0]).cid, await both[1]]).to.deep.equal(['cid-0', 'ALREADY_EXISTS']);
  });

  it('are refused before anything is encrypted, stored or anchored', async () => {
    const refused: readonly (readonly [string, Partial<PanelInput>])[] = [
      ['SCHEMA_VIOLATION', { rows: [row('1'), row('4.6')] }],
      ['SCHEMA_VIOLATION', { rows: [row('-5.1')] }],
      ['SCHEMA_VIOLATION', { rows: [row('warm')] }],
      ['SCHEMA_VIOLATION', { rows: [{ ...row('1'), values: { pulse: '60' } }] }],
      ['SCHEMA_VIOLATION', { layoutId: 'wide' }],
      ['LIMIT_EXCEEDED', { rows: [] }],
      ['LIMIT_EXCEEDED', { rows: Array<PanelInput['rows'][number]>(5001).fill(row('1')) }],
    ];
    for (const [code, changes] of refused) {
      const here = world();
      expect(await refusalOf(here.put(changes))).to.equal(code);
      expect(here, 'kept').to.have.property('nothingKept', true);
    }
    const taken = world();
    taken.anchored.set(input().panelId, { ...input(), cid: 'of another hospital' });
    expect(await refusalOf(taken.put())).to.equal('ALREADY_EXISTS');
    expect(taken.stored).to.deep.equal([]);
  });

  it('name the row and the field, never the value', async () => {
    const error = await world()
      .put({ rows: [row('1'), row('77.7')] })
      .catch((refusal: unknown) => refusal);
    expect((error as Error).message)
      .to.match(/rows\[1\] temperature/)
      .and.not.match(/77/);
  });

  it('that are being encrypted when the gateway stops are given up', async () => {
    const here = world();
    const putting = refusalOf(here.put({ rows: Array<PanelInput['rows'][number]>(2000).fill(row('1')) }));
    setTimeout(() => {
      here.stopping.abort();
    }, 50);
    expect(await putting).to.equal('NOT_READY');
    expect([here.stored, here.panels.rows.size, here.anchored.size]).to.deep.equal([[], 0, 0]);
  });
});
