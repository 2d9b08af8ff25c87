import { expect } from 'chai';
import { KEYS, type BuildReport, type Consortium, type Member } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  DIGEST,
  HOSPITALS,
  fourHospitals,
  memberFields,
  staff,
} from './testing/consortium.js';
import { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const admin = (mspId: string) => staff(mspId, 'admin');

function consortiumOf(ledger: MemoryLedger): Consortium {
  const bytes = ledger.state.get(`\u0000${KEYS.consortium}\u0000current\u0000`);
  return JSON.parse(Buffer.from(bytes ?? []).toString()) as Consortium;
}

async function memberOf(ledger: MemoryLedger, mspId: string): Promise<Member> {
  return (await ledger.evaluate(staff(ALPHA, 'auditor'), 'members:Get', { mspId })) as Member;
}

const vote = (ledger: MemoryLedger, voter: string, mspId: string, what: string) =>
  ledger.submit(admin(voter), 'members:Vote', { mspId, vote: what });

describe('members', () => {
  let ledger: MemoryLedger;
  beforeEach(async () => {
    ledger = await fourHospitals();
  });

  it('makes the first member active at once, and the second wait for a vote', async () => {
    const empty = new MemoryLedger();
    const { response, events } = await empty.submit(admin(ALPHA), 'members:Propose', memberFields(ALPHA));
    expect(response).to.include({ mspId: ALPHA, status: 'active' });
    expect(events).to.deep.equal([{ event: 'member.changed', id: ALPHA, mspId: ALPHA, status: 'active' }]);
    await empty.submit(admin(BRAVO), 'members:Propose', memberFields(BRAVO));
    expect(await memberOf(empty, BRAVO)).to.include({ status: 'proposed' });
    expect(consortiumOf(empty)).to.deep.equal({ activeMembers: [ALPHA], epoch: 1 });
  });

  it('admits by a strict majority of the active members', async () => {
    expect(consortiumOf(ledger)).to.deep.equal({ activeMembers: [...HOSPITALS], epoch: 4 });
    await ledger.submit(admin('EchoMSP'), 'members:Propose', memberFields('EchoMSP'));
    await vote(ledger, ALPHA, 'EchoMSP', 'admit');
    await vote(ledger, ALPHA, 'EchoMSP', 'admit');
    await vote(ledger, BRAVO, 'EchoMSP', 'admit');
    expect(await memberOf(ledger, 'EchoMSP')).to.include({ status: 'proposed' });
    await vote(ledger, CHARLIE, 'EchoMSP', 'admit');
    const admitted = await memberOf(ledger, 'EchoMSP');
    expect(admitted.status).to.equal('active');
    expect(admitted.votes).to.deep.equal({ admit: [], suspend: [], reinstate: [] });
  });

  it('suspends and reinstates, and does not count the votes of those who are no longer active', async () => {
    await vote(ledger, DELTA, CHARLIE, 'suspend');
    await ledger.submit(admin(DELTA), 'members:Leave', {});
    await vote(ledger, ALPHA, CHARLIE, 'suspend');
    expect(await memberOf(ledger, CHARLIE)).to.include({ status: 'active' });
    await vote(ledger, BRAVO, CHARLIE, 'suspend');
    expect(await memberOf(ledger, CHARLIE)).to.include({ status: 'suspended' });
    expect(consortiumOf(ledger).activeMembers).to.deep.equal([ALPHA, BRAVO]);
    await vote(ledger, ALPHA, CHARLIE, 'reinstate');
    await vote(ledger, BRAVO, CHARLIE, 'reinstate');
    expect(await memberOf(ledger, CHARLIE)).to.include({ status: 'active' });
  });

  it('lets a member update its own data, leave, and be proposed again', async () => {
    await ledger.submit(admin(BRAVO), 'members:Update', { ...memberFields(BRAVO), name: 'Renamed' });
    expect(await memberOf(ledger, BRAVO)).to.include({ name: 'Renamed', status: 'active' });
    await ledger.submit(admin(BRAVO), 'members:Leave', {});
    expect(await memberOf(ledger, BRAVO)).to.include({ status: 'left' });
    const { leftAt } = await memberOf(ledger, BRAVO);
    await ledger.submit(admin(BRAVO), 'members:Propose', memberFields(BRAVO));
    expect(leftAt).to.be.a('string');
    expect(await memberOf(ledger, BRAVO)).to.include({ status: 'proposed', leftAt });
  });

  it('approves the build of a majority, and counts again when the members change', async () => {
    for (const mspId of [ALPHA, BRAVO])
      await ledger.submit(admin(mspId), 'members:ApproveBuild', { digest: DIGEST });
    expect(consortiumOf(ledger).approvedBuild).to.equal(undefined);
    await ledger.submit(admin(DELTA), 'members:Leave', {});
    expect(consortiumOf(ledger).approvedBuild).to.equal(DIGEST);
    process.env['CARELEDGER_BUILD_DIGEST'] = DIGEST;
    const report = (await ledger.evaluate(admin(ALPHA), 'members:Build', {})) as BuildReport;
    delete process.env['CARELEDGER_BUILD_DIGEST'];
    expect(report).to.deep.equal({ running: DIGEST, approved: DIGEST });
    await ledger.submit(admin(BRAVO), 'members:ApproveBuild', { digest: 'cd'.repeat(32) });
    expect(consortiumOf(ledger).approvedBuild).to.equal(undefined);
  });

  it('lists all members', async () => {
    const { items } = (await ledger.evaluate(admin(ALPHA), 'members:List', {})) as { items: Member[] };
    expect(items.map(({ mspId }) => mspId)).to.deep.equal([...HOSPITALS]);
  });

  it('refuses to propose', async () => {
    const argument = memberFields('EchoMSP');
    await expectRejections(ledger, 'members:Propose', [
      ...malformed(admin('EchoMSP'), argument),
      { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff('EchoMSP', 'clinician'), argument },
      { why: 'an active member', code: 'ALREADY_EXISTS', caller: admin(ALPHA), argument },
      {
        why: 'an address without TLS',
        code: 'SCHEMA_VIOLATION',
        caller: admin('EchoMSP'),
        argument: { ...argument, gatewayUrl: 'http://x' },
      },
      {
        why: 'another hospital',
        code: 'CALLER_IN_ARGUMENTS',
        caller: admin('EchoMSP'),
        argument: { ...argument, mspId: ALPHA },
      },
    ]);
  });

  it('refuses to vote', async () => {
    await ledger.submit(admin('EchoMSP'), 'members:Propose', memberFields('EchoMSP'));
    const argument = { mspId: 'EchoMSP', vote: 'admit' };
    await expectRejections(ledger, 'members:Vote', [
      ...malformed(admin(ALPHA), argument),
      { why: 'an auditor', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'auditor'), argument },
      { why: 'one that is not active', code: 'MEMBER_NOT_ACTIVE', caller: admin('EchoMSP'), argument },
      {
        why: 'an unknown member',
        code: 'MEMBER_NOT_FOUND',
        caller: admin(ALPHA),
        argument: { ...argument, mspId: 'NobodyMSP' },
      },
      {
        why: 'an active member',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: admin(ALPHA),
        argument: { ...argument, mspId: BRAVO },
      },
      {
        why: 'about itself',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: admin(ALPHA),
        argument: { mspId: ALPHA, vote: 'suspend' },
      },
    ]);
  });

  it('refuses to update, leave or approve for those who may not', async () => {
    const fields = memberFields(ALPHA);
    await expectRejections(ledger, 'members:Update', [
      ...malformed(admin(ALPHA), fields),
      { why: 'an officer', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'officer'), argument: fields },
      { why: 'a stranger', code: 'MEMBER_NOT_ACTIVE', caller: admin('EchoMSP'), argument: fields },
    ]);
    await expectRejections(ledger, 'members:ApproveBuild', [
      {
        why: 'an officer',
        code: 'ROLE_NOT_ALLOWED',
        caller: staff(ALPHA, 'officer'),
        argument: { digest: DIGEST },
      },
      { why: 'no digest', code: 'SCHEMA_VIOLATION', caller: admin(ALPHA), argument: { digest: 'x' } },
      {
        why: 'a stranger',
        code: 'MEMBER_NOT_ACTIVE',
        caller: admin('EchoMSP'),
        argument: { digest: DIGEST },
      },
    ]);
    await expectRejections(ledger, 'members:Leave', [
      { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'clinician'), argument: {} },
      { why: 'a stranger', code: 'MEMBER_NOT_FOUND', caller: admin('EchoMSP'), argument: {} },
    ]);
    const alone = new MemoryLedger();
    await alone.submit(admin(ALPHA), 'members:Propose', fields);
    await expectRejections(alone, 'members:Leave', [
      { why: 'the last one', code: 'TRANSITION_NOT_ALLOWED', caller: admin(ALPHA), argument: {} },
    ]);
    expect((await ledger.refusal(admin(ALPHA), 'members:Get', { mspId: 'NobodyMSP' })).code).to.equal(
      'MEMBER_NOT_FOUND',
    );
  });
});
