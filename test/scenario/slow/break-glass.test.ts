import { expect } from 'chai';
import type { AccessWithReceipt, Emergency, Notice } from '@careledger/protocol';
import { startTestConsortium, type TestConsortium } from '../support/consortium.js';
import { randomHex } from '../support/patient.js';
import type { Answer, Person } from '../support/people.js';
import { makeWorld, mustBe, recordIdsOf, type World } from '../support/world.js';

const CONTENT = 'allergic to penicillin';
const resultOf = (answer: Answer): Emergency => answer.body['result'] as Emergency;

describe('scenario: break glass', function () {
  this.timeout(60_000);

  let consortium: TestConsortium;
  let world: World;
  let clinician: Person;
  let officers: readonly Person[];
  let recordId: string;

  before(async () => {
    consortium = await startTestConsortium();
    world = await makeWorld(consortium);
    [recordId = ''] = recordIdsOf(await world.put([CONTENT]));
    // Hospital 3 has no grant of the patient.
    clinician = await consortium.person(3, 'clinician');
    officers = await Promise.all([1, 2, 3, 4].map((hospital) => consortium.person(hospital, 'officer')));
    for (const [index, { enrolmentId }] of officers.entries()) {
      const admin = await consortium.person(index + 1, 'admin');
      mustBe(200, await admin.post('/v1/emergency-officers', { officers: [enrolmentId] }));
    }
  });
  after(() => consortium.stop());

  const openCase = async (subject: object): Promise<string> => {
    const caseId = randomHex(16);
    const reason = 'unconscious, no relatives present';
    mustBe(201, await clinician.post('/v1/emergencies', { caseId, subject, reason }));
    return caseId;
  };
  const post = (hospital: number, caseId: string, what: string, body: object = {}): Promise<Answer> =>
    officers[hospital - 1]!.post(`/v1/emergencies/${caseId}/${what}`, body);
  const opening = (caseId: string, by = clinician): Promise<Answer> =>
    by.post('/v1/openings', { recordIds: [recordId], purpose: 'emergency', caseId });

  it('opens an unidentified patient’s record once somebody knows the patient and two hospitals agreed', async () => {
    const caseId = await openCase({ description: 'about 60, brought in without papers' });
    expect((await post(1, caseId, 'approvals')).body.code).to.equal('TRANSITION_NOT_ALLOWED');
    const { pseudonym } = world.patient;
    mustBe(200, await post(1, caseId, 'identification', { pseudonym }));
    mustBe(200, await post(1, caseId, 'approvals'));
    const early = await opening(caseId);
    expect([early.status, early.body.code]).to.deep.equal([403, 'ACCESS_DENIED']);
    expect((await post(3, caseId, 'approvals')).body.code).to.equal('NOT_INDEPENDENT');
    expect((await post(1, caseId, 'approvals')).body.code).to.equal('ALREADY_EXISTS');
    expect(resultOf(mustBe(200, await post(4, caseId, 'approvals'))).status).to.equal('approved');

    const opened = mustBe(201, await opening(caseId));
    const [record] = opened.body['records'] as { content: string }[];
    expect(Buffer.from(record!.content, 'base64').toString()).to.equal(CONTENT);
    const entry = await clinician.get(`/v1/access/${String(opened.body['accessId'])}`);
    expect((entry.body as unknown as AccessWithReceipt).decisions[0]).to.include({ basis: 'break-glass' });

    const colleague = await consortium.person(3, 'clinician');
    expect((await opening(caseId, colleague)).body.code).to.equal('ACCESS_DENIED');
    const review = { finding: 'justified', textDigest: 'ab'.repeat(32) };
    expect((await post(2, caseId, 'review', review)).body.code).to.equal('TRANSITION_NOT_ALLOWED');
    const notices = await officers[0]!.get(`/v1/patients/${pseudonym}/notices`);
    expect((notices.body['items'] as Notice[]).map(({ status }) => status)).to.deep.equal([
      'opened',
      'opened',
      'approved',
    ]);
  });

  it('closes a provisional access when the others refuse; the case waits for its review, which ends it', async () => {
    const { patient, officer } = world;
    const { pseudonym } = patient;
    const rule = { kind: 'break-glass', secondWithinMs: 600_000 };
    const instruction = { instructionId: randomHex(16), pseudonym, rule };
    const signed = patient.sign('instructions:SetForPatient', instruction);
    mustBe(201, await officer.post(`/v1/patients/${pseudonym}/instructions`, signed));
    const caseId = await openCase({ pseudonym });
    expect(resultOf(mustBe(200, await post(1, caseId, 'approvals'))).status).to.equal('provisional');
    const opened = mustBe(201, await opening(caseId));
    mustBe(200, await post(2, caseId, 'refusals'));
    expect(resultOf(mustBe(200, await post(4, caseId, 'refusals'))).status).to.equal('withdrawn');
    expect((await opening(caseId)).body.code).to.equal('ACCESS_DENIED');
    // What was opened before is final: the owner repeats it, and releases nothing new.
    mustBe(200, await clinician.get(`/v1/openings/${String(opened.body['accessId'])}/content`));
    const waiting = (await clinician.get('/v1/emergencies?pageSize=100')).body['items'] as Emergency[];
    expect(waiting.map((item) => item.caseId)).to.include(caseId);
    const review = { finding: 'not-justified', textDigest: 'cd'.repeat(32) };
    expect((await post(3, caseId, 'review', review)).body.code).to.equal('NOT_INDEPENDENT');
    expect((await post(1, caseId, 'review', review)).body.code).to.equal('NOT_INDEPENDENT');
    expect(resultOf(mustBe(200, await post(2, caseId, 'review', review))).status).to.equal('reviewed');
    const last = (await clinician.get('/v1/emergencies')).body['items'] as Emergency[];
    expect(last.at(-1)).to.include({ caseId, status: 'reviewed' });
  });
});
