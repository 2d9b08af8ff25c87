import { expect } from 'chai';
import { dealMasterKey, type DealtMasterKey } from '@careledger/crypto/testing';
import type {
  Ceremony,
  ErrorCode,
  KeyRegistrationResult,
  MasterKey,
  MasterKeyRegistration,
  StartCeremony,
} from '@careledger/protocol';
import { TestCeremony, dealtKey, documentsOf } from './testing/ceremony.js';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  DIGEST,
  HOSPITALS,
  admitFifth,
  fourHospitals,
  id,
  staff,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed, type Rejection } from './testing/rejections.js';

const gateway = (mspId: string) => staff(mspId, 'gateway');
const admin = staff(ALPHA, 'admin');
const researcher = staff(ALPHA, 'researcher');
const ECHO = 'EchoMSP';
const key = dealMasterKey({ holders: HOSPITALS });
const documents = ({ masterKey, sharing }: DealtMasterKey) => ({ masterKey, sharing });

describe('the identity master key of a ceremony', () => {
  let ledger: MemoryLedger;
  beforeEach(async () => {
    ledger = await fourHospitals();
  });

  const planned = (changes: Partial<StartCeremony> = {}): TestCeremony => {
    const ceremony = new TestCeremony(ledger, { scheme: 'identity', ...changes });
    delete ceremony.plan.keyBits;
    return ceremony;
  };
  const running = async (changes: Partial<StartCeremony> = {}) => {
    const ceremony = await planned(changes).start();
    await ceremony.joinAll();
    return ceremony;
  };
  const argumentOf = async (ceremony: TestCeremony, of: DealtMasterKey) => ({
    ceremonyId: ceremony.ceremonyId,
    attempt: (await ceremony.get()).attempt,
    ...documents(of),
  });
  const register = async (ceremony: TestCeremony, mspId: string, of = key) =>
    ledger.submit(gateway(mspId), 'identities:RegisterMasterKey', await argumentOf(ceremony, of));
  const accept = async ({ ceremonyId }: TestCeremony, mspId: string, of = key) => {
    const { sharingDigest } = of;
    const argument = { ceremonyId, attempt: 1, sharingDigest };
    return ledger.submit(gateway(mspId), 'identities:AcceptMasterKey', argument);
  };
  const finish = async (ceremony: TestCeremony, of = key) => {
    const [first = '', ...others] = ceremony.plan.holders;
    await register(ceremony, first, of);
    for (const mspId of others) await accept(ceremony, mspId, of);
  };
  const inForce = async (epoch?: number) => {
    const argument = epoch === undefined ? {} : { epoch };
    return (await ledger.evaluate(researcher, 'identities:GetMasterKey', argument)) as MasterKey;
  };
  const missing = async (argument: object = {}) =>
    (await ledger.refusal(researcher, 'identities:GetMasterKey', argument)).code;

  it('is in force when every holder has accepted it, and not before', async () => {
    const ceremony = await running();
    expect((await register(ceremony, BRAVO)).response).to.include({ outcome: 'registered' });
    for (const mspId of [ALPHA, DELTA]) await accept(ceremony, mspId);
    expect(await missing()).to.equal('KEY_NOT_FOUND');
    const last = await accept(ceremony, CHARLIE);
    const { keyId } = key.masterKey;
    expect(last.events).to.deep.equal([
      { event: 'master-key.registered', id: keyId, mspId: CHARLIE, status: 'active' },
    ]);
    expect((last.response as KeyRegistrationResult).ceremony).to.include({ status: 'finished', keyId });
    const current = await inForce();
    expect(current).to.deep.include({ ...documents(key), status: 'active', registeredBy: BRAVO });
    expect(current.acceptedBy).to.deep.equal([BRAVO, ALPHA, DELTA, CHARLIE]);
    expect(await inForce(0)).to.deep.equal(current);
    expect(await missing({ epoch: 1 })).to.equal('KEY_NOT_FOUND');
  });

  it('is made beside the Paillier key: one unfinished ceremony of each scheme, and no more', async () => {
    const identity = await running();
    const paillier = await new TestCeremony(ledger).start();
    await paillier.joinAll();
    for (const { plan } of [identity, paillier]) {
      const refused = await ledger.refusal(admin, 'ceremonies:Start', { ...plan, ceremonyId: id() });
      expect(refused.code).to.equal('CEREMONY_UNFINISHED');
    }
    await finish(identity);
    expect((await paillier.get()).status).to.equal('running');
    await paillier.finish(documentsOf(dealtKey(HOSPITALS)));
    const again = planned().plan;
    expect((await ledger.refusal(admin, 'ceremonies:Start', again)).code).to.equal('KEY_EXISTS');
  });

  it('is shared anew by a redistribution that names no size, under the same P', async () => {
    await finish(await running());
    await admitFifth(ledger, ECHO);
    const holders = [...HOSPITALS, ECHO];
    const dealers = [ALPHA, BRAVO, DELTA];
    const move = await running({ purpose: 'redistribute', holders, dealers });
    expect(await move.get()).to.include({ keyId: key.masterKey.keyId, epoch: 1 });
    const anew = dealMasterKey({ holders, of: key });
    const other = dealMasterKey({ holders });
    const stranger = { ...other, sharing: { ...other.sharing, epoch: 1 } };
    for (const wrong of [stranger, other, key]) {
      const argument = await argumentOf(move, wrong);
      const { code } = await ledger.refusal(gateway(ALPHA), 'identities:RegisterMasterKey', argument);
      expect(code).to.equal('SCHEMA_VIOLATION');
    }
    await finish(move, anew);
    expect((await inForce()).sharing).to.deep.equal(anew.sharing);
    expect((await inForce(0)).sharing).to.deep.equal(key.sharing);
  });

  it('on which two holders differ ends the attempt, and both documents stand on the ledger', async () => {
    const ceremony = await running();
    await register(ceremony, BRAVO);
    const other = dealMasterKey({ holders: HOSPITALS });
    const { response } = await register(ceremony, DELTA, other);
    const { outcome, ceremony: after } = response as { outcome: string; ceremony: Ceremony };
    expect(outcome).to.equal('conflict');
    expect(after).to.include({ status: 'joining', attempt: 2 });
    expect(after.faults.map(({ accused, accuser, reason }) => [accused, accuser, reason])).to.deep.equal([
      [BRAVO, DELTA, 'KEY_CONFLICT'],
    ]);
    const { ceremonyId } = ceremony;
    const asked = { ceremonyId, attempt: 1 };
    const { items } = (await ledger.evaluate(researcher, 'ceremonies:Registrations', asked)) as {
      items: MasterKeyRegistration[];
    };
    expect(items.map(({ mspId, masterKey }) => [mspId, masterKey])).to.deep.equal([
      [BRAVO, key.masterKey],
      [DELTA, other.masterKey],
    ]);
  });

  describe('is refused', () => {
    const refusing =
      (argument: object) =>
      (why: string, code: ErrorCode, changes: object, caller = gateway(ALPHA)): Rejection => ({
        why,
        code,
        caller,
        argument: { ...argument, ...changes },
      });

    it('as a ceremony with a size, and a Paillier one without', async () => {
      const identity = planned().plan;
      const { keyBits: size, ...paillier } = new TestCeremony(ledger).plan;
      const start = (why: string, argument: object): Rejection => ({
        why,
        code: 'SCHEMA_VIOLATION',
        caller: admin,
        argument,
      });
      await expectRejections(ledger, 'ceremonies:Start', [
        start('a size', { ...identity, keyBits: size }),
        start('no size', paillier),
        start('no scheme', { ...identity, scheme: undefined }),
        start('another scheme', { ...identity, scheme: 'rsa' }),
      ]);
    });

    it('as a registration', async () => {
      const waiting = await planned().start();
      const early = await argumentOf(waiting, key);
      const method = 'identities:RegisterMasterKey';
      await expectRejections(ledger, method, [
        { why: 'before it runs', code: 'TRANSITION_NOT_ALLOWED', caller: gateway(ALPHA), argument: early },
      ]);
      await waiting.joinAll();
      await admitFifth(ledger, ECHO);
      const paillier = await new TestCeremony(ledger, { holders: [...HOSPITALS, ECHO] }).start();
      const argument = await argumentOf(waiting, key);
      const { masterKey, sharing } = argument;
      const refused = refusing(argument);
      const sharingOf = (changes: object) => ({ sharing: { ...sharing, ...changes } });
      const [first = '', second = '', third = ''] = sharing.commitments;
      await expectRejections(ledger, method, [
        ...malformed(gateway(ALPHA), argument),
        refused('an officer', 'ROLE_NOT_ALLOWED', {}, staff(ALPHA, 'officer')),
        refused('no member', 'MEMBER_NOT_ACTIVE', {}, gateway('FoxtrotMSP')),
        refused('no holder', 'NOT_OWNER', {}, gateway(ECHO)),
        refused('another attempt', 'TRANSITION_NOT_ALLOWED', { attempt: 2 }),
        refused('an unknown ceremony', 'CEREMONY_NOT_FOUND', { ceremonyId: id() }),
        refused('a ceremony of another scheme', 'SCHEMA_VIOLATION', { ceremonyId: paillier.ceremonyId }),
        refused('another key id', 'SCHEMA_VIOLATION', { masterKey: { ...masterKey, keyId: DIGEST } }),
        refused('a key that the sharing does not begin with', 'SCHEMA_VIOLATION', {
          masterKey: dealMasterKey({ holders: HOSPITALS }).masterKey,
        }),
        refused('another epoch', 'SCHEMA_VIOLATION', sharingOf({ epoch: 1 })),
        refused('a lower threshold', 'SCHEMA_VIOLATION', sharingOf({ threshold: 2 })),
        refused('other holders', 'SCHEMA_VIOLATION', sharingOf({ holders: [ALPHA, BRAVO, CHARLIE, ECHO] })),
        refused('another order', 'SCHEMA_VIOLATION', sharingOf({ holders: [...HOSPITALS].reverse() })),
        refused('a commitment too few', 'SCHEMA_VIOLATION', sharingOf({ commitments: [first, second] })),
        refused(
          'a commitment too many',
          'SCHEMA_VIOLATION',
          sharingOf({ commitments: [first, second, third, third] }),
        ),
        refused('no point', 'SCHEMA_VIOLATION', sharingOf({ commitments: [first, second, 'A'.repeat(128)] })),
        refused(
          'a threshold of another ceremony',
          'SCHEMA_VIOLATION',
          sharingOf({ threshold: 2, commitments: [first, second] }),
        ),
      ]);
      await expectRejections(ledger, 'queries:AcceptKey', [
        {
          why: 'the Paillier way',
          code: 'SCHEMA_VIOLATION',
          caller: gateway(ALPHA),
          argument: { ceremonyId: waiting.ceremonyId, attempt: 1, sharingDigest: DIGEST },
        },
      ]);
    });

    it('as an acceptance, and once it has finished', async () => {
      const ceremony = await running();
      const { ceremonyId } = ceremony;
      const { sharingDigest } = key;
      const refused = refusing({ ceremonyId, attempt: 1, sharingDigest });
      const method = 'identities:AcceptMasterKey';
      await expectRejections(ledger, method, [refused('of nothing', 'KEY_NOT_FOUND', {})]);
      await register(ceremony, BRAVO);
      await admitFifth(ledger, ECHO);
      await expectRejections(ledger, method, [
        ...malformed(gateway(ALPHA), { ceremonyId, attempt: 1, sharingDigest }),
        refused('an officer', 'ROLE_NOT_ALLOWED', {}, staff(ALPHA, 'officer')),
        refused('no holder', 'NOT_OWNER', {}, gateway(ECHO)),
        refused('another attempt', 'TRANSITION_NOT_ALLOWED', { attempt: 2 }),
        refused('another sharing', 'KEY_CONFLICT', { sharingDigest: DIGEST }),
        refused('twice', 'ALREADY_EXISTS', {}, gateway(BRAVO)),
      ]);
      for (const mspId of [ALPHA, CHARLIE, DELTA]) await accept(ceremony, mspId);
      await expectRejections(ledger, method, [refused('finished', 'TRANSITION_NOT_ALLOWED', {})]);
      const late = { ceremonyId, attempt: 1, ...documents(key) };
      await expectRejections(ledger, 'identities:RegisterMasterKey', [
        { why: 'finished', code: 'TRANSITION_NOT_ALLOWED', caller: gateway(ALPHA), argument: late },
      ]);
    });
  });
});
