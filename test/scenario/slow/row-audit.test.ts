import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { decodePanelBlock, encodePanelBlock, encodeRow, layoutDigest } from '@careledger/crypto';
import { main as exportEvidence } from '@careledger/gateway/command/export';
import type { RowAudit } from '@careledger/protocol';
import type { PanelReport } from '@careledger/verifier';
import { main as verify } from '@careledger/verifier/command';
import {
  LAYOUT,
  newId,
  startAggregateWorld,
  type AggregateWorld,
  type Row,
  type Store,
} from '../support/aggregate.js';
import type { Answer, Person } from '../support/consortium.js';
import { mustBe } from '../support/world.js';

const QUIET = { out: { write: () => true }, err: { write: () => true } };
const HONEST = 1;
const AUDITED_FROM = 2;
const FORGER = 3;
const FORGER_MSP = 'Hospital3MSP';
const DOCTORED_ROW = 1;

describe('an audit of rows', function () {
  this.timeout(120_000);

  let world: AggregateWorld;
  let folder: string;
  let auditor: Person;
  const panels = new Map<number, string>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'careledger-row-audit-'));
    world = await startAggregateWorld({ wrapStore: forging });
    await world.register(LAYOUT);
    auditor = await world.consortium.person(AUDITED_FROM, 'auditor');
    const rows = ['-5', '0', '4.5'].map((temperature, index): Row => ({
      patient: String(index),
      subject: { conditions: [] },
      values: index === 2 ? { temperature } : { temperature, sex: 'female' },
    }));
    for (const hospital of [HONEST, FORGER]) {
      const panelId = newId();
      mustBe(201, await world.put(hospital, rows, { panelId }));
      panels.set(hospital, panelId);
    }
  });
  after(async () => {
    await world.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The forger counts one woman five times: its row is anchored like any other, and nobody else can read it. */
  function forging(mspId: string, store: Store): Store {
    if (mspId !== FORGER_MSP) return store;
    const put: Store['put'] = (bytes) => store.put(doctored(bytes));
    return new Proxy(store, {
      get(target, name) {
        if (name === 'put') return put;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  function doctored(bytes: Uint8Array): Uint8Array {
    const { publicKey } = world;
    const digest = layoutDigest(LAYOUT);
    const block = decodePanelBlock(publicKey, digest, bytes);
    const four = 4n * encodeRow(LAYOUT, { sex: 'female' });
    const rows = block.rows.map((row, index) =>
      index === DOCTORED_ROW ? (row * (1n + four * publicKey.n)) % publicKey.nSquared : row,
    );
    return encodePanelBlock(publicKey, digest, rows);
  }

  const ask = (hospital: number, request: object, who = auditor): Promise<Answer> =>
    who.post(`/v1/panels/${panels.get(hospital)!}/row-audits`, request);

  async function check(hospital: number, audit: object, asked: object): Promise<PanelReport> {
    const panelId = panels.get(hospital)!;
    const evidence = join(folder, 'evidence');
    const source = ['--gateway', world.consortium.gateway(AUDITED_FROM).restUrl, '--token', auditor.token];
    expect(await exportEvidence(['panel', panelId, '--to', evidence, ...source], QUIET)).to.equal(0);
    const [auditFile, askedFile] = [join(folder, 'audit.json'), join(folder, 'asked.json')];
    await writeFile(auditFile, JSON.stringify(audit));
    await writeFile(askedFile, JSON.stringify(asked));
    let text = '';
    const out = { write: (part: string) => (text += part) };
    const args = ['panel', panelId, '--audit', auditFile, '--asked', askedFile, '--from', evidence, '--json'];
    await verify(args, { out, err: out });
    return JSON.parse(text) as PanelReport;
  }

  it('an auditor asks at its own hospital, the owner proves, and the proofs verify offline', async () => {
    const asked = { auditId: newId(), rows: [2, 0, 1] };
    const { body } = mustBe(200, await ask(HONEST, asked));
    const report = await check(HONEST, body, asked);
    expect(report).to.deep.include({ findings: [], proven: [2, 0, 1] });
    const again = mustBe(200, await ask(HONEST, { ...asked, auditId: newId() })).body;
    const codes = (await check(HONEST, again, asked)).findings.map(({ code }) => code);
    expect(codes, 'the answer to another audit').to.deep.equal(['AUDIT_OF_ANOTHER']);
  });

  it('at the owner’s own gateway too', async () => {
    const own = await world.consortium.person(HONEST, 'auditor');
    const asked = { auditId: newId(), rows: [1] };
    const { body } = mustBe(200, await ask(HONEST, asked, own));
    expect((await check(HONEST, body, asked)).proven).to.deep.equal([1]);
  });

  it('finds the row that counts a patient five times, which the hospital cannot prove', async () => {
    const asked = { auditId: newId(), rows: [0, 2] };
    const honest = mustBe(200, await ask(FORGER, asked)).body as unknown as RowAudit;
    expect((await check(FORGER, honest, asked)).proven, 'its other rows').to.deep.equal([0, 2]);
    const caught = { ...asked, rows: [0, DOCTORED_ROW] };
    expect((await ask(FORGER, caught)).body.code).to.equal('PROOF_INVALID');
    // So it answers with the proof of a row that is in order.
    const [first, second] = honest.rows;
    const lie = { ...honest, rows: [first!, { ...second!, index: DOCTORED_ROW }] };
    const { proven, findings } = await check(FORGER, lie, caught);
    expect(proven).to.deep.equal([0]);
    expect(findings.map(({ code, signedBy }) => [code, signedBy?.mspId])).to.deep.equal([
      ['ROW_PROOF_INVALID', FORGER_MSP],
    ]);
  });

  it('is for auditors, and for rows that there are', async () => {
    const asked = { auditId: newId(), rows: [0] };
    for (const role of ['officer', 'researcher', 'clinician'] as const) {
      const person = await world.consortium.person(AUDITED_FROM, role);
      expect((await ask(HONEST, asked, person)).body.code, role).to.equal('ROLE_NOT_ALLOWED');
    }
    const codeOf = async (request: object): Promise<unknown> => (await ask(HONEST, request)).body.code;
    expect(await codeOf({ ...asked, rows: [3] })).to.equal('SCHEMA_VIOLATION');
    expect(await codeOf({ ...asked, rows: [] })).to.equal('SCHEMA_VIOLATION');
    expect(await codeOf({ rows: [0] })).to.equal('SCHEMA_VIOLATION');
    const nowhere = await auditor.post(`/v1/panels/${newId()}/row-audits`, asked);
    expect(nowhere.body.code).to.equal('PANEL_NOT_FOUND');
  });
});
