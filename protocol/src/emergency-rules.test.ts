import { expect } from 'chai';
import { decide, keyWayOf, type DecisionInput } from './decision.js';
import {
  accessOf,
  approvalsNeeded,
  approve,
  emergencyAt,
  identify,
  refuse,
  review,
  unwrittenEndOf,
  withEmergencyAccess,
} from './emergency-rules.js';
import { addMs } from './instant.js';
import { LIMITS } from './limits.js';
import { AT, PSEUDONYM, TX_ID, input, record, sharedInput } from './samples.test-support.js';
import type { Emergency, EmergencyAccess } from './schemas/emergencies.js';
import type { GrantBook } from './schemas/grant-book.js';

const CASE_ID = '05'.repeat(16);
const consortium = { activeMembers: ['AlphaMSP', 'BravoMSP', 'CharlieMSP', 'DeltaMSP'], epoch: 4 };
const officerOf = (mspId: string, at = AT) => ({
  by: { mspId, enrolmentId: `officer-${mspId}`, role: 'officer' as const },
  at,
  txId: TX_ID,
});
const { requester } = input();

const emergency = (changes: Partial<Emergency> = {}): Emergency => ({
  caseId: CASE_ID,
  status: 'opened',
  openedBy: requester,
  reason: 'unconscious after an accident',
  pseudonym: PSEUDONYM,
  patientMspId: 'AlphaMSP',
  approvalsNeeded: 2,
  approvals: [],
  refusals: [],
  endsAt: addMs(AT, LIMITS.emergencyAnswerMs),
  openedAt: AT,
  changedAt: AT,
  txId: TX_ID,
  ...changes,
});
const approvedBy = (of: Emergency, mspId: string, secondWithinMs?: number, at = AT) =>
  approve(of, officerOf(mspId, at), { consortium, secondWithinMs });
const codeOf = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'accepted';
};

describe('the rules of break glass', () => {
  it('open with the approval of two other hospitals, for four hours', () => {
    const once = approvedBy(emergency(), 'AlphaMSP');
    expect([once.status, accessOf(once)]).to.deep.equal(['opened', undefined]);
    const twice = approvedBy(once, 'CharlieMSP', undefined, addMs(AT, 1000));
    expect(twice.status).to.equal('approved');
    expect(accessOf(twice)).to.deep.equal({
      caseId: CASE_ID,
      requester: { mspId: requester.mspId, enrolmentId: requester.enrolmentId },
      from: addMs(AT, 1000),
      until: addMs(AT, 1000 + LIMITS.emergencyAccessMs),
    });
    expect(emergencyAt(twice, addMs(AT, 1000 + LIMITS.emergencyAccessMs)).status).to.equal('approved');
    expect(emergencyAt(twice, addMs(AT, 1001 + LIMITS.emergencyAccessMs)).status).to.equal('expired');
  });

  it('are over unwritten until a transaction wrote it down, and while they wait or give access', () => {
    const open = approvedBy(emergency(), 'AlphaMSP', 60_000);
    const end = addMs(AT, 60_000);
    expect(unwrittenEndOf(open)).to.equal(end);
    const shown = emergencyAt(open, addMs(AT, 60_001));
    expect([shown.status, unwrittenEndOf(shown)]).to.deep.equal(['lapsed', end]);
    expect(unwrittenEndOf({ ...shown, changedAt: addMs(AT, 60_001) })).to.equal(undefined);
    const withdrawn = { ...open, status: 'withdrawn' } as const;
    expect(unwrittenEndOf(withdrawn)).to.equal(undefined);
  });

  it('count an approval only while its hospital is an active member', () => {
    const once = approvedBy(emergency(), 'AlphaMSP');
    const without = { activeMembers: ['BravoMSP', 'CharlieMSP', 'DeltaMSP'], epoch: 5 };
    const twice = approve(once, officerOf('CharlieMSP'), { consortium: without, secondWithinMs: undefined });
    expect([twice.status, accessOf(twice)]).to.deep.equal(['opened', undefined]);
  });

  it('open with one by the patient’s instruction, and close when no second comes in time', () => {
    const first = approvedBy(emergency(), 'AlphaMSP', 60_000);
    expect([first.status, accessOf(first)?.until]).to.deep.equal(['provisional', addMs(AT, 60_000)]);
    expect(emergencyAt(first, addMs(AT, 60_001)).status).to.equal('lapsed');
    const late = emergencyAt(first, addMs(AT, 60_001));
    expect(codeOf(() => approvedBy(late, 'CharlieMSP', 60_000))).to.equal('TRANSITION_NOT_ALLOWED');
    const second = approvedBy(first, 'CharlieMSP', 60_000, addMs(AT, 60_000));
    expect([second.status, accessOf(second)?.until]).to.deep.equal([
      'approved',
      addMs(AT, LIMITS.emergencyAccessMs),
    ]);
  });

  it('end with refusals that leave too few to approve; a provisional access with them', () => {
    const one = refuse(emergency(), officerOf('AlphaMSP'), consortium);
    expect(one.status).to.equal('opened');
    expect(refuse(one, officerOf('CharlieMSP'), consortium).status).to.equal('refused');
    const open = approvedBy(emergency(), 'AlphaMSP', 60_000);
    const doubted = refuse(open, officerOf('CharlieMSP'), consortium);
    expect(doubted.status).to.equal('provisional');
    const withdrawn = refuse(doubted, officerOf('DeltaMSP', addMs(AT, 5)), consortium);
    expect([withdrawn.status, accessOf(withdrawn)?.endedAt]).to.deep.equal(['withdrawn', addMs(AT, 5)]);
  });

  it('take no word of the requester’s hospital, none twice, and no approval before the patient is known', () => {
    const unknown = emergency({ status: 'unidentified' });
    expect(codeOf(() => approvedBy(emergency(), 'BravoMSP'))).to.equal('NOT_INDEPENDENT');
    expect(codeOf(() => approvedBy(approvedBy(emergency(), 'AlphaMSP'), 'AlphaMSP'))).to.equal(
      'ALREADY_EXISTS',
    );
    expect(codeOf(() => approvedBy(unknown, 'AlphaMSP'))).to.equal('TRANSITION_NOT_ALLOWED');
    const known = identify(
      unknown,
      { pseudonym: PSEUDONYM, patientMspId: 'AlphaMSP' },
      officerOf('AlphaMSP'),
    );
    expect(codeOf(() => approvedBy(known, 'AlphaMSP'))).to.equal('accepted');
  });

  it('need fewer approvals only where there are fewer others, and never none', () => {
    expect(approvalsNeeded(consortium, 'BravoMSP')).to.equal(LIMITS.emergencyApprovals);
    expect(approvalsNeeded({ activeMembers: ['AlphaMSP', 'BravoMSP'], epoch: 2 }, 'BravoMSP')).to.equal(1);
    expect(codeOf(() => approvalsNeeded({ activeMembers: ['BravoMSP'], epoch: 1 }, 'BravoMSP'))).to.equal(
      'TRANSITION_NOT_ALLOWED',
    );
  });

  it('let somebody else review, of another hospital, once the access is over', () => {
    const result = { finding: 'justified', textDigest: 'ab'.repeat(32) } as const;
    const open = approvedBy(approvedBy(emergency(), 'AlphaMSP'), 'CharlieMSP');
    const over = emergencyAt(open, addMs(AT, LIMITS.emergencyAccessMs + 1));
    expect(codeOf(() => review(open, officerOf('DeltaMSP'), result))).to.equal('TRANSITION_NOT_ALLOWED');
    expect(codeOf(() => review(over, officerOf('BravoMSP'), result))).to.equal('NOT_INDEPENDENT');
    expect(codeOf(() => review(over, officerOf('AlphaMSP'), result))).to.equal('NOT_INDEPENDENT');
    const reviewed = review(over, officerOf('DeltaMSP'), result);
    expect([reviewed.status, reviewed.review?.finding]).to.deep.equal(['reviewed', 'justified']);
    expect(codeOf(() => review(reviewed, officerOf('DeltaMSP'), result))).to.equal('TRANSITION_NOT_ALLOWED');
  });

  it('keep a bounded number of accesses in the book, and forget what was over for a day', () => {
    const access = (caseId: string, until: string): EmergencyAccess => ({
      caseId,
      requester: { mspId: 'BravoMSP', enrolmentId: 'dr-1' },
      from: AT,
      until,
    });
    const caseIds = [...Array(LIMITS.emergenciesPerPatient).keys()].map((n) => String(n).padStart(32, '0'));
    const book: GrantBook = {
      pseudonym: PSEUDONYM,
      mspId: 'AlphaMSP',
      status: 'enrolled',
      grants: [],
      instructions: [],
      emergencies: caseIds.map((caseId) => access(caseId, addMs(AT, 10))),
      membersEpoch: 1,
    };
    const another = access(CASE_ID, addMs(AT, 1000));
    expect(codeOf(() => withEmergencyAccess(book, another, AT))).to.equal('LIMIT_EXCEEDED');
    const dayLater = addMs(AT, 11 + LIMITS.emergencyKeptMs);
    expect(withEmergencyAccess(book, another, dayLater).emergencies).to.deep.equal([another]);
  });
});

describe('the decision in an emergency', () => {
  const until = addMs(AT, 1000);
  const access: EmergencyAccess = {
    caseId: CASE_ID,
    requester: { mspId: requester.mspId, enrolmentId: requester.enrolmentId },
    from: AT,
    until,
  };
  const patient: DecisionInput['patient'] = {
    status: 'enrolled',
    mspId: 'AlphaMSP',
    tags: { 'laboratory/normal': { epoch: 2, sharable: false } },
    emergencies: [access],
  };
  const breaking = (changes: Partial<DecisionInput> = {}) => ({
    ...input(),
    grants: [],
    purpose: 'emergency' as const,
    caseId: CASE_ID,
    patient,
    ...changes,
  });

  it('is granted within the box, also what the patient closed, and the owner’s gateway releases', () => {
    for (const at of [AT, until])
      expect(decide(breaking({ at }))).to.deep.equal({ outcome: 'grant', basis: 'break-glass' });
    const shared = { ...sharedInput(), patient: { ...sharedInput().patient, emergencies: [access] } };
    const decision = decide({ ...input(), ...shared, grants: [], purpose: 'emergency', caseId: CASE_ID });
    expect(decision).to.deep.include({ basis: 'break-glass' });
    expect(keyWayOf({ outcome: 'grant', basis: 'break-glass' }, breaking())).to.equal('release');
  });

  const denied: readonly (readonly [string, Partial<DecisionInput>, string])[] = [
    ['after the box', { at: addMs(until, 1) }, 'TAG_NOT_SHARABLE'],
    ['before the box', { at: '2026-11-20T07:59:59.999Z' }, 'TAG_NOT_SHARABLE'],
    ['for another purpose', { purpose: 'treatment' }, 'TAG_NOT_SHARABLE'],
    ['to a colleague', { requester: { ...requester, enrolmentId: 'dr-9' } }, 'TAG_NOT_SHARABLE'],
    [
      'to a namesake at another hospital',
      { requester: { ...requester, mspId: 'CharlieMSP' } },
      'TAG_NOT_SHARABLE',
    ],
    [
      'to the requester in another role',
      { requester: { ...requester, role: 'researcher' } },
      'TAG_NOT_SHARABLE',
    ],
    ['under another case', { caseId: '06'.repeat(16) }, 'TAG_NOT_SHARABLE'],
    ['without naming the case', { caseId: undefined }, 'TAG_NOT_SHARABLE'],
    [
      'once withdrawn',
      { patient: { ...patient, emergencies: [{ ...access, endedAt: AT }] } },
      'TAG_NOT_SHARABLE',
    ],
    ['of another patient', { patient: { status: 'enrolled', mspId: 'AlphaMSP' } }, 'EMERGENCY_NOT_OPEN'],
    ['of what the hospital keeps to itself', { record: record({ sharable: false }) }, 'RECORD_NOT_SHARABLE'],
    ['while suspended', { requesterSuspended: true }, 'REQUESTER_SUSPENDED'],
    ['of what was erased', { record: record({ status: 'erased' }) }, 'RECORD_ERASED'],
  ];
  for (const [when, changes, reason] of denied)
    it(`is denied ${when}`, () => {
      expect(decide(breaking(changes))).to.deep.equal({ outcome: 'deny', reason });
    });
});
