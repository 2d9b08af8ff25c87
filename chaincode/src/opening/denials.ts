import {
  KEYS,
  LIMITS,
  instantFromMs,
  msFromInstant,
  type AccessDecision,
  type Consortium,
  type DenyReason,
  type MemberInstruction,
  type Suspension,
} from '@careledger/protocol';
import type { Call } from '../shell/call.js';

/** Counts time backwards, so that the newest denial comes first and a count may stop at its number. */
const LAST_MS = 9_999_999_999_999;

function backwards(at: string): string {
  return String(LAST_MS - msFromInstant(at)).padStart(13, '0');
}

/**
 * Which denials a requester answers for: asking for what nobody gave it. What the patient, the owner, the consortium or
 * another grantee did, or has yet to do, suspends nobody.
 */
export const REQUESTERS_DOING: Readonly<Record<DenyReason, boolean>> = {
  ROLE_NOT_PERMITTED: true,
  MEMBER_NOT_ACTIVE: false,
  REQUESTER_SUSPENDED: false,
  PATIENT_CLOSED: false,
  RECORD_ERASED: false,
  RECORD_NOT_SHARABLE: true,
  NO_GRANT: true,
  GRANT_NOT_YET_VALID: true,
  GRANT_EXPIRED: true,
  PURPOSE_NOT_COVERED: true,
  RECORD_TYPE_NOT_COVERED: true,
  CONDITION_NOT_MET: true,
  GRANT_USED_UP: false,
  TAG_NOT_SHARABLE: false,
  PARENT_ENDED: false,
  GRANT_EPOCH_STALE: false,
  RESEAL_PENDING: false,
  EMERGENCY_NOT_OPEN: true,
};

/**
 * Keeps one denial for each hospital that denied something of the requester's doing in this transaction, and executes that hospital's standing
 * instruction to suspend a requester.
 *
 * Only where the hospital has such an instruction are denials counted, by a bounded scan of this requester's own keys:
 * the one place where an opening can meet a phantom, and only between concurrent denials of one requester.
 */
export async function recordDenials(
  call: Call,
  consortium: Consortium,
  decisions: readonly AccessDecision[],
  suspensions: ReadonlyMap<string, Suspension>,
): Promise<void> {
  const counting = decisions.filter(({ reason }) => reason !== undefined && REQUESTERS_DOING[reason]);
  const denying = new Set(counting.map(({ ownerMspId }) => ownerMspId));
  for (const ownerMspId of denying) {
    const { mspId, enrolmentId } = call.caller;
    const former = suspensions.get(ownerMspId);
    await suspendIfDue(call, consortium, { ownerMspId, former });
    await call.state.mark(KEYS.denial, [ownerMspId, mspId, enrolmentId, backwards(call.at), call.txId]);
  }
}

interface Owner {
  readonly ownerMspId: string;
  readonly former: Suspension | undefined;
}

async function suspendIfDue(call: Call, consortium: Consortium, owner: Owner): Promise<void> {
  if (owner.former !== undefined && owner.former.liftedAt === undefined) return;
  const standing = await call.state.read(KEYS.instructions, [owner.ownerMspId]);
  for (const instruction of standing?.instructions ?? []) {
    if (instruction.status !== 'active') continue;
    const denials = 1 + (await countEarlier(call, owner, instruction));
    if (denials < instruction.rule.denials) continue;
    await suspend(call, consortium, owner, { instructionId: instruction.instructionId, denials });
    return;
  }
}

/** Denials before this one that count: inside the rule's time, and after the last suspension was lifted. */
async function countEarlier(call: Call, owner: Owner, { rule }: MemberInstruction): Promise<number> {
  const { mspId, enrolmentId } = call.caller;
  const withinTime = instantFromMs(Math.max(0, msFromInstant(call.at) - rule.withinMs));
  const liftedAt = owner.former?.liftedAt;
  const oldest = backwards(liftedAt !== undefined && liftedAt > withinTime ? liftedAt : withinTime);
  const enough = Math.min(rule.denials, LIMITS.suspensionDenials) - 1;
  let counted = 0;
  if (enough === 0) return counted;
  for await (const [, , , time = ''] of call.state.scan(KEYS.denial, [
    owner.ownerMspId,
    mspId,
    enrolmentId,
  ])) {
    if (time > oldest) break;
    counted += 1;
    if (counted >= enough) break;
  }
  return counted;
}

async function suspend(
  call: Call,
  consortium: Consortium,
  { ownerMspId, former }: Owner,
  cause: { readonly instructionId: string; readonly denials: number },
): Promise<void> {
  const { mspId, enrolmentId } = call.caller;
  const suspension = {
    ownerMspId,
    requester: { mspId, enrolmentId },
    ...cause,
    since: call.at,
    txId: call.txId,
  };
  const owner = { mspId: ownerMspId, consortium, previousEpoch: former?.membersEpoch };
  await call.state.writeOwned(KEYS.suspension, [ownerMspId, mspId, enrolmentId], suspension, owner);
}
