import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  GatewayError,
  PatientClient,
  StaffClient,
  enrol,
  makePatientKeys,
  preparePseudonym,
  pseudonymKeys,
} from '@careledger/client';
import type { EmrRecord } from '@careledger/protocol';
import { startTestConsortium, type TestConsortium } from '../support/consortium.js';
import type { Person } from '../support/people.js';
import { mustBe } from '../support/world.js';

const MAX_BYTES = 1_048_576;
const CONTENT = 'potassium 4.1 mmol/L';

describe('scenario: the hospital that made a record is away', function () {
  this.timeout(120_000);

  let consortium: TestConsortium;
  let officer: Person;
  let reader: StaffClient;
  let recordIds: string[];

  const clientOf = ({ token }: Person, hospital: number): StaffClient =>
    new StaffClient({ url: consortium.gateway(hospital).restUrl, token: () => token });
  const recordOf = async (recordId: string): Promise<EmrRecord> =>
    mustBe(200, await officer.get(`/v1/records/${recordId}`)).body as unknown as EmrRecord;

  before(async () => {
    consortium = await startTestConsortium();
    officer = await consortium.person(1, 'officer');
    reader = clientOf(await consortium.person(4, 'clinician'), 4);
    const made = await patientWithRecord(consortium, officer);
    ({ recordIds } = made);
    await made.patient.grant({
      grantee: { kind: 'role', mspId: 'Hospital4MSP', role: 'clinician' },
      recordTypes: ['laboratory'],
      purposes: ['treatment'],
      notAfter: new Date(Date.now() + 86_400_000).toISOString(),
    });
  });
  after(async () => {
    await consortium.stop();
  });

  it('has the next two hospitals as key servers, which soon have their parts', async () => {
    expect((await recordOf(recordIds[0]!)).keyServers).to.deep.equal(['Hospital2MSP', 'Hospital3MSP']);
    const { erasure } = consortium.custodyOf(1);
    for (let tries = 0; (await erasure.undealt()).length > 0 && tries < 100; tries += 1) await sleep(100);
    expect(await erasure.undealt()).to.deep.equal([]);
  });

  it('does not open its own stored header with all the keys of its custody', async () => {
    const { ownerMspId, pseudonym, type, recordId, headerCid, keyServers, erasureLeaf } = await recordOf(
      recordIds[0]!,
    );
    const custody = consortium.custodyOf(1);
    const header = await consortium.storeOf(1).get(headerCid, { maxBytes: MAX_BYTES });
    const expectedContext = { ownerMspId, pseudonym, recordType: type, recordId };
    const parts = await custody.erasure.partsOf({
      ownerMspId,
      pseudonym,
      recordType: type,
      keyServers: keyServers!,
      leaf: erasureLeaf!,
    });
    expect([...parts.keys()]).to.deep.equal([2, 3]);
    for (const erasureKey of [undefined, ...parts.values()]) {
      const refused: unknown = await custody
        .openHeader({ header, expectedContext, erasureKey })
        .catch((error: unknown) => error);
      expect(refused).to.have.property('code', 'CRYPTO_AUTHENTICATION_FAILED');
    }
  });

  it('opens it for its own staff with a key server', async () => {
    const clinician = clientOf(await consortium.person(1, 'clinician'), 1);
    const { records } = await clinician.open(recordIds, 'treatment');
    expect(records.map(({ content }) => Buffer.from(content).toString())).to.deep.equal([CONTENT]);
  });

  it('is not needed by whom the patient permits, and with another away nothing opens', async () => {
    await consortium.gateway(1).stop();
    const { records } = await reader.open(recordIds, 'treatment');
    expect(records.map(({ content }) => Buffer.from(content).toString())).to.deep.equal([CONTENT]);
    await consortium.gateway(3).stop();
    const refused: unknown = await reader.open(recordIds, 'treatment').catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(GatewayError).with.property('code', 'PEER_GATEWAY_UNAVAILABLE');
  });
});

describe('scenario: a proxy is away', function () {
  this.timeout(120_000);

  let consortium: TestConsortium;
  let patient: PatientClient;
  let recordIds: string[];
  const readers: StaffClient[] = [];

  const notAfter = new Date(Date.now() + 86_400_000).toISOString();
  const terms = (hospital: number) => ({
    grantee: { kind: 'role', mspId: `Hospital${String(hospital)}MSP`, role: 'clinician' } as const,
    notAfter,
    maxHops: 1,
  });

  before(async () => {
    consortium = await startTestConsortium();
    ({ patient, recordIds } = await patientWithRecord(consortium, await consortium.person(1, 'officer')));
    for (const hospital of [4, 2]) {
      const { token } = await consortium.person(hospital, 'clinician');
      readers.push(new StaffClient({ url: consortium.gateway(hospital).restUrl, token: () => token }));
    }
  });
  after(() => consortium.stop());

  it('keeps no patient from granting, and nobody from passing on, while enough are there', async () => {
    await consortium.gateway(3).stop();
    const [fourth, second] = readers as [StaffClient, StaffClient];
    const grant = await patient.grant({ ...terms(4), recordTypes: ['laboratory'], purposes: ['treatment'] });
    expect((await fourth.open(recordIds, 'treatment')).records).to.have.length(1);
    await fourth.forward({
      pseudonym: patient.pseudonym,
      parentId: grant.grantId,
      ...terms(2),
      recordTypes: ['laboratory'],
      purposes: ['treatment'],
      maxHops: 0,
    });
    expect((await second.open(recordIds, 'treatment')).records).to.have.length(1);
  });

  it('is named when too few are left', async () => {
    await consortium.gateway(2).stop();
    const refused: unknown = await patient
      .grant({ ...terms(4), recordTypes: ['laboratory'], purposes: ['research'] })
      .catch((error: unknown) => error);
    expect(refused).to.have.property('code', 'PROXY_UNAVAILABLE');
    const { extensions } = refused as { readonly extensions: Readonly<Record<string, unknown>> };
    expect(extensions['proxies']).to.have.members(['Hospital2MSP', 'Hospital3MSP']);
  });
});

/** A patient of the first hospital, with keys of its own and one laboratory result. */
async function patientWithRecord(
  consortium: TestConsortium,
  officer: Person,
): Promise<{ readonly patient: PatientClient; readonly recordIds: string[] }> {
  const office = new StaffClient({ url: consortium.gateway(1).restUrl, token: () => officer.token });
  const { keys, pseudonym } = await preparePseudonym(office.connection, makePatientKeys(), {
    mspId: 'Hospital1MSP',
    channel: consortium.channel,
    identity: 'own',
    recoverable: false,
    custody: 'patient',
  });
  await enrol(office.connection, keys, pseudonym);
  const record = {
    pseudonym,
    type: 'laboratory',
    contentType: 'text/plain',
    content: Buffer.from(CONTENT).toString('base64'),
  };
  const put = mustBe(201, await officer.post('/v1/records', { records: [record] }));
  const recordIds = (put.body['records'] as { recordId: string }[]).map(({ recordId }) => recordId);
  return { patient: new PatientClient(pseudonymKeys(keys, pseudonym)), recordIds };
}
