import { expect } from 'chai';
import type { PatientGrant } from '@careledger/protocol';
import { describeLog, wholeLog, type PatientLog } from './patient-log.js';

const pseudonym = '1a'.repeat(16);
const at = (minute: number): string => `2026-11-20T08:0${String(minute)}:00.000Z`;
const sharing = { pseudonym, mspId: 'Hospital1MSP', status: 'enrolled' } as const;
const empty: PatientLog = { sharing, grants: [], accesses: [], instructions: [], notices: [] };
const grant = (grantId: string, createdAt: string, endedAt?: string): PatientGrant => ({
  ...{ grantId, pseudonym, createdAt, txId: '2b'.repeat(32), basis: 'patient', maxHops: 1 },
  grantee: { kind: 'member', mspId: 'Hospital2MSP' },
  ...{ recordTypes: ['laboratory'], purposes: ['treatment'], notBefore: createdAt, notAfter: at(9) },
  ...(endedAt === undefined ? { status: 'active' } : { status: 'revoked', endedAt }),
});
const notice = (status: string, minute: number) => ({
  ...{ pseudonym, kind: 'emergency' as const, caseId: '3c'.repeat(16), status, mspId: 'Hospital2MSP' },
  ...{ at: at(minute), txId: String(minute).repeat(64) },
});

describe('a patient’s log in words', () => {
  it('stands in the order of time, whatever it is of', () => {
    const lines = describeLog({
      ...empty,
      grants: [
        { grant: grant('4d'.repeat(16), at(1), at(5)), forwards: [] },
        { grant: grant('5e'.repeat(16), at(3)), forwards: [] },
      ],
      notices: [notice('opened', 2), notice('approved', 4)],
    });
    expect(lines.map((line) => line.slice(0, 24))).to.deep.equal([1, 2, 3, 4, 5].map(at));
    expect(lines[3]).to.contain('approval: access is open, by Hospital2MSP');
    expect(lines[4]).to.contain(`revoked: the grant to member/Hospital2MSP (${'4d'.repeat(16)})`);
  });

  it('says that it is empty, and says so only then', () => {
    expect(describeLog(empty)).to.deep.equal(['Nothing was done with this pseudonym yet.']);
    const closed = { ...sharing, tags: { 'imaging/normal': { epoch: 1, sharable: false } } };
    expect(describeLog({ ...empty, sharing: closed })).to.deep.equal(['closed to sharing: imaging/normal']);
  });

  it('says what was closed and opened, which grant got new edges, and what was erased', () => {
    const told = (
      kind: 'sharing' | 'renewal' | 'erasure',
      status: string,
      about: string,
      minute: number,
    ) => ({
      ...notice(status, minute),
      ...{ kind, about },
    });
    const lines = describeLog({
      ...empty,
      notices: [
        told('sharing', 'closed', 'imaging/normal', 1),
        told('renewal', 'renewed', 'member/Hospital2MSP', 2),
        told('erasure', 'erased', `${'8b'.repeat(16)}.0`, 3),
      ],
    });
    expect(lines[0]).to.contain('closed to all sharing').and.contain('imaging/normal');
    expect(lines[1]).to.contain('in force again').and.contain('member/Hospital2MSP');
    expect(lines[2])
      .to.contain('record: erased')
      .and.contain(`${'8b'.repeat(16)}.0`);
  });

  it('says which recovery is under way and how to stop it, and not how when it is over', () => {
    const recoveryId = '6f'.repeat(32);
    const openedBy = { mspId: 'Hospital3MSP', enrolmentId: 'of-1', role: 'officer' as const };
    const keys = { signing: 'S', encryption: 'E' };
    const recovery = {
      ...{ recoveryId, pseudonym, mspId: 'Hospital1MSP', status: 'opened' as const, keys, openedBy },
      ...{ formDigest: '7a'.repeat(32), openedAt: at(1), patientKeyEpoch: 0, endsAt: at(9), membersEpoch: 0 },
      ...{ approvals: [], refusals: [], resting: [], txId: recoveryId },
    };
    const [line] = describeLog({ ...empty, recovery });
    expect(line).to.contain(recoveryId).and.contain('of-1 of Hospital3MSP').and.contain('cancel-recovery');
    const [over] = describeLog({ ...empty, recovery: { ...recovery, status: 'cancelled' } });
    expect(over).to.contain('cancelled').and.not.contain('cancel-recovery');
  });

  it('has what several pages repeat once', () => {
    const one = { grant: grant('4d'.repeat(16), at(1)), forwards: [] };
    const whole = wholeLog([
      { ...empty, grants: [one], notices: [notice('opened', 2)], next: { notices: 'further' } },
      { ...empty, grants: [one], notices: [notice('opened', 2), notice('approved', 3)] },
    ]);
    expect(describeLog(whole)).to.have.length(3);
    expect(whole).to.not.have.property('next');
  });
});
