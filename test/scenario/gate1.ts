import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { AccessWithReceipt, EmrRecord, Page } from '@careledger/protocol';
import type { RecordStore } from '@careledger/gateway/adapters';
import type { People, Person } from './support/people.js';
import { grantTo, makePatient, type TestPatient } from './support/patient.js';

const SAMPLE = new URL('../../../samples/fhir/h1/1.json', import.meta.url);

/** Four hospitals that run somewhere: in this process, or on Fabric and Kubo. */
export interface Gate1Consortium extends People {
  readonly channel: string;
  storeOf(hospital: number): RecordStore;
  stop(): Promise<void>;
}

/** docs/flows.md, in its order: each step builds on the one before. */
export function gate1Scenario(name: string, start: () => Promise<Gate1Consortium>): void {
  describe(`${name}: one record through the consortium`, function () {
    this.timeout(60_000);

    let consortium: Gate1Consortium;
    let patient: TestPatient;
    let officer: Person;
    let clinician: Person;
    let stranger: Person;
    let auditor: Person;
    let records: EmrRecord[];
    let grantId: string;
    let accessId: string;
    let deniedId: string;

    before(async () => {
      consortium = await start();
      officer = await consortium.person(1, 'officer');
      clinician = await consortium.person(2, 'clinician', 'cardiology');
      stranger = await consortium.person(3, 'clinician');
      auditor = await consortium.person(4, 'auditor');
      patient = makePatient(consortium.channel);
    });
    after(async () => {
      await consortium.stop();
    });

    it('lists four active members and an approved build on every gateway', async () => {
      for (const hospital of [1, 2, 3, 4]) {
        const anyone = await consortium.person(hospital, 'admin');
        const { body } = await anyone.get('/v1/members');
        const members = body['items'] as { status: string }[];
        expect(members.map(({ status }) => status)).to.deep.equal(['active', 'active', 'active', 'active']);
        const build = await anyone.get('/v1/members/build');
        expect(build.body['running'], `build at hospital ${String(hospital)}`).to.equal(
          build.body['approved'],
        );
      }
    });

    it('enrols a patient under a pseudonym, signed with the key that it registers', async () => {
      const { pseudonym, keys } = patient;
      const signed = patient.sign('patients:Enrol', { pseudonym, mspId: officer.mspId, keys });
      const { status, body } = await officer.post('/v1/patients', signed);
      expect(status, JSON.stringify(body)).to.equal(201);
      const read = await clinician.get(`/v1/patients/${pseudonym}`);
      expect(read.body).to.include({ pseudonym, mspId: 'Hospital1MSP', status: 'enrolled' });
    });

    it('puts a FHIR R4 bundle: one transaction, one record per type of content', async () => {
      const bundle = await readFile(SAMPLE, 'utf8');
      const path = `/fhir/R4/Bundle?patient=${patient.pseudonym}`;
      const { status, body, contentType } = await officer.send(path, bundle, 'application/fhir+json');
      expect(status, JSON.stringify(body)).to.equal(201);
      expect(contentType).to.contain('application/fhir+json');
      expect(body).to.include({ resourceType: 'Bundle', type: 'batch-response' });
      const list = await officer.get(`/v1/records?by=patient&value=${patient.pseudonym}`);
      records = (list.body as unknown as Page<EmrRecord>).items;
      expect(records.length).to.equal((body['entry'] as unknown[]).length);
      expect(records.map(({ type }) => type)).to.include.members(['demographics', 'condition']);
      expect(new Set(records.map(({ txId }) => txId)).size).to.equal(1);
    });

    it('keeps nothing readable off the ledger’s evidence: the stored bytes do not contain the content', async () => {
      const { store } = await storedCiphertext(consortium, records[0]!);
      expect(store.includes(Buffer.from('resourceType'))).to.equal(false, 'plaintext in the store');
    });

    it('opens nothing for another hospital before a grant, and the denial stands on the ledger', async () => {
      const { status, body } = await clinician.post('/v1/openings', opening(records[0]!.recordId));
      expect(status).to.equal(403);
      expect(body.code).to.equal('ACCESS_DENIED');
      const entry = await auditor.get(`/v1/access/${String(body['accessId'])}`);
      expect(entry.status).to.equal(200);
      expect((entry.body as unknown as AccessWithReceipt).decisions[0]).to.include({
        outcome: 'deny',
        reason: 'NO_GRANT',
      });
    });

    it('takes the patient’s grant: a signature, whoever relays it', async () => {
      const types = [...new Set(records.map(({ type }) => type))];
      const terms = grantTo(patient, clinician.mspId, types);
      grantId = terms.grantId;
      const { status, body } = await officer.post('/v1/grants', patient.sign('grants:Grant', terms));
      expect(status, JSON.stringify(body)).to.equal(201);
      const live = await officer.get(`/v1/patients/${patient.pseudonym}/grants?ended=false`);
      expect((live.body['items'] as { grantId: string }[]).map((grant) => grant.grantId)).to.deep.equal([
        grantId,
      ]);
    });

    it('opens all records for the clinician of the granted hospital, in one ledger transaction', async () => {
      const recordIds = records.map(({ recordId }) => recordId);
      const { status, body } = await clinician.post('/v1/openings', { recordIds, purpose: 'treatment' });
      expect(status, JSON.stringify(body).slice(0, 500)).to.equal(201);
      accessId = String(body['accessId']);
      const opened = body['records'] as {
        recordId: string;
        type: string;
        contentType: string;
        content: string;
      }[];
      expect(opened.map(({ recordId }) => recordId).sort()).to.deep.equal([...recordIds].sort());
      const demographics = opened.find(({ type }) => type === 'demographics')!;
      const resource = JSON.parse(Buffer.from(demographics.content, 'base64').toString('utf8')) as {
        entry: { resource: { resourceType: string } }[];
      };
      expect(resource.entry[0]!.resource.resourceType).to.equal('Patient');
    });

    it('fetches the same opening again for the same person, and for nobody else', async () => {
      const again = await clinician.get(`/v1/openings/${accessId}/content`);
      expect(again.status, JSON.stringify(again.body).slice(0, 500)).to.equal(200);
      const colleague = await consortium.person(2, 'clinician');
      const refused = await colleague.get(`/v1/openings/${accessId}/content`);
      expect(refused.status).to.equal(403);
      expect(refused.body.code).to.equal('NOT_OWNER');
    });

    it('posts the receipt, which ends the opening', async () => {
      const { status, body } = await clinician.post(`/v1/openings/${accessId}/receipt`, {
        operation: 'view',
      });
      expect(status, JSON.stringify(body)).to.equal(201);
      const entry = await clinician.get(`/v1/access/${accessId}`);
      expect((entry.body as unknown as AccessWithReceipt).receipt).to.include({
        status: 'posted',
        operation: 'view',
      });
      const again = await clinician.get(`/v1/openings/${accessId}/content`);
      expect(again.body.code).to.equal('TRANSITION_NOT_ALLOWED');
    });

    it('denies a third hospital, and the denial stands on the ledger', async () => {
      const { status, body } = await stranger.post('/v1/openings', opening(records[0]!.recordId));
      expect(status).to.equal(403);
      expect(body).to.include({ code: 'ACCESS_DENIED' });
      deniedId = String(body['accessId']);
      const entry = (await auditor.get(`/v1/access/${deniedId}`)).body as unknown as AccessWithReceipt;
      expect(entry.requester).to.include({ mspId: 'Hospital3MSP', enrolmentId: stranger.enrolmentId });
      expect(entry.decisions[0]).to.include({ outcome: 'deny' });
    });

    it('is closed by revocation', async () => {
      const signed = patient.sign('grants:Revoke', { pseudonym: patient.pseudonym, grantId });
      const { status, body } = await officer.post('/v1/grants/revocations', signed);
      expect(status, JSON.stringify(body)).to.equal(200);
      const closed = await clinician.post('/v1/openings', opening(records[0]!.recordId));
      expect(closed.body).to.include({ code: 'ACCESS_DENIED' });
      const ended = await officer.get(`/v1/patients/${patient.pseudonym}/grants?ended=true`);
      expect((ended.body['items'] as { status: string }[]).map((grant) => grant.status)).to.deep.equal([
        'revoked',
      ]);
    });

    it('shows the auditor all of it, and everyone else only what is theirs', async () => {
      const path = `/v1/access?by=patient&value=${patient.pseudonym}`;
      const all = idsOf(await auditor.get(path));
      expect(all).to.include.members([accessId, deniedId]);
      expect(all.length).to.equal(4);
      expect(idsOf(await officer.get(path)).length).to.equal(4);
      expect(idsOf(await stranger.get(path))).to.deep.equal([deniedId]);
      const byPerson = `/v1/access?by=requester&value=${clinician.mspId}:${clinician.enrolmentId}`;
      expect(idsOf(await auditor.get(byPerson)).length).to.equal(3);
      expect((await stranger.get(`/v1/access/${accessId}`)).body.code).to.equal('ACCESS_NOT_FOUND');
    });

    it('pages through the entries without gap or repetition', async () => {
      const path = `/v1/access?by=patient&value=${patient.pseudonym}&pageSize=3`;
      const first = await auditor.get(path);
      const second = await auditor.get(
        `${path}&bookmark=${encodeURIComponent(String(first.body['bookmark']))}`,
      );
      expect(new Set([...idsOf(first), ...idsOf(second)]).size).to.equal(4);
      expect(second.body).to.not.have.property('bookmark');
    });
  });
}

function opening(recordId: string) {
  return { recordIds: [recordId], purpose: 'treatment' };
}

function idsOf({ body }: { readonly body: Readonly<Record<string, unknown>> }): string[] {
  return (body['items'] as { accessId: string }[]).map((entry) => entry.accessId);
}

async function storedCiphertext(consortium: Gate1Consortium, record: EmrRecord): Promise<{ store: Buffer }> {
  const bytes = await consortium.storeOf(1).get(record.contentCid, { maxBytes: record.sizeBytes });
  return { store: Buffer.from(bytes) };
}
