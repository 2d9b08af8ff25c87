import { X509Certificate } from 'node:crypto';
import type { ClientIdentity } from 'fabric-shim-api';
import {
  CallerSchema,
  CareLedgerError,
  DEPARTMENT_ATTRIBUTE,
  ROLE_ATTRIBUTE,
  validate,
  type Caller,
  type Role,
} from '@careledger/protocol';

/** Set by Fabric CA in every enrolment certificate it issues with attributes. */
const ENROLMENT_ID_ATTRIBUTE = 'hf.EnrollmentID';

/**
 * Who is calling, from the certificate that signed the proposal and from nothing else.
 * @throws CareLedgerError CALLER_UNKNOWN when the certificate carries no role of CareLedger.
 */
export function callerFrom(identity: ClientIdentity): Caller {
  const department = identity.getAttributeValue(DEPARTMENT_ATTRIBUTE);
  try {
    return validate(CallerSchema, {
      mspId: identity.getMSPID(),
      enrolmentId: identity.getAttributeValue(ENROLMENT_ID_ATTRIBUTE) ?? commonName(identity.getIDBytes()),
      role: identity.getAttributeValue(ROLE_ATTRIBUTE),
      ...(department === null ? {} : { department }),
    });
  } catch (cause) {
    throw new CareLedgerError('CALLER_UNKNOWN', { cause });
  }
}

function commonName(certificate: Uint8Array): string | undefined {
  const { subject } = new X509Certificate(Buffer.from(certificate));
  return /^CN=(.*)$/m.exec(subject)?.[1];
}

/** @throws CareLedgerError ROLE_NOT_ALLOWED */
export function requireRole(caller: Caller, roles: readonly Role[]): void {
  if (roles.includes(caller.role)) return;
  throw new CareLedgerError('ROLE_NOT_ALLOWED', {
    expected: `one of ${roles.join(', ')}`,
    came: caller.role,
  });
}
