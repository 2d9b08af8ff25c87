import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Caller } from '@careledger/protocol';

/** Fabric CA puts a certificate's attributes here, as JSON. */
const FABRIC_ATTRIBUTES_OID = '1.2.3.4.5.6.7.8.1';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

x509.cryptoProvider.set(webcrypto);
const keys = webcrypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
const issued = new Map<string, Promise<Uint8Array>>();

/** A real X.509 certificate with these attributes and subject, in PEM. */
export async function certificate(
  attributes: Readonly<Record<string, string>>,
  commonName: string,
): Promise<Uint8Array> {
  const json = Buffer.from(JSON.stringify({ attrs: attributes }));
  const created = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=${commonName},OU=client`,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2036-01-01T00:00:00Z'),
    signingAlgorithm: ALGORITHM,
    keys: await keys,
    extensions: [new x509.Extension(FABRIC_ATTRIBUTES_OID, false, json)],
  });
  return Buffer.from(created.toString('pem'));
}

/** The certificate of a member of staff; made once. */
export function staffCertificate(caller: Caller): Promise<Uint8Array> {
  const name = JSON.stringify(caller);
  const made =
    issued.get(name) ??
    certificate(
      {
        'hf.EnrollmentID': caller.enrolmentId,
        'careledger.role': caller.role,
        ...(caller.department === undefined ? {} : { 'careledger.department': caller.department }),
      },
      caller.enrolmentId,
    );
  issued.set(name, made);
  return made;
}
