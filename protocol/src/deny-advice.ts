/** What whoever was denied does next, by the reason that the decision gives. */
import type { DenyReason } from './schemas/access.js';

export const DENY_ADVICE: Readonly<Record<DenyReason, string>> = {
  ROLE_NOT_PERMITTED: 'Let a clinician, researcher or officer open it.',
  MEMBER_NOT_ACTIVE: 'Wait until the consortium has reinstated your hospital.',
  REQUESTER_SUSPENDED: 'Post the receipts that are overdue, or ask your office.',
  PATIENT_CLOSED: 'Nothing of this pseudonym is shared any more; ask the patient for the present one.',
  RECORD_ERASED:
    'Nobody can open it again, and no grant helps: it was erased. Ask the hospital that made it.',
  RECORD_NOT_SHARABLE: 'The hospital that made it keeps it to itself: ask that hospital.',
  NO_GRANT: 'Ask the patient for a grant.',
  GRANT_NOT_YET_VALID: 'Wait until the grant begins.',
  GRANT_EXPIRED: 'Ask the patient for a new grant.',
  GRANT_USED_UP: 'It allowed a number of openings, and they are used: ask the patient for a new grant.',
  PURPOSE_NOT_COVERED: 'Name a purpose that was granted, or ask the patient for a grant with this one.',
  RECORD_TYPE_NOT_COVERED: 'Ask the patient for a grant of this type and sensitivity.',
  CONDITION_NOT_MET:
    'The grant is for another department or for other records: ask the patient for one of these.',
  TAG_NOT_SHARABLE:
    'The patient closed this type and sensitivity to sharing: ask the patient to open it (careledger patient sharing TYPE open).',
  PARENT_ENDED: 'A grant above this one has ended: ask the patient for a grant.',
  GRANT_EPOCH_STALE:
    'The grant waits for renewal: ask the patient for it (careledger patient renew GRANT); one that was passed on, then, the hospital that passed it on.',
  RESEAL_PENDING: 'The hospital that made the record has yet to seal it anew: try again in a moment.',
  EMERGENCY_NOT_OPEN: 'Name a case that is open for you now, or open one.',
};
