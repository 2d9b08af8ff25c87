import { generatePatientKeys } from '@careledger/crypto/core';
import { expect } from 'chai';
import { KEYS, type Patient } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  TestPatient,
  X25519_KEY,
  enrolled,
  fourHospitals,
  staff,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const officer = staff(ALPHA, 'officer');

async function patientOf(ledger: MemoryLedger, pseudonym: string): Promise<Patient> {
  return (await ledger.evaluate(staff(BRAVO, 'auditor'), 'patients:Get', { pseudonym })) as Patient;
}

/** A point of order 1: one signature by it would verify for many messages. */
const SMALL_ORDER_KEY = Buffer.from([1, ...new Array<number>(31).fill(0)]).toString('base64url');

describe('patients', () => {
  let ledger: MemoryLedger;
  beforeEach(async () => {
    ledger = await fourHospitals();
  });

  it('enrols a patient with an empty grant book, both under the hospital’s endorsement', async () => {
    const patient = new TestPatient(ledger, ALPHA);
    const { response, events, policies } = await ledger.submit(
      officer,
      'patients:Enrol',
      patient.enrolment(),
    );
    expect(response).to.include({
      pseudonym: patient.pseudonym,
      mspId: ALPHA,
      status: 'enrolled',
      keyEpoch: 0,
    });
    expect(events).to.have.length(1);
    const owned = [KEYS.patient, KEYS.grantBook].map(
      (prefix) => `\u0000${prefix}\u0000${patient.pseudonym}\u0000`,
    );
    expect([...policies.keys()]).to.have.members(owned);
  });

  it('rotates keys by the old key, and from then on takes only the new one', async () => {
    const patient = await enrolled(ledger, ALPHA);
    const former = patient.keys;
    const next = generatePatientKeys();
    const keys = { signing: Buffer.from(next.publicKey).toString('base64url'), encryption: X25519_KEY };
    const rotation = patient.sign('patients:RotateKeys', { pseudonym: patient.pseudonym, keys });
    const { policies } = await ledger.submit(staff(BRAVO, 'gateway'), 'patients:RotateKeys', rotation);
    expect(policies.size, 'the policy is not set again while the members are the same').to.equal(0);
    expect(await patientOf(ledger, patient.pseudonym)).to.include({ keyEpoch: 1, status: 'enrolled' });
    const closing = { pseudonym: patient.pseudonym };
    await expectRejections(ledger, 'patients:Close', [
      {
        why: 'the former key',
        code: 'SIGNATURE_INVALID',
        caller: officer,
        argument: patient.sign('patients:Close', closing, { keys: former }),
      },
    ]);
    await ledger.submit(officer, 'patients:Close', patient.sign('patients:Close', closing, { keys: next }));
    expect(await patientOf(ledger, patient.pseudonym)).to.include({ status: 'closed' });
  });

  it('sets the endorsement policy again when the members have changed', async () => {
    const patient = await enrolled(ledger, ALPHA);
    await ledger.submit(staff('DeltaMSP', 'admin'), 'members:Leave', {});
    const closing = patient.sign('patients:Close', { pseudonym: patient.pseudonym });
    const { policies } = await ledger.submit(officer, 'patients:Close', closing);
    expect(policies.size).to.equal(2);
  });

  it('refuses to enrol', async () => {
    const patient = new TestPatient(ledger, ALPHA);
    const argument = patient.enrolment();
    const known = await enrolled(ledger, ALPHA);
    const weak = { ...argument.arguments, keys: { signing: SMALL_ORDER_KEY, encryption: X25519_KEY } };
    await expectRejections(ledger, 'patients:Enrol', [
      ...malformed(officer, argument),
      { why: 'an auditor', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'auditor'), argument },
      { why: 'another hospital', code: 'NOT_OWNER', caller: staff(BRAVO, 'officer'), argument },
      {
        why: 'a hospital that is no member',
        code: 'MEMBER_NOT_ACTIVE',
        caller: staff('EchoMSP', 'officer'),
        argument,
      },
      { why: 'an enrolled patient', code: 'ALREADY_EXISTS', caller: officer, argument: known.enrolment() },
      {
        why: 'a key of small order',
        code: 'SCHEMA_VIOLATION',
        caller: officer,
        argument: patient.sign('patients:Enrol', weak),
      },
      {
        why: 'a signature for another method',
        code: 'SIGNATURE_INVALID',
        caller: officer,
        argument: patient.sign('patients:Close', argument.arguments),
      },
      {
        why: 'a signature by another key',
        code: 'SIGNATURE_INVALID',
        caller: officer,
        argument: patient.sign('patients:Enrol', argument.arguments, { keys: generatePatientKeys() }),
      },
      {
        why: 'a caller inside the signed arguments',
        code: 'CALLER_IN_ARGUMENTS',
        caller: officer,
        argument: { ...argument, arguments: { ...argument.arguments, submitter: 'x' } },
      },
    ]);
  });

  it('refuses to rotate or close', async () => {
    const patient = await enrolled(ledger, ALPHA);
    const { pseudonym } = patient;
    const keys = patient.publicKeys;
    const rotation = patient.sign('patients:RotateKeys', { pseudonym, keys });
    const unknown = patient.sign('patients:RotateKeys', { pseudonym: 'ff'.repeat(16), keys });
    await expectRejections(ledger, 'patients:RotateKeys', [
      ...malformed(officer, rotation),
      {
        why: 'a stranger',
        code: 'MEMBER_NOT_ACTIVE',
        caller: staff('EchoMSP', 'officer'),
        argument: rotation,
      },
      { why: 'an unknown patient', code: 'PATIENT_NOT_FOUND', caller: officer, argument: unknown },
      {
        why: 'other arguments than were signed',
        code: 'SIGNATURE_INVALID',
        caller: officer,
        argument: {
          ...rotation,
          arguments: { pseudonym, keys: { ...keys, encryption: 'DQ'.padEnd(43, 'A') } },
        },
      },
      {
        why: 'another nonce than was signed',
        code: 'SIGNATURE_INVALID',
        caller: officer,
        argument: { ...rotation, nonce: 'A'.repeat(22) },
      },
    ]);
    await ledger.submit(officer, 'patients:RotateKeys', rotation);
    const closing = patient.sign('patients:Close', { pseudonym });
    await expectRejections(ledger, 'patients:RotateKeys', [
      { why: 'a replay', code: 'NONCE_REUSED', caller: officer, argument: rotation },
    ]);
    await ledger.submit(officer, 'patients:Close', closing);
    await expectRejections(ledger, 'patients:Close', [
      ...malformed(officer, closing),
      { why: 'a replay', code: 'NONCE_REUSED', caller: officer, argument: closing },
      {
        why: 'a closed patient',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: officer,
        argument: patient.sign('patients:Close', { pseudonym }),
      },
    ]);
    expect((await ledger.refusal(officer, 'patients:Get', { pseudonym: 'ff'.repeat(16) })).code).to.equal(
      'PATIENT_NOT_FOUND',
    );
  });
});
