import 'reflect-metadata';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { expect } from 'chai';
import { FabricCaAuthority } from './index.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const CERTIFICATE = 'a certificate';

describe('the client of Fabric CA', () => {
  let connections = 0;
  let isRefusing = false;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const Cert = Buffer.from(CERTIFICATE).toString('base64');
      const result = { secret: 'secret', Cert, ServerInfo: { CAChain: Cert } };
      response.end(JSON.stringify({ success: !isRefusing, result, errors: [] }));
    });
  });
  server.on('connection', () => (connections += 1));
  let authority: FabricCaAuthority;
  let csrPem: string;
  before(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    authority = new FabricCaAuthority({
      url: `http://127.0.0.1:${String(port)}`,
      caName: 'ca',
      tlsRootCertificate: '',
      registrar: { certificate: CERTIFICATE, keyPem },
    });
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const made = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: ALGORITHM });
    csrPem = made.toString('pem');
  });
  after(() => server.close());

  it('leaves nothing on a connection, however many it enrols one after the other', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    const staff = Array.from({ length: 6 }, (_, index) => `staff-${String(index)}`);
    for (const enrolmentId of staff)
      expect(await authority.enrol({ enrolmentId, role: 'clinician', csrPem })).to.equal(CERTIFICATE);
    await new Promise(setImmediate);
    process.off('warning', note);
    expect(warnings.map(({ name }) => name)).to.deep.equal([]);
    expect(connections, 'one for each registration and each enrolment').to.equal(2 * staff.length);
  });

  it('says when the authority refuses', async () => {
    isRefusing = true;
    const error: unknown = await authority
      .enrol({ enrolmentId: 'staff-9', role: 'clinician', csrPem })
      .catch((cause: unknown) => cause);
    expect(error).to.include({ code: 'LEDGER_UNAVAILABLE' });
  });
});
