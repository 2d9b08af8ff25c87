import {
  Base64Url,
  LIMITS,
  MspId,
  Pseudonym,
  RecordId,
  RecordTypeSchema,
  RECORD_TYPES,
  closed,
} from '@careledger/protocol';
import { Type, type Static } from 'typebox';

/** What goes over the wire between the owner of records and the key servers of their erasure keys. */
export const ERASURE_DEALS_PATH = '/peer/v1/erasure-deals';
export const ERASURE_PARTS_PATH = '/peer/v1/erasure-parts';

/** An encoded puncturable key: some 60 bytes, and as many more for each node that punctures left. */
const MAX_PART_CHARACTERS = 4_096;

export const ErasureDealSchema = closed({
  pseudonym: Pseudonym,
  keyServers: Type.Array(MspId, {
    minItems: LIMITS.keyServers,
    maxItems: LIMITS.keyServers,
    uniqueItems: true,
  }),
  keys: Type.Array(
    closed({
      recordType: RecordTypeSchema,
      generation: Type.String({ pattern: '^[0-9a-f]{32}$' }),
      parts: Type.Array(Base64Url(MAX_PART_CHARACTERS), { minItems: 2, maxItems: 2 }),
    }),
    { minItems: 1, maxItems: RECORD_TYPES.length },
  ),
});
export type ErasureDeal = Static<typeof ErasureDealSchema>;
export const ErasureDealAnswerSchema = closed({ held: Type.Array(RecordTypeSchema) });

export const ErasurePartsRequestSchema = closed({
  recordIds: Type.Array(RecordId, { minItems: 1, maxItems: LIMITS.batchRecords, uniqueItems: true }),
});
/** Of the caller's own records; of some there may be none. */
export const ErasurePartsAnswerSchema = closed({
  parts: Type.Array(closed({ recordId: RecordId, parts: Base64Url(256) }), { maxItems: LIMITS.batchRecords }),
});
export type ErasurePartsAnswer = Static<typeof ErasurePartsAnswerSchema>;
