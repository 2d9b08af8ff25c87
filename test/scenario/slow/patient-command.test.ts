import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readPatientKeys } from '@careledger/client/node';
import { main } from '@careledger/gateway/command/patient';
import { startTestConsortium, type TestConsortium } from '../support/consortium.js';
import type { Person } from '../support/people.js';
import { mustBe } from '../support/world.js';

const PASSPHRASE = 'correct horse';
const RECOVERY_WAIT_MS = 2_000;

describe('scenario: careledger patient, from the key file to the revocation', function () {
  this.timeout(60_000);

  let consortium: TestConsortium;
  let folder: string;
  let keys: string;
  let officer: Person;
  let clinician: Person;
  let pseudonym: string;
  let recordId: string;
  let grantId: string;
  /** A second pseudonym, recoverable and in the hospital's custody. */
  let second: string;

  const run = async (...words: string[]): Promise<string> => {
    const written = { out: '', err: '' };
    const into = (name: 'out' | 'err') => ({ write: (text: string) => (written[name] += text) });
    const environment = { CARELEDGER_PASSPHRASE: PASSPHRASE, CARELEDGER_TOKEN: officer.token };
    const code = await main(['--keys', keys, ...words], { out: into('out'), err: into('err'), environment });
    return code === 0 ? written.out : `exit ${String(code)}: ${written.err}`;
  };
  const open = () => clinician.post('/v1/openings', { recordIds: [recordId], purpose: 'treatment' });
  /** Once the record is sealed anew, which its hospital does by itself. */
  const opens = async (): Promise<void> => {
    let opened = await open();
    for (let tries = 0; String(opened.body.detail).includes('RESEAL_PENDING') && tries < 50; tries++) {
      await new Promise((again) => setTimeout(again, 100));
      opened = await open();
    }
    mustBe(201, opened);
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'careledger-patient-command-'));
    keys = join(folder, 'keys.json');
    consortium = await startTestConsortium({ recoveryWaitMs: RECOVERY_WAIT_MS });
    officer = await consortium.person(1, 'officer');
    clinician = await consortium.person(2, 'clinician');
    for (const name of ['/v1/identity-key', '/v1/identities/role%2FHospital2MSP%2Fclinician'])
      while ((await officer.get(name)).status !== 200) await new Promise((again) => setTimeout(again, 100));
  });
  after(async () => {
    await consortium.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('enrols with saved keys, and says what a loss means', async () => {
    expect(await run('init')).to.contain('protected by the passphrase');
    const said = await run(
      'enrol',
      '--gateway',
      consortium.gateway(1).restUrl,
      '--channel',
      consortium.channel,
    );
    expect(said).to.contain('FINAL for your old records').and.contain('own key, in custody of the patient');
    pseudonym = (await readPatientKeys(keys, PASSPHRASE)).pseudonyms[0]!.pseudonym;
    const record = { pseudonym, type: 'laboratory', contentType: 'text/plain', content: 'QQ==' };
    const put = mustBe(201, await officer.post('/v1/records', { records: [record] }));
    recordId = (put.body['records'] as { recordId: string }[])[0]!.recordId;
  });

  it('takes a consent of custody by the hospital only after its office posted it', async () => {
    const said = await run(
      ...['enrol', '--gateway', consortium.gateway(1).restUrl, '--channel', consortium.channel],
      ...['--custody', 'hospital', '--recoverable'],
    );
    expect(said).to.contain('CONSENT_MISSING');
    const { pseudonyms } = await readPatientKeys(keys, PASSPHRASE);
    second = pseudonyms.find((one) => one.pending)!.pseudonym;
    expect(await run('grants', '--pseudonym', second)).to.contain('not enrolled yet');
    const form = { formDigest: 'ab'.repeat(32) };
    mustBe(201, await officer.post(`/v1/patients/${second}/custody-consent`, form));
    const again = await run(
      ...['enrol', '--gateway', consortium.gateway(1).restUrl, '--channel', consortium.channel],
      ...['--custody', 'hospital', '--recoverable'],
    );
    expect(again).to.contain('in custody of the hospital').and.not.contain('FINAL').and.not.contain('copy');
    const other = ['enrol', '--gateway', consortium.gateway(1).restUrl, '--channel', consortium.channel];
    const refused = await run(...other, '--custody', 'hospital', '--pseudonym', pseudonym);
    expect(refused).to.contain('exit 2').and.contain('--custody does not fit');
  });

  it('grants, and keeps the extracted key in the file', async () => {
    const denied = (await open()).body;
    expect([denied.code, denied.detail]).to.deep.equal([
      'ACCESS_DENIED',
      'Denied: NO_GRANT. Ask the patient for a grant.',
    ]);
    const terms = ['--to', 'role/Hospital2MSP/clinician', '--types', 'laboratory', '--hops', '1'];
    const said = await run('grant', ...terms, '--pseudonym', pseudonym);
    [grantId = ''] = said.split(' ');
    expect(said).to.contain('active  role/Hospital2MSP/clinician: laboratory for treatment');
    const { pseudonyms } = await readPatientKeys(keys, PASSPHRASE);
    expect(pseudonyms.find((one) => one.pseudonym === pseudonym)?.identity).to.have.property('key');
    mustBe(201, await open());
    expect(await run('grants', '--pseudonym', pseudonym)).to.contain(grantId);
  });

  it('grants what a FHIR Consent says, and refuses one that says more', async () => {
    const path = `/v1/fhir/Consent/${grantId}?pseudonym=${pseudonym}`;
    const consent = (await officer.get(path)).body as { provision: object };
    const file = join(folder, 'consent.json');
    await writeFile(file, JSON.stringify({ ...consent, identifier: undefined, id: undefined }));
    const said = await run('grant', '--consent', file, '--pseudonym', pseudonym);
    expect(said).to.contain('active').and.not.contain(grantId);
    const nested = { ...consent.provision, provision: [{ type: 'deny' }] };
    await writeFile(file, JSON.stringify({ ...consent, provision: nested }));
    const refused = await run('grant', '--consent', file, '--pseudonym', pseudonym);
    expect(refused).to.contain('CONSENT_NOT_MAPPABLE').and.contain('Consent.provision.provision');
    expect(await run('revoke', said.split(' ')[0]!, '--pseudonym', pseudonym)).to.contain('revoked');
  });

  it('has renewed at once what that revocation made stale', async () => {
    await opens();
    expect(await run('renew', grantId, '--pseudonym', pseudonym)).to.contain('nothing of it waits');
  });

  it('lets others wait when asked to, and says which, why, and what to do', async () => {
    const terms = ['--to', 'role/Hospital2MSP/clinician', '--types', 'laboratory'];
    const [other = ''] = (await run('grant', ...terms, '--pseudonym', pseudonym)).split(' ');
    const revoked = await run('revoke', other, '--no-renew', '--pseudonym', pseudonym);
    const waits = `waits for renewal: laboratory/normal; opens nothing of it until then: careledger patient renew ${grantId}`;
    expect(revoked).to.contain(waits);
    expect(await run('grants', '--pseudonym', pseudonym)).to.contain(waits);
    const denied = (await open()).body;
    expect(denied.detail).to.contain('GRANT_EPOCH_STALE').and.contain('careledger patient renew');
    expect(await run('renew', grantId, '--pseudonym', pseudonym)).to.contain(`${grantId}  active`);
    expect(await run('grants', '--pseudonym', pseudonym)).to.not.contain('waits');
    await opens();
  });

  it('closes a type with every sensitivity of it, and renews what it stopped when it is open again', async () => {
    const closed = await run('sharing', 'laboratory', 'closed', '--pseudonym', pseudonym);
    for (const sensitivity of ['normal', 'restricted', 'very-restricted'])
      expect(closed).to.contain(`Now closed: laboratory/${sensitivity}`);
    expect(closed).to.contain('closed by you: laboratory/normal');
    expect((await open()).body.detail)
      .to.contain('TAG_NOT_SHARABLE')
      .and.contain('sharing TYPE open');
    expect(await run('renew', grantId, '--pseudonym', pseudonym)).to.contain('TAG_CLOSED');
    const opened = await run('sharing', 'laboratory', 'open', '--pseudonym', pseudonym);
    expect(opened).to.contain(`were renewed:\n  ${grantId}`).and.not.contain('waits');
    await opens();
  });

  it('closes a tag, revokes, and shows it all', async () => {
    const closed = await run('sharing', 'imaging/normal', 'closed', '--pseudonym', pseudonym);
    expect(closed).to.contain('Now closed: imaging/normal').and.not.contain('imaging/restricted');
    expect(await run('revoke', grantId, '--pseudonym', pseudonym)).to.contain('keeps what was read');
    expect((await open()).body.code).to.equal('ACCESS_DENIED');
    const log = await run('log', '--pseudonym', pseudonym);
    expect(log).to.contain(grantId).and.contain('denied').and.contain('closed to sharing: imaging/normal');
    expect(await run('revoke', grantId, '--pseudonym', pseudonym)).to.contain('TRANSITION_NOT_ALLOWED');
    expect(await run('grants', '--pseudonym', pseudonym)).to.equal('Nothing is granted.\n');
  });

  it('rotates: the file before signs nothing any more, the one after grants', async () => {
    const copy = join(folder, 'before.json');
    await copyFile(keys, copy);
    expect(await run('rotate', '--pseudonym', pseudonym)).to.contain('earlier epochs in the file, for');
    expect(await run('grants', '--keys', copy, '--pseudonym', pseudonym)).to.contain('SIGNATURE_INVALID');
    const terms = ['--to', 'role/Hospital2MSP/clinician', '--types', 'laboratory'];
    expect(await run('grant', ...terms, '--pseudonym', pseudonym)).to.contain('active');
  });

  it('recovers a pseudonym whose file is lost, once officers of a majority agreed and the wait is over', async () => {
    const found = join(folder, 'found.json');
    await run('init', '--keys', found);
    const at = ['--gateway', consortium.gateway(1).restUrl, '--channel', consortium.channel];
    const which = [...at, '--msp', 'Hospital1MSP', '--custody', 'hospital', '--keys', found];
    const said = await run('recover', second, ...which);
    const request = JSON.parse(/^\{.*\}$/m.exec(said)![0]) as { keys: object };
    const path = `/v1/patients/${second}/recoveries`;
    const body = { keys: request.keys, formDigest: 'cd'.repeat(32) };
    const { result } = mustBe(201, await officer.post(path, body)).body as { result: { recoveryId: string } };
    expect(await run('recovery', '--pseudonym', second)).to.contain(`${result.recoveryId}  opened`);
    for (const hospital of [2, 3]) {
      const other = await consortium.person(hospital, 'officer');
      mustBe(200, await other.post(`${path}/${result.recoveryId}/approvals`, {}));
    }
    expect(await run('finish-recovery', '--keys', found)).to.contain('RECOVERY_WAITING');
    await new Promise((over) => setTimeout(over, RECOVERY_WAIT_MS));
    mustBe(200, await officer.post(`${path}/${result.recoveryId}/completion`, {}));
    expect(await run('cancel-recovery', '--pseudonym', second)).to.contain('SIGNATURE_INVALID');
    expect(await run('finish-recovery', '--keys', found)).to.contain('sealed before: 1 of 1');
    expect(await run('grants', '--keys', found)).to.equal('Nothing is granted.\n');
  });

  it('ends a recovery of keys that are not lost', async () => {
    const found = join(folder, 'found.json');
    const other = join(folder, 'other.json');
    await run('init', '--keys', other);
    const at = ['--gateway', consortium.gateway(1).restUrl, '--channel', consortium.channel];
    const said = await run('recover', second, ...at, '--msp', 'Hospital1MSP', '--keys', other);
    const request = JSON.parse(/^\{.*\}$/m.exec(said)![0]) as { keys: object };
    const body = { keys: request.keys, formDigest: 'cd'.repeat(32) };
    mustBe(201, await officer.post(`/v1/patients/${second}/recoveries`, body));
    expect(await run('cancel-recovery', '--keys', found)).to.contain('cancelled');
    expect(await run('finish-recovery', '--keys', other)).to.contain('RECOVERY_WAITING');
  });
});
