import { expect } from 'chai';
import type { Erasure, ErasureCertificate } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  CID,
  DELTA,
  HOSPITALS,
  admitFifth,
  anchored,
  enrolled,
  fourHospitals,
  id,
  record,
  staff,
  vote,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const auditor = staff(DELTA, 'auditor');
const HEADER = CID.replace(/.$/, 'b');
const gateway = (mspId: string) => staff(mspId, 'gateway');

describe('erasures', () => {
  let ledger: MemoryLedger;
  let recordId: string;
  let kept: string;
  const objects = { contentCid: CID, headerCid: HEADER };

  const anchorAndErase = async (changes: object = {}): Promise<void> => {
    ledger = await fourHospitals();
    const { pseudonym } = await enrolled(ledger, ALPHA);
    const entry = record(pseudonym, { ...objects, headerVersion: 2, erasureLeaf: 3, ...changes });
    [recordId = '', kept = ''] = await anchored(ledger, ALPHA, [entry, entry]);
    await ledger.submit(staff(ALPHA, 'officer'), 'records:Erase', { recordId, reason: 'asked for' });
  };
  beforeEach(() => anchorAndErase());

  const receipt = (mspId: string, changes: object = {}): object => ({
    recordId,
    erasureKey: mspId === ALPHA ? 'punctured' : 'not-held',
    answers: 1,
    absent: [CID, HEADER],
    shared: [],
    ...changes,
  });
  const post = (mspId: string, changes: object = {}) =>
    ledger.submit(gateway(mspId), 'erasures:Post', receipt(mspId, changes));
  const get = async (): Promise<Erasure> =>
    (await ledger.evaluate(auditor, 'erasures:Get', { recordId })) as Erasure;
  const certify = async (caller = auditor): Promise<ErasureCertificate> =>
    (await ledger.submit(caller, 'erasures:Certify', { recordId })).response as ErasureCertificate;

  it('collects a receipt of every active member, and certifies what they say and what nobody can', async () => {
    for (const mspId of HOSPITALS) {
      expect((await get()).missing).to.include(mspId);
      await post(mspId);
    }
    const certificate = await certify();
    expect(certificate.receipts.map(({ by }) => by.mspId)).to.deep.equal([...HOSPITALS].sort());
    expect(certificate).to.deep.include({
      ownerMspId: ALPHA,
      erasedBecause: 'asked for',
      type: 'laboratory',
    });
    expect(certificate.proven).to.deep.equal([
      'receipts-of-all-active-members',
      'erasure-key-punctured',
      'objects-absent-from-all-nodes',
    ]);
    expect(certificate.notProven).to.include.members([
      'backups-of-custodies-and-disks',
      'remnants-on-storage-devices',
      'copies-of-readers',
      'a-custody-that-does-not-do-what-it-says',
    ]);
    const erasure = await get();
    expect(erasure.missing).to.deep.equal([]);
    expect(erasure.certificate).to.deep.equal(certificate);
  });

  it('says so when the record is of before erasure keys, or when an object stays for another record', async () => {
    await anchorAndErase({ headerVersion: 1, erasureLeaf: undefined });
    await post(ALPHA, { erasureKey: 'none', absent: [HEADER], shared: [CID] });
    for (const mspId of [BRAVO, CHARLIE, DELTA]) await post(mspId);
    const { proven, notProven } = await certify();
    expect(proven).to.deep.equal(['receipts-of-all-active-members']);
    expect(notProven).to.include.members([
      'stored-headers-without-erasure-key',
      'objects-named-for-another-record',
    ]);
  });

  it('rests on two of the three custodians, and takes the word of no other', async () => {
    await anchorAndErase({ keyServers: [BRAVO, DELTA] });
    const punctured = { erasureKey: 'punctured' };
    await expectRejections(ledger, 'erasures:Post', [
      {
        why: 'a key server as if it held nothing',
        code: 'SCHEMA_VIOLATION',
        caller: gateway(BRAVO),
        argument: receipt(BRAVO),
      },
      {
        why: 'no key server',
        code: 'SCHEMA_VIOLATION',
        caller: gateway(CHARLIE),
        argument: receipt(CHARLIE, punctured),
      },
    ]);
    for (const mspId of [ALPHA, BRAVO, DELTA]) await post(mspId, punctured);
    await post(CHARLIE);
    expect((await certify()).proven).to.include('erasure-key-punctured');
    // The owner left, and one key server alone says that it punctured: the other two may make the key.
    await anchorAndErase({ keyServers: [BRAVO, DELTA] });
    await vote(ledger, DELTA, 'suspend');
    for (const voter of [BRAVO, CHARLIE])
      await ledger.submit(staff(voter, 'admin'), 'members:Vote', { mspId: ALPHA, vote: 'suspend' });
    await post(BRAVO, punctured);
    await post(CHARLIE);
    const { proven, notProven } = await certify(staff(CHARLIE, 'auditor'));
    expect(proven).to.not.include('erasure-key-punctured');
    expect(notProven).to.include('stored-headers-without-erasure-key');
  });

  it('waits for a member that was admitted since', async () => {
    for (const mspId of HOSPITALS) await post(mspId);
    await admitFifth(ledger, 'EchoMSP');
    expect((await get()).missing).to.deep.equal(['EchoMSP']);
    const caller = gateway('EchoMSP');
    await expectRejections(ledger, 'erasures:Certify', [
      { why: 'one has not posted', code: 'TRANSITION_NOT_ALLOWED', caller, argument: { recordId } },
    ]);
    await post('EchoMSP');
    expect((await certify()).receipts).to.have.length(5);
  });

  it('takes no receipt from the wrong hand, of the wrong record, or twice', async () => {
    await post(BRAVO);
    const caller = gateway(CHARLIE);
    const argument = receipt(CHARLIE);
    const twice = { caller: gateway(BRAVO), argument: receipt(BRAVO) };
    const of = (changes: object, mspId: string = CHARLIE) => ({
      caller: gateway(mspId),
      argument: receipt(mspId, changes),
    });
    await expectRejections(ledger, 'erasures:Post', [
      { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(CHARLIE, 'clinician'), argument },
      { why: 'a stranger', code: 'MEMBER_NOT_ACTIVE', caller: gateway('EchoMSP'), argument },
      { why: 'a second one', code: 'ALREADY_EXISTS', ...twice },
      { why: 'a record that stands', code: 'TRANSITION_NOT_ALLOWED', ...of({ recordId: kept }) },
      { why: 'no record', code: 'RECORD_NOT_FOUND', ...of({ recordId: `${id()}.0` }) },
      { why: 'the owner’s word by another', code: 'SCHEMA_VIOLATION', ...of({ erasureKey: 'punctured' }) },
      { why: 'an owner that keeps the leaf', code: 'SCHEMA_VIOLATION', ...of({ erasureKey: 'none' }, ALPHA) },
      {
        why: 'an owner as if it were none',
        code: 'SCHEMA_VIOLATION',
        ...of({ erasureKey: 'not-held' }, ALPHA),
      },
      { why: 'an object left out', code: 'SCHEMA_VIOLATION', ...of({ absent: [CID] }) },
      { why: 'an object of another', code: 'SCHEMA_VIOLATION', ...of({ absent: [CID, `${CID}c`] }) },
      { why: 'an object said twice', code: 'SCHEMA_VIOLATION', ...of({ shared: [CID] }) },
      ...malformed(caller, argument),
    ]);
  });

  it('certifies once, and nothing that was not erased', async () => {
    for (const mspId of HOSPITALS) await post(mspId);
    await certify();
    const caller = auditor;
    const argument = { recordId };
    await expectRejections(ledger, 'erasures:Certify', [
      { why: 'again', code: 'ALREADY_EXISTS', caller, argument },
      { why: 'a stranger', code: 'MEMBER_NOT_ACTIVE', caller: gateway('EchoMSP'), argument },
      { why: 'a record that stands', code: 'TRANSITION_NOT_ALLOWED', caller, argument: { recordId: kept } },
      { why: 'no record', code: 'RECORD_NOT_FOUND', caller, argument: { recordId: `${id()}.0` } },
      ...malformed(caller, argument),
    ]);
    const read = (argument: object) =>
      ledger.evaluate(auditor, 'erasures:Get', argument).catch((error: unknown) => (error as Error).message);
    expect(await read({ recordId: kept })).to.match(/^TRANSITION_NOT_ALLOWED: /);
    expect(await read({ recordId: `${id()}.0` })).to.match(/^RECORD_NOT_FOUND: /);
    expect(await read({ recordId, more: 1 })).to.match(/^SCHEMA_VIOLATION: /);
  });
});
