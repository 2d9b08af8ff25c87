import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makePatientKeys, makePseudonym, withPseudonym } from '@careledger/client';
import { readPatientKeys, writePatientKeys } from '@careledger/client/node';
import { takeLock } from '@careledger/network';
import { UsageError, granteeFrom, tagsFrom, termsFromWords } from './patient/arguments.js';
import { main } from './patient.js';

const PASSPHRASE = 'correct horse';

describe('careledger patient', function () {
  this.timeout(20_000);

  let folder: string;
  let keys: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'careledger-patient-cli-'));
    keys = join(folder, 'keys.json');
  });
  after(() => rm(folder, { recursive: true }));

  const run = async (
    words: readonly string[],
    environment: Readonly<Record<string, string>> = { CARELEDGER_PASSPHRASE: PASSPHRASE },
    answers?: string[],
    lockWaitMs = 10_000,
  ): Promise<{ code: number; out: string; err: string }> => {
    const written = { out: '', err: '' };
    const into = (name: 'out' | 'err') => ({ write: (text: string) => (written[name] += text) });
    const ask = answers === undefined ? {} : { ask: () => Promise.resolve(answers.shift() ?? '') };
    const streams = { out: into('out'), err: into('err'), environment, lockWaitMs, ...ask };
    const code = await main(words, streams);
    return { code, ...written };
  };

  it('makes a key file under a passphrase that was typed twice, and replaces none', async () => {
    const slip = await run(['init', '--keys', keys], {}, [PASSPHRASE, 'correct house']);
    expect([slip.code, slip.err]).to.deep.equal([1, 'The two passphrases differ.\n']);
    expect((await run(['init', '--keys', keys], {}, [PASSPHRASE, PASSPHRASE])).code).to.equal(0);
    expect((await readPatientKeys(keys, PASSPHRASE)).pseudonyms).to.deep.equal([]);
    const again = await run(['init', '--keys', keys]);
    expect(again.code).to.equal(1);
    expect(again.err).to.contain('exists already');
  });

  it('takes the passphrase from a file or the environment, and says so when there is none', async () => {
    const file = join(folder, 'passphrase');
    await writeFile(file, `${PASSPHRASE}\n`);
    expect((await run(['backup', '--keys', keys, '--passphrase-file', file], {})).code).to.equal(0);
    const none = await run(['backup', '--keys', keys], {});
    expect(none.err).to.contain('--passphrase-file').and.contain('CARELEDGER_PASSPHRASE');
    const wrong = await run(['backup', '--keys', keys], { CARELEDGER_PASSPHRASE: 'wrong horse' });
    expect([wrong.code, wrong.out]).to.deep.equal([1, '']);
    expect(wrong.err).to.contain('does not open');
  });

  it('says what is missing: a file, a pseudonym, which one of several, staff’s token', async () => {
    const absent = join(folder, 'absent.json');
    expect((await run(['grants', '--keys', absent])).err).to.contain('careledger patient init');
    expect((await run(['grants', '--keys', keys])).err).to.contain('careledger patient enrol');
    expect((await run(['enrol', '--keys', keys])).code).to.equal(2);
    const custody = ['enrol', '--keys', keys, '--gateway', 'http://127.0.0.1:1', '--token', 'T'];
    expect((await run([...custody, '--custody', 'nobody'])).err).to.contain('--custody');
    expect((await run(custody)).err).to.contain('--msp');
    const at = { mspId: 'Hospital1MSP', gatewayUrl: 'http://127.0.0.1:1', channel: 'care' };
    const two = [0, 1].map(() => makePseudonym({ ...at, custody: 'patient', recoverable: false }));
    const several = join(folder, 'several.json');
    await writePatientKeys(
      several,
      PASSPHRASE,
      two.reduce(withPseudonym, await readPatientKeys(keys, PASSPHRASE)),
    );
    const unnamed = await run(['grants', '--keys', several]);
    expect(unnamed.code).to.equal(2);
    expect(unnamed.err).to.contain(two[0]?.pseudonym).and.contain(two[1]?.pseudonym);
    const away = await run(['grants', '--keys', several, '--pseudonym', two[0]?.pseudonym ?? '']);
    expect(away.err).to.contain('The gateway at http://127.0.0.1:1 does not answer').and.contain('Check');
  });

  it('loses nothing when several commands change one key file at once, also by another name of it', async () => {
    const path = join(folder, 'shared.json');
    const link = join(folder, 'linked.json');
    await run(['init', '--keys', path]);
    await symlink(path, link);
    const lost = ['5a', '5b', '5c'].map((byte) => byte.repeat(16));
    const at = ['--gateway', 'http://127.0.0.1:1', '--msp', 'Hospital1MSP', '--channel', 'care'];
    const all = lost.map((one, index) => run(['recover', one, '--keys', index === 0 ? link : path, ...at]));
    expect((await Promise.all(all)).map(({ code }) => code)).to.deep.equal([0, 0, 0]);
    const { pseudonyms } = await readPatientKeys(link, PASSPHRASE);
    expect(pseudonyms.map(({ pseudonym }) => pseudonym).sort()).to.deep.equal(lost);
    expect((await readdir(folder)).filter((name) => name.includes('lock'))).to.deep.equal([]);
  });

  it('waits for no lock of a command that died, and names the file of one that runs', async () => {
    const path = join(folder, 'held.json');
    await run(['init', '--keys', path]);
    const at = ['--gateway', 'http://127.0.0.1:1', '--msp', 'Hospital1MSP', '--channel', 'care'];
    const recover = (environment?: Readonly<Record<string, string>>) =>
      run(['recover', '5d'.repeat(16), '--keys', path, ...at], environment, undefined, 300);
    const release = await takeLock(`${path}.lock`, { what: path });
    const before = await readFile(path, 'utf8');
    const refused = await recover();
    expect(refused.code).to.equal(1);
    expect(refused.err)
      .to.contain(`${path}.lock`)
      .and.contain(`process ${String(process.pid)}`);
    expect(await readFile(path, 'utf8')).to.equal(before);
    expect((await run(['backup', '--keys', path])).code).to.equal(0);
    release();
    await writeFile(`${path}.lock`, JSON.stringify({ pid: 1, startTicks: '0', bootId: 'before' }));
    expect((await recover()).code).to.equal(0);
    expect((await readdir(folder)).filter((name) => name.includes('lock'))).to.deep.equal([]);
  });

  it('never prints a secret', async () => {
    const several = join(folder, 'several.json');
    const { out } = await run(['backup', '--keys', several]);
    const { linkId, pseudonyms } = await readPatientKeys(several, PASSPHRASE);
    const secrets = pseudonyms.flatMap(({ signing, encryption, labelKey }) => [
      ...[signing.privateKey, encryption.privateKey, labelKey],
    ]);
    for (const secret of [linkId, ...secrets]) expect(out).to.not.contain(secret);
    expect(await readFile(several, 'utf8')).to.not.contain(linkId);
  });

  it('refuses what it does not know with its usage', async () => {
    expect((await run([])).code).to.equal(2);
    const burn = await run(['burn']);
    expect([burn.code, burn.out]).to.deep.equal([2, '']);
    expect(burn.err).to.contain("no command 'burn'").and.contain('revoke');
    expect((await run(['init', '--force'])).code).to.equal(2);
    expect((await run(['--help'])).out).to.contain('usage: careledger patient');
  });

  it('refuses words and options that a command would leave unread', async () => {
    const at = ['--keys', keys];
    for (const name of ['init', 'enrol', 'grant', 'grants', 'log', 'backup', 'rotate', 'recovery'])
      expect((await run([name, 'surplus', ...at])).code, name).to.equal(2);
    for (const name of ['renew', 'revoke', 'recover']) {
      expect((await run([name, ...at])).code, name).to.equal(2);
      expect((await run([name, 'one', 'two', ...at])).code, name).to.equal(2);
    }
    expect((await run(['sharing', 'imaging', 'closed', 'now', ...at])).code).to.equal(2);
    expect((await run(['grants', '--hops', '1', ...at])).err).to.contain('takes no --hops');
    const both = await run(['grant', '--consent', join(folder, 'c.json'), '--hops', '1', ...at]);
    expect([both.code, both.err.includes('leave out --hops')]).to.deep.equal([2, true]);
  });

  it('names the option, the file and what helps when a file cannot be read or written', async () => {
    const at = ['--keys', keys];
    const absent = join(folder, 'no', 'such.json');
    const consent = await run(['grant', '--consent', absent, ...at]);
    expect(consent.err).to.contain(`--consent ${absent}: there is no such file`);
    const half = join(folder, 'half.json');
    await writeFile(half, '{"resourceType":');
    expect((await run(['grant', '--consent', half, ...at])).err).to.contain('no JSON');
    const asFolder = await run(['backup', '--passphrase-file', folder, ...at], {});
    expect(asFolder.err).to.contain(`--passphrase-file ${folder}: that is a folder`);
    expect((await run(['init', '--keys', absent])).err).to.contain(`--keys ${absent}: there is no such`);
    expect((await run(['backup', '--keys', folder])).err).to.contain('that is a folder');
    for (const [name, text] of [
      ['empty.json', ''],
      ['truncated.json', (await readFile(keys, 'utf8')).slice(0, 200)],
    ] as const) {
      const path = join(folder, name);
      await writeFile(path, text);
      const damaged = await run(['backup', '--keys', path]);
      expect(damaged.err).to.contain(path).and.contain('Restore your backup');
    }
    const short = await run(['backup', ...at], { CARELEDGER_PASSPHRASE: 'short' });
    expect(short.err).to.contain('the passphrase is wrong');
    const fresh = join(folder, 'fresh.json');
    const tooShort = await run(['init', '--keys', fresh], { CARELEDGER_PASSPHRASE: 'short' });
    expect(tooShort.err).to.contain('at least 8');
    expect((await run(['init', '--keys', fresh])).out).to.contain('final');
    const url = [
      'enrol',
      ...at,
      '--gateway',
      'gateway.example',
      '--token',
      'T',
      '--msp',
      'H',
      '--channel',
      'c',
    ];
    const noUrl = await run(url);
    expect([noUrl.code, noUrl.err.includes('--gateway takes the URL')]).to.deep.equal([2, true]);
  });

  it('keeps a pseudonym that is not enrolled yet, says so, and takes no other choices for it', async () => {
    const path = join(folder, 'pending.json');
    const at = { mspId: 'Hospital1MSP', gatewayUrl: 'http://127.0.0.1:1', channel: 'care' };
    const own = makePseudonym({ ...at, recoverable: false, custody: 'patient' });
    await writePatientKeys(path, PASSPHRASE, withPseudonym(makePatientKeys(), { ...own, pending: true }));
    for (const name of ['grants', 'rotate'])
      expect((await run([name, '--keys', path])).err).to.contain('is not enrolled yet');
    expect((await run(['backup', '--keys', path])).out).to.contain('not enrolled yet');
    const desk = [
      'enrol',
      '--keys',
      path,
      '--gateway',
      'http://127.0.0.1:1',
      '--token',
      'T',
      '--channel',
      'care',
    ];
    const again = await run([...desk, '--msp', 'Hospital1MSP', '--without-identity']);
    expect(again.out).to.contain(own.pseudonym);
    expect(again.err).to.contain('does not answer');
    const { pseudonyms } = await readPatientKeys(path, PASSPHRASE);
    expect(pseudonyms.map(({ pseudonym, pending }) => [pseudonym, pending])).to.deep.equal([
      [own.pseudonym, true],
    ]);
    const named = [...desk, '--msp', 'Hospital1MSP', '--pseudonym', own.pseudonym, '--custody', 'hospital'];
    const refused = await run(named);
    expect([refused.code, refused.err.includes('--custody does not fit')]).to.deep.equal([2, true]);
  });

  it('reads terms, grantees and tags as they are named everywhere', () => {
    const now = new Date('2026-11-20T08:00:00.000Z');
    const words = { to: 'role/Hospital2MSP/clinician', types: 'laboratory,imaging', hops: '1', days: '7' };
    expect(termsFromWords({ ...words, department: 'cardiology' }, now)).to.deep.equal({
      grantee: { kind: 'role', mspId: 'Hospital2MSP', role: 'clinician' },
      recordTypes: ['laboratory', 'imaging'],
      purposes: ['treatment'],
      sensitivities: ['normal'],
      condition: { department: 'cardiology' },
      notAfter: '2026-11-27T08:00:00.000Z',
      maxHops: 1,
    });
    expect(granteeFrom('member/Hospital2MSP')).to.deep.equal({ kind: 'member', mspId: 'Hospital2MSP' });
    const restricted = { recordType: 'imaging', sensitivity: 'restricted' };
    expect(tagsFrom('imaging/restricted')).to.deep.equal([restricted]);
    const all = tagsFrom('imaging').map(({ sensitivity }) => sensitivity);
    expect(all).to.deep.equal(['normal', 'restricted', 'very-restricted']);
    const wrong = [
      { to: 'Hospital2MSP' },
      { to: 'role/H/visitor' },
      { types: 'x' },
      { hops: '9' },
      { days: '0' },
    ];
    for (const change of [...wrong, { purposes: 'fun' }, { to: undefined }])
      expect(() => termsFromWords({ ...words, ...change }, now)).to.throw(UsageError);
    expect(() => granteeFrom('role/Hospital2MSP/cardiologist')).to.throw('clinician, researcher');
    for (const tag of ['x', 'imaging/secret', 'imaging/normal/x'])
      expect(() => tagsFrom(tag)).to.throw(UsageError);
  });

  it('makes keys in place of lost ones, shows the same request again, and lets nothing be signed with them', async () => {
    const path = join(folder, 'recovering.json');
    await run(['init', '--keys', path]);
    const lost = '5e'.repeat(16);
    const at = ['--gateway', 'http://127.0.0.1:1', '--msp', 'Hospital1MSP', '--channel', 'care'];
    expect((await run(['recover', lost, '--keys', path])).code).to.equal(2);
    const first = await run(['recover', lost, '--keys', path, ...at]);
    expect([first.code, first.out]).to.deep.include(0);
    const [own] = (await readPatientKeys(path, PASSPHRASE)).pseudonyms;
    const { signing, encryption } = own!;
    const request = {
      pseudonym: lost,
      keys: { signing: signing.publicKey, encryption: encryption.publicKey },
    };
    expect(first.out).to.contain(JSON.stringify(request)).and.not.contain(signing.privateKey);
    expect((await run(['recover', lost, '--keys', path])).out).to.equal(first.out);
    expect((await run(['grants', '--keys', path])).err).to.contain('finish-recovery');
    expect((await run(['rotate', '--keys', path])).err).to.contain('finish-recovery');
  });

  it('recovers no pseudonym whose keys the file has, and goes on with no other command in a rotation', async () => {
    const path = join(folder, 'rotating.json');
    const at = { mspId: 'Hospital1MSP', gatewayUrl: 'http://127.0.0.1:1', channel: 'care' };
    const own = makePseudonym({ ...at, recoverable: false, custody: 'patient' });
    const { signing, encryption } = makePseudonym({ ...at, recoverable: false, custody: 'patient' });
    const withOne = withPseudonym(makePatientKeys(), { ...own, next: { signing, encryption } });
    await writePatientKeys(path, PASSPHRASE, withOne);
    expect((await run(['recover', own.pseudonym, '--keys', path])).err).to.contain('not lost');
    expect((await run(['finish-recovery', '--keys', path])).err).to.contain('not of a recovery');
    expect((await run(['grants', '--keys', path])).err).to.contain('careledger patient rotate');
    expect((await run(['rotate', '--keys', path])).err).to.contain('does not answer');
  });
});
