import { expect } from 'chai';
import { generatePatientKeys } from '@careledger/crypto/core';
import { KEYS, LIMITS, patientName, type Patient, type Recovery } from '@careledger/protocol';
import { embeddedContracts } from './embedded.js';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  DIGEST,
  TestPatient,
  X25519_KEY,
  enrolled,
  staff,
  vote,
} from './testing/consortium.js';
import { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed, type Rejection } from './testing/rejections.js';
import {
  GRANTEES,
  bookOf,
  sharingHospitals,
  sharingPatient,
  type SharingPatient,
} from './testing/sharing.js';

const opener = staff(BRAVO, 'officer', 'o-b');
const relay = staff(DELTA, 'gateway');

describe('the recovery of a lost key', () => {
  let ledger: MemoryLedger;
  let patient: SharingPatient;
  const found = generatePatientKeys();
  const keys = { signing: Buffer.from(found.publicKey).toString('base64url'), encryption: X25519_KEY };
  beforeEach(async () => {
    ledger = await sharingHospitals();
    patient = await sharingPatient(ledger, { recoverable: true });
  });

  const opening = (changes: object = {}) => ({
    pseudonym: patient.pseudonym,
    keys,
    formDigest: DIGEST,
    ...changes,
  });
  const open = async () =>
    (await ledger.submit(opener, 'identities:OpenRecovery', opening())).response as Recovery;
  const step = ({ recoveryId }: Recovery) => ({ pseudonym: patient.pseudonym, recoveryId });
  const approve = async (recovery: Recovery, ...mspIds: string[]) => {
    for (const mspId of mspIds)
      await ledger.submit(staff(mspId, 'officer'), 'identities:ApproveRecovery', step(recovery));
  };
  const get = async () =>
    (await ledger.evaluate(relay, 'identities:GetRecovery', { pseudonym: patient.pseudonym })) as Recovery;
  const complete = (recovery: Recovery) =>
    ledger.submit(relay, 'identities:CompleteRecovery', step(recovery));

  it('replaces the keys after a majority and the waiting time, and ends all that the lost key granted', async () => {
    const grant = await patient.grantByEdge({ grantee: GRANTEES.bravo });
    const recovery = await open();
    expect(recovery).to.include({ status: 'opened', mspId: ALPHA, patientKeyEpoch: 0 });
    await approve(recovery, ALPHA);
    expect(await get()).to.include({ status: 'opened' });
    await approve(recovery, CHARLIE);
    const before = await ledger.evaluate(relay, 'identities:Get', { name: patientName(patient.pseudonym) });
    expect(before, 'before the completion').to.not.have.property('closedBy');
    const waiting = {
      why: 'before its time',
      code: 'RECOVERY_WAITING',
      caller: relay,
      argument: step(recovery),
    } as const;
    expect(await get()).to.include({ status: 'approved' });
    ledger.advance(LIMITS.recoveryWaitMs - 10_000);
    await expectRejections(ledger, 'identities:CompleteRecovery', [waiting]);
    ledger.advance(10_000);
    const { events } = await complete(recovery);
    expect(events).to.deep.equal([
      {
        event: 'recovery.changed',
        id: recovery.recoveryId,
        pseudonym: patient.pseudonym,
        mspId: ALPHA,
        status: 'completed',
      },
    ]);
    const query = { pseudonym: patient.pseudonym };
    const after = (await ledger.evaluate(relay, 'patients:Get', query)) as Patient;
    expect(after).to.deep.include({ keys, keyEpoch: 1, status: 'enrolled' });
    expect(bookOf(ledger, patient.pseudonym)).to.deep.include({
      grants: [],
      tags: { 'laboratory/normal': { epoch: 1, sharable: true } },
      identityEpoch: 0,
    });
    expect(await ledger.evaluate(relay, 'grants:Get', { ...query, grantId: grant.grantId })).to.include({
      status: 'revoked',
    });
    const key = `\u0000${KEYS.identityEpoch}\u0000${patientName(patient.pseudonym)}\u0000`;
    expect(JSON.parse(Buffer.from(ledger.state.get(key) ?? []).toString())).to.include({
      closedBy: recovery.recoveryId,
    });
    const name = patientName(patient.pseudonym);
    const closed = await ledger.evaluate(relay, 'identities:Get', { name });
    expect(closed, 'while no next epoch is registered').to.include({ closedBy: recovery.recoveryId });
    // What was registered stays as it was, and is told as it was.
    expect(await ledger.evaluate(relay, 'identities:Get', { name, keyEpoch: 0 })).to.not.have.property(
      'closedBy',
    );
    // The lost key is nobody's authority any more.
    const old = { why: 'the lost key', code: 'SIGNATURE_INVALID', caller: relay } as const;
    await expectRejections(ledger, 'patients:Close', [
      { ...old, argument: patient.sign('patients:Close', query) },
    ]);
    await expectRejections(ledger, 'identities:CompleteRecovery', [
      { ...waiting, why: 'a replay', code: 'TRANSITION_NOT_ALLOWED' },
    ]);
  });

  it('is opened by an officer, of a patient who chose to be recoverable', async () => {
    const own = await sharingPatient(ledger);
    const without = await enrolled(ledger, ALPHA);
    const refused = (why: string, code: Rejection['code'], changes: object, caller = opener) => ({
      why,
      code,
      caller,
      argument: opening(changes),
    });
    await expectRejections(ledger, 'identities:OpenRecovery', [
      ...malformed(opener, opening()),
      refused('a clinician', 'ROLE_NOT_ALLOWED', {}, staff(BRAVO, 'clinician')),
      refused('no member', 'MEMBER_NOT_ACTIVE', {}, staff('EchoMSP', 'officer')),
      refused('a patient with an own factor', 'RECOVERY_NOT_POSSIBLE', { pseudonym: own.pseudonym }),
      refused('a patient without an identity', 'IDENTITY_NOT_FOUND', { pseudonym: without.pseudonym }),
      refused('an unknown patient', 'PATIENT_NOT_FOUND', { pseudonym: 'ff'.repeat(16) }),
      refused('the key that is lost', 'SCHEMA_VIOLATION', { keys: patient.publicKeys }),
      refused('a key of small order', 'SCHEMA_VIOLATION', {
        keys: { ...keys, signing: 'AQ'.padEnd(43, 'A') },
      }),
    ]);
    await open();
    await expectRejections(ledger, 'identities:OpenRecovery', [
      refused('a second one', 'ALREADY_EXISTS', {}),
    ]);
    const closing = patient.sign('patients:Close', { pseudonym: patient.pseudonym });
    await ledger.submit(relay, 'patients:Close', closing);
    await expectRejections(ledger, 'identities:OpenRecovery', [
      refused('a closed patient', 'TRANSITION_NOT_ALLOWED', {}),
    ]);
  });

  it('is approved by officers of other members, one of each, and only by members that are active', async () => {
    const recovery = await open();
    const refused = (
      why: string,
      code: Rejection['code'],
      caller: Rejection['caller'],
      changes: object = {},
    ) => ({
      why,
      code,
      caller,
      argument: { ...step(recovery), ...changes },
    });
    const alpha = staff(ALPHA, 'officer');
    await expectRejections(ledger, 'identities:ApproveRecovery', [
      ...malformed(alpha, step(recovery)),
      refused('a clinician', 'ROLE_NOT_ALLOWED', staff(ALPHA, 'clinician')),
      refused('no member', 'MEMBER_NOT_ACTIVE', staff('EchoMSP', 'officer')),
      refused('the opener’s hospital', 'NOT_OWNER', staff(BRAVO, 'officer', 'o-2')),
      refused('another recovery', 'RECOVERY_NOT_FOUND', alpha, { recoveryId: 'ab'.repeat(32) }),
    ]);
    await approve(recovery, ALPHA);
    await expectRejections(ledger, 'identities:ApproveRecovery', [
      refused('a second officer of one member', 'ALREADY_EXISTS', staff(ALPHA, 'officer', 'o-3')),
    ]);
    await vote(ledger, ALPHA, 'suspend');
    await approve(recovery, CHARLIE);
    expect(await get(), 'two of three that are active').to.include({ status: 'approved' });
    const { notBefore } = await get();
    ledger.advance(1_000);
    await approve(recovery, DELTA);
    expect(await get(), 'the wait is not prolonged').to.deep.include({ status: 'approved', notBefore });
    await ledger.submit(opener, 'identities:CancelRecovery', { arguments: step(recovery) });
    await expectRejections(ledger, 'identities:ApproveRecovery', [
      refused('after the end', 'TRANSITION_NOT_ALLOWED', staff(CHARLIE, 'officer', 'o-3')),
    ]);
  });

  it('is cancelled with the old key or by the officer who opened it, at any time before the end', async () => {
    const first = await open();
    const cancel = (recovery: Recovery) => ({ arguments: step(recovery) });
    const signed = (recovery: Recovery, by: TestPatient = patient) =>
      by.sign('identities:CancelRecovery', step(recovery));
    const other = await enrolled(ledger, ALPHA);
    const refused = (why: string, code: Rejection['code'], argument: object, caller = opener) => ({
      why,
      code,
      caller,
      argument,
    });
    await expectRejections(ledger, 'identities:CancelRecovery', [
      ...malformed(opener, cancel(first)),
      refused('another officer', 'NOT_OWNER', cancel(first), staff(BRAVO, 'officer', 'o-2')),
      refused('no member', 'MEMBER_NOT_ACTIVE', cancel(first), staff('EchoMSP', 'officer')),
      refused('another patient’s key', 'SIGNATURE_INVALID', signed(first, other)),
      refused('another recovery', 'RECOVERY_NOT_FOUND', {
        arguments: { ...step(first), recoveryId: 'ab'.repeat(32) },
      }),
    ]);
    await ledger.submit(opener, 'identities:CancelRecovery', cancel(first));
    ledger.advance(LIMITS.recoveryRestMs);
    const second = await open();
    await approve(second, ALPHA, CHARLIE);
    await ledger.submit(relay, 'identities:CancelRecovery', signed(second));
    expect(await get()).to.include({ status: 'cancelled' });
    ledger.advance(LIMITS.recoveryWaitMs);
    await expectRejections(ledger, 'identities:CompleteRecovery', [
      refused('a cancelled one', 'TRANSITION_NOT_ALLOWED', step(second), relay),
    ]);
    await expectRejections(ledger, 'identities:CancelRecovery', [
      refused('a cancelled one', 'TRANSITION_NOT_ALLOWED', cancel(second)),
    ]);
    expect(
      (await ledger.refusal(relay, 'identities:GetRecovery', { pseudonym: other.pseudonym })).code,
    ).to.equal('RECOVERY_NOT_FOUND');
  });

  it('is not completed without a majority, by a stranger, or over a key that was used meanwhile', async () => {
    const recovery = await open();
    const refused = (why: string, code: Rejection['code'], caller = relay) => ({
      why,
      code,
      caller,
      argument: step(recovery),
    });
    ledger.advance(LIMITS.recoveryWaitMs);
    await expectRejections(ledger, 'identities:CompleteRecovery', [
      ...malformed(relay, step(recovery)),
      refused('nobody approved', 'TRANSITION_NOT_ALLOWED'),
    ]);
    await approve(recovery, ALPHA, CHARLIE);
    ledger.advance(LIMITS.recoveryWaitMs);
    await expectRejections(ledger, 'identities:CompleteRecovery', [
      refused('a clinician', 'ROLE_NOT_ALLOWED', staff(BRAVO, 'clinician')),
      refused('no member', 'MEMBER_NOT_ACTIVE', staff('EchoMSP', 'officer')),
    ]);
    const rotation = {
      pseudonym: patient.pseudonym,
      keys: { ...patient.publicKeys, encryption: 'DQ'.padEnd(43, 'A') },
    };
    await ledger.submit(relay, 'patients:RotateKeys', patient.sign('patients:RotateKeys', rotation));
    await expectRejections(ledger, 'identities:CompleteRecovery', [
      refused('a key that is not lost', 'TRANSITION_NOT_ALLOWED'),
    ]);
  });

  it('waits for less only on a ledger that was started so', async () => {
    const quick = new MemoryLedger(embeddedContracts({ recoveryWaitMs: 5 }));
    for (const [key, value] of ledger.state) quick.state.set(key, value);
    quick.setTime(ledger.now);
    ledger = quick;
    const recovery = await open();
    await approve(recovery, ALPHA, CHARLIE);
    ledger.advance(5);
    await complete(recovery);
    expect(await get()).to.include({ status: 'completed' });
  });
});
