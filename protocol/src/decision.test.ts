import { expect } from 'chai';
import fc from 'fast-check';
import { decide, type DecisionInput } from './decision.js';
import { PURPOSES, ROLES } from './names.js';
import { RECORD_TYPES } from './record-types.js';
import {
  AUTO_GRANT,
  SHARING,
  edge,
  edgeGrant,
  forward,
  grant,
  input,
  instruction,
  record,
  sharedInput,
} from './samples.test-support.js';
import { DENY_REASONS, type DenyReason } from './schemas/access.js';
import type { PatientGrant } from './schemas/grants.js';

const requester = input().requester;
const own = { ...requester, mspId: 'AlphaMSP' };

/** For each reason one input that is denied for it, and nothing else wrong with it. */
const DENIED: Record<DenyReason, Partial<DecisionInput>> = {
  ROLE_NOT_PERMITTED: { requester: { ...requester, role: 'admin' } },
  MEMBER_NOT_ACTIVE: { requesterMemberActive: false },
  REQUESTER_SUSPENDED: { requesterSuspended: true },
  PATIENT_CLOSED: { patient: { status: 'closed', mspId: 'AlphaMSP' } },
  RECORD_ERASED: { record: record({ status: 'erased' }) },
  RECORD_NOT_SHARABLE: { record: record({ sharable: false }) },
  NO_GRANT: { grants: [] },
  GRANT_NOT_YET_VALID: { grants: [grant({ notBefore: '2026-11-20T08:00:00.001Z' })] },
  GRANT_EXPIRED: { grants: [grant({ notAfter: '2026-11-20T07:59:59.999Z' })] },
  PURPOSE_NOT_COVERED: { purpose: 'payment' },
  RECORD_TYPE_NOT_COVERED: { record: record({ type: 'imaging' }) },
  CONDITION_NOT_MET: { grants: [grant({ condition: { department: 'cardiology' } })] },
  GRANT_USED_UP: { grants: [grant({ openings: 2 })], openingsAllowed: 2 },
  TAG_NOT_SHARABLE: sharedInput({
    patient: { tags: { 'laboratory/normal': { epoch: 2, sharable: false } } },
  }),
  PARENT_ENDED: sharedInput({ grants: [forward()] }),
  GRANT_EPOCH_STALE: sharedInput({ grants: [edgeGrant({ edges: [edge({ tagEpoch: 1 })] })] }),
  RESEAL_PENDING: sharedInput({ record: { sharing: { ...SHARING, tagEpoch: 1 } } }),
  EMERGENCY_NOT_OPEN: { grants: [], caseId: '05'.repeat(16), purpose: 'emergency' },
};

const arbitraryGrant: fc.Arbitrary<PatientGrant> = fc
  .record({
    mspId: fc.constantFrom('BravoMSP', 'CharlieMSP'),
    kind: fc.constantFrom('person', 'role', 'member'),
    enrolmentId: fc.constantFrom('dr-1', 'dr-2'),
    role: fc.constantFrom(...ROLES),
    recordTypes: fc.subarray([...RECORD_TYPES], { minLength: 1 }),
    purposes: fc.subarray([...PURPOSES], { minLength: 1 }),
    past: fc.boolean(),
    status: fc.constantFrom('active', 'revoked', 'expired'),
    department: fc.option(fc.constantFrom('oncology', 'cardiology'), { nil: undefined }),
  })
  .map(({ mspId, kind, enrolmentId, role, recordTypes, purposes, past, status, department }) =>
    grant({
      grantee:
        kind === 'person'
          ? { kind, mspId, enrolmentId }
          : kind === 'role'
            ? { kind, mspId, role }
            : { kind: 'member', mspId },
      recordTypes,
      purposes,
      status,
      notAfter: past ? '2026-11-19T00:00:00.000Z' : '2026-12-01T00:00:00.000Z',
      ...(department === undefined ? {} : { condition: { department } }),
    }),
  );

const arbitraryInput: fc.Arbitrary<DecisionInput> = fc
  .record({
    role: fc.constantFrom(...ROLES),
    purpose: fc.constantFrom(...PURPOSES),
    type: fc.constantFrom(...RECORD_TYPES),
    sharable: fc.boolean(),
    status: fc.constantFrom('anchored', 'superseded', 'erased'),
    grants: fc.array(arbitraryGrant, { maxLength: 4 }),
    requesterMemberActive: fc.boolean(),
    requesterSuspended: fc.boolean(),
  })
  .map(({ role, purpose, type, sharable, status, ...rest }) =>
    input({
      requester: { ...requester, role },
      purpose,
      record: record({ type, sharable, status }),
      ...rest,
    }),
  );

/** Said a second time, as a conjunction: whether one grant lets the requester of `input` open the record. */
function covers(
  candidate: PatientGrant,
  { requester: who, purpose, at, record: what }: DecisionInput,
): boolean {
  const department = candidate.condition?.department;
  return [
    isFor(candidate.grantee, who),
    candidate.status === 'active',
    candidate.notBefore <= at && at <= candidate.notAfter,
    department === undefined || department === who.department,
    candidate.recordTypes.includes(what.type),
    candidate.purposes.includes(purpose),
  ].every(Boolean);
}

function isFor(grantee: PatientGrant['grantee'], who: DecisionInput['requester']): boolean {
  if (grantee.kind === 'person')
    return grantee.mspId === who.mspId && grantee.enrolmentId === who.enrolmentId;
  if (grantee.kind === 'role') return grantee.mspId === who.mspId && grantee.role === who.role;
  return grantee.mspId === who.mspId;
}

describe('decide', () => {
  it('grants under a grant that covers', () => {
    expect(decide(input())).to.deep.equal({ outcome: 'grant', basis: 'grant', grant: grant() });
  });

  for (const reason of DENY_REASONS) {
    it(`denies for ${reason}`, () => {
      expect(decide(input(DENIED[reason]))).to.deep.equal({ outcome: 'deny', reason });
    });
  }

  it('grants the last opening that is allowed, and counts what was opened under a grant above', () => {
    expect(decide(input({ grants: [grant({ openings: 1 })], openingsAllowed: 2 }))).to.include({
      outcome: 'grant',
    });
    const below = [edgeGrant({ grantee: { kind: 'member', mspId: 'CharlieMSP' }, openings: 2 }), forward()];
    const under = (openingsAllowed?: number) =>
      decide({ ...sharedInput({ grants: below }), openingsAllowed });
    expect(under(2)).to.deep.equal({ outcome: 'deny', reason: 'GRANT_USED_UP' });
    for (const allowed of [3, undefined]) expect(under(allowed)).to.include({ outcome: 'grant' });
  });

  it('takes both ends of a grant’s time as inside', () => {
    for (const at of [grant().notBefore, grant().notAfter])
      expect(decide(input({ at })), at).to.include({ outcome: 'grant' });
  });

  it('tells the reason that came closest', () => {
    const grants = [
      grant({ notAfter: '2026-11-19T00:00:00.000Z' }),
      grant({ purposes: ['research'] }),
      grant({ recordTypes: ['imaging'] }),
    ];
    expect(decide(input({ grants }))).to.include({ reason: 'PURPOSE_NOT_COVERED' });
  });

  it('lets an own clinician in for care, even without a grant or sharing, and for nothing else', () => {
    const unshared = { requester: own, grants: [], record: record({ sharable: false }) };
    for (const purpose of PURPOSES) {
      const expected = ['treatment', 'emergency', 'patient-request'].includes(purpose) ? 'grant' : 'deny';
      expect(decide(input({ ...unshared, purpose })), purpose).to.include({ outcome: expected });
    }
    const officer = { ...own, role: 'officer' } as const;
    expect(decide(input({ ...unshared, requester: officer }))).to.include({ outcome: 'deny' });
    expect(decide(input({ ...unshared, requesterSuspended: true }))).to.include({
      reason: 'REQUESTER_SUSPENDED',
    });
  });

  it('prefers a grant to an instruction, and takes an instruction when no grant covers', () => {
    const standing = instruction(AUTO_GRANT);
    expect(decide(input({ instructions: [standing] }))).to.include({ basis: 'grant' });
    expect(decide(input({ grants: [], instructions: [standing] }))).to.deep.equal({
      outcome: 'grant',
      basis: 'instruction',
      instruction: standing,
    });
  });

  it('takes no instruction that is retired or does not match', () => {
    const others = [
      instruction(AUTO_GRANT, { status: 'retired' }),
      instruction({ ...AUTO_GRANT, purpose: 'research' }),
      instruction({ ...AUTO_GRANT, role: 'officer' }),
      instruction({ ...AUTO_GRANT, recordTypes: ['imaging'] }),
      instruction({ ...AUTO_GRANT, mspIds: ['CharlieMSP'] }),
      instruction({ kind: 'expire-grant', afterOpenings: 1 }),
    ];
    expect(decide(input({ grants: [], instructions: others }))).to.deep.equal({
      outcome: 'deny',
      reason: 'NO_GRANT',
    });
  });

  it('is denied by default: without a covering grant nobody of another hospital gets in', () => {
    fc.assert(
      fc.property(arbitraryInput, (given) => {
        fc.pre(!given.grants.some((candidate) => covers(candidate, given)));
        expect(decide(given)).to.include({ outcome: 'deny' });
      }),
      { numRuns: 500 },
    );
  });

  it('grants exactly when a grant covers and nothing stands against it', () => {
    fc.assert(
      fc.property(arbitraryInput, (given) => {
        const isBarred =
          !['clinician', 'researcher', 'officer'].includes(given.requester.role) ||
          !given.requesterMemberActive ||
          given.requesterSuspended ||
          given.record.status === 'erased' ||
          !given.record.sharable;
        const expected =
          !isBarred && given.grants.some((candidate) => covers(candidate, given)) ? 'grant' : 'deny';
        expect(decide(given)).to.include({ outcome: expected });
      }),
      { numRuns: 500 },
    );
  });
});
