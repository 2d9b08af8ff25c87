import { expect } from 'chai';
import { generatePrimeSync } from 'node:crypto';
import { ciphertextToBytes, publicKeyFromModulus, publicKeyToJson } from '@careledger/crypto/core';
import { LIMITS, type Query } from '@careledger/protocol';
import { LAYOUT, TestAggregate } from './testing/aggregation.js';
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
import { expectRejections, malformed } from './testing/rejections.js';

const gateway = (mspId: string) => staff(mspId, 'gateway');
const researcher = staff(ALPHA, 'researcher');
const AGES: Record<string, number[]> = {
  [ALPHA]: [30, 41],
  [BRAVO]: [52],
  [CHARLIE]: [63, 64, 65],
  [DELTA]: [70],
};

describe('queries refused', () => {
  let ledger: MemoryLedger;
  let aggregate: TestAggregate;
  beforeEach(async () => {
    ledger = await fourHospitals();
    aggregate = await new TestAggregate(ledger).setUp();
  });

  const contribute = async (queryId: string, mspId: string) => {
    const argument = await aggregate.contribution(queryId, mspId, AGES[mspId] ?? []);
    await ledger.submit(gateway(mspId), 'queries:Contribute', argument);
  };
  const complete = async (queryId: string) =>
    (await ledger.submit(gateway(DELTA), 'queries:Complete', { queryId })).response as Query;
  const share = (query: Query, mspId: string) =>
    ledger.submit(gateway(mspId), 'queries:Share', aggregate.share(query, mspId));
  const contributed = async (changes: object = {}): Promise<Query> => {
    const queryId = await aggregate.query(changes);
    for (const mspId of HOSPITALS) await contribute(queryId, mspId);
    return complete(queryId);
  };

  describe('what is refused with an error', () => {
    it('a key', async () => {
      const p = generatePrimeSync(256, { bigint: true });
      const other = publicKeyToJson(
        publicKeyFromModulus(p * generatePrimeSync(256, { bigint: true }), { allowTestKeySize: true }),
      );
      const registration = { publicKey: other, origin: 'dealer', holders: HOSPITALS };
      await expectRejections(ledger, 'queries:RegisterKey', [
        { why: 'a second key', code: 'ALREADY_EXISTS', caller: gateway(ALPHA), argument: registration },
      ]);
      const fresh = await fourHospitals();
      await expectRejections(fresh, 'queries:RegisterKey', [
        ...malformed(gateway(ALPHA), registration),
        {
          why: 'an officer',
          code: 'ROLE_NOT_ALLOWED',
          caller: staff(ALPHA, 'officer'),
          argument: registration,
        },
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: gateway('EchoMSP'), argument: registration },
        {
          why: 'a holder that is no member',
          code: 'MEMBER_NOT_ACTIVE',
          caller: gateway(ALPHA),
          argument: { ...registration, holders: [ALPHA, 'EchoMSP'] },
        },
        {
          why: 'one holder',
          code: 'SCHEMA_VIOLATION',
          caller: gateway(ALPHA),
          argument: { ...registration, holders: [ALPHA] },
        },
        {
          why: 'a key between two of four members',
          code: 'SCHEMA_VIOLATION',
          caller: gateway(ALPHA),
          argument: { ...registration, holders: [ALPHA, BRAVO] },
        },
        {
          why: 'another key id',
          code: 'SCHEMA_VIOLATION',
          caller: gateway(ALPHA),
          argument: { ...registration, publicKey: { ...other, keyId: DIGEST } },
        },
      ]);
      expect((await fresh.refusal(researcher, 'queries:GetKey', {})).code).to.equal('KEY_NOT_FOUND');
      await fresh.submit(gateway(ALPHA), 'queries:RegisterKey', registration);
      await fresh.submit(gateway(BRAVO), 'queries:AcceptKey', { keyId: other.keyId });
      await admitFifth(fresh, 'EchoMSP');
      await expectRejections(fresh, 'queries:AcceptKey', [
        { why: 'twice', code: 'ALREADY_EXISTS', caller: gateway(BRAVO), argument: { keyId: other.keyId } },
        { why: 'no holder', code: 'NOT_OWNER', caller: gateway('EchoMSP'), argument: { keyId: other.keyId } },
        { why: 'another key', code: 'KEY_NOT_FOUND', caller: gateway(ALPHA), argument: { keyId: DIGEST } },
        {
          why: 'a clinician',
          code: 'ROLE_NOT_ALLOWED',
          caller: staff(ALPHA, 'clinician'),
          argument: { keyId: other.keyId },
        },
      ]);
      await expectRejections(fresh, 'queries:Open', [
        {
          why: 'a key that not all accepted',
          code: 'KEY_NOT_FOUND',
          caller: researcher,
          argument: aggregate.queryFields(),
        },
      ]);
      for (const holder of [ALPHA, CHARLIE, DELTA])
        await fresh.submit(gateway(holder), 'queries:AcceptKey', { keyId: other.keyId });
      expect(await fresh.evaluate(researcher, 'queries:GetKey', {})).to.include({ status: 'active' });
    });

    it('an opening', async () => {
      const argument = aggregate.queryFields();
      const refused = (
        why: string,
        code: Parameters<typeof expectRejections>[2][0]['code'],
        changes: object,
      ) => ({
        why,
        code,
        caller: researcher,
        argument: aggregate.queryFields(changes),
      });
      const deep = Array.from({ length: LIMITS.cohortDepth }).reduce<object>((cohort) => ({ not: cohort }), {
        all: true,
      });
      await expectRejections(ledger, 'queries:Open', [
        ...malformed(researcher, argument),
        { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'clinician'), argument },
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'researcher'), argument },
        refused('an unknown layout', 'PANEL_NOT_FOUND', { layoutId: 'lungs' }),
        refused('an unknown field', 'SCHEMA_VIOLATION', { fields: ['height'] }),
        refused('a field of the other kind', 'SCHEMA_VIOLATION', { fields: ['sex'] }),
        refused('a deep cohort', 'COHORT_INVALID', { cohort: deep }),
        refused('an empty band', 'COHORT_INVALID', { cohort: { age: { from: 9, to: 8 } } }),
        refused('free code', 'SCHEMA_VIOLATION', { cohort: { code: 'true' } }),
      ]);
      const queryId = await aggregate.query();
      await expectRejections(ledger, 'queries:Open', [refused('a used id', 'ALREADY_EXISTS', { queryId })]);
    });

    it('a contribution', async () => {
      const queryId = await aggregate.query();
      const argument = await aggregate.contribution(queryId, ALPHA, [30]);
      const { publicKey } = aggregate.key;
      const text = (value: bigint) => Buffer.from(ciphertextToBytes(publicKey, value)).toString('base64url');
      const refused = (
        why: string,
        code: Parameters<typeof expectRejections>[2][0]['code'],
        changes: object,
      ) => ({
        why,
        code,
        caller: gateway(ALPHA),
        argument: { ...argument, ...changes },
      });
      await expectRejections(ledger, 'queries:Contribute', [
        ...malformed(gateway(ALPHA), argument),
        { why: 'a researcher', code: 'ROLE_NOT_ALLOWED', caller: researcher, argument },
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: gateway('EchoMSP'), argument },
        { why: 'another hospital’s panels', code: 'NOT_OWNER', caller: gateway(BRAVO), argument },
        refused('0', 'CIPHERTEXT_INVALID', { ciphertext: text(0n) }),
        refused('1', 'CIPHERTEXT_INVALID', { ciphertext: text(1n) }),
        refused('a multiple of n', 'CIPHERTEXT_INVALID', { ciphertext: text(publicKey.n * 5n) }),
        refused('n^2', 'CIPHERTEXT_INVALID', { ciphertext: text(publicKey.nSquared) }),
        refused('a ciphertext of another width', 'CIPHERTEXT_INVALID', { ciphertext: 'AAAA' }),
        refused('an unknown panel', 'PANEL_NOT_FOUND', { panelIds: [id()] }),
        refused('an unknown query', 'QUERY_NOT_FOUND', { queryId: id() }),
      ]);
      await ledger.submit(staff(ALPHA, 'officer'), 'panels:RegisterLayout', {
        layout: { ...LAYOUT, version: 2 },
      });
      const fields = aggregate.panelFields({ layoutVersion: 2 });
      await ledger.submit(gateway(ALPHA), 'panels:Anchor', fields);
      await expectRejections(ledger, 'queries:Contribute', [
        refused('a panel of another layout', 'CONTRIBUTION_MISMATCH', { panelIds: [fields.panelId] }),
      ]);
      await ledger.submit(gateway(ALPHA), 'queries:Contribute', argument);
      await expectRejections(ledger, 'queries:Contribute', [
        refused('a second answer', 'ALREADY_EXISTS', {}),
      ]);
      await expectRejections(ledger, 'queries:Complete', [
        {
          why: 'answers missing',
          code: 'TRANSITION_NOT_ALLOWED',
          caller: gateway(ALPHA),
          argument: { queryId },
        },
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: gateway('EchoMSP'), argument: { queryId } },
      ]);
    });

    it('a share, and a result from shares that do not fit', async () => {
      const query = await contributed();
      const { queryId } = query;
      const argument = aggregate.share(query, ALPHA);
      await expectRejections(ledger, 'queries:Share', [
        ...malformed(gateway(ALPHA), argument),
        { why: 'an officer', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'officer'), argument },
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: gateway('EchoMSP'), argument },
        {
          why: 'another ciphertext',
          code: 'RESULT_MISMATCH',
          caller: gateway(ALPHA),
          argument: { ...argument, ciphertextDigest: DIGEST },
        },
        {
          why: 'no group element',
          code: 'CIPHERTEXT_INVALID',
          caller: gateway(ALPHA),
          argument: { ...argument, value: 'AAAA' },
        },
      ]);
      const late = await aggregate.contribution(queryId, ALPHA, [30]);
      await expectRejections(ledger, 'queries:Contribute', [
        { why: 'after completion', code: 'TRANSITION_NOT_ALLOWED', caller: gateway(ALPHA), argument: late },
      ]);
      for (const mspId of [ALPHA, BRAVO, CHARLIE]) await share(query, mspId);
      await expectRejections(ledger, 'queries:Share', [
        { why: 'a second share', code: 'ALREADY_EXISTS', caller: gateway(ALPHA), argument },
      ]);
      await expectRejections(ledger, 'queries:Publish', [
        {
          why: 'a share missing',
          code: 'TRANSITION_NOT_ALLOWED',
          caller: gateway(ALPHA),
          argument: { queryId },
        },
      ]);
      const foreign = { ...aggregate.share(query, ALPHA) };
      await ledger.submit(gateway(DELTA), 'queries:Share', foreign);
      await expectRejections(ledger, 'queries:Publish', [
        {
          why: 'a share that is not the holder’s',
          code: 'RESULT_MISMATCH',
          caller: gateway(ALPHA),
          argument: { queryId },
        },
      ]);
      await ledger.submit(gateway(ALPHA), 'queries:Refuse', { queryId, reason: 'AGGREGATE_MISMATCH' });
    });
  });
});
