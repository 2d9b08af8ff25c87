import { expect } from 'chai';
import { addMs } from './instant.js';
import { LIMITS, TIMESTAMP_WINDOW_MS } from './limits.js';
import { addGrant, assertGrantPeriod, countOpenings, expirePast, revokeGrant } from './grant-rules.js';
import { decideOpening, type OpeningInput } from './opening.js';
import {
  AT,
  AUTO_GRANT,
  FORWARD_ID,
  GRANT_ID,
  INSTRUCTION_ID,
  PSEUDONYM,
  TX_ID,
  book,
  edgeGrant,
  forward,
  grant,
  input,
  instruction,
  record,
  sharedInput,
} from './samples.test-support.js';
import type { GrantBook } from './schemas/grant-book.js';
import type { PatientGrant } from './schemas/grants.js';
import type { PatientInstruction } from './schemas/instructions.js';

const BATCH = '02'.repeat(16);
const MADE = '0f'.repeat(16);
const two = [record(), record({ recordId: `${BATCH}.1` })];

const opening = (of: GrantBook, changes: Partial<OpeningInput> = {}): OpeningInput => ({
  requester: input().requester,
  purpose: 'treatment',
  at: AT,
  txId: TX_ID,
  requesterMemberActive: true,
  records: two,
  books: new Map([[PSEUDONYM, of]]),
  suspendedBy: new Set(),
  newGrantId: () => MADE,
  ...changes,
});

/** Of a patient with an identity key, one record. */
const shared = (grants: PatientGrant[], instructions: PatientInstruction[]): OpeningInput =>
  opening(book({ ...sharedInput().patient, grants, instructions }), {
    records: [sharedInput().record],
  });
const openingsOf = (of: GrantBook | undefined) => of?.grants.map(({ openings }) => openings);

describe('decideOpening', () => {
  it('changes no book under an ordinary grant, so that openings do not conflict', () => {
    const outcome = decideOpening(opening(book({ grants: [grant()] })));
    expect(outcome.decisions.map(({ basis, grantId }) => [basis, grantId])).to.deep.equal([
      ['grant', GRANT_ID],
      ['grant', GRANT_ID],
    ]);
    expect(outcome.changedBooks).to.deep.equal([]);
    expect(outcome).to.not.have.property('receiptDueBy');
  });

  it('makes one grant by an instruction for all records of the patient', () => {
    const outcome = decideOpening(opening(book({ instructions: [instruction(AUTO_GRANT)] })));
    expect(outcome.decisions.map(({ basis, grantId }) => [basis, grantId])).to.deep.equal([
      ['instruction', MADE],
      ['instruction', MADE],
    ]);
    const [made] = outcome.changedBooks.flatMap(({ grants }) => grants);
    expect(made).to.deep.include({
      grantId: MADE,
      basis: { instructionId: INSTRUCTION_ID },
      grantee: { kind: 'person', mspId: 'BravoMSP', enrolmentId: 'dr-1' },
      notBefore: AT,
      notAfter: '2026-11-20T09:00:00.000Z',
    });
  });

  it('counts one opening for a transaction, and expires at the number', () => {
    const rule = instruction({ kind: 'expire-grant', afterOpenings: 2 });
    const first = decideOpening(opening(book({ grants: [grant()], instructions: [rule] })));
    expect(first.changedBooks[0]?.grants[0]).to.include({ openings: 1 });
    expect(first.ended).to.deep.equal([]);
    const [changed] = first.changedBooks;
    const second = decideOpening(opening(changed ?? book()));
    expect(second.decisions[0]).to.include({ outcome: 'grant' });
    expect(second.changedBooks[0]?.grants).to.deep.equal([]);
    expect(second.ended[0]).to.include({ status: 'expired', openings: 2, endedAt: AT });
  });

  it('counts what is opened under a forward on every grant above it, of however many forwards', () => {
    const rule = instruction({ kind: 'expire-grant', afterOpenings: 2 });
    const root = edgeGrant({ grantee: { kind: 'member', mspId: 'CharlieMSP' } });
    const below = (grantId: string) => forward({ grantId });
    const first = decideOpening(shared([root, below(FORWARD_ID)], [rule]));
    expect(openingsOf(first.changedBooks[0])).to.deep.equal([1, 1]);
    const grants = first.changedBooks[0]?.grants ?? [];
    const fresh = decideOpening(shared([...grants.slice(0, 1), below(MADE)], [rule]));
    expect(fresh.decisions[0]).to.include({ outcome: 'grant', grantId: MADE });
    expect(openingsOf(fresh.changedBooks[0])).to.deep.equal([2, 1]);
    const third = decideOpening(shared(fresh.changedBooks[0]?.grants ?? [], [rule]));
    expect(third.decisions[0]).to.include({ outcome: 'deny', reason: 'GRANT_USED_UP' });
    expect(third.changedBooks).to.deep.equal([]);
  });

  it('keeps a grant with edges for its last opening to be served, and ends it afterwards', () => {
    const rule = instruction({ kind: 'expire-grant', afterOpenings: 1 });
    const only = decideOpening(shared([edgeGrant()], [rule]));
    expect(only.decisions[0]).to.include({ outcome: 'grant', via: 're-encryption' });
    expect(only.ended).to.deep.equal([]);
    const [after = book()] = only.changedBooks;
    expect(after.grants[0]).to.include({ status: 'active', openings: 1, lastOpenedAt: AT });
    const served = addMs(AT, LIMITS.usedUpGrantKeptMs);
    expect(expirePast(after, served, TX_ID).ended).to.deep.equal([]);
    const over = expirePast(after, addMs(served, 1), TX_ID);
    expect(over.ended.map(({ status }) => status)).to.deep.equal(['expired']);
    expect(over.book.tags).to.deep.include({ 'laboratory/normal': { epoch: 3, sharable: true } });
    expect(LIMITS.usedUpGrantKeptMs).to.be.at.least(LIMITS.releaseWindowMs + 2 * TIMESTAMP_WINDOW_MS);
    const unruled = { ...after, instructions: [] };
    expect(expirePast(unruled, addMs(served, 1), TX_ID).ended, 'without the rule').to.deep.equal([]);
  });

  it('denies what is used up in a full book too, where no instruction grants', () => {
    const rule = instruction({ kind: 'expire-grant', afterOpenings: 1 });
    const others = Array.from({ length: LIMITS.liveGrantsPerPatient - 1 }, (_, index) =>
      grant({ grantId: String(index).padStart(32, '0'), purposes: ['payment'] }),
    );
    const grants = [...others, edgeGrant({ openings: 1, lastOpenedAt: AT })];
    expect(decideOpening(shared(grants, [rule])).decisions[0]).to.include({ reason: 'GRANT_USED_UP' });
  });

  it('wants the receipt by the earliest time that a grant asks for', () => {
    const slow = grant({ receiptDueWithinMs: 7_200_000, condition: { recordIds: [two[0]?.recordId ?? ''] } });
    const fast = grant({
      grantId: MADE,
      receiptDueWithinMs: 3_600_000,
      condition: { recordIds: [two[1]?.recordId ?? ''] },
    });
    const outcome = decideOpening(opening(book({ grants: [slow, fast] })));
    expect(outcome.receiptDueBy).to.equal('2026-11-20T09:00:00.000Z');
  });

  it('denies where the requester is suspended or the book is full', () => {
    const suspended = decideOpening(
      opening(book({ grants: [grant()] }), { suspendedBy: new Set(['AlphaMSP']) }),
    );
    expect(suspended.decisions[0]).to.include({ outcome: 'deny', reason: 'REQUESTER_SUSPENDED' });
    const others = Array.from({ length: LIMITS.liveGrantsPerPatient }, (_, index) =>
      grant({ grantId: String(index).padStart(32, '0'), purposes: ['payment'] }),
    );
    const full = decideOpening(opening(book({ grants: others, instructions: [instruction(AUTO_GRANT)] })));
    expect(full.decisions[0]).to.include({ outcome: 'deny' });
    const past = others.map((one, index) =>
      index === 0 ? { ...one, notAfter: '2026-11-02T00:00:00.000Z' } : one,
    );
    const roomy = decideOpening(opening(book({ grants: past, instructions: [instruction(AUTO_GRANT)] })));
    expect(roomy.decisions[0]).to.include({ outcome: 'grant', basis: 'instruction' });
    expect(roomy.ended).to.have.length(1);
  });
});

describe('a grant book', () => {
  it('takes a grant once, and gives it up once', () => {
    const { book: one } = addGrant(book(), grant(), AT, TX_ID);
    expect(() => addGrant(one, grant(), AT, TX_ID))
      .to.throw()
      .with.property('code', 'ALREADY_EXISTS');
    const { book: none, ended } = revokeGrant(one, GRANT_ID, AT, TX_ID);
    expect(ended).to.deep.equal([{ ...grant(), status: 'revoked', endedAt: AT }]);
    expect(() => revokeGrant(none, GRANT_ID, AT, TX_ID))
      .to.throw()
      .with.property('code', 'GRANT_NOT_FOUND');
  });

  it('expires what is past and keeps what is not', () => {
    const past = grant({ grantId: MADE, notAfter: '2026-11-20T07:59:59.999Z' });
    const change = expirePast(book({ grants: [past, grant()] }), AT, TX_ID);
    expect(change.book.grants).to.deep.equal([grant()]);
    expect(change.ended.map(({ grantId, status }) => [grantId, status])).to.deep.equal([[MADE, 'expired']]);
  });

  it('counts nothing without a rule', () => {
    const before = book({ grants: [grant()] });
    expect(countOpenings(before, new Set([GRANT_ID]), AT, TX_ID)).to.deep.equal({ book: before, ended: [] });
  });

  it('refuses periods that are empty, over or too long', () => {
    const refused: [string, string, string][] = [
      ['2026-12-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z', 'SCHEMA_VIOLATION'],
      ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z', 'SCHEMA_VIOLATION'],
      ['2026-02-30T00:00:00.000Z', '2027-02-01T00:00:00.000Z', 'SCHEMA_VIOLATION'],
      ['2036-11-01T00:00:00.000Z', '2036-12-31T00:00:00.000Z', 'LIMIT_EXCEEDED'],
      ['1999-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z', 'LIMIT_EXCEEDED'],
    ];
    for (const [notBefore, notAfter, code] of refused) {
      expect(() => {
        assertGrantPeriod({ notBefore, notAfter }, AT);
      }, notBefore)
        .to.throw()
        .with.property('code', code);
    }
    assertGrantPeriod({ notBefore: AT, notAfter: '2036-11-01T00:00:00.000Z' }, AT);
  });
});
