import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  Base64Url,
  CallerSchema,
  Instant,
  MspId,
  ObjectId,
  PageFields,
  Sha256,
  TransactionId,
  closed,
  oneOf,
} from './common.js';

/**
 * A ceremony makes the consortium's key among the hospitals, or shares it anew. Its messages travel between gateways,
 * encrypted and signed; here stand who takes part, the digests of what each one sent, and who was named.
 */
export const CEREMONY_PURPOSES = ['generate', 'redistribute'] as const;
export const CEREMONY_STATUSES = ['joining', 'running', 'finished', 'failed'] as const;
export const BLAME_REASONS = [
  /** No message within the time of a round. */
  'SILENT',
  /** A message that does not decrypt, parse, or keep to its ranges. */
  'GARBAGE',
  /** A message whose digest is not the one on the ledger. */
  'EQUIVOCATION',
  /** A share, commitment or proof that does not verify. */
  'PROOF_INVALID',
] as const;
export type BlameReason = (typeof BLAME_REASONS)[number];

/** Attempts of one ceremony; each fault that is named ends one and begins the next. */
export const MAX_CEREMONY_ATTEMPTS = 16;
/** Rounds of one attempt: a key of 3072 bits takes some twenty batches of candidates at most. */
export const MAX_CEREMONY_ROUNDS = 400;

const Attempt = Type.Integer({ minimum: 1, maximum: MAX_CEREMONY_ATTEMPTS });
const Round = Type.Integer({ minimum: 0, maximum: MAX_CEREMONY_ROUNDS });

export const StartCeremonySchema = closed({
  ceremonyId: ObjectId,
  purpose: oneOf(CEREMONY_PURPOSES),
  keyBits: Type.Integer({ minimum: 256, maximum: 4096 }),
  /** Who will hold a share, in the order of their points. */
  holders: Type.Array(MspId, { minItems: 3, maxItems: 10, uniqueItems: true }),
  /** `redistribute` only: a majority of the present holders, who deal. */
  dealers: Type.Optional(Type.Array(MspId, { minItems: 2, maxItems: 10, uniqueItems: true })),
});
export type StartCeremony = Static<typeof StartCeremonySchema>;

/** One-time keys of a member for this ceremony's messages. */
export const JoinCeremonySchema = closed({
  ceremonyId: ObjectId,
  /** X25519, 32 bytes. */
  encryptionKey: Base64Url(43),
  /** Ed25519, 32 bytes. */
  signingKey: Base64Url(43),
});
export const PostRoundSchema = closed({
  ceremonyId: ObjectId,
  attempt: Attempt,
  round: Round,
  /**
   * Of every participant: SHA-256 of the sealed message to each other one and, under the sender's own id, of the part
   * of these messages that all get alike, so that nobody can tell two of them two things.
   */
  digests: Type.Record(MspId, Sha256),
});
export const BlameSchema = closed({
  ceremonyId: ObjectId,
  attempt: Attempt,
  round: Round,
  accused: MspId,
  reason: oneOf(BLAME_REASONS),
});
/** Begins a new attempt of a ceremony that failed, or that stands still. */
export const ResumeCeremonySchema = closed({ ceremonyId: ObjectId });
export const CeremonyQuerySchema = closed({ ceremonyId: ObjectId });
export const CeremonyRoundQuerySchema = closed({ ceremonyId: ObjectId, attempt: Attempt, round: Round });
export const ListCeremoniesSchema = closed({ pageSize: PageFields.pageSize, bookmark: PageFields.bookmark });

export const CeremonyFaultSchema = closed({
  attempt: Attempt,
  round: Round,
  accused: MspId,
  accuser: MspId,
  reason: oneOf(BLAME_REASONS),
  at: Instant,
  txId: TransactionId,
});
export type CeremonyFault = Static<typeof CeremonyFaultSchema>;

export const CeremonyParticipantSchema = closed({
  mspId: MspId,
  encryptionKey: Base64Url(43),
  signingKey: Base64Url(43),
  txId: TransactionId,
});

export const CeremonySchema = closed({
  ...StartCeremonySchema.properties,
  /** Derived: a majority of `holders`. */
  threshold: Type.Integer({ minimum: 2, maximum: 10 }),
  status: oneOf(CEREMONY_STATUSES),
  /** The attempt that runs or ran last. */
  attempt: Attempt,
  /** Everyone whose messages are needed: holders and dealers. */
  participants: Type.Array(MspId),
  joined: Type.Array(CeremonyParticipantSchema),
  faults: Type.Array(CeremonyFaultSchema),
  /** `redistribute`: the key and the epoch that are shared anew; `generate`: set when it has finished. */
  keyId: Type.Optional(Sha256),
  epoch: Type.Integer({ minimum: 0 }),
  startedBy: CallerSchema,
  startedAt: Instant,
  endedAt: Type.Optional(Instant),
  txId: TransactionId,
});
export type Ceremony = Static<typeof CeremonySchema>;

export const CeremonyPostSchema = closed({
  ...PostRoundSchema.properties,
  mspId: MspId,
  at: Instant,
  txId: TransactionId,
});
export type CeremonyPost = Static<typeof CeremonyPostSchema>;

/** Why a figure below LIMITS.members: the DKG's arithmetic is over points that are units modulo 2520 k + 1. */
export const MAX_KEY_HOLDERS = Math.min(10, LIMITS.members);
