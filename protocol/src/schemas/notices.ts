import { Type, type Static } from 'typebox';
import { Instant, MspId, ObjectId, PageFields, Pseudonym, TransactionId, closed, oneOf } from './common.js';

export const ListNoticesSchema = closed({ pseudonym: Pseudonym, ...PageFields });

export const NOTICE_KINDS = ['emergency', 'link', 'recovery', 'sharing', 'renewal', 'erasure'] as const;
/**
 * An entry of a patient's log beside grants and openings: each step of a case, a tag that was closed or opened to sharing,
 * a grant that got new edges, a record that was erased.
 */
export const NoticeSchema = closed({
  pseudonym: Pseudonym,
  kind: oneOf(NOTICE_KINDS),
  /** Of a recovery, the id of the transaction that opened it; of a renewal, the grant's; else that of the transaction. */
  caseId: Type.Union([ObjectId, TransactionId]),
  status: Type.String(),
  /** The tag, the record; of an emergency, who asked, why, and until when. */
  about: Type.Optional(Type.String()),
  /** Whose hospital took the step; absent when the patient or time did. */
  mspId: Type.Optional(MspId),
  at: Instant,
  txId: TransactionId,
});
export type Notice = Static<typeof NoticeSchema>;
