import { CareLedgerError } from '@careledger/protocol';
import { callerOf } from '../auth/certificate.js';
import type { IdentityAuthority } from '../ports/identity-authority.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { SigningIdentity } from '../ports/ledger.js';

/** An identity that was enrolled outside, as the network's set-up does. */
export interface EnrolledIdentity {
  readonly keyPem: string;
  readonly certificatePem: string;
}

const SERVICE_ENROLMENT_ID = 'gateway';

/**
 * The identity under which the gateway itself acts: taken over into the custody when it was enrolled outside,
 * otherwise enrolled with the hospital's authority at the first start.
 * @throws CareLedgerError CALLER_UNKNOWN when the certificate is not one of a gateway.
 */
export async function serviceIdentity(
  options: { readonly mspId: string; readonly enrolled?: EnrolledIdentity },
  { custody, authority }: { readonly custody: KeyCustody; readonly authority: IdentityAuthority },
): Promise<{ readonly enrolmentId: string; readonly identity: SigningIdentity }> {
  const enrolmentId =
    options.enrolled === undefined
      ? await enrolOnce(custody, authority)
      : await takeOver(options.mspId, options.enrolled, custody);
  return { enrolmentId, identity: await custody.signingIdentity(enrolmentId) };
}

async function takeOver(mspId: string, enrolled: EnrolledIdentity, custody: KeyCustody): Promise<string> {
  const unusable = (): Promise<never> => Promise.reject(new CareLedgerError('INTERNAL'));
  const caller = callerOf({ mspId, certificate: enrolled.certificatePem, sign: unusable });
  if (caller.role !== 'gateway') {
    throw new CareLedgerError('CALLER_UNKNOWN', {
      expected: 'a certificate with the role gateway',
      came: caller.role,
    });
  }
  await custody.importSigningIdentity(caller.enrolmentId, enrolled);
  return caller.enrolmentId;
}

async function enrolOnce(custody: KeyCustody, authority: IdentityAuthority): Promise<string> {
  if (!(await hasIdentity(custody))) {
    const { csrPem } = await custody.createSigningKey(SERVICE_ENROLMENT_ID);
    const certificate = await authority.enrol({ enrolmentId: SERVICE_ENROLMENT_ID, role: 'gateway', csrPem });
    await custody.storeCertificate(SERVICE_ENROLMENT_ID, certificate);
  }
  return SERVICE_ENROLMENT_ID;
}

async function hasIdentity(custody: KeyCustody): Promise<boolean> {
  try {
    await custody.signingIdentity(SERVICE_ENROLMENT_ID);
    return true;
  } catch (error) {
    if (error instanceof CareLedgerError && error.code === 'STAFF_NOT_FOUND') return false;
    throw error;
  }
}
