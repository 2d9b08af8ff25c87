import {
  CareLedgerError,
  raiseEpochs,
  tagName,
  tagStateOf,
  type GrantBook,
  type SetSharing,
  type SharingState,
} from '@careledger/protocol';
import { assertEnrolled } from '../shell/patient-authority.js';

/**
 * Closes a tag to all sharing, or opens it again. Closing raises the epoch, so that no edge of before serves after it is
 * opened again.
 * @throws CareLedgerError TRANSITION_NOT_ALLOWED
 */
export function setSharing(book: GrantBook, { recordType, sensitivity, sharable }: SetSharing): GrantBook {
  assertEnrolled(book);
  if (book.identityEpoch === undefined)
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', { expected: 'a patient with an identity key' });
  const tag = tagName(recordType, sensitivity);
  if (tagStateOf(book, tag).sharable === sharable) {
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
      message: `${tag} is ${sharable ? 'open' : 'closed'} to sharing already.`,
    });
  }
  const raised = sharable ? book : raiseEpochs(book, [tag]);
  const { epoch } = tagStateOf(raised, tag);
  return { ...raised, tags: { ...raised.tags, [tag]: { epoch, sharable } } };
}

export function sharingStateOf({ pseudonym, mspId, status, identityEpoch, tags }: GrantBook): SharingState {
  return {
    pseudonym,
    mspId,
    status,
    ...(identityEpoch === undefined ? {} : { identityEpoch }),
    ...(tags === undefined ? {} : { tags }),
  };
}
