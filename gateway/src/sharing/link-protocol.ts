import { Base64Url, LIMITS, MspId, ObjectId, Pseudonym, Sha256, closed } from '@careledger/protocol';
import { Type, type Static } from 'typebox';

/** What goes over the wire between the hospital that opened a case and the holders of the master key. */
export const LINK_KEYS_PATH = '/peer/v1/link-keys';

export const LinkKeysRequestSchema = closed({ linkCaseId: ObjectId });

/** One holder's parts of the keys of `trace/<pseudonym>`, each sealed to the case's one-time key. */
export const LinkKeysSchema = closed({
  holder: MspId,
  keyId: Sha256,
  sharingEpoch: Type.Integer({ minimum: 0 }),
  parts: Type.Array(closed({ pseudonym: Pseudonym, sealed: Base64Url(512) }), {
    minItems: 2,
    maxItems: LIMITS.linkedPseudonyms,
  }),
});
export type LinkKeys = Static<typeof LinkKeysSchema>;
