import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CareLedgerError } from '@careledger/protocol';
import { bytesToBase64Url, initPairing, masterKeyId, mclPairing, openKeyFile } from '@careledger/crypto/core';
import {
  PATIENT_KEYS_LABEL,
  decodePatientKeys,
  encodePatientKeys,
  lossInWords,
  makePatientKeys,
  makePseudonym,
  openPatientKeys,
  sealPatientKeys,
  withPseudonym,
  type PatientKeys,
} from './patient-keys.js';
import { readPatientKeys, writePatientKeys } from './node/index.js';
import { prepareRecovery, recoveryDigest, recoveryRequest } from './recovery.js';

const PASSPHRASE = 'correct horse';
const AT = { mspId: 'Hospital1MSP', gatewayUrl: 'http://127.0.0.1:1', channel: 'care' };

async function refused(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => (error as { code?: unknown }).code,
  );
}

describe('a patient’s keys', function () {
  this.timeout(20_000);

  let folder: string;
  let keys: PatientKeys;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'careledger-patient-'));
    await initPairing();
    const engine = mclPairing();
    const publicKey = engine.encodeG2(engine.g2Power(engine.g2, 7n));
    const masterKey = { publicKey, keyId: masterKeyId(publicKey) };
    const own = makePseudonym({ ...AT, masterKey, recoverable: false, custody: 'patient' });
    const recoverable = makePseudonym({ ...AT, masterKey, recoverable: true, custody: 'patient' });
    const plain = makePseudonym({ ...AT, recoverable: false, custody: 'patient' });
    keys = [own, recoverable, plain].reduce(withPseudonym, makePatientKeys());
  });
  after(() => rm(folder, { recursive: true }));

  it('have nothing in common from pseudonym to pseudonym', () => {
    const secrets = keys.pseudonyms.flatMap(({ signing, encryption, labelKey }) => [
      signing.privateKey,
      encryption.privateKey,
      labelKey,
    ]);
    expect(new Set(secrets).size).to.equal(9);
    const registered = keys.pseudonyms.map(({ identity }) => identity?.registration.publicKey);
    expect(new Set(registered).size).to.equal(3);
  });

  it('are recoverable, not recoverable, or without an identity, as was chosen', () => {
    const modes = keys.pseudonyms.map(({ identity }) => identity?.registration.recoverable);
    expect(modes).to.deep.equal([false, true, undefined]);
    const one = bytesToBase64Url(Uint8Array.from({ length: 32 }, (_, index) => Number(index === 31)));
    const factors = keys.pseudonyms.map(({ identity }) => identity?.factor === one);
    expect(factors).to.deep.equal([false, true, false]);
  });

  it('are the same file on a disk and in a browser', async () => {
    const path = join(folder, 'keys.json');
    await writePatientKeys(path, PASSPHRASE, keys);
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    const text = await readFile(path, 'utf8');
    expect(text).to.not.contain(keys.linkId);
    expect(await openPatientKeys(text, PASSPHRASE)).to.deep.equal(keys);
    await writeFile(path, await sealPatientKeys(keys, PASSPHRASE));
    expect(await readPatientKeys(path, PASSPHRASE)).to.deep.equal(keys);
  });

  it('open with their passphrase, as what they are, and unchanged only', async () => {
    const text = await sealPatientKeys(keys, PASSPHRASE);
    expect(await refused(openPatientKeys(text, 'wrong horse'))).to.equal('CRYPTO_AUTHENTICATION_FAILED');
    const another = openKeyFile({ text, passphrase: PASSPHRASE, label: `${PATIENT_KEYS_LABEL}x` });
    expect(await refused(another)).to.equal('CRYPTO_AUTHENTICATION_FAILED');
    expect(await refused(sealPatientKeys(keys, 'short'))).to.equal('CRYPTO_INVALID_INPUT');
  });

  it('are refused in any other form', () => {
    const bytes = encodePatientKeys(keys);
    expect(decodePatientKeys(bytes)).to.deep.equal(keys);
    const changed = (change: object): Uint8Array =>
      new TextEncoder().encode(JSON.stringify({ ...keys, ...change }));
    for (const change of [{ version: 2 }, { linkId: 'x' }, { more: 1 }, { pseudonyms: [{}] }])
      expect(() => decodePatientKeys(changed(change))).to.throw();
  });

  it('keep what a rotation made and the keys of earlier epochs, and take nothing that has no form', () => {
    const [own, , plain] = keys.pseudonyms;
    const { signing, encryption } = plain!;
    const changed = { ...own!, next: { signing, encryption }, earlier: [own!.identity!] };
    const rotating = withPseudonym(makePatientKeys(), changed);
    expect(decodePatientKeys(encodePatientKeys(rotating))).to.deep.equal(rotating);
    const wrong = { ...changed, next: { signing } } as unknown as typeof changed;
    expect(() => encodePatientKeys(withPseudonym(makePatientKeys(), wrong))).to.throw(CareLedgerError);
  });

  it('of a recovery are new but for the name, and say that they are not in force', async () => {
    const [{ pseudonym }] = keys.pseudonyms as [PatientKeys['pseudonyms'][number]];
    const made = [1, 2].map(() => prepareRecovery({ ...AT, pseudonym, custody: 'patient' }));
    const requests = made.map(recoveryRequest);
    expect(made[0]).to.include({ pseudonym, recovering: true }).and.not.have.property('identity');
    const secrets = [made[0]!.signing.privateKey, made[0]!.encryption.privateKey, made[0]!.labelKey];
    for (const secret of secrets) expect(JSON.stringify(requests[0])).to.not.contain(secret);
    const digests = await Promise.all(requests.map(recoveryDigest));
    expect(digests[0])
      .to.match(/^[0-9a-f]{64}$/)
      .and.not.equal(digests[1]);
    expect(await recoveryDigest(recoveryRequest(made[0]!))).to.equal(digests[0]);
  });

  it('say in words what a loss means', () => {
    expect(lossInWords(false)).to.contain('FINAL');
    expect(lossInWords(true)).to.contain('a majority of the hospitals can');
  });
});
