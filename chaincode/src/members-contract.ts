import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  LIMITS,
  approvedBuildOf,
  castVote,
  nextStatus,
  type BuildReport,
  type Consortium,
  type Member,
} from '@careledger/protocol';
import { requireActiveMember, readConsortium, type Call, type Outcome } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';

const NO_VOTES: Member['votes'] = { admit: [], suspend: [], reinstate: [] };

/** Who belongs to the consortium, and which build of this code its members approve. */
export class MembersContract extends CareLedgerContract<'members'> {
  constructor() {
    super('members');
  }

  /** Of the caller's own hospital. The first member of all is active at once: nobody is there to vote. */
  @Transaction()
  Propose(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Propose', { argumentJson, idempotencyKey }, async (call, fields) => {
      requireRole(call.caller, ['admin', 'gateway']);
      const { mspId } = call.caller;
      const before = await call.state.read(KEYS.member, [mspId]);
      const isFirst = (await call.state.read(KEYS.consortium, ['current'])) === undefined;
      const proposed = nextStatus('member', before?.status, 'propose');
      const member: Member = {
        mspId,
        ...fields,
        status: isFirst ? nextStatus('member', proposed, 'admit') : proposed,
        votes: NO_VOTES,
        ...(before?.leftAt === undefined ? {} : { leftAt: before.leftAt }),
        proposedAt: call.at,
        changedAt: call.at,
        txId: call.txId,
      };
      if (isFirst) await writeConsortium(call, { activeMembers: [mspId], epoch: 1 });
      return save(call, member);
    });
  }

  @Transaction()
  Update(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Update', { argumentJson, idempotencyKey }, async (call, fields) => {
      requireRole(call.caller, ['admin', 'gateway']);
      await requireActiveMember(call);
      return save(call, { ...(await readMember(call, call.caller.mspId)), ...fields, ...stamp(call) });
    });
  }

  /** One active member's vote about another; the change takes effect with the vote that makes the majority. */
  @Transaction()
  Vote(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Vote', { argumentJson, idempotencyKey }, async (call, { mspId, vote }) => {
      requireRole(call.caller, ['admin', 'gateway']);
      const consortium = await requireActiveMember(call);
      const member = await readMember(call, mspId);
      const { votes, carried } = castVote(member, vote, call.caller.mspId, consortium);
      if (!carried) return save(call, { ...member, votes, ...stamp(call) });
      const changed = {
        ...member,
        status: nextStatus('member', member.status, vote),
        votes: NO_VOTES,
        ...stamp(call),
      };
      await changeMembership(call, consortium, changed);
      return save(call, changed);
    });
  }

  @Transaction()
  Leave(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Leave', { argumentJson, idempotencyKey }, async (call) => {
      requireRole(call.caller, ['admin', 'gateway']);
      const consortium = await readConsortium(call);
      const member = await readMember(call, call.caller.mspId);
      const left = {
        ...member,
        status: nextStatus('member', member.status, 'leave'),
        votes: NO_VOTES,
        leftAt: call.at,
        ...stamp(call),
      };
      if (consortium.activeMembers.length === 1 && consortium.activeMembers[0] === member.mspId) {
        throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
          message: 'The last active member cannot leave: nobody could admit another.',
        });
      }
      if (member.status === 'active') await changeMembership(call, consortium, left);
      return save(call, left);
    });
  }

  /** Chaincode as a service does not bind code to the package id, so the digest of the build is approved here. */
  @Transaction()
  ApproveBuild(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'ApproveBuild',
      { argumentJson, idempotencyKey },
      async (call, { digest }) => {
        requireRole(call.caller, ['admin', 'gateway']);
        const consortium = await requireActiveMember(call);
        const member = {
          ...(await readMember(call, call.caller.mspId)),
          approvedBuild: digest,
          ...stamp(call),
        };
        const next = await withApprovedBuild(call, consortium, member);
        if (next.approvedBuild !== consortium.approvedBuild) await writeConsortium(call, next);
        return save(call, member);
      },
    );
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, (call, { mspId }) => readMember(call, mspId));
  }

  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, async (call) => {
      const items: Member[] = [];
      for await (const member of call.state.documents(KEYS.member, [])) {
        if (items.push(member) >= MOST_LISTED) break;
      }
      return { items };
    });
  }

  @Transaction(false)
  Build(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Build', argumentJson, async (call): Promise<BuildReport> => {
      const { approvedBuild } = await readConsortium(call);
      // The one thing read from the environment: it describes this process, and no transaction depends on it.
      const running = process.env['CARELEDGER_BUILD_DIGEST'] ?? 'unreported';
      return { running, ...(approvedBuild === undefined ? {} : { approved: approvedBuild }) };
    });
  }
}

/** Members that left keep their document, so there may be more of them than active ones. */
const MOST_LISTED = 4 * LIMITS.members;

async function readMember(call: Call, mspId: string): Promise<Member> {
  const member = await call.state.read(KEYS.member, [mspId]);
  if (member === undefined) throw new CareLedgerError('MEMBER_NOT_FOUND', { came: mspId });
  return member;
}

async function changeMembership(call: Call, consortium: Consortium, member: Member): Promise<void> {
  const others = consortium.activeMembers.filter((mspId) => mspId !== member.mspId);
  const activeMembers = (member.status === 'active' ? [...others, member.mspId] : others).sort();
  if (activeMembers.length > LIMITS.members) {
    throw new CareLedgerError('LIMIT_EXCEEDED', {
      expected: `at most ${String(LIMITS.members)} active members`,
    });
  }
  // Another number of members is another majority, so the approved build is counted again.
  await writeConsortium(
    call,
    await withApprovedBuild(call, { ...consortium, activeMembers, epoch: consortium.epoch + 1 }, member),
  );
}

async function withApprovedBuild(call: Call, consortium: Consortium, changed: Member): Promise<Consortium> {
  const active: Member[] = [];
  for (const mspId of consortium.activeMembers) {
    active.push(mspId === changed.mspId ? changed : await readMember(call, mspId));
  }
  const approvedBuild = approvedBuildOf(active);
  const { activeMembers, epoch } = consortium;
  return { activeMembers, epoch, ...(approvedBuild === undefined ? {} : { approvedBuild }) };
}

async function writeConsortium(call: Call, consortium: Consortium): Promise<void> {
  await call.state.write(KEYS.consortium, ['current'], consortium);
}

async function save(call: Call, member: Member): Promise<Outcome> {
  await call.state.write(KEYS.member, [member.mspId], member);
  return {
    result: member,
    event: { event: EVENTS.memberChanged, id: member.mspId, mspId: member.mspId, status: member.status },
  };
}

function stamp(call: Call): Pick<Member, 'changedAt' | 'txId'> {
  return { changedAt: call.at, txId: call.txId };
}
