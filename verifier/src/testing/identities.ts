import 'reflect-metadata';
import { KeyObject, sign, webcrypto } from 'node:crypto';
import { msp } from '@hyperledger/fabric-protos';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { ...ALGORITHM, hash: 'SHA-256' } as const;
const VALID = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2046-01-01T00:00:00Z') };
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

x509.cryptoProvider.set(webcrypto);

export interface TestIdentity {
  readonly mspId: string;
  readonly certificate: string;
  /** `msp.SerializedIdentity` bytes. */
  readonly serialized: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** One hospital: its authority, and who acts for it. */
export interface TestMember {
  readonly mspId: string;
  readonly rootCertificate: string;
  readonly client: TestIdentity;
  readonly peer: TestIdentity;
  readonly orderer: TestIdentity;
}

export async function makeMember(mspId: string): Promise<TestMember> {
  const keys = await makeKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: `CN=ca, O=${mspId}`,
    ...VALID,
    keys,
    signingAlgorithm: SIGNING,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const issue = async (unit: string, name: string): Promise<TestIdentity> => {
    const own = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: '02',
      subject: `CN=${name}, OU=${unit}, O=${mspId}`,
      issuer: root.subject,
      ...VALID,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: SIGNING,
      extensions: [new x509.BasicConstraintsExtension(false, undefined, true)],
    });
    return identityOf(mspId, certificate.toString('pem'), KeyObject.from(own.privateKey));
  };
  const [client, peer, orderer] = await Promise.all([
    issue('client', 'gateway'),
    issue('peer', 'peer'),
    issue('orderer', 'orderer'),
  ]);
  return { mspId, rootCertificate: root.toString('pem'), client, peer, orderer };
}

function makeKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function identityOf(mspId: string, certificate: string, privateKey: KeyObject): TestIdentity {
  const identity = new msp.SerializedIdentity();
  identity.setMspid(mspId);
  identity.setIdBytes(Buffer.from(certificate));
  return {
    mspId,
    certificate,
    serialized: identity.serializeBinary(),
    sign: (message) => signLow(privateKey, message),
  };
}

/** ECDSA with the lower of the two values of S, as Fabric demands. */
function signLow(privateKey: KeyObject, message: Uint8Array): Uint8Array {
  const raw = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const s = BigInt(`0x${raw.subarray(32).toString('hex')}`);
  const low = s > P256_ORDER / 2n ? P256_ORDER - s : s;
  return encodeDer(raw.subarray(0, 32), Buffer.from(low.toString(16).padStart(64, '0'), 'hex'));
}

function encodeDer(...integers: readonly Buffer[]): Buffer {
  const body = Buffer.concat(
    integers.map((integer) => {
      const first = integer.findIndex((byte) => byte !== 0);
      const minimal = integer.subarray(first);
      const padded = (minimal[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), minimal]) : minimal;
      return Buffer.concat([Buffer.of(0x02, padded.length), padded]);
    }),
  );
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}
