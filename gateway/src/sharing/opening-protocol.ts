import { LIMITS, RecordId, Sha256, TransactionId, closed } from '@careledger/protocol';
import { Type, type Static } from 'typebox';

/** What a requester's gateway asks of the proxies of an opening, and of the custodians of the records' erasure keys. */
export const PARTIALS_PATH = '/peer/v1/partials';

export const PartialsRequestSchema = closed({
  accessId: TransactionId,
  recordIds: Type.Array(RecordId, { minItems: 1, maxItems: LIMITS.batchRecords, uniqueItems: true }),
});
export type PartialsRequest = Static<typeof PartialsRequestSchema>;

const base64url = (maxLength: number) => Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength });
/** A partial of one header is 576 bytes; beside them stand one proof and one signature for all. */
const PARTIAL_CHARACTERS = 800;
const PROOF_CHARACTERS = 4_096;
export const MAX_PARTIALS_CHARACTERS = LIMITS.batchRecords * PARTIAL_CHARACTERS + PROOF_CHARACTERS;

export const PartialsAnswerSchema = closed({
  accessId: TransactionId,
  /** Of every edge of which the hospital keeps a share: one list over the records that go along it, in their order. */
  partials: Type.Array(
    closed({
      edgeId: Sha256,
      recordIds: PartialsRequestSchema.properties.recordIds,
      bytes: base64url(MAX_PARTIALS_CHARACTERS),
    }),
    { maxItems: LIMITS.batchRecords * (LIMITS.hops + 1) },
  ),
  /** Of records of whose erasure key the hospital is a custodian: its parts, sealed to the entry's one-time key. */
  erasureParts: Type.Array(closed({ recordId: RecordId, sealed: base64url(256) }), {
    maxItems: LIMITS.batchRecords,
  }),
});
export type PartialsAnswer = Static<typeof PartialsAnswerSchema>;

/** Longer than any answer to so many records over chains of the greatest depth. */
export function maxAnswerBytes(records: number): number {
  return 65_536 + records * (LIMITS.hops + 1) * (PARTIAL_CHARACTERS + PROOF_CHARACTERS);
}
