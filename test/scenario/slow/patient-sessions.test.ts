import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { PatientGrant } from '@careledger/protocol';
import { startTestConsortium, type TestConsortium } from '../support/consortium.js';
import { grantTo, type TestPatient } from '../support/patient.js';
import type { Person } from '../support/people.js';
import { enrolPatient, makeWorld, mustBe, recordIdsOf, type World } from '../support/world.js';

describe('scenario: a patient’s own session', function () {
  this.timeout(60_000);

  let consortium: TestConsortium;
  let world: World;
  let other: TestPatient;
  let self: Person;

  const sessionBody = (patient: TestPatient, mspId = 'Hospital1MSP') =>
    patient.sign('sessions:Open', { pseudonym: patient.pseudonym, mspId, at: new Date().toISOString() });

  before(async () => {
    consortium = await startTestConsortium();
    world = await makeWorld(consortium);
    other = await enrolPatient(consortium, world.officer);
    const session = mustBe(
      201,
      await consortium.as(1, '').post('/v1/patient-sessions', sessionBody(world.patient)),
    );
    self = consortium.as(1, String(session.body['token']));
  });
  after(async () => {
    await consortium.stop();
  });

  it('is opened by the pseudonym’s key, once, and by nobody else’s', async () => {
    const nobody = consortium.as(1, '');
    const body = sessionBody(world.patient);
    mustBe(201, await nobody.post('/v1/patient-sessions', body));
    expect((await nobody.post('/v1/patient-sessions', body)).body.code).to.equal('NONCE_REUSED');
    const { signature } = other.sign('sessions:Open', body.arguments);
    const forged = await nobody.post('/v1/patient-sessions', { ...body, signature });
    expect(forged.body.code).to.equal('SIGNATURE_INVALID');
    const elsewhere = await consortium
      .as(2, '')
      .post('/v1/patient-sessions', sessionBody(world.patient, 'Hospital2MSP'));
    expect(elsewhere.body.code).to.equal('NOT_OWNER');
  });

  it('reads and signs for its own pseudonym', async () => {
    const { patient } = world;
    mustBe(200, await self.get(`/v1/patients/${patient.pseudonym}`));
    mustBe(200, await self.get('/v1/members'));
    const records = await self.get(`/v1/records?by=patient&value=${patient.pseudonym}`);
    mustBe(200, records);
    const grant = grantTo(patient, 'Hospital3MSP', ['imaging']);
    mustBe(201, await self.post('/v1/grants', patient.sign('grants:Grant', grant)));
    const { pseudonym } = patient;
    const revocation = patient.sign('grants:Revoke', { pseudonym, grantId: grant.grantId });
    mustBe(200, await self.post('/v1/grants/revocations', revocation));
  });

  it('does nothing for another pseudonym, and nothing that is staff’s', async () => {
    const refused = async (answer: Promise<{ status: number; body: { code?: string } }>, code: string) => {
      const { status, body } = await answer;
      expect([status, body.code]).to.deep.equal([403, code]);
    };
    const { pseudonym } = other;
    await refused(self.get(`/v1/patients/${pseudonym}`), 'NOT_OWNER');
    await refused(self.get(`/v1/patients/${pseudonym}/log`), 'NOT_OWNER');
    await refused(self.get(`/v1/patients/${pseudonym}/grants`), 'NOT_OWNER');
    await refused(self.get(`/v1/records?by=patient&value=${pseudonym}`), 'NOT_OWNER');
    await refused(self.get('/v1/records?by=hospital&value=Hospital1MSP'), 'NOT_OWNER');
    const grant = other.sign('grants:Grant', grantTo(other, 'Hospital3MSP', ['imaging']));
    await refused(self.post('/v1/grants', grant), 'NOT_OWNER');
    await refused(self.get('/v1/access?by=time'), 'ROLE_NOT_ALLOWED');
    await refused(self.post('/v1/staff', { enrolmentId: 'x', role: 'admin' }), 'ROLE_NOT_ALLOWED');
    const opening = { recordIds: [`${'0'.repeat(32)}.0`], purpose: 'treatment' };
    await refused(self.post('/v1/openings', opening), 'ROLE_NOT_ALLOWED');
    const token = self.token;
    const answer = await consortium.as(2, token).get(`/v1/patients/${world.patient.pseudonym}`);
    expect(answer.body.code).to.equal('TOKEN_WRONG_HOSPITAL');
  });

  it('reads the whole log: grants, openings and denials with receipts, of this patient only', async () => {
    const [recordId] = recordIdsOf(await world.put(['creatinine 80 µmol/L']));
    const opened = mustBe(201, await world.open([recordId!]));
    const accessId = String(opened.body['accessId']);
    mustBe(201, await world.clinician.post(`/v1/openings/${accessId}/receipt`, { operation: 'print' }));
    const stranger = await consortium.person(4, 'clinician');
    await stranger.post('/v1/openings', { recordIds: [recordId!], purpose: 'treatment' });
    const path = `/v1/patients/${world.patient.pseudonym}/log`;
    const { body } = mustBe(200, await self.get(path));
    const grants = body['grants'] as { grant: PatientGrant; forwards: unknown[] }[];
    expect(grants.map(({ grant }) => grant.status).sort()).to.deep.equal(['active', 'revoked']);
    const accesses = body['accesses'] as {
      accessId: string;
      decisions: { outcome: string; pseudonym: string }[];
      receipt?: { operation: string };
    }[];
    expect(accesses.map(({ decisions }) => decisions[0]?.outcome).sort()).to.deep.equal(['deny', 'grant']);
    expect(accesses.find((access) => access.accessId === accessId)?.receipt?.operation).to.equal('print');
    const page = mustBe(200, await self.get(`${path}?pageSize=1`)).body;
    expect(page['accesses']).to.have.lengthOf(1);
    const { accesses: bookmark } = page['next'] as { accesses: string };
    const second = await self.get(`${path}?pageSize=1&accessesAfter=${encodeURIComponent(bookmark)}`);
    expect(mustBe(200, second).body['accesses']).to.have.lengthOf(1);
  });

  it('shows the log to the patient’s own hospital’s office and to auditors, and to no other hospital', async () => {
    const path = `/v1/patients/${world.patient.pseudonym}/log`;
    mustBe(200, await world.officer.get(path));
    mustBe(200, await (await consortium.person(4, 'auditor')).get(path));
    expect((await (await consortium.person(2, 'officer')).get(path)).body.code).to.equal('NOT_OWNER');
    expect((await world.clinician.get(path)).body.code).to.equal('ROLE_NOT_ALLOWED');
  });

  it('turns a FHIR Consent into terms and a grant into a FHIR Consent', async () => {
    const { patient } = world;
    const grant = grantTo(patient, 'Hospital3MSP', ['imaging']);
    mustBe(201, await self.post('/v1/grants', patient.sign('grants:Grant', grant)));
    const path = `/v1/fhir/Consent/${grant.grantId}?pseudonym=${patient.pseudonym}`;
    const consent = mustBe(200, await self.get(path));
    expect(consent.contentType).to.contain('application/fhir+json');
    const text = JSON.stringify(consent.body);
    const terms = mustBe(200, await self.send('/v1/fhir/Consent', text, 'application/fhir+json'));
    expect(terms.body).to.deep.include({ grantId: grant.grantId, recordTypes: ['imaging'] });
    const changed = JSON.stringify({ ...consent.body, dateTimes: [randomBytes(4).toString('hex')] });
    const refused = await self.send('/v1/fhir/Consent', changed, 'application/fhir+json');
    expect(refused.status).to.equal(422);
    const [issue] = refused.body['issue'] as {
      expression: string[];
      details: { coding: { code: string }[] };
    }[];
    expect(issue?.details.coding[0]?.code).to.equal('CONSENT_NOT_MAPPABLE');
    expect(issue?.expression).to.deep.equal(['Consent.dateTimes']);
    const foreign = await self.get(`/v1/fhir/Consent/${grant.grantId}?pseudonym=${other.pseudonym}`);
    expect(foreign.status).to.equal(403);
  });
});
