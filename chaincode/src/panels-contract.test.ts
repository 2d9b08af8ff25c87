import { expect } from 'chai';
import { KEYS, type Page, type Panel } from '@careledger/protocol';
import { LAYOUT, TestAggregate } from './testing/aggregation.js';
import { ALPHA, BRAVO, admitFifth, fourHospitals, id, staff } from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const officer = staff(ALPHA, 'officer');
const gateway = staff(ALPHA, 'gateway');

describe('panels', () => {
  let ledger: MemoryLedger;
  let aggregate: TestAggregate;
  beforeEach(async () => {
    ledger = await fourHospitals();
    aggregate = await new TestAggregate(ledger).setUp();
  });

  it('registers a layout once, under its digest', async () => {
    const registered = await ledger.evaluate(officer, 'panels:GetLayout', {
      layoutId: LAYOUT.id,
      version: 1,
    });
    expect(registered).to.deep.include({ layout: LAYOUT, registeredBy: ALPHA });
    await ledger.submit(officer, 'panels:RegisterLayout', { layout: { ...LAYOUT, version: 2 } });
    await expectRejections(ledger, 'panels:RegisterLayout', [
      ...malformed(officer, { layout: { ...LAYOUT, version: 3 } }),
      {
        why: 'a known version',
        code: 'ALREADY_EXISTS',
        caller: officer,
        argument: { layout: { ...LAYOUT, maxRecords: 5 } },
      },
      {
        why: 'a clinician',
        code: 'ROLE_NOT_ALLOWED',
        caller: staff(ALPHA, 'clinician'),
        argument: { layout: LAYOUT },
      },
      {
        why: 'no member',
        code: 'MEMBER_NOT_ACTIVE',
        caller: staff('EchoMSP', 'officer'),
        argument: { layout: LAYOUT },
      },
      {
        why: 'slots that do not fit',
        code: 'SCHEMA_VIOLATION',
        caller: officer,
        argument: { layout: { ...LAYOUT, version: 3, statisticalBits: 128 } },
      },
    ]);
    const missing = await ledger.refusal(officer, 'panels:GetLayout', { layoutId: LAYOUT.id, version: 9 });
    expect(missing.code).to.equal('PANEL_NOT_FOUND');
  });

  it('anchors a panel under its hospital’s endorsement, and lists it', async () => {
    const fields = aggregate.panelFields();
    const { response, policies } = await ledger.submit(gateway, 'panels:Anchor', fields);
    expect(response).to.deep.include({ ...fields, ownerMspId: ALPHA });
    expect([...policies.keys()]).to.deep.equal([`\u0000${KEYS.panel}\u0000${fields.panelId}\u0000`]);
    await aggregate.panel(ALPHA);
    await aggregate.panel(BRAVO);
    const list = async (argument: object) =>
      (await ledger.evaluate(officer, 'panels:List', {
        layoutId: LAYOUT.id,
        mspId: ALPHA,
        ...argument,
      })) as Page<Panel>;
    const first = await list({ pageSize: 1 });
    const second = await list({ pageSize: 1, bookmark: first.bookmark });
    expect(first.items[0]?.panelId).to.equal(fields.panelId);
    expect(second.items).to.have.length(1);
    expect(second.bookmark).to.equal(undefined);
    expect(await ledger.evaluate(officer, 'panels:Get', { panelId: fields.panelId })).to.deep.equal(response);
  });

  it('refuses to anchor', async () => {
    const argument = aggregate.panelFields();
    const known = await aggregate.panel(ALPHA);
    const refused = (
      why: string,
      code: 'PANEL_NOT_FOUND' | 'KEY_NOT_FOUND' | 'ALREADY_EXISTS' | 'SCHEMA_VIOLATION',
      changes: object,
    ) => ({
      why,
      code,
      caller: gateway,
      argument: aggregate.panelFields(changes),
    });
    await expectRejections(ledger, 'panels:Anchor', [
      ...malformed(gateway, argument),
      { why: 'a researcher', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'researcher'), argument },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'gateway'), argument },
      refused('an unknown layout', 'PANEL_NOT_FOUND', { layoutVersion: 7 }),
      refused('another key', 'KEY_NOT_FOUND', { keyId: 'ab'.repeat(32) }),
      refused('a used id', 'ALREADY_EXISTS', { panelId: known }),
      refused('no rows', 'SCHEMA_VIOLATION', { rows: 0 }),
    ]);
    await admitFifth(ledger, 'EchoMSP');
    await expectRejections(ledger, 'panels:Anchor', [
      { why: 'a member without a share', code: 'NOT_OWNER', caller: staff('EchoMSP', 'gateway'), argument },
    ]);
    const wide = { ...LAYOUT, id: 'wide', keyBits: 1024 };
    await ledger.submit(officer, 'panels:RegisterLayout', { layout: wide });
    await expectRejections(ledger, 'panels:Anchor', [
      refused('a layout for longer keys', 'SCHEMA_VIOLATION', { layoutId: 'wide' }),
    ]);
    expect((await ledger.refusal(officer, 'panels:Get', { panelId: id() })).code).to.equal('PANEL_NOT_FOUND');
  });
});
