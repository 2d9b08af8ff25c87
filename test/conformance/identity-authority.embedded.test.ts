import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, connect, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { EmbeddedAuthority } from '@careledger/gateway/adapters';
import { identityAuthorityConformance } from './identity-authority.js';
import { enrolPerson } from './support/identities.js';
import { codeOf } from './support/scenario.js';

const MSP_ID = 'Hospital1MSP';

identityAuthorityConformance('embedded', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'careledger-authority-'));
  const open = () =>
    EmbeddedAuthority.open({ directory, mspId: MSP_ID, passphrase: 'a passphrase for tests' });
  let authority = await open();
  return {
    mspId: MSP_ID,
    rootCertificate: authority.rootCertificate,
    authority: () => authority,
    async reopen() {
      authority = await open();
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
});

describe('embedded authority', () => {
  let directory: string;
  let authority: EmbeddedAuthority;
  const passphrase = 'a passphrase for tests';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'careledger-authority-'));
    authority = await EmbeddedAuthority.open({ directory, mspId: MSP_ID, passphrase });
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('keeps its roots and nodes, and opens under its passphrase only', async () => {
    const again = await EmbeddedAuthority.open({ directory, mspId: MSP_ID, passphrase });
    expect(again.rootCertificate).to.equal(authority.rootCertificate);
    expect(again.node('peer').certificate).to.equal(authority.node('peer').certificate);
    expect(
      await codeOf(EmbeddedAuthority.open({ directory, mspId: MSP_ID, passphrase: 'not this one' })),
    ).to.equal('CUSTODY_LOCKED');
  });

  it('leaves no key in clear on the disk', async () => {
    expect(await readFile(join(directory, 'authority.key'), 'utf8')).to.not.match(/PRIVATE KEY|BEGIN/);
  });

  it('issues certificates under which two gateways speak mutual TLS, and not with an identity of the ledger', async () => {
    const gateway = await authority.issueTls({ commonName: 'gateway.h1', hosts: ['127.0.0.1', 'localhost'] });
    const ca = authority.tlsRootCertificate;
    const server = createServer({
      key: gateway.keyPem,
      cert: gateway.certificatePem,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.on('secureConnection', (socket) => socket.end('hello'));
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const speak = (identity: object) =>
      new Promise<string>((resolve) => {
        const socket: TLSSocket = connect({
          port,
          host: '127.0.0.1',
          servername: 'localhost',
          ca,
          ...identity,
        });
        socket.on('data', (data: Buffer) => {
          resolve(data.toString());
        });
        socket.on('close', () => {
          resolve('refused');
        });
        socket.on('error', (error: NodeJS.ErrnoException) => {
          resolve(`refused ${error.code ?? ''}`);
        });
      });
    try {
      expect(await speak({ key: gateway.keyPem, cert: gateway.certificatePem })).to.equal('hello');
      expect(await speak({})).to.match(/^refused/);
      const person = await enrolPerson(authority, MSP_ID, 'gateway');
      expect(await speak({ key: person.keyPem, cert: person.certificate })).to.match(/^refused/);
    } finally {
      server.close();
    }
  });
});
