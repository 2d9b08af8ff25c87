import { expect } from 'chai';
import {} from '@careledger/protocol';
import {
  ALPHA,
  CHARLIE,
  X25519_KEY,
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

const officer = staff(ALPHA, 'officer');
const SUSPEND = { kind: 'suspend-requester', denials: 3, withinMs: 3_600_000 } as const;

describe('standing instructions of a hospital', () => {
  let ledger: MemoryLedger;
  let patient: TestPatient;
  let ids: string[];
  beforeEach(async () => {
    ledger = await fourHospitals();
    patient = await enrolled(ledger, ALPHA);
    ids = await anchored(ledger, ALPHA, [record(patient.pseudonym), record(patient.pseudonym)]);
  });

  describe('suspend-requester', () => {
    const curious = staff(CHARLIE, 'clinician', 'dr-curious');
    const requester = { mspId: CHARLIE, enrolmentId: 'dr-curious' };
    const set = async (rule: object = SUSPEND) => {
      const argument = { instructionId: id(), rule };
      await ledger.submit(officer, 'instructions:SetForMember', argument);
      return argument.instructionId;
    };
    const reason = async () => (await open(ledger, curious, ids)).decisions[0]?.reason;
    const suspension = () =>
      ledger.evaluate(officer, 'instructions:GetSuspension', { ownerMspId: ALPHA, requester });

    it('suspends after so many denials, counting a transaction once', async () => {
      const instructionId = await set();
      for (let count = 0; count < 3; count += 1) expect(await reason()).to.equal('NO_GRANT');
      expect(await suspension()).to.deep.include({ instructionId, denials: 3, ownerMspId: ALPHA, requester });
      expect(await reason()).to.equal('REQUESTER_SUSPENDED');
      await patient.grant({ grantee: { kind: 'member', mspId: CHARLIE } });
      expect(await reason()).to.equal('REQUESTER_SUSPENDED');
      expect((await open(ledger, staff(CHARLIE, 'clinician', 'dr-other'), ids)).decisions[0]).to.include({
        outcome: 'grant',
      });
    });

    it('forgets denials that are older than the rule’s time', async () => {
      await set();
      for (let count = 0; count < 4; count += 1) {
        expect(await reason()).to.equal('NO_GRANT');
        ledger.advance(2_000_000);
      }
      expect(await reason()).to.equal('NO_GRANT');
    });

    it('starts anew when it was lifted', async () => {
      await set();
      for (let count = 0; count < 4; count += 1) await reason();
      await ledger.submit(officer, 'instructions:LiftSuspension', { requester });
      expect(await reason()).to.equal('NO_GRANT');
      expect(await reason()).to.equal('NO_GRANT');
      expect(await reason()).to.equal('NO_GRANT');
      expect(await reason()).to.equal('REQUESTER_SUSPENDED');
    });

    it('scans nothing where there is no such rule', async () => {
      const argument = { recordIds: ids, purpose: 'treatment', recipientKey: X25519_KEY };
      expect((await ledger.submit(curious, 'access:Open', argument)).ranges.size).to.equal(0);
      const instructionId = await set();
      expect((await ledger.submit(curious, 'access:Open', argument)).ranges.size).to.equal(1);
      await ledger.submit(officer, 'instructions:RetireForMember', { instructionId });
      expect((await ledger.submit(curious, 'access:Open', argument)).ranges.size).to.equal(0);
    });

    it('refuses to lift what is not there, or for those who may not', async () => {
      await expectRejections(ledger, 'instructions:LiftSuspension', [
        ...malformed(officer, { requester: 1 }).slice(0, 1),
        { why: 'not suspended', code: 'SUSPENSION_NOT_FOUND', caller: officer, argument: { requester } },
        {
          why: 'a clinician',
          code: 'ROLE_NOT_ALLOWED',
          caller: staff(ALPHA, 'clinician'),
          argument: { requester },
        },
      ]);
      await set({ ...SUSPEND, denials: 1 });
      await reason();
      await expectRejections(ledger, 'instructions:LiftSuspension', [
        {
          why: 'the requester’s hospital',
          code: 'SUSPENSION_NOT_FOUND',
          caller: staff(CHARLIE, 'officer'),
          argument: { requester },
        },
        {
          why: 'no member',
          code: 'MEMBER_NOT_ACTIVE',
          caller: staff('EchoMSP', 'officer'),
          argument: { requester },
        },
      ]);
      await ledger.submit(officer, 'instructions:LiftSuspension', { requester });
      const again = await ledger.refusal(officer, 'instructions:GetSuspension', {
        ownerMspId: ALPHA,
        requester,
      });
      expect(again.code).to.equal('SUSPENSION_NOT_FOUND');
    });
  });
});
