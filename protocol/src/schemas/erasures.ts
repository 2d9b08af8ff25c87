import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  CallerSchema,
  Cid,
  Instant,
  MspId,
  Pseudonym,
  RecordId,
  RecordTypeSchema,
  Text,
  TransactionId,
  closed,
  oneOf,
} from './common.js';

export const ERASURE_STATUSES = ['certified'] as const;

/**
 * What a hospital did about the record's erasure key: it held the key, or parts of it, and punctured the leaf; the record is
 * of before such keys and has none; or the hospital held nothing of it.
 */
export const ERASURE_KEY_OUTCOMES = ['punctured', 'none', 'not-held'] as const;
export type ErasureKeyOutcome = (typeof ERASURE_KEY_OUTCOMES)[number];

const Count = Type.Integer({ minimum: 0, maximum: 1_000_000 });
const Cids = Type.Array(Cid, { maxItems: LIMITS.objectsPerRecord, uniqueItems: true });

const Destroyed = {
  erasureKey: oneOf(ERASURE_KEY_OUTCOMES),
  /** Stored answers to openings that held the record's keys, and stored partials. */
  answers: Count,
  /** Looked for on this hospital's node afterwards, its garbage collected: not there. */
  absent: Cids,
  /** Still there, because the ledger names them for another record too. */
  shared: Cids,
};

/** By each active member's gateway, once: what it destroyed of an erased record. */
export const PostErasureSchema = closed({ recordId: RecordId, ...Destroyed });
export type PostErasure = Static<typeof PostErasureSchema>;
export const CertifyErasureSchema = closed({ recordId: RecordId });
export const ErasureQuerySchema = closed({ recordId: RecordId });

/** A hospital's word, signed by the transaction of its gateway. Never changed. */
export const ErasureReceiptSchema = closed({
  recordId: RecordId,
  /** The hospital and its gateway. */
  by: CallerSchema,
  ...Destroyed,
  at: Instant,
  txId: TransactionId,
});
export type ErasureReceipt = Static<typeof ErasureReceiptSchema>;

/** What a certificate rests on. */
export const ERASURE_EVIDENCE = [
  /** Every member that was active when the certificate was written posted a receipt. */
  'receipts-of-all-active-members',
  /** Two custodians of the key, or its only one, say that they punctured the leaf: no stored header opens without it. */
  'erasure-key-punctured',
  /** Each member looked for the objects on its own node, and they were gone. */
  'objects-absent-from-all-nodes',
] as const;

/** What no certificate can prove, and this one does not. */
export const ERASURE_LIMITS = [
  'backups-of-custodies-and-disks',
  'remnants-on-storage-devices',
  'copies-of-readers',
  'a-custody-that-does-not-do-what-it-says',
  'nodes-of-members-that-have-left',
  /** There is no erasure key, or too few of its custodians punctured it: who kept a header may find a key that opens it. */
  'stored-headers-without-erasure-key',
  'objects-named-for-another-record',
] as const;

export const ErasureCertificateSchema = closed({
  recordId: RecordId,
  ownerMspId: MspId,
  pseudonym: Pseudonym,
  type: RecordTypeSchema,
  erasedBecause: Text(200),
  erasedAt: Instant,
  receipts: Type.Array(ErasureReceiptSchema),
  proven: Type.Array(oneOf(ERASURE_EVIDENCE)),
  notProven: Type.Array(oneOf(ERASURE_LIMITS)),
  certifiedBy: CallerSchema,
  certifiedAt: Instant,
  txId: TransactionId,
});
export type ErasureCertificate = Static<typeof ErasureCertificateSchema>;

/** How far an erasure has come: receipts, who has not posted one, and the certificate when there is one. */
export const ErasureSchema = closed({
  recordId: RecordId,
  receipts: Type.Array(ErasureReceiptSchema),
  missing: Type.Array(MspId),
  certificate: Type.Optional(ErasureCertificateSchema),
});
export type Erasure = Static<typeof ErasureSchema>;
