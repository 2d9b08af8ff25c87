import { expect } from 'chai';
import { approvedBuildOf, castVote, majorityOf } from './membership.js';
import { AT, TX_ID } from './samples.test-support.js';
import type { Consortium, Member } from './schemas/members.js';

const member = (changes: Partial<Member> = {}): Member => ({
  mspId: 'EchoMSP',
  name: 'Echo',
  gatewayUrl: 'https://echo.example',
  encryptionKey: 'A'.repeat(43),
  status: 'proposed',
  votes: { admit: [], suspend: [], reinstate: [] },
  proposedAt: AT,
  changedAt: AT,
  txId: TX_ID,
  ...changes,
});
const consortium: Consortium = { activeMembers: ['A', 'B', 'C', 'D'], epoch: 4 };

describe('membership', () => {
  it('takes more than half as a majority', () => {
    for (let members = 1; members <= 64; members += 1) {
      expect(majorityOf(members) * 2, String(members)).to.be.above(members);
      expect((majorityOf(members) - 1) * 2, String(members)).to.be.at.most(members);
    }
  });

  it('carries with the vote that makes the majority, and counts a voter once', () => {
    const once = castVote(member(), 'admit', 'A', consortium);
    expect(once).to.deep.equal({ votes: { admit: ['A'], suspend: [], reinstate: [] }, carried: false });
    const twice = castVote(member({ votes: once.votes }), 'admit', 'A', consortium);
    expect(twice).to.deep.equal(once);
    const admit = (voters: string[]) => member({ votes: { admit: voters, suspend: [], reinstate: [] } });
    expect(castVote(admit(['A', 'B']), 'admit', 'C', consortium)).to.include({ carried: true });
    expect(castVote(admit(['A', 'Z']), 'admit', 'C', consortium), 'Z is not active').to.include({
      carried: false,
    });
  });

  it('refuses a vote about oneself, or one that the status does not allow', () => {
    const active = member({ mspId: 'A', status: 'active' });
    for (const [voter, vote] of [
      ['A', 'suspend'],
      ['B', 'admit'],
      ['B', 'reinstate'],
    ] as const) {
      expect(() => castVote(active, vote, voter, consortium), vote)
        .to.throw()
        .with.property('code', 'TRANSITION_NOT_ALLOWED');
    }
  });

  it('approves the build of a strict majority only', () => {
    const of = (...digests: (string | undefined)[]) =>
      approvedBuildOf(digests.map((approvedBuild) => (approvedBuild === undefined ? {} : { approvedBuild })));
    expect(of('x', 'x', 'x', 'y')).to.equal('x');
    expect(of('x', 'x', 'y', 'y')).to.equal(undefined);
    expect(of('x', 'x', undefined, undefined)).to.equal(undefined);
    expect(of()).to.equal(undefined);
  });
});
