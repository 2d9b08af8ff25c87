import { expect } from 'chai';
import { type AccessWithReceipt, type Receipt } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
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
const HOUR_MS = 3_600_000;

describe('receipts of openings', () => {
  let ledger: MemoryLedger;
  let patient: TestPatient;
  let recordId: string;
  beforeEach(async () => {
    ledger = await fourHospitals();
    patient = await enrolled(ledger, ALPHA);
    [recordId = ''] = await anchored(ledger, ALPHA, [record(patient.pseudonym)]);
  });

  const get = async (accessId: string) =>
    (await ledger.evaluate(auditor, 'access:Get', { accessId })) as AccessWithReceipt;

  describe('receipts', () => {
    let accessId: string;
    beforeEach(async () => {
      await patient.grant({ receiptDueWithinMs: HOUR_MS });
      const access = await open(ledger, clinician, [recordId]);
      expect(access.decisions[0]?.receiptDueBy).to.equal(
        new Date(Date.parse(access.at) + HOUR_MS).toISOString(),
      );
      accessId = access.accessId;
    });
    const post = async () =>
      (await ledger.submit(clinician, 'access:PostReceipt', { accessId, operation: 'view' }))
        .response as Receipt;
    const sweep = async () =>
      (await ledger.submit(auditor, 'access:SweepReceipts', {})).response as { overdue: string[] };

    it('is due, then posted, and the sweep passes it by', async () => {
      expect((await get(accessId)).receipt).to.include({ status: 'due' });
      expect(await post()).to.include({ status: 'posted', operation: 'view' });
      ledger.advance(2 * HOUR_MS);
      expect(await sweep()).to.deep.equal({ overdue: [] });
      expect((await get(accessId)).receipt).to.include({ status: 'posted' });
    });

    it('is overdue after a sweep, and then posted late', async () => {
      expect(await sweep()).to.deep.equal({ overdue: [] });
      ledger.advance(2 * HOUR_MS);
      expect(await sweep()).to.deep.equal({ overdue: [accessId] });
      expect((await get(accessId)).receipt).to.include({ status: 'overdue' });
      expect(await sweep()).to.deep.equal({ overdue: [] });
      expect(await post()).to.include({ status: 'posted-late' });
    });

    it('is late even if nobody has swept', async () => {
      ledger.advance(2 * HOUR_MS);
      expect(await post()).to.include({ status: 'posted-late' });
      expect(await sweep()).to.deep.equal({ overdue: [] });
    });

    it('can be posted where none was required', async () => {
      const own = staff(ALPHA, 'clinician');
      const access = await open(ledger, own, [recordId]);
      const { response } = await ledger.submit(own, 'access:PostReceipt', {
        accessId: access.accessId,
        operation: 'import',
      });
      expect(response).to.include({ status: 'posted' });
    });

    it('refuses', async () => {
      const argument = { accessId, operation: 'view' };
      const denied = await open(ledger, staff(CHARLIE, 'clinician'), [recordId]);
      await expectRejections(ledger, 'access:PostReceipt', [
        ...malformed(clinician, argument),
        { why: 'a colleague', code: 'NOT_OWNER', caller: staff(BRAVO, 'clinician', 'dr-2'), argument },
        {
          why: 'the same id elsewhere',
          code: 'NOT_OWNER',
          caller: staff(CHARLIE, 'clinician', 'dr-1'),
          argument,
        },
        {
          why: 'no member',
          code: 'MEMBER_NOT_ACTIVE',
          caller: staff('EchoMSP', 'clinician', 'dr-1'),
          argument,
        },
        {
          why: 'an unknown access',
          code: 'ACCESS_NOT_FOUND',
          caller: clinician,
          argument: { ...argument, accessId: 'ff'.repeat(32) },
        },
        {
          why: 'nothing granted',
          code: 'TRANSITION_NOT_ALLOWED',
          caller: staff(CHARLIE, 'clinician'),
          argument: { ...argument, accessId: denied.accessId },
        },
      ]);
      await post();
      await expectRejections(ledger, 'access:PostReceipt', [
        { why: 'a second time', code: 'ALREADY_EXISTS', caller: clinician, argument },
      ]);
      await expectRejections(ledger, 'access:SweepReceipts', [
        ...malformed(clinician, {}),
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'gateway'), argument: {} },
      ]);
      expect((await ledger.refusal(auditor, 'access:Get', { accessId: 'ff'.repeat(32) })).code).to.equal(
        'ACCESS_NOT_FOUND',
      );
    });
  });
});
