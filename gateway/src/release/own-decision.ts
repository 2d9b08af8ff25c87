import {
  CareLedgerError,
  TIMESTAMP_WINDOW_MS,
  decide,
  keyWayOf,
  type Access,
  type AccessDecision,
  type DecisionInput,
  type EmergencyAccess,
  type EmrRecord,
  type PatientGrant,
  type SharingState,
} from '@careledger/protocol';

/** Reads a grant from this hospital's own peer. @throws CareLedgerError GRANT_NOT_FOUND */
export type ReadGrant = (pseudonym: string, grantId: string) => Promise<PatientGrant>;
/**
 * Reads from this hospital's own peer what the patient's grant book says of an emergency.
 * @throws CareLedgerError EMERGENCY_NOT_FOUND
 */
export type ReadEmergencyAccess = (pseudonym: string, caseId: string) => Promise<EmergencyAccess>;

/** Reads from this hospital's own peer what the patient opened to sharing, and the epoch of the patient's identity key. */
export type ReadSharing = (pseudonym: string) => Promise<SharingState>;

/** What an entry may rest on: all of it stands in grant books, which change with their hospitals' endorsement only. */
export interface OwnEvidence {
  readonly grant: ReadGrant;
  readonly sharing: ReadSharing;
  readonly emergency: ReadEmergencyAccess;
}

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
  evidence: OwnEvidence,
): Promise<void> {
  const entry = access.decisions.find(({ recordId }) => recordId === record.recordId);
  if (entry === undefined) throw notAuthorised('an entry that does not name the record');
  const { identityEpoch, tags } = await evidence.sharing(record.pseudonym);
  const state = {
    ...(identityEpoch === undefined ? {} : { identityEpoch }),
    ...(tags === undefined ? {} : { tags }),
  };
  if (entry.basis === 'break-glass') {
    const emergency = await emergencyOf(access, entry, record, evidence.emergency);
    assertGranted(access, entry, { record, grants: [], state: { ...state, emergencies: [emergency] } });
    return;
  }
  const grant = await grantOf(entry, record, evidence.grant);
  // Its keys come from the patient's edges: whatever the entry says, this hospital does not make them by itself.
  if (grant.edges !== undefined) throw notAuthorised('a grant whose keys come by re-encryption');
  if (!wasLive(grant, access.at)) throw notAuthorised('a grant that had ended before the opening');
  assertGranted(access, entry, { record, grants: [{ ...grant, status: 'active' }], state });
}

function assertGranted(
  access: Access,
  entry: AccessDecision,
  {
    record,
    grants,
    state,
  }: Pick<DecisionInput, 'record' | 'grants'> & {
    readonly state: Pick<DecisionInput['patient'], 'identityEpoch' | 'tags' | 'emergencies'>;
  },
): void {
  // Closing the pseudonym and suspending after the opening do not undo it, as a revocation does not; a tag that is closed
  // meanwhile does, since nobody here knows whether that was before.
  const patient = { status: 'enrolled', mspId: record.ownerMspId, ...state } as const;
  const decision = decide({
    requester: access.requester,
    purpose: access.purpose,
    caseId: access.caseId,
    at: access.at,
    record,
    patient,
    grants,
    instructions: [],
    requesterMemberActive: true,
    requesterSuspended: false,
  });
  if (decision.outcome === 'deny')
    throw notAuthorised(`an entry that this hospital denies with ${decision.reason}`);
  const way = keyWayOf(decision, { requester: access.requester, record, patient });
  if (entry.via === way && way !== 're-encryption') return;
  throw notAuthorised(`an entry via ${entry.via ?? 'nothing'}, decided here via ${way}`);
}

async function emergencyOf(
  { caseId, at }: Access,
  entry: AccessDecision,
  { pseudonym }: EmrRecord,
  readEmergency: ReadEmergencyAccess,
): Promise<EmergencyAccess> {
  if (caseId === undefined || entry.pseudonym !== pseudonym)
    throw notAuthorised('an entry that names no emergency of the record’s patient');
  const emergency = await readEmergency(pseudonym, caseId).catch((error: unknown) => {
    if (!(error instanceof CareLedgerError) || error.code !== 'EMERGENCY_NOT_FOUND') throw error;
    throw notAuthorised('an entry under an emergency that this hospital’s peer does not have');
  });
  if (!wasLive(emergency, at)) throw notAuthorised('an emergency that was withdrawn before the opening');
  const { requester, from, until } = emergency;
  return { caseId, requester, from, until };
}

async function grantOf(
  entry: AccessDecision,
  { pseudonym }: EmrRecord,
  readGrant: ReadGrant,
): Promise<PatientGrant> {
  if (entry.grantId === undefined || entry.pseudonym !== pseudonym)
    throw notAuthorised('an entry that names no grant of the record’s patient');
  try {
    return await readGrant(pseudonym, entry.grantId);
  } catch (error) {
    if (!(error instanceof CareLedgerError) || error.code !== 'GRANT_NOT_FOUND') throw error;
    throw notAuthorised('an entry under a grant that this hospital’s peer does not have');
  }
}

/** Both times were chosen by clients, each within the window around the peers' clocks. */
function wasLive({ endedAt }: Pick<PatientGrant, 'endedAt'>, at: string): boolean {
  return endedAt === undefined || Date.parse(endedAt) + 2 * TIMESTAMP_WINDOW_MS >= Date.parse(at);
}

function notAuthorised(came: string): CareLedgerError {
  return new CareLedgerError('RELEASE_NOT_AUTHORISED', { came });
}
