import {
  Base64Url,
  EdgeAckSchema,
  EdgeSchema,
  LIMITS,
  MspId,
  ObjectId,
  Pseudonym,
  Sha256,
  closed,
} from '@careledger/protocol';
import { Type, type Static } from 'typebox';

/** What goes over the wire between the gateway that relays an edge and its proxies. */
export const EDGE_SHARES_PATH = '/peer/v1/edge-shares';
export const EDGE_WITHDRAWALS_PATH = '/peer/v1/edge-withdrawals';

/** enc || ciphertext of a share: 32 + 48 + 16 bytes, and room for another form. */
const SealedShare = Base64Url(512);

export const EdgeShareRequestSchema = closed({
  pseudonym: Pseudonym,
  /** Of an onward edge: the grant that it goes on from. */
  parentId: Type.Optional(ObjectId),
  edge: EdgeSchema,
  share: SealedShare,
});
export type EdgeShareRequest = Static<typeof EdgeShareRequestSchema>;
export const EdgeShareAnswerSchema = EdgeAckSchema;

export const EdgeWithdrawalSchema = closed({
  edgeIds: Type.Array(Sha256, { minItems: 1, maxItems: LIMITS.edgesPerGrant, uniqueItems: true }),
});
export const EdgeWithdrawalAnswerSchema = closed({ erased: Type.Array(Sha256) });

/** A share of a re-key, sealed to its proxy, as the maker of an edge hands it to the gateway. */
export const SealedShareSchema = closed({ edgeId: Sha256, mspId: MspId, share: SealedShare });
export type SealedShareOfEdge = Static<typeof SealedShareSchema>;
export const SealedSharesSchema = Type.Array(SealedShareSchema, {
  minItems: 1,
  maxItems: LIMITS.edgesPerGrant * LIMITS.proxiesPerEdge,
});
