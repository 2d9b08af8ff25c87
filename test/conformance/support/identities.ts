import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { signers } from '@hyperledger/fabric-gateway';
import * as x509 from '@peculiar/x509';
import type { IdentityAuthority, SigningIdentity } from '@careledger/gateway/adapters';
import type { Role } from '@careledger/protocol';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
let enrolled = 0;

/** A person with a fresh enrolment id, whose key lives in this process. */
export async function enrolPerson(authority: IdentityAuthority, mspId: string, role: Role): Promise<Person> {
  enrolled += 1;
  const enrolmentId = `${role}-${String(enrolled)}-${Date.now().toString(36)}`;
  const { csrPem, keyPem } = await makeRequest(enrolmentId);
  const certificate = await authority.enrol({ enrolmentId, role, csrPem });
  return { enrolmentId, mspId, certificate, keyPem, ...signerOf(keyPem) };
}

export interface Person extends SigningIdentity {
  readonly enrolmentId: string;
  readonly keyPem: string;
}

export function signerOf(keyPem: string): Pick<SigningIdentity, 'sign'> {
  const sign = signers.newPrivateKeySigner(createPrivateKey(keyPem));
  return { sign: (digest) => Promise.resolve(sign(digest)) };
}

export async function makeRequest(enrolmentId: string): Promise<{ csrPem: string; keyPem: string }> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${enrolmentId}`,
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { csrPem: request.toString('pem'), keyPem: key.export({ format: 'pem', type: 'pkcs8' }).toString() };
}
