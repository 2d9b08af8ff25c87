import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import {
  CallerSchema,
  Ed25519PublicKey,
  Instant,
  MspId,
  ObjectId,
  PageFields,
  Sha256,
  TransactionId,
  X25519PublicKey,
  closed,
  oneOf,
} from './common.js';

/**
 * A ceremony makes a key of the consortium among the hospitals, or shares it anew. Its messages travel between gateways,
 * encrypted and signed; here stand who takes part, the digests of what each one sent, and who was named.
 */
export const CEREMONY_SCHEMES = [
  /** The Paillier key of statistics. */
  'paillier',
  /** The master key of identities. */
  'identity',
] as const;
export type CeremonyScheme = (typeof CEREMONY_SCHEMES)[number];
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
/** `KEY_CONFLICT`: two holders registered different keys for one attempt. The contract finds it; nobody claims it. */
export const FAULT_REASONS = [...BLAME_REASONS, 'KEY_CONFLICT'] as const;

/** Attempts in a row, each ended by a fault or a resumption; then the ceremony has failed until a person resumes it. */
export const MAX_CEREMONY_ATTEMPTS = 16;
/** Attempts of one ceremony in all: what stands on the ledger about it is bounded. */
export const MAX_CEREMONY_ATTEMPTS_IN_ALL = 4 * MAX_CEREMONY_ATTEMPTS;
/** Rounds of one attempt: a key of 3072 bits takes some twenty batches of candidates at most. */
export const MAX_CEREMONY_ROUNDS = 400;
/** More members than this share the key among that many of them: the arithmetic has points 1..10. */
export const MAX_KEY_HOLDERS = Math.min(10, LIMITS.members);

const Attempt = Type.Integer({ minimum: 1, maximum: MAX_CEREMONY_ATTEMPTS_IN_ALL });
const Round = Type.Integer({ minimum: 0, maximum: MAX_CEREMONY_ROUNDS });

export const StartCeremonySchema = closed({
  ceremonyId: ObjectId,
  scheme: oneOf(CEREMONY_SCHEMES),
  purpose: oneOf(CEREMONY_PURPOSES),
  /** `paillier` only. */
  keyBits: Type.Optional(Type.Integer({ minimum: 256, maximum: 4096 })),
  /** Who will hold a share, in the order of their points. */
  holders: Type.Array(MspId, { minItems: 3, maxItems: MAX_KEY_HOLDERS, uniqueItems: true }),
  /** `redistribute` only: present holders, at least as many as are needed to decrypt; they deal. */
  dealers: Type.Optional(Type.Array(MspId, { minItems: 2, maxItems: MAX_KEY_HOLDERS, uniqueItems: true })),
});
export type StartCeremony = Static<typeof StartCeremonySchema>;

/** Keys of a member for the messages of one attempt, never used again. */
const OneTimeKeys = { encryptionKey: X25519PublicKey, signingKey: Ed25519PublicKey };
export const JoinCeremonySchema = closed({ ceremonyId: ObjectId, attempt: Attempt, ...OneTimeKeys });
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
/**
 * Names who kept an attempt from ending. The first blame of an attempt ends it; those that come later, one of each
 * participant, stand beside it as evidence.
 */
export const BlameSchema = closed({
  ceremonyId: ObjectId,
  attempt: Attempt,
  /** Of the message that is at fault or missing. */
  round: Round,
  accused: MspId,
  reason: oneOf(BLAME_REASONS),
});
/** Begins a new attempt of a ceremony that failed, or that stands still. `attempt` is the one that is given up. */
export const ResumeCeremonySchema = closed({
  ceremonyId: ObjectId,
  attempt: Attempt,
  /** `inconsistent`: the messages contradict one another, and it cannot be told whose are wrong. */
  reason: Type.Optional(Type.Literal('inconsistent')),
});
/** Ends a ceremony without a key, so that another may start: with other members, or of another size. */
export const AbandonCeremonySchema = closed({ ceremonyId: ObjectId });
export const CeremonyQuerySchema = closed({ ceremonyId: ObjectId });
export const CeremonyAttemptQuerySchema = closed({ ceremonyId: ObjectId, attempt: Attempt });
export const CeremonyRoundQuerySchema = closed({ ceremonyId: ObjectId, attempt: Attempt, round: Round });
export const ListCeremoniesSchema = closed({ pageSize: PageFields.pageSize, bookmark: PageFields.bookmark });

export const CeremonyFaultSchema = closed({
  attempt: Attempt,
  /** Absent for KEY_CONFLICT, which is no message's. */
  round: Type.Optional(Round),
  accused: MspId,
  accuser: MspId,
  reason: oneOf(FAULT_REASONS),
  at: Instant,
  txId: TransactionId,
});
export type CeremonyFault = Static<typeof CeremonyFaultSchema>;

export const CeremonyParticipantSchema = closed({ mspId: MspId, ...OneTimeKeys, txId: TransactionId });
export type CeremonyParticipant = Static<typeof CeremonyParticipantSchema>;

export const CeremonyInterruptionSchema = closed({
  attempt: Attempt,
  kind: oneOf(['inconsistent', 'resumed', 'abandoned'] as const),
  mspId: MspId,
  at: Instant,
  txId: TransactionId,
});

export const CeremonySchema = closed({
  ...StartCeremonySchema.properties,
  /** Derived: a majority of `holders`. */
  threshold: Type.Integer({ minimum: 2, maximum: MAX_KEY_HOLDERS }),
  status: oneOf(CEREMONY_STATUSES),
  /** The attempt that runs or ran last. */
  attempt: Attempt,
  /** Everyone whose messages are needed: holders, then dealers that will hold nothing. */
  participants: Type.Array(MspId),
  /** Of this attempt; each attempt has keys of its own. Those of earlier ones are in their transactions. */
  joined: Type.Array(CeremonyParticipantSchema),
  faults: Type.Array(CeremonyFaultSchema),
  /** Who gave an attempt, or the ceremony, up without naming anybody. */
  interruptions: Type.Array(CeremonyInterruptionSchema),
  /** `redistribute`: the key that is shared anew; `generate`: the key that it made, once it has finished. */
  keyId: Type.Optional(Sha256),
  /** Of the sharing that the ceremony makes: 0, or one more than the present one. */
  epoch: Type.Integer({ minimum: 0 }),
  /** What the running attempt ended with, from the first registration until every holder has accepted it. */
  registration: Type.Optional(
    closed({
      keyId: Sha256,
      /** Of public key and sharing; crypto `sharingDigest`, `identitySharingDigest`. */
      sharingDigest: Sha256,
      registeredBy: MspId,
      acceptedBy: Type.Array(MspId),
    }),
  ),
  startedBy: CallerSchema,
  startedAt: Instant,
  endedAt: Type.Optional(Instant),
  /** The transaction that started it. */
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
