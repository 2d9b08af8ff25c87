import 'reflect-metadata';
import { X509Certificate } from '@peculiar/x509';
import {
  CareLedgerError,
  DEPARTMENT_ATTRIBUTE,
  ROLES,
  ROLE_ATTRIBUTE,
  type Caller,
  type Role,
} from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';

/** Fabric CA's attribute extension: UTF-8 JSON `{"attrs":{...}}`. */
const ATTRIBUTE_OID = '1.2.3.4.5.6.7.8.1';
const ENROLMENT_ATTRIBUTE = 'hf.EnrollmentID';

/**
 * The person that a certificate names, as the contracts will read it.
 * @throws CareLedgerError CALLER_UNKNOWN when it carries no enrolment id or no role of CareLedger.
 */
export function callerOf({ mspId, certificate }: SigningIdentity): Caller {
  const parsed = new X509Certificate(certificate);
  const attributes = attributesOf(parsed);
  // As the contracts do: identities of the CA's own configuration have the enrolment id only as their common name.
  const enrolmentId = attributes[ENROLMENT_ATTRIBUTE] ?? parsed.subjectName.getField('CN')[0];
  const role = attributes[ROLE_ATTRIBUTE];
  const department = attributes[DEPARTMENT_ATTRIBUTE];
  if (enrolmentId === undefined || !isRole(role)) throw new CareLedgerError('CALLER_UNKNOWN');
  return { mspId, enrolmentId, role, ...(department === undefined ? {} : { department }) };
}

function attributesOf(certificate: X509Certificate): Readonly<Record<string, string | undefined>> {
  const extension = certificate.getExtension(ATTRIBUTE_OID);
  if (extension === null) return {};
  try {
    const document: unknown = JSON.parse(Buffer.from(extension.value).toString('utf8'));
    return (document as { readonly attrs?: Readonly<Record<string, string>> }).attrs ?? {};
  } catch (cause) {
    throw new CareLedgerError('CALLER_UNKNOWN', { came: 'an attribute extension that is not JSON', cause });
  }
}

export function isRole(role: unknown): role is Role {
  return typeof role === 'string' && (ROLES as readonly string[]).includes(role);
}
