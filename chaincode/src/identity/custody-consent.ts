import {
  CareLedgerError,
  EVENTS,
  KEYS,
  nextStatus,
  type Consortium,
  type CustodyConsent,
} from '@careledger/protocol';
import { requireActiveMember, type Call, type Outcome } from '../shell/call.js';
import { requireRole } from '../shell/caller.js';
import { readPatient } from '../shell/patient-authority.js';

/** That a hospital keeps a patient's key is the patient's own choice: the signed form stands here by its digest. */

export async function giveConsent(call: Call, pseudonym: string, formDigest: string): Promise<Outcome> {
  const consortium = await requireOwnPatientsOfficer(call, pseudonym);
  const before = await call.state.read(KEYS.custodyConsent, [pseudonym]);
  const status = nextStatus('consent', before?.status, 'give');
  const { at: givenAt, txId, caller: by } = call;
  const consent = { pseudonym, mspId: by.mspId, status, formDigest, by, givenAt, txId };
  return save(call, consortium, consent, before?.membersEpoch);
}

/** From now on no key in the hospital's custody is registered; the patient registers an own one as the next epoch. */
export async function withdrawConsent(call: Call, pseudonym: string): Promise<Outcome> {
  const consortium = await requireOwnPatientsOfficer(call, pseudonym);
  const before = await readConsent(call, pseudonym);
  const status = nextStatus('consent', before.status, 'withdraw');
  const consent = { ...before, status, withdrawnAt: call.at, txId: call.txId };
  return save(call, consortium, consent, before.membersEpoch);
}

/** @throws CareLedgerError CONSENT_NOT_FOUND */
export async function readConsent(call: Call, pseudonym: string): Promise<CustodyConsent> {
  const consent = await call.state.read(KEYS.custodyConsent, [pseudonym]);
  if (consent === undefined) throw new CareLedgerError('CONSENT_NOT_FOUND');
  return consent;
}

/** @throws CareLedgerError CONSENT_MISSING */
export async function requireConsent(call: Call, pseudonym: string): Promise<void> {
  const consent = await call.state.read(KEYS.custodyConsent, [pseudonym]);
  if (consent?.status !== 'given') throw new CareLedgerError('CONSENT_MISSING');
}

async function requireOwnPatientsOfficer(call: Call, pseudonym: string): Promise<Consortium> {
  requireRole(call.caller, ['officer']);
  const consortium = await requireActiveMember(call);
  const { mspId } = await readPatient(call, pseudonym);
  if (mspId === call.caller.mspId) return consortium;
  throw new CareLedgerError('NOT_OWNER', { expected: mspId, came: call.caller.mspId });
}

async function save(
  call: Call,
  consortium: Consortium,
  consent: Omit<CustodyConsent, 'membersEpoch'>,
  previousEpoch: number | undefined,
): Promise<Outcome> {
  const { pseudonym, mspId, status } = consent;
  const owner = { mspId, consortium, previousEpoch };
  const result = await call.state.writeOwned(KEYS.custodyConsent, [pseudonym], consent, owner);
  return { result, event: { event: EVENTS.custodyChanged, id: pseudonym, pseudonym, mspId, status } };
}
