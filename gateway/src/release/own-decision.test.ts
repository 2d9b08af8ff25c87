import { expect } from 'chai';
import { CareLedgerError, type Access, type EmrRecord, type PatientGrant } from '@careledger/protocol';
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
    decisions: [{ recordId, pseudonym, ownerMspId, outcome: 'grant', basis: 'grant', grantId: GRANT_ID }],
    ...extra,
  };
}

const agoMs = (ms: number) => new Date(Date.now() - ms).toISOString();

async function codeOf(
  access: Access,
  grant: PatientGrant | undefined,
  of: EmrRecord = record,
): Promise<string> {
  const read = () =>
    grant === undefined ? Promise.reject(new CareLedgerError('GRANT_NOT_FOUND')) : Promise.resolve(grant);
  try {
    await assertOwnDecision(access, of, read);
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
  const forged: readonly (readonly [string, Access, PatientGrant | undefined, EmrRecord?])[] = [
    ['a grant that its peer does not have', entry(), undefined],
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
