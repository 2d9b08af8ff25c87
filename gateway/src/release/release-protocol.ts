import { LIMITS, RecordId, TransactionId, closed } from '@careledger/protocol';
import { Type, type Static } from 'typebox';

/** What goes over the wire between two hospitals' gateways. */
export const RELEASE_PATH = '/release/v1';

export const ReleaseRequestSchema = closed({
  accessId: TransactionId,
  recordIds: Type.Array(RecordId, { minItems: 1, maxItems: LIMITS.batchRecords, uniqueItems: true }),
});
export type ReleaseRequestBody = Static<typeof ReleaseRequestSchema>;

export const ReleaseAnswerSchema = closed({
  accessId: TransactionId,
  headers: Type.Array(
    closed({
      recordId: RecordId,
      /** Base64url of a header re-wrapped to the access entry's recipient key, bound to the access id. */
      header: Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: 5462 }),
    }),
    { minItems: 1, maxItems: LIMITS.batchRecords },
  ),
});
export type ReleaseAnswer = Static<typeof ReleaseAnswerSchema>;

/** Both ends of mutual TLS: PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}
