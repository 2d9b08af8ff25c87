import {
  CareLedgerError,
  TIMESTAMP_WINDOW_MS,
  decide,
  type Access,
  type AccessDecision,
  type EmrRecord,
  type PatientGrant,
} from '@careledger/protocol';

/** Reads a grant from this hospital's own peer. @throws CareLedgerError GRANT_NOT_FOUND */
export type ReadGrant = (pseudonym: string, grantId: string) => Promise<PatientGrant>;

/**
 * The owner decides again, from its own peer's copy of the grant, before it releases.
 *
 * An access entry is a new key, so a majority of members endorses it without the owner: three hospitals with altered
 * contracts could write an entry that grants what no patient did. A grant stands in the patient's grant book, which
 * changes only with the owner's own endorsement; so the owner asks the same pure function again with that grant.
 * @throws CareLedgerError RELEASE_NOT_AUTHORISED
 */
export async function assertOwnDecision(
  access: Access,
  record: EmrRecord,
  readGrant: ReadGrant,
): Promise<void> {
  const entry = access.decisions.find(({ recordId }) => recordId === record.recordId);
  const grant = await grantOf(entry, record, readGrant);
  // Its keys come from the patient's edges: whatever the entry says, this hospital does not make them by itself.
  if (grant.edges !== undefined) throw notAuthorised('a grant whose keys come by re-encryption');
  if (!wasLive(grant, access.at)) throw notAuthorised('a grant that had ended before the opening');
  const decision = decide({
    requester: access.requester,
    purpose: access.purpose,
    at: access.at,
    record,
    // Closing and suspending after the opening do not undo it, as a revocation does not.
    patient: { status: 'enrolled', mspId: record.ownerMspId },
    grants: [{ ...grant, status: 'active' }],
    instructions: [],
    requesterMemberActive: true,
    requesterSuspended: false,
  });
  if (decision.outcome === 'deny') throw notAuthorised(`an entry whose grant gives ${decision.reason}`);
}

async function grantOf(
  entry: AccessDecision | undefined,
  { pseudonym }: EmrRecord,
  readGrant: ReadGrant,
): Promise<PatientGrant> {
  if (entry?.grantId === undefined || entry.pseudonym !== pseudonym)
    throw notAuthorised('an entry that names no grant of the record’s patient');
  try {
    return await readGrant(pseudonym, entry.grantId);
  } catch (error) {
    if (!(error instanceof CareLedgerError) || error.code !== 'GRANT_NOT_FOUND') throw error;
    throw notAuthorised('an entry under a grant that this hospital’s peer does not have');
  }
}

/** Both times were chosen by clients, each within the window around the peers' clocks. */
function wasLive({ endedAt }: PatientGrant, at: string): boolean {
  return endedAt === undefined || Date.parse(endedAt) + 2 * TIMESTAMP_WINDOW_MS >= Date.parse(at);
}

function notAuthorised(came: string): CareLedgerError {
  return new CareLedgerError('RELEASE_NOT_AUTHORISED', { came });
}
