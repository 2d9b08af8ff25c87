import { expect } from 'chai';
import fc from 'fast-check';
import { addMs } from './instant.js';
import { LIMITS } from './limits.js';
import { majorityOf } from './membership.js';
import {
  approvedRecovery,
  assertNotResting,
  isRecoveryCarried,
  recoveryAt,
  refusedRecovery,
  restingAt,
} from './recovery-rules.js';
import { AT, PSEUDONYM, TX_ID } from './samples.test-support.js';
import type { Recovery } from './schemas/identities.js';

const HOSPITALS = Array.from({ length: 7 }, (_, index) => `Hospital${String(index)}MSP`);
const by = (mspId: string) => ({ mspId, enrolmentId: 'o-1', role: 'officer' }) as Recovery['openedBy'];
const sayOf = (mspId: string) => ({ mspId, by: by(mspId), at: AT });
const consortiumOf = (activeMembers: string[]) => ({ activeMembers, epoch: activeMembers.length });

const opened = (changes: Partial<Recovery> = {}): Recovery => ({
  recoveryId: TX_ID,
  pseudonym: PSEUDONYM,
  mspId: 'Hospital1MSP',
  status: 'opened',
  keys: { signing: 'AA', encryption: 'AA' },
  formDigest: 'cd'.repeat(32),
  openedBy: by('Hospital0MSP'),
  openedAt: AT,
  patientKeyEpoch: 0,
  approvals: [],
  refusals: [],
  endsAt: addMs(AT, LIMITS.recoveryAnswerMs),
  resting: [],
  txId: TX_ID,
  membersEpoch: 4,
  ...changes,
});

describe('the rules of a recovery', () => {
  it('let no minority refuse, and every majority carry over the refusals of the others', () => {
    const sizes = fc.integer({ min: 2, max: HOSPITALS.length });
    fc.assert(
      fc.property(sizes, fc.nat(), (size, drawn) => {
        const members = HOSPITALS.slice(0, size);
        const consortium = consortiumOf(members);
        const needed = Math.max(2, majorityOf(size));
        // As many as leave just a majority refuse; the others agree, in that order.
        const refusing = members.slice(needed).slice(0, drawn % (size - needed + 1));
        let recovery = refusing.reduce(
          (before, mspId) => refusedRecovery(before, sayOf(mspId), consortium),
          opened(),
        );
        expect(recovery.status).to.equal('opened');
        for (const mspId of members.slice(1, needed)) {
          expect(isRecoveryCarried(recovery, consortium)).to.equal(false);
          recovery = approvedRecovery(recovery, sayOf(mspId), consortium, 5);
        }
        expect(recovery).to.deep.include({
          status: 'approved',
          notBefore: addMs(AT, 5),
          endsAt: addMs(AT, 5 + LIMITS.recoveryCompletionMs),
        });
        // One more than a minority.
        const against = [...members].reverse().slice(0, size - needed + 1);
        const ended = against
          .slice(0, -1)
          .reduce((before, mspId) => refusedRecovery(before, sayOf(mspId), consortium), opened());
        expect(ended.status).to.equal('opened');
        const last = against.at(-1) ?? '';
        expect(refusedRecovery(ended, sayOf(last), consortium)).to.include({
          status: 'refused',
          endedAt: AT,
        });
      }),
      { numRuns: 40 },
    );
  });

  it('end one by itself after its time and not before, and none that is over', () => {
    const endsAt = addMs(AT, LIMITS.recoveryAnswerMs);
    for (const status of ['opened', 'approved'] as const) {
      expect(recoveryAt(opened({ status }), endsAt).status).to.equal(status);
      expect(recoveryAt(opened({ status }), addMs(endsAt, 1))).to.include({
        status: 'lapsed',
        endedAt: endsAt,
      });
    }
    for (const status of ['completed', 'cancelled', 'refused', 'lapsed'] as const)
      expect(recoveryAt(opened({ status }), addMs(endsAt, 1)).status).to.equal(status);
  });

  it('let a hospital rest whose recovery ended without completion, once for each, and no longer than said', () => {
    const until = addMs(AT, LIMITS.recoveryRestMs);
    const own = { mspId: 'Hospital0MSP', until };
    for (const status of ['cancelled', 'refused', 'lapsed'] as const)
      expect(restingAt(opened({ status, endedAt: AT }), AT)).to.deep.equal([own]);
    expect(restingAt(opened({ status: 'completed', endedAt: AT }), AT)).to.deep.equal([]);
    expect(restingAt(undefined, AT)).to.deep.equal([]);
    const earlier = [
      { mspId: 'Hospital0MSP', until: addMs(AT, 1) },
      { mspId: 'Hospital2MSP', until: addMs(AT, 1) },
    ];
    const ended = opened({ status: 'cancelled', endedAt: AT, resting: earlier });
    expect(restingAt(ended, AT)).to.deep.equal([earlier[1], own]);
    expect(restingAt(ended, addMs(AT, 1))).to.deep.equal([own]);
    expect(restingAt(ended, until)).to.deep.equal([]);
    expect(() => {
      assertNotResting([own], 'Hospital0MSP');
    })
      .to.throw()
      .with.property('code', 'RECOVERY_TOO_SOON');
    assertNotResting([own], 'Hospital2MSP');
  });
});
