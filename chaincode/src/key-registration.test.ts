import { expect } from 'chai';
import { publicKeyToJson } from '@careledger/crypto/core';
import { dealThresholdKey } from '@careledger/crypto/testing';
import {
  type AggregationKey,
  type Ceremony,
  type ErrorCode,
  type KeyRegistration,
  type KeyRegistrationResult,
} from '@careledger/protocol';
import { TestAggregate } from './testing/aggregation.js';
import {
  TEST_KEY_BITS,
  TestCeremony,
  dealtKey,
  digestOf,
  documentsOf,
  reshared,
} from './testing/ceremony.js';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  DIGEST,
  HOSPITALS,
  admitFifth,
  fourHospitals,
  staff,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed, type Rejection } from './testing/rejections.js';

const gateway = (mspId: string) => staff(mspId, 'gateway');
const researcher = staff(ALPHA, 'researcher');
const ECHO = 'EchoMSP';
const key = dealtKey(HOSPITALS);
const documents = documentsOf(key);

describe('the key of a ceremony', () => {
  let ledger: MemoryLedger;
  beforeEach(async () => {
    ledger = await fourHospitals();
  });

  const running = async (changes: object = {}) => {
    const ceremony = await new TestCeremony(ledger, changes).start();
    await ceremony.joinAll();
    return ceremony;
  };
  const register = async (ceremony: TestCeremony, mspId: string, of = documents) =>
    ledger.submit(gateway(mspId), 'queries:RegisterKey', await ceremony.registration(of));
  const accept = async ({ ceremonyId }: TestCeremony, mspId: string, sharingDigest = digestOf(key)) =>
    (await ledger.submit(gateway(mspId), 'queries:AcceptKey', { ceremonyId, attempt: 1, sharingDigest }))
      .response as KeyRegistrationResult;
  const inForce = async (epoch?: number) =>
    (await ledger.evaluate(
      researcher,
      'queries:GetKey',
      epoch === undefined ? {} : { epoch },
    )) as AggregationKey;
  const registrations = async ({ ceremonyId }: TestCeremony, attempt = 1) =>
    (
      (await ledger.evaluate(researcher, 'ceremonies:Registrations', { ceremonyId, attempt })) as {
        items: KeyRegistration[];
      }
    ).items;

  it('is in force when every holder has accepted it, and not before', async () => {
    const ceremony = await running();
    const { response, events } = await register(ceremony, BRAVO);
    const registration = {
      keyId: key.publicKey.keyId,
      sharingDigest: digestOf(key),
      registeredBy: BRAVO,
      acceptedBy: [BRAVO],
    };
    expect(response).to.deep.equal({
      outcome: 'registered',
      ceremony: { ...(await ceremony.get()), registration },
    });
    expect(events[0]).to.include({ event: 'ceremony.changed', id: ceremony.ceremonyId, status: 'running' });
    for (const mspId of [ALPHA, DELTA])
      expect((await accept(ceremony, mspId)).outcome).to.equal('registered');
    expect((await ledger.refusal(researcher, 'queries:GetKey', {})).code).to.equal('KEY_NOT_FOUND');
    const opening = new TestAggregate(ledger).queryFields();
    expect((await ledger.refusal(researcher, 'queries:Open', opening)).code).to.equal('KEY_NOT_FOUND');
    // One that registers the same has accepted it too.
    const last = await register(ceremony, CHARLIE);
    expect(last.events).to.deep.equal([
      { event: 'key.registered', id: key.publicKey.keyId, mspId: CHARLIE, status: 'active' },
    ]);
    const ended = (last.response as KeyRegistrationResult).ceremony;
    expect(ended).to.include({ status: 'finished', endedAt: last.at, keyId: key.publicKey.keyId });
    const { acceptedBy, ...current } = await inForce();
    expect(acceptedBy).to.deep.equal([BRAVO, ALPHA, DELTA, CHARLIE]);
    expect(current).to.deep.include({ ...documents, status: 'active', registeredBy: BRAVO, attempt: 1 });
    expect(await inForce(0)).to.deep.equal(await inForce());
    expect((await ledger.refusal(researcher, 'queries:GetKey', { epoch: 1 })).code).to.equal('KEY_NOT_FOUND');
  });

  it('of a redistribution takes the place of the sharing before only when all have it', async () => {
    const aggregate = await new TestAggregate(ledger).setUp();
    await admitFifth(ledger, ECHO);
    const holders = [...HOSPITALS, ECHO];
    const ceremony = await running({ purpose: 'redistribute', holders, dealers: [ALPHA, BRAVO, DELTA] });
    const anew = reshared(aggregate.key, holders);
    await register(ceremony, ECHO, documentsOf(anew));
    for (const mspId of HOSPITALS.slice(1)) await accept(ceremony, mspId, digestOf(anew));
    expect((await inForce()).sharing.epoch).to.equal(0);
    await aggregate.query();
    expect((await accept(ceremony, ALPHA, digestOf(anew))).outcome).to.equal('active');
    expect((await inForce()).sharing).to.deep.equal(documentsOf(anew).sharing);
    expect((await inForce(0)).sharing).to.deep.equal(documents.sharing);
  });

  it('on which two holders differ ends the attempt, and both documents stand on the ledger', async () => {
    const ceremony = await running();
    await register(ceremony, BRAVO);
    await accept(ceremony, ALPHA);
    const other = documentsOf(
      dealThresholdKey({ keyBits: TEST_KEY_BITS, holders: HOSPITALS, allowTestKeySize: true }),
    );
    const { response, events, at, txId } = await register(ceremony, DELTA, other);
    const { outcome, ceremony: after } = response as { outcome: string; ceremony: Ceremony };
    expect(outcome).to.equal('conflict');
    expect(after).to.include({ status: 'joining', attempt: 2 });
    expect(after.registration).to.equal(undefined);
    expect(after.faults).to.deep.equal([
      { attempt: 1, accused: BRAVO, accuser: DELTA, reason: 'KEY_CONFLICT', at, txId },
    ]);
    expect(events[0]).to.include({ event: 'ceremony.changed', status: 'joining', attempt: 2 });
    const items = await registrations(ceremony);
    expect(items.map(({ mspId, publicKey }) => [mspId, publicKey])).to.deep.equal([
      [BRAVO, documents.publicKey],
      [DELTA, other.publicKey],
    ]);
    // The next attempt begins without any of it.
    await ceremony.joinAll();
    expect((await register(ceremony, DELTA)).response).to.include({ outcome: 'registered' });
    expect(await registrations(ceremony, 2)).to.have.length(1);
  });

  it('is forgotten with an attempt that a blame ends', async () => {
    const ceremony = await running();
    await register(ceremony, BRAVO);
    await ledger.submit(gateway(ALPHA), 'ceremonies:Blame', await ceremony.blame(DELTA));
    await ceremony.joinAll();
    const argument = { ceremonyId: ceremony.ceremonyId, attempt: 2, sharingDigest: digestOf(key) };
    expect((await ledger.refusal(gateway(ALPHA), 'queries:AcceptKey', argument)).code).to.equal(
      'KEY_NOT_FOUND',
    );
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

    it('as a registration', async () => {
      const ceremony = await running();
      await admitFifth(ledger, ECHO);
      const argument = await ceremony.registration(documents);
      const { publicKey, sharing } = argument;
      const refused = refusing(argument);
      const sharingOf = (changes: object) => ({ sharing: { ...sharing, ...changes } });
      const [first = '', second = '', third = ''] = sharing.verificationKeys;
      await expectRejections(ledger, 'queries:RegisterKey', [
        ...malformed(gateway(ALPHA), argument),
        refused('an officer', 'ROLE_NOT_ALLOWED', {}, staff(ALPHA, 'officer')),
        refused('no member', 'MEMBER_NOT_ACTIVE', {}, gateway('FoxtrotMSP')),
        refused('no holder', 'NOT_OWNER', {}, gateway(ECHO)),
        refused('another attempt', 'TRANSITION_NOT_ALLOWED', { attempt: 2 }),
        refused('another key id', 'SCHEMA_VIOLATION', { publicKey: { ...publicKey, keyId: DIGEST } }),
        refused('another mode', 'SCHEMA_VIOLATION', { publicKey: { ...publicKey, encryption: 'rn' } }),
        refused('another epoch', 'SCHEMA_VIOLATION', sharingOf({ epoch: 1 })),
        refused('a lower threshold', 'SCHEMA_VIOLATION', sharingOf({ threshold: 2 })),
        refused('other holders', 'SCHEMA_VIOLATION', sharingOf({ holders: [ALPHA, BRAVO, CHARLIE, ECHO] })),
        refused(
          'holders in another order',
          'SCHEMA_VIOLATION',
          sharingOf({ holders: [...HOSPITALS].reverse() }),
        ),
        refused('another base', 'SCHEMA_VIOLATION', sharingOf({ verificationBase: first })),
        refused('a key too few', 'SCHEMA_VIOLATION', sharingOf({ verificationKeys: [first, second, third] })),
        refused('a key outside the group', 'SCHEMA_VIOLATION', {
          sharing: { ...sharing, verificationKeys: [first, second, third, 'A'.repeat(first.length)] },
        }),
        refused('no theta', 'SCHEMA_VIOLATION', sharingOf({ theta: 'A'.repeat(sharing.theta.length) })),
      ]);
    });

    it('as one of another size than was started', async () => {
      const ceremony = await running({ keyBits: 768 });
      const argument = await ceremony.registration(documents);
      const error = await ledger.refusal(gateway(ALPHA), 'queries:RegisterKey', argument);
      expect([error.code, error.message]).to.deep.equal([
        'SCHEMA_VIOLATION',
        'The input does not have the documented form. Expected the ceremony’s key size, 768. Came 512.',
      ]);
    });

    it('as another one than is shared anew', async () => {
      await new TestAggregate(ledger).setUp();
      const ceremony = await running({ purpose: 'redistribute', dealers: [ALPHA, BRAVO, CHARLIE] });
      const other = dealThresholdKey({ keyBits: TEST_KEY_BITS, holders: HOSPITALS, allowTestKeySize: true });
      const refused = refusing(await ceremony.registration(documentsOf(reshared(other, HOSPITALS))));
      await expectRejections(ledger, 'queries:RegisterKey', [
        refused('another key', 'SCHEMA_VIOLATION', {}),
        refused('a sharing of the epoch before', 'SCHEMA_VIOLATION', documents),
        refused('the other’s key with this sharing', 'SCHEMA_VIOLATION', {
          publicKey: publicKeyToJson(key.publicKey),
        }),
      ]);
      expect((await inForce()).sharing.epoch).to.equal(0);
    });

    it('as an acceptance', async () => {
      const ceremony = await running();
      await admitFifth(ledger, ECHO);
      const argument = { ceremonyId: ceremony.ceremonyId, attempt: 1, sharingDigest: digestOf(key) };
      const refused = refusing(argument);
      await expectRejections(ledger, 'queries:AcceptKey', [
        ...malformed(gateway(ALPHA), argument),
        refused('before any registration', 'KEY_NOT_FOUND', {}),
      ]);
      await register(ceremony, BRAVO);
      await expectRejections(ledger, 'queries:AcceptKey', [
        refused('a clinician', 'ROLE_NOT_ALLOWED', {}, staff(ALPHA, 'clinician')),
        refused('no holder', 'NOT_OWNER', {}, gateway(ECHO)),
        refused('another sharing', 'KEY_CONFLICT', { sharingDigest: DIGEST }),
        refused('another attempt', 'TRANSITION_NOT_ALLOWED', { attempt: 2 }),
        refused('who registered it', 'ALREADY_EXISTS', {}, gateway(BRAVO)),
      ]);
      await accept(ceremony, ALPHA);
      await expectRejections(ledger, 'queries:AcceptKey', [refused('twice', 'ALREADY_EXISTS', {})]);
      await expectRejections(ledger, 'queries:RegisterKey', [
        refusing(await ceremony.registration(documents))('twice, in the other way', 'ALREADY_EXISTS', {}),
      ]);
    });
  });
});
