/** Names of the identity scheme: `IdentityName` is their grammar. */
import { CareLedgerError } from './errors.js';
import type { Grantee } from './schemas/grants.js';
import { IdentityName } from './schemas/identities.js';
import { validate } from './validate.js';

export function patientName(pseudonym: string): string {
  return `patient/${pseudonym}`;
}

export function memberName(mspId: string): string {
  return `member/${mspId}`;
}

/** The identity that a grant goes to. */
export function granteeName(grantee: Grantee): string {
  switch (grantee.kind) {
    case 'person':
      return `person/${grantee.mspId}/${grantee.enrolmentId}`;
    case 'role':
      return `role/${grantee.mspId}/${grantee.role}`;
    case 'member':
      return memberName(grantee.mspId);
  }
}

/** The hospital to which a name belongs; a patient's name belongs to none. @throws CareLedgerError SCHEMA_VIOLATION */
export function hospitalOf(name: string): string | undefined {
  const [kind, mspId] = validate(IdentityName, name).split('/');
  return kind === 'patient' ? undefined : mspId;
}

/** @throws CareLedgerError SCHEMA_VIOLATION unless it is a patient's name */
export function pseudonymOf(name: string): string {
  const [kind, pseudonym] = validate(IdentityName, name).split('/');
  if (kind === 'patient' && pseudonym !== undefined) return pseudonym;
  throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'the name of a patient' });
}
