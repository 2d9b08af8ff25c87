import { CareLedgerError, IdentityName, validate } from '@careledger/protocol';

/** The hospital to which a name belongs; a patient's name belongs to none. */
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
