import { expect } from 'chai';
import { LIMITS, type Page, type PatientGrant, type PatientInstruction } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  anchored,
  enrolled,
  fourHospitals,
  id,
  open,
  record,
  staff,
  type TestPatient,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const researcher = staff(BRAVO, 'researcher');
const officer = staff(ALPHA, 'officer');
const relay = staff(CHARLIE, 'gateway');
const AUTO_GRANT = {
  kind: 'auto-grant',
  purpose: 'research',
  role: 'researcher',
  recordTypes: ['laboratory'],
  validForMs: 3_600_000,
} as const;
const SUSPEND = { kind: 'suspend-requester', denials: 3, withinMs: 3_600_000 } as const;

describe('instructions', () => {
  let ledger: MemoryLedger;
  let patient: TestPatient;
  let ids: string[];
  beforeEach(async () => {
    ledger = await fourHospitals();
    patient = await enrolled(ledger, ALPHA);
    ids = await anchored(ledger, ALPHA, [record(patient.pseudonym), record(patient.pseudonym)]);
  });

  const grants = async (ended = false) => {
    const argument = { pseudonym: patient.pseudonym, ended };
    return ((await ledger.evaluate(officer, 'grants:List', argument)) as { items: PatientGrant[] }).items;
  };
  const retire = (instructionId: string) =>
    ledger.submit(
      relay,
      'instructions:RetireForPatient',
      patient.sign('instructions:RetireForPatient', { instructionId, pseudonym: patient.pseudonym }),
    );

  describe('auto-grant', () => {
    it('grants once per patient and requester, however many records match', async () => {
      const instructionId = await patient.instruct(AUTO_GRANT);
      const access = await open(ledger, researcher, ids, 'research');
      const [grant] = await grants();
      expect(await grants()).to.have.length(1);
      expect(grant?.basis).to.deep.equal({ instructionId });
      expect(grant?.grantee).to.deep.equal({
        kind: 'person',
        mspId: BRAVO,
        enrolmentId: researcher.enrolmentId,
      });
      for (const decision of access.decisions) {
        expect(decision).to.include({ outcome: 'grant', basis: 'instruction', grantId: grant?.grantId });
      }
      const again = await open(ledger, researcher, ids, 'research');
      expect(again.decisions[0]).to.include({ basis: 'grant', grantId: grant?.grantId });
      expect(await grants()).to.have.length(1);
    });

    it('does not hold for another role, purpose, type or hospital, nor once retired', async () => {
      const instructionId = await patient.instruct({ ...AUTO_GRANT, mspIds: [BRAVO] });
      const outcome = async (...args: Parameters<typeof open>) => (await open(...args)).decisions[0]?.outcome;
      expect(await outcome(ledger, staff(BRAVO, 'clinician'), ids, 'research')).to.equal('deny');
      expect(await outcome(ledger, researcher, ids, 'treatment')).to.equal('deny');
      expect(await outcome(ledger, staff(CHARLIE, 'researcher'), ids, 'research')).to.equal('deny');
      const imaging = await anchored(ledger, ALPHA, [record(patient.pseudonym, { type: 'imaging' })]);
      expect(await outcome(ledger, researcher, imaging, 'research')).to.equal('deny');
      await retire(instructionId);
      expect(await outcome(ledger, researcher, ids, 'research')).to.equal('deny');
    });

    it('is denied, not an error, when the book has no room', async () => {
      await patient.instruct(AUTO_GRANT);
      for (let count = 0; count < LIMITS.liveGrantsPerPatient; count += 1) await patient.grant();
      expect((await open(ledger, researcher, ids, 'research')).decisions[0]).to.include({ outcome: 'deny' });
    });
  });

  describe('expire-grant', () => {
    it('expires a grant after so many openings, one for each transaction', async () => {
      await patient.instruct({ kind: 'expire-grant', afterOpenings: 2 });
      const grantId = await patient.grant();
      const clinician = staff(BRAVO, 'clinician');
      expect((await open(ledger, clinician, ids)).decisions[1]).to.include({ outcome: 'grant' });
      expect((await grants())[0]).to.include({ openings: 1 });
      expect((await open(ledger, clinician, ids)).decisions[1]).to.include({ outcome: 'grant' });
      expect(await grants()).to.have.length(0);
      expect((await grants(true))[0]).to.include({ grantId, status: 'expired', openings: 2 });
      expect((await open(ledger, clinician, ids)).decisions[0]).to.include({
        outcome: 'deny',
        reason: 'NO_GRANT',
      });
    });

    it('works with auto-grant in one transaction', async () => {
      await patient.instruct({ kind: 'expire-grant', afterOpenings: 1 });
      await patient.instruct(AUTO_GRANT);
      expect((await open(ledger, researcher, ids, 'research')).decisions[0]).to.include({ outcome: 'grant' });
      expect(await grants()).to.have.length(0);
      expect((await grants(true))[0]).to.include({ status: 'expired' });
    });
  });

  it('lists active ones before retired ones', async () => {
    const retired = await patient.instruct(AUTO_GRANT);
    const active = await patient.instruct(AUTO_GRANT);
    await retire(retired);
    const list = async (owner: string) =>
      ((await ledger.evaluate(officer, 'instructions:List', { owner })) as { items: PatientInstruction[] })
        .items;
    const items = await list(patient.pseudonym);
    expect(items.map(({ instructionId, status }) => [instructionId, status])).to.deep.equal([
      [active, 'active'],
      [retired, 'retired'],
    ]);
    expect(await list(ALPHA)).to.deep.equal([]);
  });

  it('pages through retired ones, so that none is pushed out by the ids of others', async () => {
    const retired = [];
    for (let count = 0; count < 5; count += 1) {
      const instructionId = await patient.instruct(AUTO_GRANT);
      await retire(instructionId);
      retired.push(instructionId);
    }
    const active = await patient.instruct(AUTO_GRANT);
    const pages: string[][] = [];
    let next: { bookmark?: string } = {};
    do {
      const argument = { owner: patient.pseudonym, pageSize: 2, ...next };
      const page = (await ledger.evaluate(
        officer,
        'instructions:List',
        argument,
      )) as Page<PatientInstruction>;
      pages.push(page.items.map(({ instructionId }) => instructionId));
      next = page.bookmark === undefined ? {} : { bookmark: page.bookmark };
    } while (next.bookmark !== undefined);
    expect(pages.map(({ length }) => length)).to.deep.equal([3, 2, 1]);
    expect(pages[0]?.[0]).to.equal(active);
    expect(pages.flat().sort()).to.deep.equal([active, ...retired].sort());
    const foreign = Buffer.from(JSON.stringify(['no', 'place'])).toString('base64url');
    const refused = ledger.evaluate(officer, 'instructions:List', { owner: ALPHA, bookmark: foreign });
    const reason: unknown = await refused.catch((error: unknown) => error);
    expect(reason).to.be.an('error').with.property('message').that.contains('SCHEMA_VIOLATION');
  });

  it('refuses a patient’s instruction', async () => {
    const args = { instructionId: id(), pseudonym: patient.pseudonym, rule: AUTO_GRANT };
    const argument = patient.sign('instructions:SetForPatient', args);
    const retired = await patient.instruct(AUTO_GRANT);
    await retire(retired);
    const signed = (changes: object) => patient.sign('instructions:SetForPatient', { ...args, ...changes });
    await expectRejections(ledger, 'instructions:SetForPatient', [
      ...malformed(relay, argument),
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'gateway'), argument },
      {
        why: 'a retired id',
        code: 'ALREADY_EXISTS',
        caller: relay,
        argument: signed({ instructionId: retired }),
      },
      {
        why: 'a member’s rule',
        code: 'SCHEMA_VIOLATION',
        caller: relay,
        argument: signed({ rule: SUSPEND }),
      },
      {
        why: 'other arguments',
        code: 'SIGNATURE_INVALID',
        caller: relay,
        argument: { ...argument, arguments: { ...args, rule: { ...AUTO_GRANT, role: 'clinician' } } },
      },
    ]);
    await expectRejections(ledger, 'instructions:RetireForPatient', [
      {
        why: 'a retired one',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: relay,
        argument: patient.sign('instructions:RetireForPatient', {
          instructionId: retired,
          pseudonym: patient.pseudonym,
        }),
      },
      {
        why: 'an unknown one',
        code: 'INSTRUCTION_NOT_FOUND',
        caller: relay,
        argument: patient.sign('instructions:RetireForPatient', {
          instructionId: id(),
          pseudonym: patient.pseudonym,
        }),
      },
    ]);
    for (let count = 0; count < LIMITS.instructionsPerOwner; count += 1) await patient.instruct(AUTO_GRANT);
    await expectRejections(ledger, 'instructions:SetForPatient', [
      { why: 'over the bound', code: 'LIMIT_EXCEEDED', caller: relay, argument },
    ]);
  });

  it('refuses a member’s instruction', async () => {
    const argument = { instructionId: id(), rule: SUSPEND };
    await expectRejections(ledger, 'instructions:SetForMember', [
      ...malformed(officer, argument),
      { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'clinician'), argument },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'officer'), argument },
      {
        why: 'more denials than are scanned',
        code: 'SCHEMA_VIOLATION',
        caller: officer,
        argument: { ...argument, rule: { ...SUSPEND, denials: LIMITS.suspensionDenials + 1 } },
      },
    ]);
    await ledger.submit(officer, 'instructions:SetForMember', argument);
    await expectRejections(ledger, 'instructions:SetForMember', [
      { why: 'a used id', code: 'ALREADY_EXISTS', caller: officer, argument },
    ]);
    await expectRejections(ledger, 'instructions:RetireForMember', [
      {
        why: 'another hospital',
        code: 'INSTRUCTION_NOT_FOUND',
        caller: staff(BRAVO, 'officer'),
        argument: { instructionId: argument.instructionId },
      },
      {
        why: 'a clinician',
        code: 'ROLE_NOT_ALLOWED',
        caller: staff(ALPHA, 'clinician'),
        argument: { instructionId: argument.instructionId },
      },
    ]);
  });
});
