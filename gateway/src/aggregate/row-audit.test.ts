import {
  bytesToBase64Url,
  createPaillierPool,
  encodePanelBlock,
  encodeRow,
  generatePaillierKeys,
  layoutDigest,
  nativeModPow,
  publicKeyToJson,
  rowProofFromText,
  verifyRows,
  type PaillierPool,
  type PaillierPublicKey,
  type PanelLayout,
} from '@careledger/crypto';
import { CareLedgerError, type RowAudit } from '@careledger/protocol';
import { expect } from 'chai';
import type { PeerConnection, PeerRequest, PeerResponse } from '../release/peer-client.js';
import { FakeLedger, FakeTable, refusalOf } from './fakes.test-support.js';
import type { LocalPanel } from './local-knowledge.js';
import { askOwner, rowAuditRoute } from './row-audit-exchange.js';
import { RowAuditor, type PanelAudit, type RowAuditorModules } from './row-audit.js';

const PANEL = 'ab'.repeat(16);
const AUDIT = 'cd'.repeat(16);
const SEED = new Uint8Array(32).fill(3);
const LAYOUT: PanelLayout = {
  id: 'vitals',
  version: 1,
  keyBits: 512,
  fields: [
    { kind: 'numeric', name: 'temperature', unit: 'Cel', scale: 0, min: '34', max: '42' },
    { kind: 'histogram', name: 'severity', unit: '1', categories: ['low', 'high'] },
  ],
  maxRecords: 3,
  statisticalBits: 40,
};
const HONEST = [{ temperature: '36' }, { temperature: '41', severity: 'high' }, {}].map((row) =>
  encodeRow(LAYOUT, row),
);
/** Where the bins lie: the row that counts one patient five times. */
const ONE_IN_LOW = encodeRow(LAYOUT, { severity: 'low' });

describe('row audit', function () {
  this.timeout(20_000);

  let pool: PaillierPool;
  let publicKey: PaillierPublicKey;
  before(async () => {
    pool = createPaillierPool({ workers: 1, allowTestKeySize: true });
    const options = { keyBits: 512, encryption: 'djn', allowTestKeySize: true } as const;
    ({ publicKey } = await generatePaillierKeys(options));
  });
  after(() => pool.close());

  /** AlphaMSP with one anchored panel of these plaintexts. */
  async function hospital(plaintexts: readonly bigint[], modules: Partial<RowAuditorModules> = {}) {
    const json = publicKeyToJson(publicKey);
    const ciphertexts = await pool.encryptRows(json, plaintexts, { seed: SEED });
    const digest = layoutDigest(LAYOUT);
    const place = { panelId: PANEL, layoutId: 'vitals', layoutVersion: 1, keyId: json.keyId, cid: 'bafy' };
    const panel = { ...place, rows: plaintexts.length, ownerMspId: 'AlphaMSP' };
    const ledger = new FakeLedger();
    ledger.answers['GetKey'] = () => ({ publicKey: json });
    ledger.answers['GetLayout'] = () => ({ layout: LAYOUT, digest });
    ledger.answers['Get'] = () => panel;
    const panels = new FakeTable<LocalPanel>();
    panels.rows.set(PANEL, { ...place, seed: bytesToBase64Url(SEED), rows: [], inputDigest: '' });
    const block = encodePanelBlock(publicKey, digest, ciphertexts);
    const stopping = new AbortController();
    const proven: number[] = [];
    const auditor = new RowAuditor(ledger.as('AlphaMSP'), {
      store: { get: () => Promise.resolve(block) },
      knowledge: { panels },
      pool,
      stopping: stopping.signal,
      onRowsProven: (count) => proven.push(count),
      ...modules,
    });
    return { auditor, ciphertexts, panels, panel, stopping, proven };
  }
  const ask = (rows: number[]): PanelAudit => ({ panelId: PANEL, auditId: AUDIT, rows });

  function check(audit: RowAudit, ciphertexts: readonly bigint[], auditId = AUDIT): void {
    const rows = audit.rows.map(({ index, proof }) => ({
      ciphertext: ciphertexts[index] ?? 0n,
      context: { mspId: audit.ownerMspId, auditId, panelCid: audit.cid, rowIndex: index },
      proof: rowProofFromText(publicKey, LAYOUT, proof),
    }));
    verifyRows({ publicKey, layout: LAYOUT, rows, modPow: nativeModPow });
  }

  it('proves the rows that are asked for, in their order, for this audit', async () => {
    const { auditor, ciphertexts, proven } = await hospital(HONEST);
    const audit = await auditor.prove(ask([2, 0, 1]));
    expect(audit).to.deep.include({ auditId: AUDIT, panelId: PANEL, ownerMspId: 'AlphaMSP', cid: 'bafy' });
    expect(audit.rows.map(({ index }) => index)).to.deep.equal([2, 0, 1]);
    check(audit, ciphertexts);
    expect(() => {
      check(audit, ciphertexts, 'ef'.repeat(16));
    }).to.throw('CRYPTO_PROOF_INVALID');
    expect(proven.reduce((sum, count) => sum + count, 0)).to.equal(3);
  });

  it('a doctored row has no proof: neither a bin of 5, nor a value out of range, nor what lies above the slots', async () => {
    const outOfRange = encodeRow(LAYOUT, { temperature: '42' }) * 2n;
    for (const doctored of [5n * ONE_IN_LOW, outOfRange, 1n << 500n]) {
      const { auditor, ciphertexts } = await hospital([HONEST[0] ?? 0n, doctored]);
      expect(await refusalOf(auditor.prove(ask([1]))), 'the doctored row').to.equal('PROOF_INVALID');
      expect(await refusalOf(auditor.prove(ask([0, 1]))), 'among others').to.equal('PROOF_INVALID');
      check(await auditor.prove(ask([0])), ciphertexts);
    }
  });

  it('rows of another seed than the one that is kept have none either', async () => {
    const { auditor, panels } = await hospital(HONEST);
    const kept = panels.rows.get(PANEL)!;
    panels.rows.set(PANEL, { ...kept, seed: bytesToBase64Url(new Uint8Array(32)) });
    expect(await refusalOf(auditor.prove(ask([0])))).to.equal('PROOF_INVALID');
  });

  it('proves nothing about rows and panels that it has not', async () => {
    const { auditor, panels, panel } = await hospital(HONEST);
    expect(await refusalOf(auditor.prove(ask([0, 3])))).to.equal('SCHEMA_VIOLATION');
    panel.ownerMspId = 'BravoMSP';
    expect(await refusalOf(auditor.prove(ask([0])))).to.equal('PANEL_NOT_FOUND');
    panel.ownerMspId = 'AlphaMSP';
    panels.rows.clear();
    expect(await refusalOf(auditor.prove(ask([0])))).to.equal('PANEL_NOT_FOUND');
  });

  it('one at a time, within its time, and not while the gateway stops', async () => {
    const { auditor, ciphertexts, stopping } = await hospital(HONEST);
    const first = auditor.prove(ask([0]));
    expect(await refusalOf(auditor.prove(ask([1])))).to.equal('RATE_LIMITED');
    check(await first, ciphertexts);
    check(await auditor.prove(ask([1])), ciphertexts);
    stopping.abort();
    expect(await refusalOf(auditor.prove(ask([0])))).to.equal('NOT_READY');
    const { auditor: slow } = await hospital(HONEST, { limitMs: 1 });
    expect(await refusalOf(slow.prove(ask([0, 1, 2])))).to.equal('LIMIT_EXCEEDED');
  });
});

describe('row audit between gateways', () => {
  const OWNER = { mspId: 'BravoMSP', gatewayUrl: 'https://bravo' };
  const AUDIT_OF_BRAVO: RowAudit = {
    auditId: AUDIT,
    panelId: PANEL,
    ownerMspId: 'BravoMSP',
    layoutId: 'vitals',
    layoutVersion: 1,
    keyId: 'ab'.repeat(32),
    cid: 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
    rows: [{ index: 0, proof: 'AAAA' }],
  };
  const asked: PanelAudit = { panelId: PANEL, auditId: AUDIT, rows: [0] };

  /** A connection to a gateway that answers like this. */
  function network(answer: (request: PeerRequest) => PeerResponse | Promise<PeerResponse>) {
    const seen = { closed: 0 };
    const connection: PeerConnection = {
      post: async (request) => answer(request),
      close: () => {
        seen.closed += 1;
      },
    };
    return { seen, ask: () => askOwner(OWNER, asked, () => connection) };
  }

  it('the owner’s route answers what the auditor’s gateway asks', async () => {
    const route = rowAuditRoute((audit) => {
      expect(audit).to.deep.equal(asked);
      return Promise.resolve(AUDIT_OF_BRAVO);
    });
    const { seen, ask } = network(async ({ path, body }) => {
      expect(path).to.equal(route.path);
      return { status: 200, text: await route.handle('AlphaMSP', body) };
    });
    expect(await ask()).to.deep.equal(AUDIT_OF_BRAVO);
    expect(seen.closed).to.equal(1);
  });

  it('the route takes nothing but a request of its form', async () => {
    const route = rowAuditRoute(() => Promise.resolve(AUDIT_OF_BRAVO));
    const tooMany = Array.from({ length: 33 }, (_, index) => index);
    for (const body of [{}, { ...asked, rows: [] }, { ...asked, rows: tooMany }, { ...asked, rows: [0, 0] }])
      expect(await refusalOf(route.handle('AlphaMSP', body))).to.equal('SCHEMA_VIOLATION');
  });

  it('a refusal of the owner reads as it means, and what is about its own house as unavailable', async () => {
    const problem = (code: string) => network(() => ({ status: 422, text: JSON.stringify({ code }) })).ask();
    for (const code of ['PROOF_INVALID', 'RATE_LIMITED', 'PANEL_NOT_FOUND'])
      expect(await refusalOf(problem(code))).to.equal(code);
    for (const code of ['CUSTODY_LOCKED', 'INTERNAL', 'no code', ''])
      expect(await refusalOf(problem(code))).to.equal('PEER_GATEWAY_UNAVAILABLE');
    for (const text of ['', 'null', '{}', JSON.stringify({ ...AUDIT_OF_BRAVO, extra: 1 })])
      expect(await refusalOf(network(() => ({ status: 200, text })).ask())).to.equal(
        'PEER_GATEWAY_UNAVAILABLE',
      );
    const { seen, ask } = network(() => {
      throw new CareLedgerError('PEER_GATEWAY_UNAVAILABLE');
    });
    expect(await refusalOf(ask())).to.equal('PEER_GATEWAY_UNAVAILABLE');
    expect(seen.closed).to.equal(1);
  });
});
