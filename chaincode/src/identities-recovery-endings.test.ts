import { expect } from 'chai';
import { generatePatientKeys } from '@careledger/crypto/core';
import { LIMITS, type AccessDecision, type PatientInstruction, type Recovery } from '@careledger/protocol';
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
  open as openRecords,
  record,
  staff,
  vote,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed, type Rejection } from './testing/rejections.js';
import { clinicianOf, sharingHospitals, sharingPatient, type SharingPatient } from './testing/sharing.js';

const relay = staff(DELTA, 'gateway');
const officer = (mspId: string) => staff(mspId, 'officer');

describe('the end of a recovery, and who is told of it', () => {
  let ledger: MemoryLedger;
  let patient: SharingPatient;
  beforeEach(async () => {
    ledger = await sharingHospitals();
    patient = await sharingPatient(ledger, { recoverable: true });
  });

  const opening = () => ({
    pseudonym: patient.pseudonym,
    keys: {
      signing: Buffer.from(generatePatientKeys().publicKey).toString('base64url'),
      encryption: X25519_KEY,
    },
    formDigest: DIGEST,
  });
  const open = async (mspId: string) =>
    (await ledger.submit(officer(mspId), 'identities:OpenRecovery', opening())).response as Recovery;
  const step = ({ recoveryId }: Recovery) => ({ pseudonym: patient.pseudonym, recoveryId });
  const say = async (method: 'Approve' | 'Refuse', recovery: Recovery, ...mspIds: string[]) => {
    for (const mspId of mspIds)
      await ledger.submit(officer(mspId), `identities:${method}Recovery`, step(recovery));
  };
  const cancel = (recovery: Recovery, mspId: string) =>
    ledger.submit(officer(mspId), 'identities:CancelRecovery', { arguments: step(recovery) });
  const complete = (recovery: Recovery) =>
    ledger.submit(relay, 'identities:CompleteRecovery', step(recovery));
  const get = async () =>
    (await ledger.evaluate(relay, 'identities:GetRecovery', { pseudonym: patient.pseudonym })) as Recovery;
  const refused = (
    why: string,
    code: Rejection['code'],
    caller: Rejection['caller'],
    argument: object,
  ): Rejection => ({
    why,
    code,
    caller,
    argument,
  });
  const notCompleted = (recovery: Recovery, why: string) =>
    expectRejections(ledger, 'identities:CompleteRecovery', [
      refused(why, 'TRANSITION_NOT_ALLOWED', relay, step(recovery)),
    ]);

  it('comes by itself when no majority agrees in time; then another hospital opens one', async () => {
    const left = await open(DELTA);
    await say('Approve', left, BRAVO);
    ledger.advance(LIMITS.recoveryAnswerMs - 10_000);
    expect(await get()).to.include({ status: 'opened' });
    await expectRejections(ledger, 'identities:OpenRecovery', [
      refused('while one is open', 'ALREADY_EXISTS', officer(ALPHA), opening()),
    ]);
    ledger.advance(20_000);
    expect(await get()).to.include({ status: 'lapsed', endedAt: left.endsAt });
    await expectRejections(ledger, 'identities:ApproveRecovery', [
      refused('after its time', 'TRANSITION_NOT_ALLOWED', officer(CHARLIE), step(left)),
    ]);
    await expectRejections(ledger, 'identities:OpenRecovery', [
      refused('the hospital whose recovery lapsed', 'RECOVERY_TOO_SOON', officer(DELTA), opening()),
    ]);
    const next = await open(ALPHA);
    expect(next.resting.map(({ mspId }) => mspId)).to.deep.equal([DELTA]);
    await say('Approve', next, BRAVO, CHARLIE);
    ledger.advance(LIMITS.recoveryWaitMs);
    await complete(next);
    expect(await get()).to.include({ status: 'completed' });
    await open(ALPHA);
  });

  it('comes by itself when nobody completes it after the waiting time', async () => {
    const recovery = await open(BRAVO);
    await say('Approve', recovery, ALPHA, CHARLIE);
    ledger.advance(LIMITS.recoveryWaitMs + LIMITS.recoveryCompletionMs - 10_000);
    const inTime = ledger.fork();
    ledger.advance(20_000);
    await notCompleted(recovery, 'after its time');
    expect(await get()).to.include({ status: 'lapsed' });
    await open(ALPHA);
    ledger = inTime;
    await complete(recovery);
    expect(await get()).to.include({ status: 'completed' });
  });

  it('is brought about by the patient’s hospital, and whose recovery it was waits before the next', async () => {
    const bogus = await open(DELTA);
    const argument = { arguments: step(bogus) };
    await expectRejections(ledger, 'identities:CancelRecovery', [
      refused('an officer elsewhere', 'NOT_OWNER', officer(CHARLIE), argument),
      refused('a clinician of the hospital', 'ROLE_NOT_ALLOWED', staff(ALPHA, 'clinician'), argument),
    ]);
    await cancel(bogus, ALPHA);
    expect(await get()).to.include({ status: 'cancelled' });
    const again = refused('at once', 'RECOVERY_TOO_SOON', officer(DELTA), opening());
    await expectRejections(ledger, 'identities:OpenRecovery', [again]);
    await cancel(await open(CHARLIE), ALPHA);
    ledger.advance(LIMITS.recoveryRestMs - 20_000);
    await expectRejections(ledger, 'identities:OpenRecovery', [
      { ...again, why: 'after another hospital’s' },
      { ...again, why: 'the other hospital', caller: officer(CHARLIE) },
    ]);
    ledger.advance(20_000);
    expect((await open(DELTA)).resting).to.deep.equal([]);
  });

  it('is brought about by as many refusals as leave no majority, and by no fewer', async () => {
    const recovery = await open(BRAVO);
    await say('Refuse', recovery, DELTA);
    expect(await get()).to.include({ status: 'opened' });
    const before = ledger;
    ledger = before.fork();
    await say('Approve', recovery, ALPHA, CHARLIE);
    ledger.advance(LIMITS.recoveryWaitMs);
    await complete(recovery);
    ledger = before;
    const again = (why: string, code: Rejection['code'], caller: Rejection['caller']) =>
      refused(why, code, caller, step(recovery));
    await expectRejections(ledger, 'identities:RefuseRecovery', [
      ...malformed(officer(CHARLIE), step(recovery)),
      again('a clinician', 'ROLE_NOT_ALLOWED', staff(CHARLIE, 'clinician')),
      again('no member', 'MEMBER_NOT_ACTIVE', officer('EchoMSP')),
      again('a second refusal of one member', 'ALREADY_EXISTS', staff(DELTA, 'officer', 'o-3')),
      refused('another recovery', 'RECOVERY_NOT_FOUND', officer(CHARLIE), {
        ...step(recovery),
        recoveryId: 'ab'.repeat(32),
      }),
    ]);
    await expectRejections(ledger, 'identities:ApproveRecovery', [
      again('a member that refused', 'ALREADY_EXISTS', officer(DELTA)),
    ]);
    await say('Refuse', recovery, CHARLIE);
    expect(await get()).to.include({ status: 'refused' });
    await expectRejections(ledger, 'identities:ApproveRecovery', [
      again('after the end', 'TRANSITION_NOT_ALLOWED', officer(ALPHA)),
    ]);
    await open(ALPHA);
  });

  it('is not its completion while those that agreed and did not refuse since are no majority', async () => {
    const recovery = await open(BRAVO);
    await say('Approve', recovery, ALPHA, CHARLIE);
    const { notBefore } = await get();
    await say('Refuse', recovery, CHARLIE);
    ledger.advance(LIMITS.recoveryWaitMs);
    await notCompleted(recovery, 'two of four');
    await say('Approve', recovery, DELTA);
    expect(await get()).to.deep.include({ status: 'approved', notBefore });
    await complete(recovery);
  });

  it('is not its completion while those that agreed and are active are no majority', async () => {
    const recovery = await open(BRAVO);
    await say('Approve', recovery, CHARLIE, DELTA);
    ledger.advance(LIMITS.recoveryWaitMs);
    await vote(ledger, BRAVO, 'suspend');
    const twoOfThree = ledger.fork();
    for (const voter of [ALPHA, DELTA])
      await ledger.submit(staff(voter, 'admin'), 'members:Vote', { mspId: CHARLIE, vote: 'suspend' });
    await notCompleted(recovery, 'one of two');
    await say('Approve', recovery, ALPHA);
    await complete(recovery);
    ledger = twoOfThree;
    await complete(recovery);
  });

  it('and every step before it are among the patient’s notices, and no other patient’s', async () => {
    const { pseudonym } = patient;
    const other = await enrolled(ledger, ALPHA);
    const told = async (of: string) => {
      const page = await ledger.evaluate(relay, 'emergencies:Notices', { pseudonym: of });
      return (page as { items: { kind: string; caseId: string; status: string; mspId?: string }[] }).items;
    };
    expect(await told(pseudonym)).to.deep.equal([]);
    const recovery = await open(BRAVO);
    await say('Refuse', recovery, DELTA);
    await say('Approve', recovery, ALPHA, CHARLIE);
    ledger.advance(LIMITS.recoveryWaitMs);
    await complete(recovery);
    const cancelled = await open(CHARLIE);
    await ledger.submit(officer(ALPHA), 'identities:CancelRecovery', { arguments: step(cancelled) });
    const notices = await told(pseudonym);
    expect(notices.every(({ kind }) => kind === 'recovery')).to.equal(true);
    const said = notices.map(({ caseId, status, mspId }) => [caseId, status, mspId]);
    expect(said).to.have.deep.members([
      [recovery.recoveryId, 'opened', BRAVO],
      [recovery.recoveryId, 'opened', DELTA],
      [recovery.recoveryId, 'opened', ALPHA],
      [recovery.recoveryId, 'approved', CHARLIE],
      [recovery.recoveryId, 'completed', DELTA],
      [cancelled.recoveryId, 'opened', CHARLIE],
      [cancelled.recoveryId, 'cancelled', ALPHA],
    ]);
    expect(await told(other.pseudonym)).to.deep.equal([]);
  });

  it('as its completion retires by what instructions the replaced key let others read', async () => {
    const sharing = { headerCid: CID, handle: DIGEST, sensitivity: 'normal', tagEpoch: 0, keyEpoch: 0 };
    const [recordId = ''] = await anchored(ledger, ALPHA, [
      record(patient.pseudonym, { headerVersion: 2, erasureLeaf: 0, sharing }),
    ]);
    const decision = async (): Promise<AccessDecision | undefined> =>
      (await openRecords(ledger, clinicianOf(CHARLIE), [recordId])).decisions[0];
    await patient.instruct({
      ...{ kind: 'auto-grant', purpose: 'treatment', role: 'clinician' },
      ...{ recordTypes: ['laboratory'], validForMs: 31_536_000_000 },
    });
    await patient.instruct({ kind: 'break-glass', secondWithinMs: 3_600_000 });
    await patient.instruct({ kind: 'expire-grant', afterOpenings: 5 });
    const recovery = await open(BRAVO);
    await say('Approve', recovery, ALPHA, CHARLIE);
    ledger.advance(LIMITS.recoveryWaitMs);
    expect(await decision(), 'before the completion').to.include({ outcome: 'grant' });
    await complete(recovery);
    expect(await decision()).to.include({ outcome: 'deny' });
    const listed = await ledger.evaluate(relay, 'instructions:List', { owner: patient.pseudonym });
    const { items } = listed as { items: PatientInstruction[] };
    expect(items.map(({ rule, status }) => `${rule.kind} ${status}`)).to.have.members([
      'expire-grant active',
      'auto-grant retired',
      'break-glass retired',
    ]);
  });
});
