import { expect } from 'chai';
import { KEYS, LIMITS, type EmrRecord, type Page, type RecordBatch } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  anchored,
  enrolled,
  fourHospitals,
  id,
  record,
  staff,
  type TestPatient,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const clinician = staff(ALPHA, 'clinician');
const officer = staff(ALPHA, 'officer');
const auditor = staff(BRAVO, 'auditor');

describe('records', () => {
  let ledger: MemoryLedger;
  let patient: TestPatient;
  beforeEach(async () => {
    ledger = await fourHospitals();
    patient = await enrolled(ledger, ALPHA);
  });

  const get = async (recordId: string) =>
    (await ledger.evaluate(auditor, 'records:Get', { recordId })) as EmrRecord;
  const list = async (argument: object) =>
    (await ledger.evaluate(auditor, 'records:List', argument)) as Page<EmrRecord>;

  it('anchors a batch as one owned document, one key per patient and one for the hospital', async () => {
    const other = await enrolled(ledger, ALPHA);
    const batchId = id();
    const records = [
      record(patient.pseudonym),
      record(other.pseudonym),
      record(patient.pseudonym, { type: 'condition' }),
    ];
    const committed = await ledger.submit(clinician, 'records:Anchor', { batchId, records });
    expect(committed.response).to.deep.equal({
      batchId,
      records: 3,
      anchoredAt: committed.at,
      txId: committed.txId,
    });
    expect(committed.writes.size).to.equal(4);
    expect([...committed.policies.keys()]).to.deep.equal([`\u0000${KEYS.recordBatch}\u0000${batchId}\u0000`]);
    expect(committed.events).to.have.length(1);
    expect(await get(`${batchId}.2`)).to.deep.include({
      ...records[2],
      recordId: `${batchId}.2`,
      status: 'anchored',
      ownerMspId: ALPHA,
    });
  });

  it('gives all records of one anchoring in one read, and nothing for a batch that is not there', async () => {
    const batchId = id();
    const records = [record(patient.pseudonym), record(patient.pseudonym, { type: 'condition' })];
    await ledger.submit(clinician, 'records:Anchor', { batchId, records });
    const batch = (await ledger.evaluate(auditor, 'records:GetBatch', { batchId })) as RecordBatch;
    expect(batch.entries.map(({ type }) => type)).to.deep.equal(records.map(({ type }) => type));
    const absent = ledger.evaluate(auditor, 'records:GetBatch', { batchId: id() });
    expect(await absent.catch((error: unknown) => (error as Error).message)).to.match(/^RECORD_NOT_FOUND: /);
  });

  it('anchors the largest batch and refuses one more', async () => {
    const records = Array.from({ length: LIMITS.batchRecords + 1 }, () => record(patient.pseudonym));
    await expectRejections(ledger, 'records:Anchor', [
      {
        why: 'over the bound',
        code: 'SCHEMA_VIOLATION',
        caller: clinician,
        argument: { batchId: id(), records },
      },
    ]);
    const ids = await anchored(ledger, ALPHA, records.slice(1));
    expect(await get(ids.at(-1) ?? '')).to.include({ recordId: ids.at(-1) });
  });

  it('supersedes and erases, and keeps the evidence', async () => {
    const [first = '', second = ''] = await anchored(ledger, ALPHA, [
      record(patient.pseudonym),
      record(patient.pseudonym),
    ]);
    await ledger.submit(clinician, 'records:Supersede', { recordId: first, supersededBy: second });
    expect(await get(first)).to.include({ status: 'superseded', supersededBy: second });
    await ledger.submit(staff(ALPHA, 'officer'), 'records:Erase', { recordId: first, reason: 'on request' });
    expect(await get(first)).to.include({ status: 'erased', erasedBecause: 'on request' });
    expect(await get(second)).to.include({ status: 'anchored' });
  });

  it('lists by patient and by hospital in bounded pages', async () => {
    const other = await enrolled(ledger, ALPHA);
    const times: string[] = [];
    for (let batch = 0; batch < 3; batch += 1) {
      times.push(ledger.now);
      await anchored(ledger, ALPHA, [
        record(patient.pseudonym),
        record(other.pseudonym),
        record(patient.pseudonym),
      ]);
      ledger.advance(60_000);
    }
    const seen: string[] = [];
    let bookmark: string | undefined;
    do {
      const page = await list({
        by: 'patient',
        value: patient.pseudonym,
        pageSize: 1,
        ...(bookmark === undefined ? {} : { bookmark }),
      });
      expect(page.items.length).to.be.at.most(1);
      seen.push(...page.items.map(({ recordId }) => recordId));
      bookmark = page.bookmark;
    } while (bookmark !== undefined);
    expect(seen).to.have.length(6);
    expect(new Set(seen).size).to.equal(6);
    expect((await list({ by: 'hospital', value: ALPHA })).items).to.have.length(9);
    expect((await list({ by: 'hospital', value: BRAVO })).items).to.have.length(0);
    expect(
      (await list({ by: 'patient', value: patient.pseudonym, from: times[1], to: times[1] })).items,
    ).to.have.length(2);
    expect((await list({ by: 'patient', value: patient.pseudonym, from: times[1] })).items).to.have.length(4);
  });

  it('refuses to anchor, whole', async () => {
    const foreign = await enrolled(ledger, BRAVO);
    const argument = { batchId: id(), records: [record(patient.pseudonym)] };
    const withOther = (pseudonym: string) => ({
      ...argument,
      records: [record(patient.pseudonym), record(pseudonym)],
    });
    const [known = ''] = await anchored(ledger, ALPHA, [record(patient.pseudonym)]);
    const closed = await enrolled(ledger, ALPHA);
    await ledger.submit(
      clinician,
      'patients:Close',
      closed.sign('patients:Close', { pseudonym: closed.pseudonym }),
    );
    await expectRejections(ledger, 'records:Anchor', [
      ...malformed(clinician, argument),
      { why: 'a researcher', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'researcher'), argument },
      { why: 'another hospital', code: 'NOT_OWNER', caller: staff(BRAVO, 'clinician'), argument },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'clinician'), argument },
      {
        why: 'a foreign patient among its own',
        code: 'NOT_OWNER',
        caller: clinician,
        argument: withOther(foreign.pseudonym),
      },
      {
        why: 'an unknown patient',
        code: 'PATIENT_NOT_FOUND',
        caller: clinician,
        argument: withOther('ff'.repeat(16)),
      },
      {
        why: 'a closed patient',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: clinician,
        argument: withOther(closed.pseudonym),
      },
      {
        why: 'a used batch id',
        code: 'ALREADY_EXISTS',
        caller: clinician,
        argument: { ...argument, batchId: known.split('.')[0] },
      },
      {
        why: 'no CID',
        code: 'SCHEMA_VIOLATION',
        caller: clinician,
        argument: { ...argument, records: [record(patient.pseudonym, { contentCid: 'QmX' })] },
      },
      {
        why: 'an unknown field in a record',
        code: 'SCHEMA_VIOLATION',
        caller: clinician,
        argument: { ...argument, records: [record(patient.pseudonym, { diagnosis: 'x' })] },
      },
    ]);
  });

  it('refuses to supersede or erase', async () => {
    const other = await enrolled(ledger, ALPHA);
    const [first = '', second = '', foreign = ''] = await anchored(ledger, ALPHA, [
      record(patient.pseudonym),
      record(patient.pseudonym),
      record(other.pseudonym),
    ]);
    const supersede = { recordId: first, supersededBy: second };
    const missing = `${'ff'.repeat(16)}.0`;
    await expectRejections(ledger, 'records:Supersede', [
      ...malformed(clinician, supersede),
      { why: 'a gateway', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'gateway'), argument: supersede },
      { why: 'another hospital', code: 'NOT_OWNER', caller: staff(BRAVO, 'clinician'), argument: supersede },
      {
        why: 'itself',
        code: 'RECORD_NOT_FOUND',
        caller: clinician,
        argument: { recordId: first, supersededBy: first },
      },
      {
        why: 'another patient’s',
        code: 'RECORD_NOT_FOUND',
        caller: clinician,
        argument: { recordId: first, supersededBy: foreign },
      },
      {
        why: 'an index beyond the batch',
        code: 'RECORD_NOT_FOUND',
        caller: clinician,
        argument: { ...supersede, supersededBy: first.replace(/\d+$/, '3') },
      },
    ]);
    const erase = { recordId: first, reason: 'x' };
    await expectRejections(ledger, 'records:Erase', [
      ...malformed(officer, erase),
      { why: 'another hospital', code: 'NOT_OWNER', caller: staff(BRAVO, 'officer'), argument: erase },
      { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: clinician, argument: erase },
      {
        why: 'an unknown record',
        code: 'RECORD_NOT_FOUND',
        caller: officer,
        argument: { ...erase, recordId: missing },
      },
    ]);
    await ledger.submit(officer, 'records:Erase', erase);
    await expectRejections(ledger, 'records:Erase', [
      { why: 'an erased record', code: 'TRANSITION_NOT_ALLOWED', caller: officer, argument: erase },
    ]);
    await expectRejections(ledger, 'records:Supersede', [
      { why: 'an erased record', code: 'TRANSITION_NOT_ALLOWED', caller: clinician, argument: supersede },
    ]);
    const elsewhere = Buffer.from('["x"]').toString('base64url');
    for (const bookmark of ['!', elsewhere]) {
      const error = await ledger.refusal(auditor, 'records:List', { by: 'hospital', value: ALPHA, bookmark });
      expect(error.code).to.equal('SCHEMA_VIOLATION');
    }
  });
});
