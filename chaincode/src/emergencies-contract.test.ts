import { expect } from 'chai';
import { LIMITS, unwrittenEndOf, type Emergency, type Notice, type Page } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  DIGEST,
  anchored,
  enrolled,
  fourHospitals,
  id,
  open,
  record,
  staff,
  type TestPatient,
} from './testing/consortium.js';
import { REASON, nameOfficers, officerOf, openCase, openUnder, step } from './testing/emergencies.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const clinician = staff(BRAVO, 'clinician');
const BOX_MS = LIMITS.emergencyAccessMs;

describe('emergencies', () => {
  let ledger: MemoryLedger;
  let patient: TestPatient;
  let ids: string[];
  beforeEach(async () => {
    ledger = await fourHospitals();
    await nameOfficers(ledger);
    patient = await enrolled(ledger, ALPHA);
    ids = await anchored(ledger, ALPHA, [record(patient.pseudonym), record(patient.pseudonym)]);
  });

  const known = () => openCase(ledger, clinician, { pseudonym: patient.pseudonym });
  const unknown = () => openCase(ledger, clinician, { description: 'about 60, brought in without papers' });
  const get = async (caseId: string) =>
    (await ledger.evaluate(staff(DELTA, 'auditor'), 'emergencies:Get', { caseId })) as Emergency;
  const outcome = async (caseId: string, caller = clinician) =>
    (await openUnder(ledger, caller, ids, caseId)).decisions[1];
  const approved = async () => {
    const caseId = await known();
    await step(ledger, officerOf(ALPHA), 'Approve', caseId);
    await step(ledger, officerOf(CHARLIE), 'Approve', caseId);
    return caseId;
  };
  const review = (caseId: string) => ({ caseId, finding: 'justified', textDigest: DIGEST });

  it('open the records for the requester, in the time, once two other hospitals agreed', async () => {
    const caseId = await known();
    expect(await outcome(caseId)).to.include({ outcome: 'deny', reason: 'EMERGENCY_NOT_OPEN' });
    await step(ledger, officerOf(ALPHA), 'Approve', caseId);
    expect(await outcome(caseId)).to.include({ outcome: 'deny', reason: 'EMERGENCY_NOT_OPEN' });
    const { status, until } = await step(ledger, officerOf(CHARLIE), 'Approve', caseId);
    expect(status).to.equal('approved');
    const access = await openUnder(ledger, clinician, ids, caseId);
    expect(access.caseId).to.equal(caseId);
    for (const decision of access.decisions)
      expect(decision).to.include({ outcome: 'grant', basis: 'break-glass', via: 'release' });
    const colleague = staff(BRAVO, 'clinician', 'clinician-2');
    expect(await outcome(caseId, colleague)).to.include({ reason: 'EMERGENCY_NOT_OPEN' });
    expect((await open(ledger, clinician, ids, 'emergency')).decisions[0]).to.include({ reason: 'NO_GRANT' });
    expect((await open(ledger, clinician, ids)).decisions[0]).to.include({ outcome: 'deny' });
    ledger.setTime(until ?? '');
    expect(await outcome(caseId)).to.include({ outcome: 'grant' });
    expect(await outcome(caseId)).to.include({ outcome: 'deny', reason: 'EMERGENCY_NOT_OPEN' });
  });

  it('stand in the patient’s book, which only the patient’s hospital lets change', async () => {
    const caseId = await known();
    await step(ledger, officerOf(ALPHA), 'Approve', caseId);
    const { writes } = await ledger.submit(officerOf(CHARLIE), 'emergencies:Approve', { caseId });
    const book = [...writes.keys()].find((key) => key.includes('grant-book'));
    expect(book).to.be.a('string');
    expect(ledger.policies.has(book ?? '')).to.equal(true);
    const query = { pseudonym: patient.pseudonym, caseId };
    const access = await ledger.evaluate(officerOf(ALPHA), 'emergencies:GetAccess', query);
    expect(access).to.deep.include({ requester: { mspId: BRAVO, enrolmentId: 'clinician-1' } });
  });

  it('of somebody unknown wait until an officer knows the patient', async () => {
    const caseId = await unknown();
    const argument = { caseId, pseudonym: patient.pseudonym };
    await expectRejections(ledger, 'emergencies:Approve', [
      {
        why: 'before anybody knows whom',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: officerOf(CHARLIE),
        argument: { caseId },
      },
    ]);
    const own = await enrolled(ledger, BRAVO);
    await expectRejections(ledger, 'emergencies:Identify', [
      ...malformed(officerOf(ALPHA), argument),
      { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'clinician'), argument },
      { why: 'another’s patient', code: 'NOT_OWNER', caller: officerOf(CHARLIE), argument },
      {
        why: 'the requester’s hospital',
        code: 'NOT_INDEPENDENT',
        caller: officerOf(BRAVO),
        argument: { caseId, pseudonym: own.pseudonym },
      },
      {
        why: 'no such pseudonym',
        code: 'PATIENT_NOT_FOUND',
        caller: officerOf(ALPHA),
        argument: { caseId, pseudonym: id() },
      },
      {
        why: 'no such case',
        code: 'EMERGENCY_NOT_FOUND',
        caller: officerOf(ALPHA),
        argument: { ...argument, caseId: id() },
      },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: officerOf('EchoMSP'), argument },
    ]);
    await ledger.submit(officerOf(ALPHA), 'emergencies:Identify', argument);
    expect(await get(caseId)).to.deep.include({
      status: 'opened',
      pseudonym: patient.pseudonym,
      patientMspId: ALPHA,
    });
    await expectRejections(ledger, 'emergencies:Identify', [
      { why: 'known already', code: 'TRANSITION_NOT_ALLOWED', caller: officerOf(ALPHA), argument },
    ]);
    await step(ledger, officerOf(ALPHA), 'Approve', caseId);
    await step(ledger, officerOf(DELTA), 'Approve', caseId);
    expect(await outcome(caseId)).to.include({ outcome: 'grant', basis: 'break-glass' });
  });

  it('open with one approval by the patient’s instruction, and close when the second is late', async () => {
    await patient.instruct({ kind: 'break-glass', secondWithinMs: 600_000 });
    const caseId = await known();
    expect((await step(ledger, officerOf(ALPHA), 'Approve', caseId)).status).to.equal('provisional');
    expect(await outcome(caseId)).to.include({ outcome: 'grant', basis: 'break-glass' });
    ledger.advance(600_000);
    expect(await outcome(caseId)).to.include({ outcome: 'deny', reason: 'EMERGENCY_NOT_OPEN' });
    expect((await get(caseId)).status).to.equal('lapsed');
    await expectRejections(ledger, 'emergencies:Approve', [
      {
        why: 'too late',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: officerOf(CHARLIE),
        argument: { caseId },
      },
    ]);
    const reviewed = await ledger.submit(officerOf(DELTA), 'emergencies:PostReview', review(caseId));
    expect((reviewed.response as Emergency).status).to.equal('reviewed');
  });

  it('stay open for the full time when the second comes in time', async () => {
    await patient.instruct({ kind: 'break-glass', secondWithinMs: 600_000 });
    const caseId = await known();
    await step(ledger, officerOf(ALPHA), 'Approve', caseId);
    ledger.advance(599_000);
    expect((await step(ledger, officerOf(CHARLIE), 'Approve', caseId)).status).to.equal('approved');
    ledger.advance(3_600_000);
    expect(await outcome(caseId)).to.include({ outcome: 'grant' });
    ledger.advance(BOX_MS - 4_199_000);
    expect(await outcome(caseId)).to.include({ outcome: 'deny' });
  });

  it('withdraw what was given on a first approval when too many refuse, and still want their review', async () => {
    await patient.instruct({ kind: 'break-glass', secondWithinMs: 600_000 });
    const caseId = await known();
    await step(ledger, officerOf(ALPHA), 'Approve', caseId);
    expect((await step(ledger, officerOf(CHARLIE), 'Refuse', caseId)).status).to.equal('provisional');
    expect((await step(ledger, officerOf(DELTA), 'Refuse', caseId)).status).to.equal('withdrawn');
    expect(await outcome(caseId)).to.include({ outcome: 'deny', reason: 'EMERGENCY_NOT_OPEN' });
    const waiting = (await ledger.evaluate(clinician, 'emergencies:List', {})) as Page<Emergency>;
    expect(waiting.items.map((item) => [item.caseId, item.status])).to.deep.equal([[caseId, 'withdrawn']]);
    await ledger.submit(officerOf(DELTA), 'emergencies:PostReview', review(caseId));
    expect((await get(caseId)).status).to.equal('reviewed');
  });

  it('tell the patient every step, and list what waits before what is done', async () => {
    const first = await approved();
    ledger.advance(BOX_MS + 1000);
    const second = await known();
    expect(unwrittenEndOf(await get(first))).to.be.a('string');
    const swept = await ledger.submit(staff(DELTA, 'gateway'), 'emergencies:Sweep', {});
    expect(swept.response).to.deep.equal({ over: [first] });
    expect(unwrittenEndOf(await get(first))).to.equal(undefined);
    expect((await ledger.submit(clinician, 'emergencies:Sweep', {})).response).to.deep.equal({ over: [] });
    await ledger.submit(officerOf(DELTA), 'emergencies:PostReview', review(first));
    const { items } = (await ledger.evaluate(clinician, 'emergencies:List', {})) as Page<Emergency>;
    expect(items.map((item) => [item.caseId, item.status])).to.deep.equal([
      [second, 'opened'],
      [first, 'reviewed'],
    ]);
    const argument = { pseudonym: patient.pseudonym };
    const log = (await ledger.evaluate(clinician, 'emergencies:Notices', argument)) as Page<Notice>;
    expect(log.items.map(({ caseId, status, mspId }) => [caseId, status, mspId])).to.deep.equal([
      [first, 'opened', BRAVO],
      [first, 'opened', ALPHA],
      [first, 'approved', CHARLIE],
      [second, 'opened', BRAVO],
      [first, 'expired', undefined],
      [first, 'reviewed', DELTA],
    ]);
  });

  it('are not opened by whom they are not for', async () => {
    const subject = { pseudonym: patient.pseudonym };
    const argument = { caseId: id(), subject, reason: REASON };
    const closed = await enrolled(ledger, ALPHA);
    const closing = closed.sign('patients:Close', { pseudonym: closed.pseudonym });
    await ledger.submit(staff(ALPHA, 'gateway'), 'patients:Close', closing);
    const withText = (text: string) => ({ ...argument, subject: { description: text } });
    const taken = await known();
    await expectRejections(ledger, 'emergencies:Open', [
      ...malformed(clinician, argument),
      { why: 'an officer', code: 'ROLE_NOT_ALLOWED', caller: officerOf(BRAVO), argument },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'clinician'), argument },
      {
        why: 'the own hospital’s patient',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: staff(ALPHA, 'clinician'),
        argument,
      },
      {
        why: 'a closed pseudonym',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: clinician,
        argument: { ...argument, subject: { pseudonym: closed.pseudonym } },
      },
      {
        why: 'no such pseudonym',
        code: 'PATIENT_NOT_FOUND',
        caller: clinician,
        argument: { ...argument, subject: { pseudonym: id() } },
      },
      {
        why: 'a used id',
        code: 'ALREADY_EXISTS',
        caller: clinician,
        argument: { ...argument, caseId: taken },
      },
      ...['born 1956', 'a@example.org', '', 'x'.repeat(LIMITS.emergencyDescriptionCharacters + 1)].map(
        (text) => ({
          why: 'a description that identifies, or is none',
          code: 'SCHEMA_VIOLATION' as const,
          caller: clinician,
          argument: withText(text),
        }),
      ),
    ]);
  });

  it('take the word of named officers of other hospitals only, once for each', async () => {
    const caseId = await known();
    const argument = { caseId };
    for (const method of ['emergencies:Approve', 'emergencies:Refuse'])
      await expectRejections(ledger, method, [
        ...malformed(officerOf(ALPHA), argument),
        { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'clinician'), argument },
        { why: 'not named', code: 'OFFICER_NOT_NAMED', caller: officerOf(ALPHA, 'officer-9'), argument },
        {
          why: 'a named id in another role',
          code: 'ROLE_NOT_ALLOWED',
          caller: staff(ALPHA, 'auditor', 'officer-1'),
          argument,
        },
        { why: 'own hospital', code: 'NOT_INDEPENDENT', caller: officerOf(BRAVO), argument },
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: officerOf('EchoMSP'), argument },
        {
          why: 'no such case',
          code: 'EMERGENCY_NOT_FOUND',
          caller: officerOf(ALPHA),
          argument: { caseId: id() },
        },
      ]);
    await step(ledger, officerOf(ALPHA), 'Approve', caseId);
    for (const method of ['emergencies:Approve', 'emergencies:Refuse'])
      await expectRejections(ledger, method, [
        { why: 'the same officer again', code: 'ALREADY_EXISTS', caller: officerOf(ALPHA), argument },
        {
          why: 'another of the same hospital',
          code: 'ALREADY_EXISTS',
          caller: officerOf(ALPHA, 'officer-2'),
          argument,
        },
      ]);
    ledger.advance(LIMITS.emergencyAnswerMs);
    await expectRejections(ledger, 'emergencies:Approve', [
      {
        why: 'unanswered in time',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: officerOf(CHARLIE),
        argument,
      },
    ]);
    expect((await get(caseId)).status).to.equal('unanswered');
  });

  it('are reviewed once, by another hospital, after the access', async () => {
    const caseId = await approved();
    const argument = review(caseId);
    const early = { why: 'while it is open', code: 'TRANSITION_NOT_ALLOWED', argument } as const;
    await expectRejections(ledger, 'emergencies:PostReview', [{ ...early, caller: officerOf(DELTA) }]);
    ledger.advance(BOX_MS + 1);
    await expectRejections(ledger, 'emergencies:PostReview', [
      ...malformed(officerOf(DELTA), argument),
      { why: 'the requester’s hospital', code: 'NOT_INDEPENDENT', caller: officerOf(BRAVO), argument },
      { why: 'who approved', code: 'NOT_INDEPENDENT', caller: officerOf(CHARLIE), argument },
      { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(DELTA, 'clinician'), argument },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: officerOf('EchoMSP'), argument },
      {
        why: 'no such case',
        code: 'EMERGENCY_NOT_FOUND',
        caller: officerOf(DELTA),
        argument: review(id()),
      },
    ]);
    await ledger.submit(officerOf(DELTA), 'emergencies:PostReview', argument);
    await expectRejections(ledger, 'emergencies:PostReview', [
      { why: 'again', code: 'TRANSITION_NOT_ALLOWED', caller: officerOf(DELTA), argument },
    ]);
  });

  it('have officers whom an administrator names, for the own hospital', async () => {
    const argument = { officers: ['officer-3'] };
    await expectRejections(ledger, 'emergencies:NameOfficers', [
      ...malformed(staff(ALPHA, 'admin'), argument),
      { why: 'an officer', code: 'ROLE_NOT_ALLOWED', caller: officerOf(ALPHA), argument },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'admin'), argument },
      {
        why: 'too many',
        code: 'SCHEMA_VIOLATION',
        caller: staff(ALPHA, 'admin'),
        argument: { officers: [...Array(LIMITS.emergencyOfficers + 1).keys()].map((n) => `o-${String(n)}`) },
      },
    ]);
    await ledger.submit(staff(ALPHA, 'admin'), 'emergencies:NameOfficers', argument);
    const query = { mspId: ALPHA };
    expect(await ledger.evaluate(clinician, 'emergencies:Officers', query)).to.deep.equal({
      mspId: ALPHA,
      officers: ['officer-3'],
    });
    const caseId = await known();
    await expectRejections(ledger, 'emergencies:Approve', [
      { why: 'named no longer', code: 'OFFICER_NOT_NAMED', caller: officerOf(ALPHA), argument: { caseId } },
    ]);
    await step(ledger, officerOf(ALPHA, 'officer-3'), 'Approve', caseId);
  });
});
