import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  CallerSchema,
  Cid,
  Instant,
  MembersEpoch,
  MspId,
  ObjectId,
  PageFields,
  Pseudonym,
  RecordId,
  RecordTypeSchema,
  SensitivitySchema,
  TagEpoch,
  KeyEpoch,
  Sha256,
  Text,
  TransactionId,
  closed,
  oneOf,
} from './common.js';

export const RECORD_STATUSES = ['anchored', 'superseded', 'erased'] as const;

export const RecordSharingSchema = closed({
  /** The sharing header: sealed to the patient's identity under the tag of type, sensitivity and epoch. */
  headerCid: Cid,
  /** SHA-256 over the parts of the header that no hop changes; crypto `handleOf`. */
  handle: Sha256,
  sensitivity: SensitivitySchema,
  /** Of the tag, as the patient's book had it. */
  tagEpoch: TagEpoch,
  /** Of the patient's identity key. */
  keyEpoch: KeyEpoch,
});
export type RecordSharing = Static<typeof RecordSharingSchema>;

const ErasureLeaf = Type.Integer({ minimum: 0, maximum: 4_294_967_295 });
/**
 * The two hospitals that hold parts of the erasure key with the owner: any two of the three make it. Absent: the owner
 * holds it alone, since there were fewer than three active members.
 */
const KeyServersSchema = Type.Array(MspId, {
  minItems: LIMITS.keyServers,
  maxItems: LIMITS.keyServers,
  uniqueItems: true,
});
/** A leaf, of the owner's key for this patient and type with these key servers. */
const SpentLeafSchema = closed({ leaf: ErasureLeaf, keyServers: Type.Optional(KeyServersSchema) });
export type SpentLeaf = Static<typeof SpentLeafSchema>;
/** That ciphertext and keys were replaced under a later epoch. What stood here before stands in the blocks. */
const ResealedSchema = closed({
  times: Type.Integer({ minimum: 1 }),
  at: Instant,
  txId: TransactionId,
  /** The leaves of before, the last ones: whoever holds parts of them punctures them. */
  spentLeaves: Type.Array(SpentLeafSchema, { maxItems: LIMITS.spentLeaves }),
});

const RecordFields = {
  pseudonym: Pseudonym,
  type: RecordTypeSchema,
  /** Ciphertext of the content and header with the wrapped data key, each an object of the record store. */
  contentCid: Cid,
  headerCid: Cid,
  /** SHA-256 over a random salt and the plaintext; the salt travels inside the wrapped key. */
  digest: Sha256,
  sizeBytes: Type.Integer({ minimum: 1, maximum: 1_073_741_824, description: 'length of the ciphertext' }),
  headerVersion: Type.Integer({ minimum: 1, maximum: 255 }),
  sharable: Type.Boolean(),
  /** Leaf of the owner's puncturable key for this patient and type, with header version 2. */
  erasureLeaf: Type.Optional(ErasureLeaf),
  keyServers: Type.Optional(KeyServersSchema),
  /** What re-encryption needs. Absent: the patient has no identity key, and the owner's gateway re-wraps. */
  sharing: Type.Optional(RecordSharingSchema),
};

export const AnchorSchema = closed({
  batchId: ObjectId,
  records: Type.Array(closed(RecordFields), { minItems: 1, maxItems: LIMITS.batchRecords }),
});
export type Anchor = Static<typeof AnchorSchema>;

const BatchEntrySchema = closed({
  ...RecordFields,
  status: oneOf(RECORD_STATUSES),
  supersededBy: Type.Optional(RecordId),
  /** Why the content was erased, in the owner's words. */
  erasedBecause: Type.Optional(Text(200)),
  changedAt: Type.Optional(Instant),
  resealed: Type.Optional(ResealedSchema),
});
export type BatchEntry = Static<typeof BatchEntrySchema>;

/** One state document per anchoring: what is anchored together is read and endorsed together. */
export const RecordBatchSchema = closed({
  batchId: ObjectId,
  ownerMspId: MspId,
  anchoredBy: CallerSchema,
  anchoredAt: Instant,
  txId: TransactionId,
  membersEpoch: MembersEpoch,
  entries: Type.Array(BatchEntrySchema),
});
export type RecordBatch = Static<typeof RecordBatchSchema>;

/** What an anchoring answers. The ids of its records are `batchId.0` to `batchId.(records - 1)`. */
export interface AnchorResult {
  readonly batchId: string;
  readonly records: number;
  readonly anchoredAt: string;
  readonly txId: string;
}

/** A record as every reader sees it: its entry with what the batch holds for all. */
export const RecordSchema = closed({
  recordId: RecordId,
  ownerMspId: MspId,
  anchoredAt: Instant,
  txId: TransactionId,
  ...RecordFields,
  status: oneOf(RECORD_STATUSES),
  supersededBy: Type.Optional(RecordId),
  erasedBecause: Type.Optional(Text(200)),
  changedAt: Type.Optional(Instant),
  resealed: Type.Optional(ResealedSchema),
});
export type EmrRecord = Static<typeof RecordSchema>;

/** By the owner, after an epoch was raised: the same records under new data keys. */
export const ResealSchema = closed({
  batchId: ObjectId,
  records: Type.Array(
    closed({
      recordId: RecordId,
      contentCid: Cid,
      headerCid: Cid,
      digest: Sha256,
      sizeBytes: RecordFields.sizeBytes,
      headerVersion: RecordFields.headerVersion,
      /** Another than before: the earlier one is punctured, so that no copy of the earlier headers opens. */
      erasureLeaf: ErasureLeaf,
      keyServers: Type.Optional(KeyServersSchema),
      sharing: RecordSharingSchema,
    }),
    { minItems: 1, maxItems: LIMITS.batchRecords },
  ),
});
export type Reseal = Static<typeof ResealSchema>;

export const SupersedeSchema = closed({ recordId: RecordId, supersededBy: RecordId });
export const EraseSchema = closed({ recordId: RecordId, reason: Text(200) });
export const RecordQuerySchema = closed({ recordId: RecordId });
export const BatchQuerySchema = closed({ batchId: ObjectId });
export const ListRecordsSchema = Type.Union([
  closed({ by: Type.Literal('patient'), value: Pseudonym, ...PageFields }),
  closed({ by: Type.Literal('hospital'), value: MspId, ...PageFields }),
]);
export type ListRecords = Static<typeof ListRecordsSchema>;
