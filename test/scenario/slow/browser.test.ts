import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { StaffClient, openPatientKeys, pseudonymKeys } from '@careledger/client';
import type { EmrRecord } from '@careledger/protocol';
import { startTestConsortium, type TestConsortium } from '../support/consortium.js';
import type { BrowserJob, BrowserOutcome } from '../support/browser-process.js';

const PROCESS = fileURLToPath(new URL('../support/browser-process.js', import.meta.url));
const FLAGS = ['--no-warnings', '--experimental-vm-modules', '--experimental-import-meta-resolve'];
const PASSPHRASE = 'correct horse';
const TEXT = 'potassium 4.1 mmol/L';

/** In a realm of the web's globals only. */
async function inBrowser(job: BrowserJob): Promise<readonly BrowserOutcome[]> {
  const child = spawn(process.execPath, [...FLAGS, PROCESS], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(job));
  return JSON.parse(await text(child.stdout)) as BrowserOutcome[];
}

/** A patient enrols, saves and opens the key file, extracts the identity's key, makes an edge and grants. */
const PATIENT = `
  import {
    Connection, PatientClient, enrol, makePatientKeys, openPatientKeys, preparePseudonym, pseudonymKeys, sealPatientKeys,
    withPseudonym,
  } from '@careledger/client';

  const connection = new Connection({ url: gatewayUrl, token: () => token });
  const wanted = { mspId, channel, identity: 'own', recoverable: false, custody: 'patient' };
  const made = await preparePseudonym(connection, makePatientKeys(), wanted);
  const file = await sealPatientKeys(made.keys, passphrase);
  let keys = await openPatientKeys(file, passphrase);
  await enrol(connection, keys, made.pseudonym);
  const patient = new PatientClient(pseudonymKeys(keys, made.pseudonym), {
    onKeysChanged: async (changed) => { keys = withPseudonym(keys, changed); },
  });
  const grant = await patient.grant({
    grantee, recordTypes: ['laboratory'], purposes: ['treatment'], notAfter,
  });
  export default { pseudonym: made.pseudonym, grant, file: await sealPatientKeys(keys, passphrase) };
`;

describe('scenario: the client in a browser', function () {
  this.timeout(110_000);

  let consortium: TestConsortium;
  let office: StaffClient;
  let clinician: StaffClient;
  let job: Omit<BrowserJob, 'modules'>;

  before(async () => {
    consortium = await startTestConsortium();
    const officer = await consortium.person(1, 'officer');
    const reader = await consortium.person(2, 'clinician');
    const gatewayUrl = consortium.gateway(1).restUrl;
    office = new StaffClient({ url: gatewayUrl, token: () => officer.token });
    clinician = new StaffClient({ url: consortium.gateway(2).restUrl, token: () => reader.token });
    for (const path of ['/v1/identity-key', '/v1/identities/role%2FHospital2MSP%2Fclinician'])
      while ((await officer.get(path)).status !== 200) await pause(100);
    const { channel } = consortium;
    const grantee = { kind: 'role', mspId: 'Hospital2MSP', role: 'clinician' };
    const notAfter = new Date(Date.now() + 86_400_000).toISOString();
    const staff = { gatewayUrl, token: officer.token, mspId: officer.mspId, channel };
    job = { given: { ...staff, grantee, notAfter, passphrase: PASSPHRASE } };
  });
  after(() => consortium.stop());

  it('makes keys, seals and opens the key file, enrols, makes an edge and grants, with the web’s globals alone', async () => {
    const [outcome] = await inBrowser({ ...job, modules: [PATIENT] });
    expect(outcome, JSON.stringify(outcome)).to.have.property('exported');
    const { exported } = outcome as { exported: { pseudonym: string; file: string; grant: object } };
    const { pseudonym, file, grant } = exported;
    expect(grant).to.include({ status: 'active', pseudonym });
    const keys = pseudonymKeys(await openPatientKeys(file, PASSPHRASE), pseudonym);
    expect(keys.identity).to.have.property('key');

    const record = { pseudonym, type: 'laboratory', contentType: 'text/plain', content: btoa(TEXT) };
    const put = { records: [record] };
    const { records } = await office.connection.post<{ records: EmrRecord[] }>('/v1/records', put);
    const opening = await clinician.open([records[0]!.recordId], 'treatment');
    expect(new TextDecoder().decode(opening.records[0]!.content)).to.equal(TEXT);
  });

  it('is shown by a realm that has nothing of Node: no globals, no modules, no key file on a disk', async () => {
    const names = ['process', 'Buffer', 'require', 'module', 'global', 'setImmediate', '__dirname'];
    const outcomes = await inBrowser({
      given: { names },
      modules: [
        'export default names.filter((name) => Reflect.has(globalThis, name));',
        'export default process.version;',
        'export default Buffer.from([1]);',
        "import { readFileSync } from 'node:fs'; export default typeof readFileSync;",
        "export default await import('node:crypto');",
        "import { readPatientKeys } from '@careledger/client/node'; export default typeof readPatientKeys;",
        "import { makePatientKeys } from '@careledger/client'; export default typeof makePatientKeys;",
      ],
    });
    expect(outcomes[0]).to.deep.equal({ exported: [] });
    const errors = outcomes.map((outcome) => ('error' in outcome ? outcome.error : 'none'));
    expect(errors[1]).to.equal('ReferenceError: process is not defined');
    expect(errors[2]).to.equal('ReferenceError: Buffer is not defined');
    expect(errors[3]).to.contain('A browser has no node:fs');
    expect(errors[4]).to.contain('A browser has no node:crypto');
    expect(errors[5]).to.contain('A browser has no node:');
    expect(outcomes[6]).to.deep.equal({ exported: 'function' });
  });
});
