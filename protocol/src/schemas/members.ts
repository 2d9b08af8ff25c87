import { Type, type Static } from 'typebox';
import { Instant, MspId, Sha256, Text, TransactionId, X25519PublicKey, closed, oneOf } from './common.js';

export const MEMBER_STATUSES = ['proposed', 'active', 'suspended', 'left'] as const;
export const MEMBER_VOTES = ['admit', 'suspend', 'reinstate'] as const;

/** X25519 key to which the data keys of the hospital's own records are wrapped. */
const MemberFields = {
  name: Text(120),
  gatewayUrl: Type.String({ pattern: '^https://[A-Za-z0-9.:\\[\\]-]{1,200}$' }),
  encryptionKey: X25519PublicKey,
};

export const ProposeMemberSchema = closed({ ...MemberFields });
export const UpdateMemberSchema = closed({ ...MemberFields });
export const VoteSchema = closed({ mspId: MspId, vote: oneOf(MEMBER_VOTES) });
export const ApproveBuildSchema = closed({ digest: Sha256 });
export const MemberQuerySchema = closed({ mspId: MspId });

export const MemberSchema = closed({
  mspId: MspId,
  ...MemberFields,
  status: oneOf(MEMBER_STATUSES),
  /** MSP ids that voted for the pending change of status; cleared when it takes effect. */
  votes: closed({
    admit: Type.Array(MspId),
    suspend: Type.Array(MspId),
    reinstate: Type.Array(MspId),
  }),
  approvedBuild: Type.Optional(Sha256),
  proposedAt: Instant,
  /** When it last left. Kept when it proposes itself again: the others then decide anew, and not their gateways. */
  leftAt: Type.Optional(Instant),
  changedAt: Instant,
  txId: TransactionId,
});
export type Member = Static<typeof MemberSchema>;
export type ProposeMember = Static<typeof ProposeMemberSchema>;
export type Vote = Static<typeof VoteSchema>;

/** One document with what every other contract needs to know of the members: a point read instead of a scan. */
export const ConsortiumSchema = closed({
  activeMembers: Type.Array(MspId),
  /** Raised by every change of `activeMembers`: an object whose `membersEpoch` differs gets a new endorsement policy. */
  epoch: Type.Integer({ minimum: 0 }),
  /** Build digest that a majority of active members approves, if any. */
  approvedBuild: Type.Optional(Sha256),
});
export type Consortium = Static<typeof ConsortiumSchema>;

export interface BuildReport {
  /** Digest of the build that answers, as its own process reports it. */
  readonly running: string;
  readonly approved?: string;
}
