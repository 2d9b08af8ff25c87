import { expect } from 'chai';
import { DENY_REASONS } from '@careledger/protocol';
import { REQUESTERS_DOING } from './opening/denials.js';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  CID,
  DELTA,
  DIGEST,
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
import { GRANTEES, clinicianOf, sharingHospitals, sharingPatient } from './testing/sharing.js';

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

    it('counts what the requester does, and nothing that others did or have yet to do', async () => {
      const ofOthers = DENY_REASONS.filter((each) => !REQUESTERS_DOING[each]);
      expect(ofOthers).to.have.members([
        ...['MEMBER_NOT_ACTIVE', 'REQUESTER_SUSPENDED', 'PATIENT_CLOSED', 'RECORD_ERASED'],
        ...['GRANT_USED_UP', 'TAG_NOT_SHARABLE', 'PARENT_ENDED', 'GRANT_EPOCH_STALE', 'RESEAL_PENDING'],
      ]);
      await set({ ...SUSPEND, denials: 1 });
      for (const recordId of ids)
        await ledger.submit(officer, 'records:Erase', { recordId, reason: 'on request' });
      for (let count = 0; count < 2; count += 1) expect(await reason()).to.equal('RECORD_ERASED');
      const code = 'SUSPENSION_NOT_FOUND';
      const of = { ownerMspId: ALPHA, requester };
      expect((await ledger.refusal(officer, 'instructions:GetSuspension', of)).code).to.equal(code);
    });

    it('suspends nobody whose grant waits for edges because another hospital ended a forward', async () => {
      const sharing = await sharingHospitals();
      const owner = await sharingPatient(sharing);
      const rule = { ...SUSPEND, denials: 1 };
      await sharing.submit(officer, 'instructions:SetForMember', { instructionId: id(), rule });
      const ofSharing = { headerCid: CID, handle: DIGEST, sensitivity: 'normal', tagEpoch: 0, keyEpoch: 0 };
      const anchoring = { headerVersion: 2, erasureLeaf: 0, sharing: ofSharing };
      const recordIds = await anchored(sharing, ALPHA, [record(owner.pseudonym, anchoring)]);
      await owner.grantByEdge({ grantee: GRANTEES.bravo });
      const root = await owner.grantByEdge({ grantee: GRANTEES.charlie, maxHops: 1 });
      const { grantId } = await owner.forward(root, { grantee: GRANTEES.delta });
      const ending = { pseudonym: owner.pseudonym, grantId };
      await sharing.submit(clinicianOf(CHARLIE), 'grants:EndForward', ending);
      const honest = clinicianOf(BRAVO);
      for (let count = 0; count < 2; count += 1)
        expect((await open(sharing, honest, recordIds)).decisions[0]).to.include({
          reason: 'GRANT_EPOCH_STALE',
        });
      const stranger = clinicianOf(DELTA);
      expect((await open(sharing, stranger, recordIds)).decisions[0]).to.include({ reason: 'NO_GRANT' });
      expect((await open(sharing, stranger, recordIds)).decisions[0]).to.include({
        reason: 'REQUESTER_SUSPENDED',
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
