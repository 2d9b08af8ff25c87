import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { ADMIN_ENROLMENT_ID } from '@careledger/gateway';
import { ERROR_CATALOGUE, type ErrorCode } from '@careledger/protocol';
import { startTestConsortium, type Answer, type TestConsortium } from './support/consortium.js';
import { grantTo, randomHex } from './support/patient.js';
import { enrolPatient, makeWorld, mustBe, plain, recordIdsOf, type World } from './support/world.js';

const BODY_LIMIT_BYTES = 64 * 1024;

/** The problem document with this code, its catalogue status, and what every problem has. */
function expectProblem(answer: Answer, code: ErrorCode): void {
  expect(answer.body.code, JSON.stringify(answer.body)).to.equal(code);
  expect(answer.status).to.equal(ERROR_CATALOGUE[code].status);
  expect(answer.contentType).to.contain('application/problem+json');
  expect(answer.body).to.include({ type: `urn:careledger:error:${code}`, status: answer.status });
  expect(answer.body).to.include.keys('title', 'detail', 'action', 'instance');
}

function expectOutcome(answer: Answer, code: ErrorCode): void {
  expect(answer.contentType).to.contain('application/fhir+json');
  expect(answer.status).to.equal(ERROR_CATALOGUE[code].status);
  expect(answer.body['resourceType']).to.equal('OperationOutcome');
  const [issue] = answer.body['issue'] as { details: { coding: { code: string }[] } }[];
  expect(issue!.details.coding[0]!.code).to.equal(code);
}

describe('scenario: what bad input gets', function () {
  this.timeout(60_000);

  let consortium: TestConsortium;
  let world: World;

  before(async () => {
    consortium = await startTestConsortium({
      limits: { bodyLimitBytes: BODY_LIMIT_BYTES, maxSignInFailures: 3 },
    });
    world = await makeWorld(consortium);
  });
  after(async () => {
    await consortium.stop();
  });

  describe('bodies', () => {
    it('malformed JSON', async () => {
      expectProblem(
        await world.officer.send('/v1/records', '{"records":[', 'application/json'),
        'MALFORMED_JSON',
      );
      expectProblem(await world.officer.send('/v1/records', '', 'application/json'), 'MALFORMED_JSON');
    });

    it('another media type', async () => {
      expectProblem(await world.officer.send('/v1/records', 'x', 'application/xml'), 'SCHEMA_VIOLATION');
    });

    it('FHIR that does not parse, and FHIR that is none: an OperationOutcome', async () => {
      const path = `/fhir/R4/Bundle?patient=${world.patient.pseudonym}`;
      expectOutcome(
        await world.officer.send(path, '{"resourceType":', 'application/fhir+json'),
        'MALFORMED_JSON',
      );
      expectOutcome(
        await world.officer.send(path, '{"resourceType":"Lab"}', 'application/fhir+json'),
        'FHIR_INVALID',
      );
      const nobody = '/fhir/R4/Bundle?patient=me';
      expectOutcome(await world.officer.send(nobody, '{}', 'application/fhir+json'), 'SCHEMA_VIOLATION');
    });

    it('a body over the limit', async () => {
      const answer = await world.put(['x'.repeat(BODY_LIMIT_BYTES)]);
      expectProblem(answer, 'BODY_TOO_LARGE');
    });

    it('a field that is not in the schema, and one that names the caller', async () => {
      const body = { recordIds: [`${randomHex(16)}.0`], purpose: 'treatment' };
      expectProblem(
        await world.clinician.post('/v1/openings', { ...body, colour: 'red' }),
        'SCHEMA_VIOLATION',
      );
      expectProblem(
        await world.clinician.post('/v1/openings', { ...body, requester: 'x' }),
        'CALLER_IN_ARGUMENTS',
      );
      expectProblem(
        await world.clinician.post('/v1/openings', { ...body, mspId: 'Hospital1MSP' }),
        'CALLER_IN_ARGUMENTS',
      );
    });

    it('content that is not padded base64', async () => {
      const record = { ...plain(world.patient, 'x'), content: 'eB==' };
      expectProblem(await world.officer.post('/v1/records', { records: [record] }), 'SCHEMA_VIOLATION');
    });

    it('more records than a batch holds', async () => {
      const recordIds = Array.from({ length: 501 }, (_, index) => `${randomHex(16)}.${String(index)}`);
      expectProblem(
        await world.clinician.post('/v1/openings', { recordIds, purpose: 'treatment' }),
        'SCHEMA_VIOLATION',
      );
    });

    it('an unknown route, an unknown object, an address that is none', async () => {
      expectProblem(await world.officer.get('/v1/nothing'), 'ROUTE_NOT_FOUND');
      expectProblem(await world.officer.get(`/v1/records/${randomHex(16)}.0`), 'RECORD_NOT_FOUND');
      expectProblem(await world.officer.get(`/v1/patients/${randomHex(16)}`), 'PATIENT_NOT_FOUND');
      expectProblem(await world.officer.get('/v1/members/NobodyMSP'), 'MEMBER_NOT_FOUND');
      expectProblem(await world.officer.get(`/v1/access/${randomHex(32)}`), 'ACCESS_NOT_FOUND');
      expectProblem(await world.officer.get('/v1/records/not-an-id'), 'SCHEMA_VIOLATION');
      expectProblem(await world.officer.get('/v1/%ZZ'), 'ROUTE_NOT_FOUND');
    });

    it('page sizes out of bounds', async () => {
      const path = `/v1/records?by=patient&value=${world.patient.pseudonym}&pageSize=`;
      expectProblem(await world.officer.get(`${path}101`), 'SCHEMA_VIOLATION');
      expectProblem(await world.officer.get(`${path}0`), 'SCHEMA_VIOLATION');
      expectProblem(await world.officer.get(`${path}ten`), 'SCHEMA_VIOLATION');
    });
  });

  describe('tokens', () => {
    it('none, and one that is none', async () => {
      expectProblem(await consortium.as(1, '').get('/v1/members'), 'TOKEN_MISSING');
      expectProblem(await consortium.as(1, 'nonsense').get('/v1/members'), 'TOKEN_INVALID');
    });

    it('of another hospital', async () => {
      const abroad = consortium.as(1, world.clinician.token);
      expectProblem(await abroad.get('/v1/members'), 'TOKEN_WRONG_HOSPITAL');
    });

    it('expired; rewritten to another role; without a signature', async () => {
      const claims = {
        iss: 'Hospital1MSP',
        aud: 'Hospital1MSP',
        sub: world.officer.enrolmentId,
        role: 'officer',
      };
      const seconds = Math.floor(Date.now() / 1000);
      const key = await consortium.custodyOf(1).mac('token-key/hs256/v1', Buffer.from('Hospital1MSP'));
      const send = (token: string) => consortium.as(1, token).get('/v1/members');
      mustBe(200, await send(jwt({ ...claims, exp: seconds + 60 }, key)));
      expectProblem(await send(jwt({ ...claims, exp: seconds - 60 }, key)), 'TOKEN_EXPIRED');
      expectProblem(await send(jwt({ ...claims, role: 'auditor', exp: seconds + 60 }, key)), 'TOKEN_INVALID');
      expectProblem(await send(jwt({ ...claims, sub: 'nobody', exp: seconds + 60 }, key)), 'CALLER_UNKNOWN');
      expectProblem(await send(jwt({ ...claims, exp: seconds + 60 }, Buffer.alloc(32))), 'TOKEN_INVALID');
      expectProblem(await send(unsigned({ ...claims, exp: seconds + 60 })), 'TOKEN_INVALID');
    });

    it('of a role that may not', async () => {
      const auditor = await consortium.person(1, 'auditor');
      const record = { records: [plain(world.patient, 'x')] };
      expectProblem(await auditor.post('/v1/records', record), 'ROLE_NOT_ALLOWED');
      expectProblem(await world.officer.get('/v1/staff'), 'ROLE_NOT_ALLOWED');
    });

    it('a wrong secret, and too many of them', async () => {
      const anyone = consortium.as(3, '');
      const guess = () => anyone.post('/v1/token', { enrolmentId: ADMIN_ENROLMENT_ID, secret: 'guess' });
      for (let attempt = 1; attempt <= 3; attempt += 1) expectProblem(await guess(), 'TOKEN_INVALID');
      expectProblem(await guess(), 'RATE_LIMITED');
    });

    it('staff under the gateway’s own id, or twice', async () => {
      const admin = await consortium.person(1, 'admin');
      expectProblem(
        await admin.post('/v1/staff', { enrolmentId: 'gateway', role: 'clinician' }),
        'ALREADY_EXISTS',
      );
      expectProblem(
        await admin.post('/v1/staff', { enrolmentId: ADMIN_ENROLMENT_ID, role: 'admin' }),
        'ALREADY_EXISTS',
      );
      expectProblem(await admin.post('/v1/staff', { enrolmentId: 'x', role: 'gateway' }), 'SCHEMA_VIOLATION');
    });
  });

  describe('patients’ signatures', () => {
    it('over other arguments, for another method, under another key', async () => {
      const grant = grantTo(world.patient, 'Hospital3MSP', ['laboratory']);
      const signed = world.patient.sign('grants:Grant', grant);
      const widened = { ...signed, arguments: { ...grant, recordTypes: ['laboratory', 'imaging'] } };
      expectProblem(await world.officer.post('/v1/grants', widened), 'SIGNATURE_INVALID');
      const elsewhere = world.patient.sign('grants:Revoke', grant);
      expectProblem(await world.officer.post('/v1/grants', elsewhere), 'SIGNATURE_INVALID');
      const stranger = await enrolPatient(consortium, world.officer);
      expectProblem(
        await world.officer.post('/v1/grants', stranger.sign('grants:Grant', grant)),
        'SIGNATURE_INVALID',
      );
    });

    it('replayed, also through another hospital’s gateway', async () => {
      const grant = grantTo(world.patient, 'Hospital3MSP', ['laboratory']);
      const signed = world.patient.sign('grants:Grant', grant);
      mustBe(201, await world.officer.post('/v1/grants', signed));
      expectProblem(await world.officer.post('/v1/grants', signed), 'NONCE_REUSED');
      expectProblem(await world.clinician.post('/v1/grants', signed), 'NONCE_REUSED');
    });

    it('a transition that is not in the table', async () => {
      const grant = grantTo(world.patient, 'Hospital4MSP', ['laboratory']);
      mustBe(201, await world.officer.post('/v1/grants', world.patient.sign('grants:Grant', grant)));
      const { pseudonym } = world.patient;
      const revoke = () => world.patient.sign('grants:Revoke', { pseudonym, grantId: grant.grantId });
      mustBe(200, await world.officer.post('/v1/grants/revocations', revoke()));
      expectProblem(await world.officer.post('/v1/grants/revocations', revoke()), 'TRANSITION_NOT_ALLOWED');
      const [recordId] = recordIdsOf(await world.put(['to be erased']));
      mustBe(200, await world.officer.post(`/v1/records/${recordId!}/erasure`, { reason: 'entered twice' }));
      expectProblem(
        await world.officer.post(`/v1/records/${recordId!}/erasure`, { reason: 'again' }),
        'TRANSITION_NOT_ALLOWED',
      );
    });

    it('a path that names another patient than the body', async () => {
      const { pseudonym, keys } = world.patient;
      const signed = world.patient.sign('patients:RotateKeys', { pseudonym, keys });
      expectProblem(
        await world.officer.post(`/v1/patients/${randomHex(16)}/keys`, signed),
        'SCHEMA_VIOLATION',
      );
    });

    it('another hospital’s patient or record cannot be written to', async () => {
      const abroad = await consortium.person(2, 'officer');
      expectProblem(await abroad.post('/v1/records', { records: [plain(world.patient, 'x')] }), 'NOT_OWNER');
      const [recordId] = recordIdsOf(await world.put(['mine']));
      expectProblem(
        await abroad.post(`/v1/records/${recordId!}/erasure`, { reason: 'not mine' }),
        'NOT_OWNER',
      );
    });
  });
});

function jwt(claims: object, key: Uint8Array): string {
  const input = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

function unsigned(claims: object): string {
  return `${encode({ alg: 'none' })}.${encode(claims)}.`;
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
