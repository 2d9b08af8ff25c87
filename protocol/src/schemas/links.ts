import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  CallerSchema,
  CaseText,
  Instant,
  MspId,
  ObjectId,
  PageFields,
  Pseudonym,
  TransactionId,
  X25519PublicKey,
  closed,
  oneOf,
} from './common.js';

/** `approved`: a majority of the active members agreed, and holders of the master key give their parts for a time. */
export const LINK_CASE_STATUSES = ['opened', 'approved', 'lapsed', 'posted'] as const;
export type LinkCaseStatus = (typeof LINK_CASE_STATUSES)[number];

export const OpenLinkCaseSchema = closed({
  linkCaseId: ObjectId,
  pseudonyms: Type.Array(Pseudonym, { minItems: 2, maxItems: LIMITS.linkedPseudonyms, uniqueItems: true }),
  reason: CaseText(LIMITS.caseReasonCharacters),
  /** To which the holders seal their parts of the keys: on the ledger, so nobody can name another later. */
  oneTimeKey: X25519PublicKey,
});
export type OpenLinkCase = Static<typeof OpenLinkCaseSchema>;
export const LinkCaseIdSchema = closed({ linkCaseId: ObjectId });

export const LinkOutcomeSchema = closed({
  /** Pseudonyms of one patient together; every pseudonym whose link could be read stands in one group. */
  groups: Type.Array(Type.Array(Pseudonym, { minItems: 1, maxItems: LIMITS.linkedPseudonyms }), {
    maxItems: LIMITS.linkedPseudonyms,
  }),
  /** Links that the right key did not open: their patients' clients sealed something else. */
  unreadable: Type.Array(Pseudonym, { maxItems: LIMITS.linkedPseudonyms }),
  /** Holders whose part was wrong. */
  badHolders: Type.Array(MspId, { maxItems: LIMITS.members, uniqueItems: true }),
});
export type LinkOutcome = Static<typeof LinkOutcomeSchema>;
export const PostLinkOutcomeSchema = closed({ linkCaseId: ObjectId, outcome: LinkOutcomeSchema });
export const ListLinkCasesSchema = closed({ ...PageFields });

export const LinkCaseSchema = closed({
  linkCaseId: ObjectId,
  status: oneOf(LINK_CASE_STATUSES),
  openedBy: CallerSchema,
  pseudonyms: Type.Array(Pseudonym),
  reason: Type.String(),
  oneTimeKey: X25519PublicKey,
  approvals: Type.Array(closed({ by: CallerSchema, at: Instant, txId: TransactionId })),
  /** When approving, or giving parts and posting, is over. */
  endsAt: Instant,
  outcome: Type.Optional(LinkOutcomeSchema),
  openedAt: Instant,
  changedAt: Instant,
  txId: TransactionId,
});
export type LinkCase = Static<typeof LinkCaseSchema>;
