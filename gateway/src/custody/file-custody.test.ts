import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { createHash, randomBytes, verify } from 'node:crypto';
import { copyFile, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, inspect } from 'node:util';
import {
  combinePartials,
  encrypt,
  makeHeader,
  publicKeyToJson,
  sharingToJson,
  thresholdShareToJson,
  verifyPartialDecryption,
  type RecordContext,
  type ThresholdShareJson,
} from '@careledger/crypto';
import { dealThresholdKey } from '@careledger/crypto/testing';
import { CareLedgerError, type ErrorCode } from '@careledger/protocol';
import { Pkcs10CertificateRequest, X509CertificateGenerator } from '@peculiar/x509';
import { expect } from 'chai';
import type { KeyCustody } from '../ports/key-custody.js';
import { createFileCustody, type FileCustodyOptions } from './file-custody.js';

const PASSPHRASE = 'correct horse battery staple';
const CONTEXT: RecordContext = {
  ownerMspId: 'Hospital1MSP',
  pseudonym: 'a'.repeat(32),
  recordType: 'laboratory',
  recordId: `${'b'.repeat(32)}.0`,
};
const P256_HALF_ORDER = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;

async function expectCode(code: ErrorCode, promise: Promise<unknown>): Promise<CareLedgerError> {
  const error: unknown = await promise.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  expect(error, String(error)).to.be.instanceOf(CareLedgerError);
  expect((error as CareLedgerError).code).to.equal(code);
  return error as CareLedgerError;
}

/** Signs a request as a certificate authority would; the issuer's key is the test's own. */
async function certify(csrPem: string): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const request = new Pkcs10CertificateRequest(csrPem);
  expect(await request.verify()).to.equal(true);
  const issuer = await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    subject: request.subject,
    issuer: 'CN=test',
    serialNumber: randomBytes(8).toString('hex'),
    notBefore: new Date(Date.now() - 1000),
    notAfter: new Date(Date.now() + 3_600_000),
    publicKey: request.publicKey,
    signingKey: issuer.privateKey,
    signingAlgorithm: algorithm,
  });
  return certificate.toString('pem');
}

describe('file custody', function () {
  this.timeout(20_000);
  let dir: string;
  const options = (extra: Partial<FileCustodyOptions> = {}): FileCustodyOptions => ({
    dir,
    passphrase: PASSPHRASE,
    mspId: 'Hospital1MSP',
    ...extra,
  });
  const open = (extra: Partial<FileCustodyOptions> = {}): Promise<KeyCustody> =>
    createFileCustody(options(extra));
  const sealedFiles = async (): Promise<string[]> =>
    (await readdir(dir)).filter((name) => name.endsWith('.sealed')).sort();

  beforeEach(async () => {
    dir = join(await mkdtemp(join(tmpdir(), 'custody-')), 'keys');
  });
  afterEach(() => rm(join(dir, '..'), { recursive: true, force: true }));

  async function enrol(custody: KeyCustody, enrolmentId: string): Promise<void> {
    const { csrPem } = await custody.createSigningKey(enrolmentId);
    await custody.storeCertificate(enrolmentId, await certify(csrPem));
  }

  describe('signing', () => {
    it('signs digests with DER of low S that verifies under the certificate, also after a restart', async () => {
      await enrol(await open(), 'dr-1');
      const identity = await (await open()).signingIdentity('dr-1');
      expect(identity.mspId).to.equal('Hospital1MSP');
      for (let index = 0; index < 32; index += 1) {
        const message = randomBytes(40);
        const signature = await identity.sign(createHash('sha256').update(message).digest());
        const publicKey = { key: identity.certificate, dsaEncoding: 'der' } as const;
        expect(verify('sha256', message, publicKey, signature), `signature ${String(index)}`).to.equal(true);
        const sLength = signature[4 + signature[3]! + 1]!;
        const s = BigInt(`0x${Buffer.from(signature.subarray(signature.length - sLength)).toString('hex')}`);
        expect(s <= P256_HALF_ORDER, `low S in signature ${String(index)}`).to.equal(true);
      }
    });

    it('refuses what is not a digest of 32 bytes', async () => {
      const custody = await open();
      await enrol(custody, 'dr-1');
      const identity = await custody.signingIdentity('dr-1');
      await expectCode('SCHEMA_VIOLATION', identity.sign(new Uint8Array(31)));
      await expectCode('SCHEMA_VIOLATION', identity.sign('x'.repeat(32) as never));
    });

    it('does not know an id that was never enrolled, or only asked for', async () => {
      const custody = await open();
      await expectCode('STAFF_NOT_FOUND', custody.signingIdentity('nobody'));
      await custody.createSigningKey('half');
      await expectCode('STAFF_NOT_FOUND', custody.signingIdentity('half'));
      expect(await custody.enrolledIds()).to.deep.equal([]);
      await enrol(custody, 'half');
      expect(await custody.enrolledIds()).to.deep.equal(['half']);
    });

    it('keeps to one key while a certificate is awaited, and to the old identity until the new one stands', async () => {
      const custody = await open();
      const keyOf = (csrPem: string): string =>
        new Pkcs10CertificateRequest(csrPem).publicKey.toString('hex');
      const [first, second] = await Promise.all([
        custody.createSigningKey('dr-1'),
        custody.createSigningKey('dr-1'),
      ]);
      expect(keyOf(first.csrPem)).to.equal(keyOf(second.csrPem));
      await custody.storeCertificate('dr-1', await certify(first.csrPem));
      const { certificate } = await custody.signingIdentity('dr-1');
      const renewal = await custody.createSigningKey('dr-1');
      expect(keyOf(renewal.csrPem)).not.to.equal(keyOf(first.csrPem));
      expect((await custody.signingIdentity('dr-1')).certificate).to.equal(certificate);
      await custody.storeCertificate('dr-1', await certify(renewal.csrPem));
      expect((await custody.signingIdentity('dr-1')).certificate).not.to.equal(certificate);
    });

    it('refuses a certificate of another key, ids that are paths, and a foreign private key', async () => {
      const custody = await open();
      const other = await custody.createSigningKey('dr-2');
      await custody.createSigningKey('dr-1');
      const certificatePem = await certify(other.csrPem);
      await expectCode('SCHEMA_VIOLATION', custody.storeCertificate('dr-1', certificatePem));
      await expectCode('STAFF_NOT_FOUND', custody.storeCertificate('dr-3', certificatePem));
      await expectCode('SCHEMA_VIOLATION', custody.createSigningKey('../dr-1'));
      await expectCode('SCHEMA_VIOLATION', custody.signingIdentity('a/b'));
      const keyPem = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----';
      const error = await expectCode(
        'SCHEMA_VIOLATION',
        custody.importSigningIdentity('gw', { keyPem, certificatePem }),
      );
      expect(inspect(error, { depth: 9 })).not.to.include('c2VjcmV0');
    });
  });

  describe('record keys', () => {
    it('opens and re-wraps its own headers, and opens a release with the one-time key across a restart', async () => {
      const owner = await open();
      const dataKey = randomBytes(32);
      const recipientPublicKey = await owner.encryptionPublicKey();
      const header = await makeHeader({
        recipientPublicKey,
        dataKey,
        salt: randomBytes(32),
        context: CONTEXT,
        contentType: 'text/plain',
        contentLength: 4,
      });
      expect(
        (await owner.openHeader({ header, expectedContext: CONTEXT, erasureKey: undefined })).dataKey,
      ).to.deep.equal(new Uint8Array(dataKey));

      const oneTime = await owner.createRecipientKey();
      const released = await owner.rewrapHeader({
        header,
        expectedContext: CONTEXT,
        erasureKey: undefined,
        recipientPublicKey: oneTime,
        releaseBinding: 'tx-1',
      });
      const later = await open();
      expect(await later.encryptionPublicKey()).to.deep.equal(recipientPublicKey);
      const asked = { recipientPublicKey: oneTime, header: released, expectedContext: CONTEXT };
      expect((await later.openRelease({ ...asked, releaseBinding: 'tx-1' })).dataKey).to.deep.equal(
        new Uint8Array(dataKey),
      );
      await rejects(later.openRelease({ ...asked, releaseBinding: 'tx-2' }));
      const expectedContext = { ...CONTEXT, pseudonym: 'c'.repeat(32) };
      await rejects(later.openHeader({ header, expectedContext, erasureKey: undefined }));

      await later.forgetRecipientKey(oneTime);
      await later.forgetRecipientKey(oneTime);
      await expectCode('TRANSITION_NOT_ALLOWED', later.openRelease({ ...asked, releaseBinding: 'tx-1' }));
      await expectCode(
        'TRANSITION_NOT_ALLOWED',
        (await open()).openRelease({ ...asked, releaseBinding: 'tx-1' }),
      );
    });

    it('makes one encryption key when asked twice at once', async () => {
      const custody = await open();
      const [first, second] = await Promise.all([
        custody.encryptionPublicKey(),
        custody.encryptionPublicKey(),
      ]);
      expect(first).to.deep.equal(second);
    });

    it('bounds one-time keys: the oldest goes first, and an old one expires', async () => {
      let now = 1_000;
      const bounded = { maxRecipientKeys: 2, recipientKeyMaxAgeMs: 10_000, clock: () => now };
      const custody = await open(bounded);
      const keys: Uint8Array[] = [];
      for (let index = 0; index < 3; index += 1) {
        now += 1;
        keys.push(await custody.createRecipientKey());
      }
      expect((await sealedFiles()).length).to.equal(2);
      const header = new Uint8Array(10);
      const use = (from: KeyCustody, recipientPublicKey: Uint8Array): Promise<unknown> =>
        from.openRelease({ recipientPublicKey, header, expectedContext: CONTEXT, releaseBinding: 'tx' });
      await expectCode('TRANSITION_NOT_ALLOWED', use(custody, keys[0]!));
      await expectCryptoRefusal(use(custody, keys[2]!));
      const restarted = await open(bounded);
      await expectCryptoRefusal(use(restarted, keys[1]!));
      now += 10_001;
      await expectCode('TRANSITION_NOT_ALLOWED', use(restarted, keys[2]!));
    });
  });

  describe('key shares', () => {
    const holders = ['Hospital1MSP', 'Hospital2MSP', 'Hospital3MSP'];
    const dealt = dealThresholdKey({ keyBits: 512, holders, allowTestKeySize: true });
    const { publicKey, sharing } = dealt;
    const { keyId } = publicKey;
    const key = { publicKey: publicKeyToJson(publicKey), sharing: sharingToJson(publicKey, sharing) };
    const [mine, theirs] = dealt.shares.map(thresholdShareToJson) as [ThresholdShareJson, ThresholdShareJson];
    const context = { queryId: 'ab'.repeat(16), step: 'aggregate', index: 0 } as const;

    it('decrypt their part with a proof, and nothing under another key or epoch', async () => {
      const custody = await open({ allowTestKeySize: true });
      const ciphertext = encrypt(publicKey, 42n);
      await expectCode('KEY_NOT_FOUND', custody.partialDecryption(key, ciphertext, context));
      await custody.storeKeyShare(mine);
      const elsewhere = { dir: join(dir, 'other'), mspId: 'Hospital2MSP', allowTestKeySize: true };
      const other = await createFileCustody(options(elsewhere));
      await other.storeKeyShare(theirs);
      const partials = [
        await custody.partialDecryption(key, ciphertext, context),
        await other.partialDecryption(key, ciphertext, context),
      ];
      for (const partial of partials)
        verifyPartialDecryption({ publicKey, sharing, ciphertext, context, partial });
      expect(combinePartials({ publicKey, sharing, ciphertext, partials })).to.equal(42n);
      await expectCryptoRefusal(custody.partialDecryption(key, 0n, context));
      const later = { ...key, sharing: { ...key.sharing, epoch: 1 } };
      await expectCode('KEY_NOT_FOUND', custody.partialDecryption(later, ciphertext, context));
    });

    it('are of this hospital, survive a restart, and are never replaced', async () => {
      const custody = await open();
      expect(await custody.hasKeyShare({ keyId, epoch: 0 })).to.equal(false);
      await custody.storeKeyShare(mine);
      await custody.storeKeyShare(mine);
      const another = { ...mine, value: theirs.value };
      await expectCode('ALREADY_EXISTS', custody.storeKeyShare(another));
      await expectCode('NOT_OWNER', custody.storeKeyShare(theirs));
      await expectCryptoRefusal(custody.storeKeyShare({ ...mine, keyId: '../x' }));
      const restarted = await open();
      expect(await restarted.hasKeyShare({ keyId, epoch: 0 })).to.equal(true);
      expect(await restarted.hasKeyShare({ keyId, epoch: 1 })).to.equal(false);
    });

    it('of earlier epochs are erased, those of the present one and of other keys stay', async () => {
      const custody = await open();
      const otherKey = { ...mine, keyId: 'cd'.repeat(32) };
      for (const share of [mine, { ...mine, epoch: 1 }, { ...mine, epoch: 2 }, otherKey])
        await custody.storeKeyShare(share);
      await custody.eraseKeyShares({ keyId, beforeEpoch: 2 });
      await custody.eraseKeyShares({ keyId, beforeEpoch: 2 });
      const held = await Promise.all([0, 1, 2].map((epoch) => custody.hasKeyShare({ keyId, epoch })));
      expect(held).to.deep.equal([false, false, true]);
      expect(await custody.hasKeyShare({ keyId: otherKey.keyId, epoch: 0 })).to.equal(true);
      await expectCode('SCHEMA_VIOLATION', custody.eraseKeyShares({ keyId: '../x', beforeEpoch: 2 }));
    });
  });

  describe('locks', () => {
    it('refuses a wrong passphrase, and one that is too short to begin with', async () => {
      await enrol(await open(), 'dr-1');
      await expectCode('CUSTODY_LOCKED', open({ passphrase: `${PASSPHRASE}!` }));
      dir = join(dir, 'second');
      await expectCode('CUSTODY_LOCKED', open({ passphrase: 'short' }));
    });

    it('refuses to start anew where sealed files lie without their master key', async () => {
      await enrol(await open(), 'dr-1');
      await rename(join(dir, 'master.key'), join(dir, 'elsewhere'));
      await expectCode('CUSTODY_LOCKED', open());
      await rename(join(dir, 'elsewhere'), join(dir, 'master.key'));
      expect(await (await open()).enrolledIds()).to.deep.equal(['dr-1']);
    });

    it('refuses files that were swapped, between people and between kinds', async () => {
      const custody = await open();
      await enrol(custody, 'dr-1');
      await enrol(custody, 'dr-2');
      await custody.createSigningKey('dr-2');
      await copyFile(join(dir, 'identity-dr-2.sealed'), join(dir, 'identity-dr-1.sealed'));
      await expectCode('CUSTODY_LOCKED', (await open()).signingIdentity('dr-1'));
      await copyFile(join(dir, 'pending-identity-dr-2.sealed'), join(dir, 'identity-dr-2.sealed'));
      await expectCode('CUSTODY_LOCKED', (await open()).signingIdentity('dr-2'));
    });

    it('refuses every flipped or missing byte of a sealed file', async () => {
      await enrol(await open(), 'dr-1');
      const path = join(dir, 'identity-dr-1.sealed');
      const good = await readFile(path);
      const custody = await open();
      for (const at of [0, 1, 12, 13, 40, good.length - 17, good.length - 1]) {
        const bad = Buffer.from(good);
        bad[at]! ^= 1;
        await writeFile(path, bad);
        await expectCode('CUSTODY_LOCKED', custody.signingIdentity('dr-1'));
      }
      for (const length of [0, 1, 28, good.length - 1]) {
        await writeFile(path, good.subarray(0, length));
        await expectCode('CUSTODY_LOCKED', custody.signingIdentity('dr-1'));
      }
      await writeFile(path, good);
      expect((await custody.signingIdentity('dr-1')).mspId).to.equal('Hospital1MSP');
    });

    it('refuses a flipped byte of the master key file', async () => {
      await open();
      const path = join(dir, 'master.key');
      const text = await readFile(path, 'utf8');
      const at = text.indexOf('"ciphertext"') + 20;
      await writeFile(path, `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`);
      await expectCode('CUSTODY_LOCKED', open());
    });

    it('seals tables under their label, and nothing else opens them', async () => {
      const custody = await open();
      const sealed = await custody.sealLocal('table/staff/1', Buffer.from('row'));
      expect(Buffer.from(await (await open()).openLocal('table/staff/1', sealed)).toString()).to.equal('row');
      await expectCode('CUSTODY_LOCKED', custody.openLocal('table/staff/2', sealed));
      await expectCode('CUSTODY_LOCKED', custody.openLocal('table/staff/1', sealed.subarray(1)));
      const mac = await custody.mac('tokens', Buffer.from('x'));
      expect(mac.length).to.equal(32);
      expect(await custody.mac('tokens', Buffer.from('x'))).to.deep.equal(mac);
      expect(await custody.mac('links', Buffer.from('x'))).not.to.deep.equal(mac);
    });
  });

  describe('discretion', () => {
    it('shows no secret to inspect or JSON, and no path in errors', async () => {
      const custody = await open();
      await enrol(custody, 'dr-1');
      const identity = await custody.signingIdentity('dr-1');
      await identity.sign(new Uint8Array(32));
      for (const value of [custody, identity]) {
        const shown = inspect(value, { depth: 20, showHidden: true, getters: true }) + JSON.stringify(value);
        expect(shown).not.to.match(/PRIVATE KEY|Buffer|Uint8Array|KeyObject|correct horse/);
      }
      expect(Object.keys(identity).sort()).to.deep.equal(['certificate', 'mspId', 'sign']);
      const error = await expectCode('CUSTODY_LOCKED', open({ passphrase: 'tr0ub4dor&3' }));
      const text = inspect(error, { depth: 20 }).replace(error.stack ?? '', '') + error.message;
      expect(text).not.to.include('tr0ub4dor');
      expect(text).not.to.include(dir);
    });

    it('keeps files to the owner: 0600 in a folder of 0700, and nothing in clear', async () => {
      const custody = await open();
      await enrol(custody, 'dr-1');
      await custody.createRecipientKey();
      expect((await stat(dir)).mode & 0o777).to.equal(0o700);
      for (const name of await readdir(dir)) {
        expect((await stat(join(dir, name))).mode & 0o777, name).to.equal(0o600);
        expect(await readFile(join(dir, name), 'latin1'), name).not.to.include('PRIVATE KEY');
      }
    });
  });

  it('keeps the old file when it is killed between the temporary file and its renaming', async () => {
    await enrol(await open(), 'dr-1');
    const before = await sealedFiles();
    const script = `
      import fs from 'node:fs/promises';
      import { syncBuiltinESMExports } from 'node:module';
      const { createFileCustody } = await import(process.env.MODULE);
      const custody = await createFileCustody({ dir: process.env.DIR, passphrase: process.env.PASS, mspId: 'Hospital1MSP' });
      fs.rename = () => { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); };
      syncBuiltinESMExports();
      await custody.createSigningKey('dr-1');
    `;
    const env = {
      ...process.env,
      DIR: dir,
      PASS: PASSPHRASE,
      MODULE: new URL('./file-custody.js', import.meta.url).href,
    };
    const outcome = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env,
    }).then(
      () => 'ended',
      (error: unknown) => (error as { signal?: string }).signal,
    );
    expect(outcome).to.equal('SIGKILL');
    expect(
      (await readdir(dir)).filter((name) => name.startsWith('.tmp-')).length,
      'a half-written file',
    ).to.equal(1);

    const custody = await open();
    expect((await readdir(dir)).filter((name) => name.startsWith('.tmp-'))).to.deep.equal([]);
    expect(await sealedFiles()).to.deep.equal(before);
    expect((await custody.signingIdentity('dr-1')).mspId).to.equal('Hospital1MSP');
    await enrol(custody, 'dr-1');
  });

  it('comes to one master key when two processes start on a new folder at once', async () => {
    const [first, second] = await Promise.all([open(), open()]);
    const sealed = await first.sealLocal('x', Buffer.from('y'));
    expect(Buffer.from(await second.openLocal('x', sealed)).toString()).to.equal('y');
  });
});

async function rejects(promise: Promise<unknown>): Promise<void> {
  const settled = await promise.then(
    () => 'resolved',
    () => 'rejected',
  );
  expect(settled).to.equal('rejected');
}

/** An error of the crypto package, which says that the key was there and was used. */
async function expectCryptoRefusal(promise: Promise<unknown>): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect((error as { code?: string } | undefined)?.code).to.match(/^CRYPTO_/);
}
