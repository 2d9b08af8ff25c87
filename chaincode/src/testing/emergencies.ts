import type { Access, Caller, Emergency } from '@careledger/protocol';
import { HOSPITALS, X25519_KEY, id, staff } from './consortium.js';
import type { MemoryLedger } from './memory-ledger.js';

export const REASON = 'unconscious after an accident, medication unknown';

export const officerOf = (mspId: string, enrolmentId = 'officer-1'): Caller =>
  staff(mspId, 'officer', enrolmentId);

/** `officer-1` of every hospital, `officer-2` beside. */
export async function nameOfficers(ledger: MemoryLedger): Promise<void> {
  for (const mspId of HOSPITALS) {
    const officers = ['officer-1', 'officer-2'];
    await ledger.submit(staff(mspId, 'admin'), 'emergencies:NameOfficers', { officers });
  }
}

/** Opens a case. Returns its id. */
export async function openCase(
  ledger: MemoryLedger,
  caller: Caller,
  subject: { readonly pseudonym: string } | { readonly description: string },
): Promise<string> {
  const caseId = id();
  await ledger.submit(caller, 'emergencies:Open', { caseId, subject, reason: REASON });
  return caseId;
}

export async function step(
  ledger: MemoryLedger,
  caller: Caller,
  method: 'Approve' | 'Refuse',
  caseId: string,
): Promise<Emergency> {
  return (await ledger.submit(caller, `emergencies:${method}`, { caseId })).response as Emergency;
}

export async function openUnder(
  ledger: MemoryLedger,
  caller: Caller,
  recordIds: readonly string[],
  caseId: string,
): Promise<Access> {
  const argument = { recordIds, purpose: 'emergency', caseId, recipientKey: X25519_KEY };
  return (await ledger.submit(caller, 'access:Open', argument)).response as Access;
}
