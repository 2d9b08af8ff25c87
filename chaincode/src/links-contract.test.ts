import { expect } from 'chai';
import { LIMITS, type LinkCase, type Notice, type Page } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  TestPatient,
  X25519_KEY,
  enrolled,
  fourHospitals,
  id,
  staff,
} from './testing/consortium.js';
import { officerOf } from './testing/emergencies.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const SEALED_LINK = 'AB'.padEnd(235, 'C');
const REASON = 'one person treated under several names, by order of the supervisory authority';

async function enrolledWithLink(ledger: MemoryLedger, mspId: string): Promise<string> {
  const patient = new TestPatient(ledger, mspId);
  const { pseudonym, publicKeys: keys } = patient;
  const request = patient.sign('patients:Enrol', { pseudonym, mspId, keys, link: SEALED_LINK });
  await ledger.submit(staff(mspId, 'officer'), 'patients:Enrol', request);
  return pseudonym;
}

describe('links', () => {
  let ledger: MemoryLedger;
  let pseudonyms: string[];
  beforeEach(async () => {
    ledger = await fourHospitals();
    pseudonyms = [await enrolledWithLink(ledger, ALPHA), await enrolledWithLink(ledger, BRAVO)];
  });

  const auditor = staff(CHARLIE, 'auditor');
  const request = (changes: object = {}) => ({
    linkCaseId: id(),
    pseudonyms,
    reason: REASON,
    oneTimeKey: X25519_KEY,
    ...changes,
  });
  const opened = async (caller = auditor) => {
    const argument = request();
    await ledger.submit(caller, 'links:Open', argument);
    return argument.linkCaseId;
  };
  const approve = async (linkCaseId: string, ...mspIds: string[]) => {
    let result: LinkCase | undefined;
    for (const mspId of mspIds)
      result = (await ledger.submit(officerOf(mspId), 'links:Approve', { linkCaseId })).response as LinkCase;
    return result;
  };
  const outcome = (linkCaseId: string, changes: object = {}) => ({
    linkCaseId,
    outcome: { groups: [pseudonyms], unreadable: [], badHolders: [], ...changes },
  });

  it('are opened by a majority of the members, and the outcome stands with the reason', async () => {
    const linkCaseId = await opened();
    expect((await approve(linkCaseId, ALPHA, BRAVO))?.status).to.equal('opened');
    const carried = await approve(linkCaseId, CHARLIE);
    expect(carried?.status).to.equal('approved');
    ledger.setTime(carried?.endsAt ?? '');
    const argument = outcome(linkCaseId);
    const posted = await ledger.submit(staff(CHARLIE, 'gateway'), 'links:PostOutcome', argument);
    expect(posted.response).to.deep.include({ status: 'posted', reason: REASON, pseudonyms });
    ledger.advance(LIMITS.linkAnswerMs);
    const { items } = (await ledger.evaluate(staff(DELTA, 'auditor'), 'links:List', {})) as Page<LinkCase>;
    expect(items.map(({ outcome: of }) => of?.groups)).to.deep.equal([[pseudonyms]]);
    const log = { pseudonym: pseudonyms[1] };
    const notices = (await ledger.evaluate(auditor, 'emergencies:Notices', log)) as Page<Notice>;
    expect(notices.items.map(({ kind, status }) => `${kind} ${status}`)).to.deep.equal([
      ...Array<string>(3).fill('link opened'),
      'link approved',
      'link posted',
    ]);
  });

  it('are asked for by officers and auditors, of pseudonyms that have one', async () => {
    const argument = request();
    const without = (await enrolled(ledger, DELTA)).pseudonym;
    const taken = await opened();
    const asked = (changes: object) => ({ caller: auditor, argument: request(changes) });
    await expectRejections(ledger, 'links:Open', [
      ...malformed(auditor, argument),
      { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'clinician'), argument },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'auditor'), argument },
      { why: 'one alone', code: 'SCHEMA_VIOLATION', ...asked({ pseudonyms: pseudonyms.slice(1) }) },
      {
        why: 'the same twice',
        code: 'SCHEMA_VIOLATION',
        ...asked({ pseudonyms: [pseudonyms[0], pseudonyms[0]] }),
      },
      { why: 'a reason that identifies', code: 'SCHEMA_VIOLATION', ...asked({ reason: 'born 1956' }) },
      { why: 'unknown', code: 'PATIENT_NOT_FOUND', ...asked({ pseudonyms: [...pseudonyms, id()] }) },
      { why: 'no link', code: 'LINK_MISSING', ...asked({ pseudonyms: [...pseudonyms, without] }) },
      { why: 'a used id', code: 'ALREADY_EXISTS', ...asked({ linkCaseId: taken }) },
    ]);
  });

  it('are approved by officers of distinct members who did not ask, in time', async () => {
    const linkCaseId = await opened(officerOf(CHARLIE));
    const argument = { linkCaseId };
    await approve(linkCaseId, ALPHA);
    await expectRejections(ledger, 'links:Approve', [
      ...malformed(officerOf(BRAVO), argument),
      { why: 'an auditor', code: 'ROLE_NOT_ALLOWED', caller: auditor, argument },
      { why: 'who asked', code: 'NOT_INDEPENDENT', caller: officerOf(CHARLIE), argument },
      { why: 'again', code: 'ALREADY_EXISTS', caller: officerOf(ALPHA), argument },
      {
        why: 'the same hospital',
        code: 'ALREADY_EXISTS',
        caller: officerOf(ALPHA, 'officer-2'),
        argument,
      },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: officerOf('EchoMSP'), argument },
      {
        why: 'unknown',
        code: 'LINK_CASE_NOT_FOUND',
        caller: officerOf(BRAVO),
        argument: { linkCaseId: id() },
      },
    ]);
    expect((await approve(linkCaseId, BRAVO))?.status).to.equal('opened');
    ledger.advance(LIMITS.linkAnswerMs);
    await expectRejections(ledger, 'links:Approve', [
      { why: 'too late', code: 'TRANSITION_NOT_ALLOWED', caller: officerOf(DELTA), argument },
    ]);
    const { status } = (await ledger.evaluate(auditor, 'links:Get', argument)) as LinkCase;
    expect(status).to.equal('lapsed');
  });

  it('have an outcome from the hospital that asked, of these pseudonyms, once and in time', async () => {
    const linkCaseId = await opened();
    const gateway = staff(CHARLIE, 'gateway');
    const argument = outcome(linkCaseId);
    await approve(linkCaseId, ALPHA, BRAVO);
    const before = { why: 'before the majority', code: 'TRANSITION_NOT_ALLOWED', caller: gateway } as const;
    await expectRejections(ledger, 'links:PostOutcome', [{ ...before, argument }]);
    await approve(linkCaseId, DELTA);
    const posting = (changes: object) => ({ caller: gateway, argument: outcome(linkCaseId, changes) });
    await expectRejections(ledger, 'links:PostOutcome', [
      ...malformed(gateway, argument),
      { why: 'another hospital', code: 'NOT_OWNER', caller: staff(ALPHA, 'gateway'), argument },
      { why: 'a person', code: 'ROLE_NOT_ALLOWED', caller: auditor, argument },
      { why: 'one left out', code: 'SCHEMA_VIOLATION', ...posting({ groups: [pseudonyms.slice(1)] }) },
      { why: 'one twice', code: 'SCHEMA_VIOLATION', ...posting({ unreadable: pseudonyms.slice(1) }) },
      {
        why: 'unknown',
        code: 'LINK_CASE_NOT_FOUND',
        caller: gateway,
        argument: outcome(id()),
      },
    ]);
    await ledger.submit(gateway, 'links:PostOutcome', argument);
    const again = { why: 'again', code: 'TRANSITION_NOT_ALLOWED', caller: gateway, argument } as const;
    await expectRejections(ledger, 'links:PostOutcome', [again]);
    const late = await opened();
    await approve(late, ALPHA, BRAVO, DELTA);
    ledger.advance(LIMITS.linkReleaseMs + 1);
    await expectRejections(ledger, 'links:PostOutcome', [
      { why: 'too late', code: 'TRANSITION_NOT_ALLOWED', caller: gateway, argument: outcome(late) },
    ]);
  });
});
