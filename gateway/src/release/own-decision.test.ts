import { expect } from 'chai';
import {
  CareLedgerError,
  type Access,
  type EmergencyAccess,
  type EmrRecord,
  type PatientGrant,
  type SharingState,
} from '@careledger/protocol';
import { assertOwnDecision } from './own-decision.js';
import { GRANT_ID, grantForTests } from './release-fixture.js';

const record: EmrRecord = {
  recordId: `${'b'.repeat(32)}.0`,
  ownerMspId: 'Hospital1MSP',
  anchoredAt: new Date().toISOString(),
  txId: 'c'.repeat(64),
  pseudonym: 'a'.repeat(32),
  type: 'laboratory',
  contentCid: `b${'a'.repeat(58)}`,
  headerCid: `b${'a'.repeat(58)}`,
  digest: 'd'.repeat(64),
  sizeBytes: 10,
  headerVersion: 1,
  sharable: true,
  status: 'anchored',
};

function entry(extra: Partial<Access> = {}): Access {
  const { recordId, pseudonym, ownerMspId } = record;
  return {
    accessId: 'f'.repeat(64),
    requester: { mspId: 'Hospital2MSP', enrolmentId: 'dr-2', role: 'clinician' },
    purpose: 'treatment',
    recipientKey: 'A'.repeat(43),
    at: new Date().toISOString(),
    decisions: [
      {
        recordId,
        pseudonym,
        ownerMspId,
        outcome: 'grant',
        basis: 'grant',
        via: 'release',
        grantId: GRANT_ID,
      },
    ],
    ...extra,
  };
}

const agoMs = (ms: number) => new Date(Date.now() - ms).toISOString();

const ENROLLED: SharingState = { pseudonym: record.pseudonym, mspId: record.ownerMspId, status: 'enrolled' };
const sharingAs =
  (state: Partial<SharingState> = {}) =>
  () =>
    Promise.resolve({ ...ENROLLED, ...state });

async function codeOf(
  access: Access,
  grant: PatientGrant | undefined,
  of: EmrRecord = record,
  state: Partial<SharingState> = {},
): Promise<string> {
  const read = () =>
    grant === undefined ? Promise.reject(new CareLedgerError('GRANT_NOT_FOUND')) : Promise.resolve(grant);
  const none = () => Promise.reject(new CareLedgerError('EMERGENCY_NOT_FOUND'));
  return outcomeOf(
    assertOwnDecision(access, of, { grant: read, emergency: none, sharing: sharingAs(state) }),
  );
}

async function outcomeOf(decided: Promise<void>): Promise<string> {
  try {
    await decided;
    return 'released';
  } catch (error) {
    return error instanceof CareLedgerError ? error.code : 'another error';
  }
}

describe('the owner’s own decision before a release', () => {
  it('agrees with an entry under a grant that its own peer has', async () => {
    expect(await codeOf(entry(), grantForTests())).to.equal('released');
  });

  it('agrees when the grant ended after the opening: the entry is final', async () => {
    const ended = grantForTests({ status: 'revoked', endedAt: new Date().toISOString() });
    expect(await codeOf(entry({ at: agoMs(60_000) }), ended)).to.equal('released');
  });

  const decision = entry().decisions[0];
  const via = (way: 'own' | 're-encryption' | undefined): Access =>
    entry({ decisions: decision === undefined ? [] : [{ ...decision, via: way as never }] });
  const byInstruction = grantForTests({ basis: { instructionId: '6'.repeat(32) } });
  const closed = { 'laboratory/normal': { epoch: 1, sharable: false } };

  it('agrees under an instruction of a patient with an identity key, while the tag is open', async () => {
    const open = { identityEpoch: 0, tags: { 'laboratory/normal': { epoch: 1, sharable: true } } };
    expect(await codeOf(entry(), byInstruction, record, open)).to.equal('released');
    expect(await codeOf(entry(), byInstruction, record, { ...open, tags: closed })).to.equal(
      'RELEASE_NOT_AUTHORISED',
    );
  });

  it('releases nothing under a patient’s own grant once the patient has an identity key: that goes along edges', async () => {
    expect(await codeOf(entry(), grantForTests(), record, { identityEpoch: 0 })).to.equal(
      'RELEASE_NOT_AUTHORISED',
    );
  });

  const forged: readonly (readonly [string, Access, PatientGrant | undefined, EmrRecord?])[] = [
    ['a grant that its peer does not have', entry(), undefined],
    ['another way: along edges', via('re-encryption'), grantForTests()],
    ['another way: the owner’s own copy', via('own'), grantForTests()],
    ['no way', via(undefined), grantForTests()],
    [
      'no grant at all',
      entry({ decisions: decision === undefined ? [] : [{ ...decision, grantId: undefined as never }] }),
      grantForTests(),
    ],
    ['a record that the entry does not name', entry({ decisions: [] }), grantForTests()],
    [
      'a grant to another hospital',
      entry(),
      grantForTests({ grantee: { kind: 'member', mspId: 'Hospital3MSP' } }),
    ],
    ['a purpose that was not granted', entry({ purpose: 'research' }), grantForTests()],
    ['a record type that was not granted', entry(), grantForTests(), { ...record, type: 'imaging' }],
    ['a grant that had expired', entry(), grantForTests({ notAfter: agoMs(60_000) })],
    [
      'a grant revoked long before the opening',
      entry(),
      grantForTests({ status: 'revoked', endedAt: agoMs(3_600_000) }),
    ],
    ['a record that is not sharable', entry(), grantForTests(), { ...record, sharable: false }],
    [
      'a role that may not open',
      entry({ requester: { mspId: 'Hospital2MSP', enrolmentId: 'x', role: 'auditor' } }),
      grantForTests(),
    ],
  ];
  for (const [what, access, grant, of] of forged) {
    it(`releases nothing for an entry under ${what}`, async () => {
      expect(await codeOf(access, grant, of)).to.equal('RELEASE_NOT_AUTHORISED');
    });
  }
});

describe('the owner’s own decision before a release in an emergency', () => {
  const CASE_ID = '7'.repeat(32);
  const box = (extra: Partial<EmergencyAccess> = {}): EmergencyAccess => ({
    caseId: CASE_ID,
    requester: { mspId: 'Hospital2MSP', enrolmentId: 'dr-2' },
    from: agoMs(600_000),
    until: agoMs(-600_000),
    ...extra,
  });
  const broken = (extra: Partial<Access> = {}): Access => {
    const { recordId, pseudonym, ownerMspId } = record;
    const decision = {
      recordId,
      pseudonym,
      ownerMspId,
      outcome: 'grant',
      basis: 'break-glass',
      via: 'release',
    } as const;
    return entry({ purpose: 'emergency', caseId: CASE_ID, decisions: [decision], ...extra });
  };
  /** What the book of the owner's own peer says; it is asked for the record's patient and the entry's case. */
  const codeUnder = (access: Access, inBook: EmergencyAccess | undefined, of = record): Promise<string> =>
    outcomeOf(
      assertOwnDecision(access, of, {
        grant: () => Promise.resolve(grantForTests({ purposes: ['emergency'] })),
        sharing: sharingAs({
          identityEpoch: 0,
          tags: { 'laboratory/normal': { epoch: 1, sharable: false } },
        }),
        emergency: (pseudonym, caseId) =>
          inBook?.caseId === caseId && pseudonym === of.pseudonym
            ? Promise.resolve(inBook)
            : Promise.reject(new CareLedgerError('EMERGENCY_NOT_FOUND')),
      }),
    );

  it('agrees with an entry under access that its own peer has', async () => {
    expect(await codeUnder(broken(), box())).to.equal('released');
  });

  it('agrees when it was withdrawn after the opening: the entry is final', async () => {
    const access = broken({ at: agoMs(60_000) });
    expect(await codeUnder(access, box({ endedAt: agoMs(0) }))).to.equal('released');
  });

  const [first] = broken().decisions;
  const forged: readonly (readonly [string, Access, EmergencyAccess | undefined, EmrRecord?])[] = [
    ['no access that its peer has', broken(), undefined],
    ['no case', broken({ caseId: undefined as never }), box()],
    ['another case', broken({ caseId: '8'.repeat(32) }), box()],
    [
      'another way',
      broken({ decisions: first === undefined ? [] : [{ ...first, via: 're-encryption' }] }),
      box(),
    ],
    ['access that is over', broken(), box({ until: agoMs(1000) })],
    ['access that had not begun', broken({ at: agoMs(700_000) }), box()],
    ['access that was withdrawn long before', broken(), box({ endedAt: agoMs(3_600_000) })],
    ['another person’s access', broken(), box({ requester: { mspId: 'Hospital2MSP', enrolmentId: 'dr-3' } })],
    ['another purpose', broken({ purpose: 'treatment' }), box()],
    ['a record that the hospital keeps to itself', broken(), box(), { ...record, sharable: false }],
    [
      'another patient’s access',
      broken({ decisions: first === undefined ? [] : [{ ...first, pseudonym: 'e'.repeat(32) }] }),
      box(),
    ],
  ];
  for (const [what, access, inBook, of] of forged) {
    it(`releases nothing for an entry under ${what}`, async () => {
      expect(await codeUnder(access, inBook, of)).to.equal('RELEASE_NOT_AUTHORISED');
    });
  }
});
