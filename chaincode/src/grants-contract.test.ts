import { expect } from 'chai';
import { KEYS, LIMITS, type Page, type PatientGrant } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  enrolled,
  fourHospitals,
  id,
  staff,
  type TestPatient,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const relay = staff(CHARLIE, 'gateway');
const auditor = staff(BRAVO, 'auditor');

describe('grants', () => {
  let ledger: MemoryLedger;
  let patient: TestPatient;
  beforeEach(async () => {
    ledger = await fourHospitals();
    patient = await enrolled(ledger, ALPHA);
  });

  const get = async (grantId: string) =>
    (await ledger.evaluate(auditor, 'grants:Get', { pseudonym: patient.pseudonym, grantId })) as PatientGrant;
  const list = async (argument: object) =>
    (await ledger.evaluate(auditor, 'grants:List', {
      pseudonym: patient.pseudonym,
      ...argument,
    })) as Page<PatientGrant>;
  const sweep = async () =>
    (await ledger.submit(relay, 'grants:Sweep', { pseudonym: patient.pseudonym })).response as {
      expired: string[];
    };

  it('grants by the patient’s signature, whichever hospital relays it', async () => {
    const args = patient.grantArguments();
    const { response, events } = await ledger.submit(
      relay,
      'grants:Grant',
      patient.sign('grants:Grant', args),
    );
    expect(response).to.deep.include({ ...args, status: 'active', basis: 'patient' });
    expect(events).to.deep.equal([
      {
        event: 'grant.changed',
        id: args.grantId,
        pseudonym: patient.pseudonym,
        mspId: ALPHA,
        status: 'active',
      },
    ]);
    expect((await list({ ended: false })).items).to.have.length(1);
  });

  it('revokes: the grant leaves the book and stands as evidence of its own', async () => {
    const grantId = await patient.grant();
    const request = patient.sign('grants:Revoke', { pseudonym: patient.pseudonym, grantId });
    const { response, policies, at } = await ledger.submit(relay, 'grants:Revoke', request);
    expect(response).to.include({ grantId, status: 'revoked', endedAt: at });
    expect(
      [...policies.keys()].filter((key) => key.startsWith(`\u0000${KEYS.endedGrant}\u0000`)),
    ).to.have.length(1);
    expect(await get(grantId)).to.include({ status: 'revoked' });
    expect((await list({ ended: false })).items).to.have.length(0);
    expect((await list({ ended: true })).items).to.have.length(1);
  });

  it('pages through ended grants in the order in which they ended', async () => {
    const ids = [await patient.grant(), await patient.grant(), await patient.grant()];
    for (const grantId of ids) await patient.revoke(grantId);
    const first = await list({ ended: true, pageSize: 2 });
    const second = await list({ ended: true, pageSize: 2, bookmark: first.bookmark });
    expect([...first.items, ...second.items].map(({ grantId }) => grantId)).to.deep.equal(ids);
    expect(second.bookmark).to.equal(undefined);
  });

  it('sweeps what is past, and nothing else', async () => {
    const past = await patient.grant({ notAfter: '2026-12-01T00:00:00.000Z' });
    const live = await patient.grant();
    expect(await sweep()).to.deep.equal({ expired: [] });
    ledger.setTime('2026-12-01T00:00:00.001Z');
    expect(await sweep()).to.deep.equal({ expired: [past] });
    expect(await get(past)).to.include({ status: 'expired' });
    expect(await get(live)).to.include({ status: 'active' });
  });

  it('bounds the live grants, and makes room of what is past', async () => {
    await patient.grant({ notAfter: '2026-12-01T00:00:00.000Z' });
    for (let count = 1; count < LIMITS.liveGrantsPerPatient; count += 1) await patient.grant();
    const request = patient.sign('grants:Grant', patient.grantArguments());
    await expectRejections(ledger, 'grants:Grant', [
      { why: 'a full book', code: 'LIMIT_EXCEEDED', caller: relay, argument: request },
    ]);
    ledger.setTime('2026-12-02T00:00:00.000Z');
    await ledger.submit(relay, 'grants:Grant', request);
    expect((await list({ ended: true })).items).to.have.length(1);
  });

  it('refuses to grant', async () => {
    const signed = (changes: object) => patient.sign('grants:Grant', patient.grantArguments(changes));
    const argument = signed({});
    const revoked = await patient.grant();
    await patient.revoke(revoked);
    const live = await patient.grant();
    const used = signed({});
    await ledger.submit(relay, 'grants:Grant', used);
    const refused = (
      why: string,
      code: Parameters<typeof expectRejections>[2][0]['code'],
      changes: object,
    ) => ({
      why,
      code,
      caller: relay,
      argument: signed(changes),
    });
    await expectRejections(ledger, 'grants:Grant', [
      ...malformed(relay, argument),
      {
        why: 'a relay that is no member',
        code: 'MEMBER_NOT_ACTIVE',
        caller: staff('EchoMSP', 'gateway'),
        argument,
      },
      { why: 'a replay', code: 'NONCE_REUSED', caller: relay, argument: used },
      {
        why: 'other arguments than were signed',
        code: 'SIGNATURE_INVALID',
        caller: relay,
        argument: {
          ...argument,
          arguments: { ...argument.arguments, grantee: { kind: 'member', mspId: CHARLIE } },
        },
      },
      {
        why: 'a signature for a revocation',
        code: 'SIGNATURE_INVALID',
        caller: relay,
        argument: patient.sign('grants:Revoke', patient.grantArguments()),
      },
      refused('an unknown patient', 'PATIENT_NOT_FOUND', { pseudonym: 'ff'.repeat(16) }),
      refused('a live id', 'ALREADY_EXISTS', { grantId: live }),
      refused('the id of an ended grant', 'ALREADY_EXISTS', { grantId: revoked }),
      refused('an empty period', 'SCHEMA_VIOLATION', { notBefore: '2027-11-01T00:00:00.000Z' }),
      refused('a past period', 'SCHEMA_VIOLATION', {
        notBefore: '2025-01-01T00:00:00.000Z',
        notAfter: '2025-02-01T00:00:00.000Z',
      }),
      refused('a day that does not exist', 'SCHEMA_VIOLATION', { notAfter: '2027-02-30T00:00:00.000Z' }),
      refused('too long', 'LIMIT_EXCEEDED', { notAfter: '2099-01-01T00:00:00.000Z' }),
      refused('a grantee that is no member', 'MEMBER_NOT_ACTIVE', {
        grantee: { kind: 'member', mspId: 'EchoMSP' },
      }),
      refused('onward hops', 'SCHEMA_VIOLATION', { maxHops: 1 }),
      refused('a grantee without a person', 'SCHEMA_VIOLATION', {
        grantee: { kind: 'person', mspId: BRAVO },
      }),
    ]);
    const closing = patient.sign('patients:Close', { pseudonym: patient.pseudonym });
    await ledger.submit(relay, 'patients:Close', closing);
    await expectRejections(ledger, 'grants:Grant', [
      refused('a closed patient', 'TRANSITION_NOT_ALLOWED', {}),
    ]);
    await patient.revoke(live);
    expect(await get(live)).to.include({ status: 'revoked' });
  });

  it('refuses to revoke or sweep', async () => {
    const grantId = await patient.grant();
    const { pseudonym } = patient;
    const argument = patient.sign('grants:Revoke', { pseudonym, grantId });
    const other = await enrolled(ledger, ALPHA);
    await expectRejections(ledger, 'grants:Revoke', [
      ...malformed(relay, argument),
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'gateway'), argument },
      {
        why: 'an unknown grant',
        code: 'GRANT_NOT_FOUND',
        caller: relay,
        argument: patient.sign('grants:Revoke', { pseudonym, grantId: id() }),
      },
      {
        why: 'another patient’s key',
        code: 'SIGNATURE_INVALID',
        caller: relay,
        argument: other.sign('grants:Revoke', { pseudonym, grantId }),
      },
    ]);
    await ledger.submit(relay, 'grants:Revoke', argument);
    await expectRejections(ledger, 'grants:Revoke', [
      { why: 'a replay', code: 'NONCE_REUSED', caller: relay, argument },
      {
        why: 'a revoked grant',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: relay,
        argument: patient.sign('grants:Revoke', { pseudonym, grantId }),
      },
    ]);
    await expectRejections(ledger, 'grants:Sweep', [
      ...malformed(relay, { pseudonym }),
      {
        why: 'an unknown patient',
        code: 'PATIENT_NOT_FOUND',
        caller: relay,
        argument: { pseudonym: 'ff'.repeat(16) },
      },
      {
        why: 'no member',
        code: 'MEMBER_NOT_ACTIVE',
        caller: staff('EchoMSP', 'gateway'),
        argument: { pseudonym },
      },
    ]);
    expect((await ledger.refusal(auditor, 'grants:Get', { pseudonym, grantId: id() })).code).to.equal(
      'GRANT_NOT_FOUND',
    );
  });
});
