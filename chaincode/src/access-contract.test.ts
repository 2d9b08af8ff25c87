import { expect } from 'chai';
import { KEYS, LIMITS, type AccessWithReceipt, type Page } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  X25519_KEY,
  anchored,
  enrolled,
  fourHospitals,
  open,
  record,
  staff,
  type TestPatient,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const clinician = staff(BRAVO, 'clinician', 'dr-1', 'cardiology');
const auditor = staff(DELTA, 'auditor');

describe('access', () => {
  let ledger: MemoryLedger;
  let patient: TestPatient;
  let recordId: string;
  beforeEach(async () => {
    ledger = await fourHospitals();
    patient = await enrolled(ledger, ALPHA);
    [recordId = ''] = await anchored(ledger, ALPHA, [record(patient.pseudonym)]);
  });

  const argumentOf = (...recordIds: string[]) => ({
    recordIds,
    purpose: 'treatment',
    recipientKey: X25519_KEY,
  });
  const list = async (argument: object) =>
    (await ledger.evaluate(auditor, 'access:List', argument)) as Page<AccessWithReceipt>;
  const get = async (accessId: string) =>
    (await ledger.evaluate(auditor, 'access:Get', { accessId })) as AccessWithReceipt;

  describe('Open', () => {
    it('grants under a grant, and denies before it and after its revocation', async () => {
      expect((await open(ledger, clinician, [recordId])).decisions[0]).to.include({
        outcome: 'deny',
        reason: 'NO_GRANT',
      });
      const grantId = await patient.grant();
      const access = await open(ledger, clinician, [recordId]);
      expect(access.decisions).to.deep.equal([
        {
          recordId,
          pseudonym: patient.pseudonym,
          ownerMspId: ALPHA,
          outcome: 'grant',
          basis: 'grant',
          grantId,
          via: 'release',
        },
      ]);
      expect(access.requester).to.deep.equal(clinician);
      expect(await get(access.accessId)).to.deep.equal(access);
      await patient.revoke(grantId);
      expect((await open(ledger, clinician, [recordId])).decisions[0]).to.include({
        outcome: 'deny',
        reason: 'NO_GRANT',
      });
    });

    it('commits a denial with its reason, for each way in which a grant does not cover', async () => {
      const reasons: [object, string][] = [
        [{ grantee: { kind: 'person', mspId: BRAVO, enrolmentId: 'dr-2' } }, 'NO_GRANT'],
        [{ notBefore: '2026-12-01T00:00:00.000Z' }, 'GRANT_NOT_YET_VALID'],
        [{ recordTypes: ['imaging'] }, 'RECORD_TYPE_NOT_COVERED'],
        [{ purposes: ['research'] }, 'PURPOSE_NOT_COVERED'],
        [{ condition: { department: 'oncology' } }, 'CONDITION_NOT_MET'],
      ];
      for (const [changes, reason] of reasons) {
        const grantId = await patient.grant(changes);
        const access = await open(ledger, clinician, [recordId]);
        expect(access.decisions[0], reason).to.include({ outcome: 'deny', reason });
        expect(await get(access.accessId), reason).to.deep.equal(access);
        await patient.revoke(grantId);
      }
      await patient.grant({ notAfter: '2026-12-01T00:00:00.000Z' });
      ledger.setTime('2026-12-01T00:00:00.001Z');
      expect((await open(ledger, clinician, [recordId])).decisions[0]).to.include({
        reason: 'GRANT_EXPIRED',
      });
    });

    it('denies staff of a hospital that is no active member, and lets the attempt stand', async () => {
      const access = await open(ledger, staff('EchoMSP', 'clinician'), [recordId]);
      expect(access.decisions[0]).to.include({ outcome: 'deny', reason: 'MEMBER_NOT_ACTIVE' });
      expect((await list({ by: 'record', value: recordId })).items).to.have.length(1);
    });

    it('lets a clinician open the own hospital’s records without a grant', async () => {
      const access = await open(ledger, staff(ALPHA, 'clinician'), [recordId]);
      expect(access.decisions[0]).to.include({ outcome: 'grant', basis: 'own-hospital' });
    });

    it('decides record by record, and reads a batch, a patient and an owner once', async () => {
      await patient.grant();
      const other = await enrolled(ledger, CHARLIE);
      const ids = await anchored(
        ledger,
        ALPHA,
        Array.from({ length: LIMITS.batchRecords - 1 }, () => record(patient.pseudonym)),
      );
      const [foreign = ''] = await anchored(ledger, CHARLIE, [record(other.pseudonym)]);
      const committed = await ledger.submit(clinician, 'access:Open', argumentOf(...ids, foreign));
      const access = committed.response as AccessWithReceipt;
      expect(access.decisions.filter(({ outcome }) => outcome === 'grant')).to.have.length(
        LIMITS.batchRecords - 1,
      );
      expect(access.decisions.at(-1)).to.include({ outcome: 'deny', ownerMspId: CHARLIE });
      // consortium, 2 batches, 2 books, 2 suspensions, and the instructions of the hospital that denied
      expect(committed.reads.size).to.equal(8);
      expect(committed.events).to.deep.equal([
        { event: 'access.decided', id: access.accessId, mspId: BRAVO, status: 'mixed' },
      ]);
    });

    it('reads nothing that another granted opening writes: 200 at once do not conflict', async () => {
      await patient.grant();
      const one = await ledger.submit(clinician, 'access:Open', argumentOf(recordId));
      const other = await ledger.submit(clinician, 'access:Open', argumentOf(recordId));
      expect(
        [...one.writes.keys()].filter((key) => other.reads.has(key) || other.writes.has(key)),
      ).to.deep.equal([]);
      expect(other.ranges.size, 'no range is read').to.equal(0);
    });

    it('reads what a revocation writes, so that a raced opening is invalidated', async () => {
      const grantId = await patient.grant();
      const opening = await ledger.submit(clinician, 'access:Open', argumentOf(recordId));
      const request = patient.sign('grants:Revoke', { pseudonym: patient.pseudonym, grantId });
      const revocation = await ledger.submit(staff(ALPHA, 'gateway'), 'grants:Revoke', request);
      const shared = [...revocation.writes.keys()].filter((key) => opening.reads.has(key));
      expect(shared).to.deep.equal([`\u0000${KEYS.grantBook}\u0000${patient.pseudonym}\u0000`]);
    });

    it('refuses what is no opening, and then writes nothing', async () => {
      const argument = argumentOf(recordId);
      const many = Array.from(
        { length: LIMITS.batchRecords + 1 },
        (_, index) => `${'ab'.repeat(16)}.${String(index)}`,
      );
      await expectRejections(ledger, 'access:Open', [
        ...malformed(clinician, argument),
        {
          why: 'an unknown batch',
          code: 'RECORD_NOT_FOUND',
          caller: clinician,
          argument: argumentOf(recordId, `${'ff'.repeat(16)}.0`),
        },
        {
          why: 'an index beyond the batch',
          code: 'RECORD_NOT_FOUND',
          caller: clinician,
          argument: argumentOf(recordId.replace(/\d+$/, '1')),
        },
        { why: 'over the bound', code: 'SCHEMA_VIOLATION', caller: clinician, argument: argumentOf(...many) },
        {
          why: 'a record twice',
          code: 'SCHEMA_VIOLATION',
          caller: clinician,
          argument: argumentOf(recordId, recordId),
        },
        {
          why: 'a purpose that is none',
          code: 'SCHEMA_VIOLATION',
          caller: clinician,
          argument: { ...argument, purpose: 'fun' },
        },
        {
          why: 'another caller',
          code: 'CALLER_IN_ARGUMENTS',
          caller: clinician,
          argument: { ...argument, enrolmentId: 'dr-2' },
        },
      ]);
    });
  });

  describe('List', () => {
    it('finds openings by patient, requester, record, hospital and time', async () => {
      const other = await enrolled(ledger, CHARLIE);
      const [foreign = ''] = await anchored(ledger, CHARLIE, [record(other.pseudonym)]);
      const first = await open(ledger, clinician, [recordId, foreign]);
      ledger.advance(60_000);
      const second = await open(ledger, staff(DELTA, 'clinician'), [foreign]);
      const idsOf = async (argument: object) => (await list(argument)).items.map(({ accessId }) => accessId);
      expect(await idsOf({ by: 'patient', value: other.pseudonym })).to.deep.equal([
        first.accessId,
        second.accessId,
      ]);
      expect(await idsOf({ by: 'patient', value: patient.pseudonym })).to.deep.equal([first.accessId]);
      expect(await idsOf({ by: 'requester', value: { mspId: BRAVO, enrolmentId: 'dr-1' } })).to.deep.equal([
        first.accessId,
      ]);
      expect(await idsOf({ by: 'record', value: foreign })).to.have.length(2);
      expect(await idsOf({ by: 'record', value: foreign.replace(/\d+$/, '7') })).to.have.length(0);
      expect(await idsOf({ by: 'hospital', value: ALPHA })).to.deep.equal([first.accessId]);
      expect(await idsOf({ by: 'time', from: second.at, to: second.at })).to.deep.equal([second.accessId]);
      expect(await idsOf({ by: 'patient', value: other.pseudonym, to: first.at })).to.deep.equal([
        first.accessId,
      ]);
      const [shown] = (await list({ by: 'patient', value: patient.pseudonym })).items;
      expect(shown?.decisions.map((decision) => decision.recordId)).to.deep.equal([recordId]);
    });

    it('pages, each page bounded, none twice', async () => {
      for (let count = 0; count < 5; count += 1) await open(ledger, clinician, [recordId]);
      const seen: string[] = [];
      let bookmark: string | undefined;
      do {
        const page = await list({
          by: 'record',
          value: recordId,
          pageSize: 2,
          ...(bookmark === undefined ? {} : { bookmark }),
        });
        expect(page.items.length).to.be.at.most(2);
        seen.push(...page.items.map(({ accessId }) => accessId));
        bookmark = page.bookmark;
      } while (bookmark !== undefined);
      expect(new Set(seen).size).to.equal(5);
      expect(seen).to.have.length(5);
    });
  });
});
