import 'reflect-metadata';
import { KeyObject, sign, webcrypto } from 'node:crypto';
import { expect } from 'chai';
import * as x509 from '@peculiar/x509';
import { makeMember, type TestMember } from '../testing/identities.js';
import { Identities } from './identities.js';
import type { Identity } from './transaction.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const MSP_ID = 'h1MSP';

interface Issued {
  readonly pem: string;
  readonly subject: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

let serial = 1;
async function issue(
  name: string,
  issuer: Issued | undefined,
  { isAuthority, namedCurve = 'P-256' }: { readonly isAuthority: boolean; readonly namedCurve?: string },
): Promise<Issued> {
  const keys = await webcrypto.subtle.generateKey({ ...ALGORITHM, namedCurve }, true, ['sign', 'verify']);
  serial += 1;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial.toString(16).padStart(2, '0'),
    subject: name,
    issuer: issuer?.subject ?? name,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2046-01-01T00:00:00Z'),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: { ...ALGORITHM, hash: 'SHA-256' },
    extensions: [new x509.BasicConstraintsExtension(isAuthority, undefined, true)],
  });
  return { pem: certificate.toString('pem'), subject: certificate.subject, keys };
}

describe('identities of a channel', () => {
  const authority = { isAuthority: true };
  const leaf = { isAuthority: false };
  let root: Issued;
  let intermediate: Issued;
  let member: TestMember;
  before(async () => {
    member = await makeMember(MSP_ID);
    root = await issue('CN=root', undefined, authority);
    intermediate = await issue('CN=intermediate', root, authority);
  });
  const knows = (authorities: readonly string[], pem: string, mspId = MSP_ID) =>
    new Identities(new Map([[MSP_ID, authorities]])).find({ mspId, certificate: pem });

  it('chain to a root of their own member, over intermediates that do', async () => {
    const direct = await issue('CN=one, OU=peer', root, leaf);
    const { pem } = await issue('CN=two, OU=client', intermediate, leaf);
    const both = [root.pem, intermediate.pem];
    expect(knows(both, direct.pem)).to.deep.include({ unit: 'peer' });
    expect(knows(both, pem)?.signer).to.deep.include({ mspId: MSP_ID, name: 'two' });
    expect(knows([intermediate.pem], pem), 'no root above').to.equal(undefined);
    expect(knows([root.pem], pem), 'the intermediate is not the member’s').to.equal(undefined);
    expect(knows(both, pem, 'h2MSP'), 'another member’s').to.equal(undefined);
    expect(knows([member.rootCertificate], pem), 'another authority').to.equal(undefined);
  });

  it('are no authorities, no leaves of leaves, of one node unit, and on P-256', async () => {
    const parent = await issue('CN=parent, OU=peer', root, leaf);
    const refused = {
      'an authority': intermediate.pem,
      'below a leaf': (await issue('CN=child, OU=peer', parent, leaf)).pem,
      'no unit': (await issue('CN=none', root, leaf)).pem,
      'two units': (await issue('CN=two, OU=peer, OU=client', root, leaf)).pem,
      'two units in one part': (await issue('CN=two, OU=peer+OU=client', root, leaf)).pem,
      'another curve': (await issue('CN=curve, OU=peer', root, { ...leaf, namedCurve: 'P-384' })).pem,
      'no certificate': 'no certificate',
    };
    for (const [what, pem] of Object.entries(refused))
      expect(knows([root.pem, intermediate.pem, parent.pem], pem), what).to.equal(undefined);
    const named = (await issue('CN=named, OU=peer+OU=ward', root, leaf)).pem;
    expect(knows([root.pem], named), 'a unit beside an affiliation').to.deep.include({ unit: 'peer' });
  });

  it('sign with the lower of the two values of S only', async () => {
    const { pem, keys } = await issue('CN=signer, OU=client', root, leaf);
    const identities = new Identities(new Map([[MSP_ID, [root.pem]]]));
    const identity: Identity = { mspId: MSP_ID, certificate: pem };
    const message = Buffer.from('message');
    const raw = sign('sha256', message, { key: KeyObject.from(keys.privateKey), dsaEncoding: 'ieee-p1363' });
    const [r, s] = [raw.subarray(0, 32), BigInt(`0x${raw.subarray(32).toString('hex')}`)];
    const low = s > P256_ORDER / 2n ? P256_ORDER - s : s;
    const known = (value: bigint, text = message) => {
      const signature = derOf(r, Buffer.from(value.toString(16).padStart(64, '0'), 'hex'));
      return identities.signerOf({ identity, message: text, signature })?.signer.name;
    };
    expect(known(low)).to.equal('signer');
    expect(known(P256_ORDER - low)).to.equal(undefined);
    expect(known(low, Buffer.from('another'))).to.equal(undefined);
    const nothing = { identity, message, signature: new Uint8Array() };
    expect(identities.signerOf(nothing)).to.equal(undefined);
  });
});

function derOf(...integers: readonly Buffer[]): Buffer {
  const body = Buffer.concat(
    integers.map((integer) => {
      const minimal = integer.subarray(integer.findIndex((byte) => byte !== 0));
      const padded = minimal[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), minimal]) : minimal;
      return Buffer.concat([Buffer.of(0x02, padded.length), padded]);
    }),
  );
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}
