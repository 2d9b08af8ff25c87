import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import type { IdentityAuthority } from '@careledger/gateway/adapters';
import type { Role } from '@careledger/protocol';
import { makeRequest } from './support/identities.js';
import { codeOf, randomId } from './support/scenario.js';

export interface IdentityAuthorityHarness {
  readonly mspId: string;
  /** PEM of the root that signs ledger identities. */
  readonly rootCertificate: string;
  authority(): IdentityAuthority;
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** DER of 1.2.3.4.5.6.7.8.1, without tag and length. */
const ATTRIBUTES_OID = Buffer.from('2a03040506070801', 'hex');

/** The conformance suite of the `IdentityAuthority` port. */
export function identityAuthorityConformance(
  name: string,
  makeHarness: () => Promise<IdentityAuthorityHarness>,
): void {
  describe(`${name}: identity authority port`, () => {
    let harness: IdentityAuthorityHarness;
    const enrolmentId = `staff-${randomId()}`;

    before(async () => {
      harness = await makeHarness();
    });
    after(() => (harness as IdentityAuthorityHarness | undefined)?.close());

    async function enrol(id: string, role: Role, department?: string): Promise<X509Certificate> {
      const { csrPem } = await makeRequest(id);
      const staff = { enrolmentId: id, role, csrPem, ...(department === undefined ? {} : { department }) };
      return new X509Certificate(await harness.authority().enrol(staff));
    }

    it('issues a client certificate of its root, with role and department as Fabric CA writes them', async () => {
      const certificate = await enrol(enrolmentId, 'clinician', 'cardiology');
      const root = new X509Certificate(harness.rootCertificate);
      expect(certificate.checkIssued(root)).to.equal(true);
      expect(certificate.verify(root.publicKey)).to.equal(true);
      expect(certificate.ca).to.equal(false);
      expect(certificate.subject.split('\n')).to.include.members([`CN=${enrolmentId}`, 'OU=client']);
      expect(attributesOf(certificate)).to.include({
        'careledger.role': 'clinician',
        'careledger.department': 'cardiology',
        'hf.EnrollmentID': enrolmentId,
      });
      expect(Date.parse(certificate.validTo)).to.be.above(Date.now() + 86_400_000);
    });

    it('enrols again under the same attributes, also after a restart', async () => {
      expect(attributesOf(await enrol(enrolmentId, 'clinician', 'cardiology'))).to.include({
        'careledger.role': 'clinician',
      });
      await harness.reopen();
      expect(attributesOf(await enrol(enrolmentId, 'clinician', 'cardiology'))).to.include({
        'careledger.role': 'clinician',
      });
    });

    it('gives an id no second role or department', async () => {
      expect(await codeOf(enrol(enrolmentId, 'admin', 'cardiology'))).to.equal('ALREADY_EXISTS');
      expect(await codeOf(enrol(enrolmentId, 'clinician', 'surgery'))).to.equal('ALREADY_EXISTS');
      expect(await codeOf(enrol(enrolmentId, 'clinician'))).to.equal('ALREADY_EXISTS');
    });

    it('certifies the key of the request, and no request that its own key did not sign', async () => {
      const id = `staff-${randomId()}`;
      const { csrPem } = await makeRequest(id);
      const body = csrPem.replace(/-----[^-]+-----|\s/g, '');
      const der = Buffer.from(body, 'base64');
      der[der.length - 5] = der[der.length - 5]! ^ 1;
      const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
      const authority = harness.authority();
      expect(await codeOf(authority.enrol({ enrolmentId: id, role: 'auditor', csrPem: forged }))).to.equal(
        'SCHEMA_VIOLATION',
      );
      expect(
        await codeOf(authority.enrol({ enrolmentId: id, role: 'auditor', csrPem: 'no request' })),
      ).to.equal('SCHEMA_VIOLATION');
      expect(await codeOf(authority.enrol({ enrolmentId: 'a/../b', role: 'auditor', csrPem }))).to.equal(
        'SCHEMA_VIOLATION',
      );
    });

    it('enrols several at once', async () => {
      const ids = Array.from({ length: 4 }, () => `staff-${randomId()}`);
      const certificates = await Promise.all(ids.map((id) => enrol(id, 'researcher')));
      expect(certificates.map((certificate) => attributesOf(certificate)['hf.EnrollmentID'])).to.deep.equal(
        ids,
      );
    });
  });
}

/** The JSON of the extension 1.2.3.4.5.6.7.8.1: it is the extension's whole value. */
function attributesOf(certificate: X509Certificate): Record<string, string> {
  const at = certificate.raw.indexOf(ATTRIBUTES_OID);
  if (at < 0) throw new Error('the certificate has no attributes');
  const text = certificate.raw.subarray(at).toString('latin1');
  const json = text.slice(text.indexOf('{'), text.indexOf('}}') + 2);
  return (JSON.parse(json) as { attrs: Record<string, string> }).attrs;
}
