import type { ErrorEntry } from './errors.js';

/** Identities, consent to their custody, and the recovery of a lost key: a part of the one error catalogue. */
export const IDENTITY_ERRORS = {
  IDENTITY_NOT_FOUND: {
    status: 404,
    meaning: 'No such identity is registered, or not at this epoch.',
    action: 'Check the name; register the identity first.',
  },
  REGISTRATION_INVALID: {
    status: 422,
    meaning:
      'The registration of an identity does not verify: its proof, a point, or the signature of the epoch before.',
    action: 'Make the registration again under the master key in force.',
  },
  CONSENT_MISSING: {
    status: 403,
    meaning: 'A hospital keeps a patient’s key only with the patient’s consent on the ledger.',
    action: 'An officer posts the consent first, or the patient keeps the key.',
  },
  CONSENT_NOT_FOUND: {
    status: 404,
    meaning: 'No consent to custody stands for this pseudonym.',
    action: 'Check the pseudonym.',
  },
  RECOVERY_NOT_FOUND: {
    status: 404,
    meaning: 'No recovery with this id is the latest of this pseudonym.',
    action: 'Read the pseudonym’s recovery.',
  },
  RECOVERY_NOT_POSSIBLE: {
    status: 409,
    meaning:
      'The patient’s identity is not recoverable: nobody can make its key again, and its loss is final.',
    action: 'The patient enrols anew; old records stay with the hospitals that made them.',
  },
  RECOVERY_TOO_SOON: {
    status: 409,
    meaning:
      'A recovery that this hospital opened for the pseudonym ended without completion a short time ago.',
    action: 'Another hospital opens one, or this one after the time in the detail.',
  },
  RECOVERY_WAITING: {
    status: 409,
    meaning: 'The waiting time of the recovery is not over.',
    action: 'Complete it after the time in the detail.',
  },
  IDENTITY_CLOSED: {
    status: 409,
    meaning:
      'A recovery closed the present epoch of this identity: the replaced key asks for nothing any more.',
    action: 'Register the next epoch with the new key, and ask with that.',
  },
} as const satisfies Record<string, ErrorEntry>;
