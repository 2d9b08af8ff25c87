import { expect } from 'chai';
import { ciphertextToText, encryptWith, randomUnit } from '@careledger/crypto/core';
import {
  MAX_REJECTED_SHARES,
  type Contribution,
  type PartialShare,
  type Query,
  type QueryDetails,
  type ShareResult,
} from '@careledger/protocol';
import { TestAggregate } from './testing/aggregation.js';
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
  vote,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const gateway = (mspId: string) => staff(mspId, 'gateway');
const ECHO = 'EchoMSP';
const AGES: Record<string, number[]> = {
  [ALPHA]: [30, 41],
  [BRAVO]: [52],
  [CHARLIE]: [63, 64],
  [DELTA]: [70],
};

describe('shares of an aggregate', () => {
  let ledger: MemoryLedger;
  let aggregate: TestAggregate;
  let query: Query;

  const contribute = async (queryId: string, contributors: readonly string[] = HOSPITALS) => {
    for (const mspId of contributors) {
      const argument = await aggregate.contribution(queryId, mspId, AGES[mspId] ?? []);
      await ledger.submit(gateway(mspId), 'queries:Contribute', argument);
    }
  };
  const complete = async (queryId: string) =>
    (await ledger.submit(gateway(ALPHA), 'queries:Complete', { queryId })).response as Query;
  const post = (mspId: string, argument: object) => ledger.submit(gateway(mspId), 'queries:Share', argument);
  const share = (mspId: string) => post(mspId, aggregate.share(query, mspId));
  const publish = async () =>
    (await ledger.submit(gateway(ALPHA), 'queries:Publish', { queryId: query.queryId })).response as Query;
  const refusedToPublish = async () => {
    const error = await ledger.refusal(gateway(ALPHA), 'queries:Publish', { queryId: query.queryId });
    expect(error.code).to.equal('TRANSITION_NOT_ALLOWED');
    return error.message;
  };
  const details = async () =>
    (await ledger.evaluate(staff(BRAVO, 'auditor'), 'queries:Get', {
      queryId: query.queryId,
    })) as QueryDetails;

  beforeEach(async () => {
    ledger = await fourHospitals();
    aggregate = await new TestAggregate(ledger).setUp();
    const queryId = await aggregate.query({ statistic: 'sum' });
    await contribute(queryId);
    query = await complete(queryId);
  });

  it('are accepted with their proof, and combined from the first that are needed', async () => {
    const { response, events, at, txId } = await share(DELTA);
    const posted = (response as ShareResult).partial;
    expect(response).to.deep.include({ outcome: 'accepted' });
    expect(posted).to.deep.include({ mspId: DELTA, epoch: 0, at, txId });
    expect(events).to.deep.equal([
      { event: 'query.shared', id: query.queryId, mspId: DELTA, status: 'accepted' },
    ]);
    for (const mspId of [CHARLIE, BRAVO, ALPHA]) await share(mspId);
    const { results, combined } = await publish();
    expect(results?.[0]?.exact).to.deep.equal({ numerator: '320', denominator: '1' });
    expect(combined).to.deep.equal({ epoch: 0, holders: [ALPHA, BRAVO, CHARLIE] });
    const { partials, rejected } = await details();
    expect(partials.map(({ mspId }) => mspId)).to.deep.equal([...HOSPITALS]);
    expect(rejected).to.deep.equal([]);
  });

  it('are each written under a key of their own, which no other holder reads', async () => {
    const [one, other] = [await share(ALPHA), await share(BRAVO)];
    const bad = await post(CHARLIE, { ...aggregate.share(query, CHARLIE), ciphertextDigest: DIGEST });
    for (const key of [...one.writes.keys(), ...bad.writes.keys()])
      expect(other.reads.has(key) || other.writes.has(key), key).to.equal(false);
  });

  describe('that do not hold', () => {
    const rejections = async () => (await details()).rejected.map(({ mspId, reason }) => [mspId, reason]);

    it('name their sender on the ledger, do not count, and may be followed by a right one', async () => {
      const right = aggregate.share(query, CHARLIE);
      const wrong = { ...right, value: aggregate.share(query, ALPHA).value };
      const { response, events, at, txId } = await post(CHARLIE, wrong);
      const evidence = { ...wrong, mspId: CHARLIE, reason: 'PROOF_INVALID', at, txId };
      expect(response).to.deep.equal({ outcome: 'rejected', partial: evidence });
      expect(events).to.deep.equal([
        { event: 'query.shared', id: query.queryId, mspId: CHARLIE, status: 'rejected' },
      ]);
      for (const mspId of [ALPHA, BRAVO, DELTA]) await share(mspId);
      expect(await refusedToPublish()).to.match(/none of CharlieMSP/);
      expect((await details()).rejected).to.deep.equal([evidence]);
      await post(CHARLIE, right);
      expect((await publish()).results?.[0]?.exact?.numerator).to.equal('320');
      expect(await rejections()).to.deep.equal([[CHARLIE, 'PROOF_INVALID']]);
    });

    it('would have moved the result unseen: c_i (1 + n)^delta passes x = 1 mod n', async () => {
      const { publicKey } = aggregate.key;
      const right = aggregate.share(query, DELTA);
      const shifted =
        (BigInt(`0x${Buffer.from(right.value, 'base64url').toString('hex')}`) * (1n + 7n * publicKey.n)) %
        publicKey.nSquared;
      await post(DELTA, { ...right, value: ciphertextToText(publicKey, shifted) });
      expect(await rejections()).to.deep.equal([[DELTA, 'PROOF_INVALID']]);
    });

    it('are of anything but the aggregate: a contribution, a row, what another query asks', async () => {
      const { publicKey } = aggregate.key;
      const theirs = BigInt(`0x${Buffer.from(await anothersContribution(), 'base64url').toString('hex')}`);
      await post(DELTA, aggregate.share(query, DELTA, { ciphertext: theirs }));
      const chosen = encryptWith(publicKey, 5n, randomUnit(publicKey));
      await post(DELTA, aggregate.share(query, DELTA, { ciphertext: chosen }));
      // Under the aggregate's name, and still of something else.
      const { ciphertextDigest } = aggregate.share(query, DELTA);
      await post(DELTA, { ...aggregate.share(query, DELTA, { ciphertext: chosen }), ciphertextDigest });
      expect((await rejections()).sort()).to.deep.equal([
        [DELTA, 'OTHER_CIPHERTEXT'],
        [DELTA, 'OTHER_CIPHERTEXT'],
        [DELTA, 'PROOF_INVALID'],
      ]);
    });
    const anothersContribution = async () => {
      const { contributions } = await details();
      return contributions.find(({ mspId }: Contribution) => mspId === ALPHA)?.ciphertext ?? '';
    };

    it('are proved for another query, step or place, or are another holder’s', async () => {
      const attempts = [
        aggregate.share(query, ALPHA, { context: { queryId: id() } }),
        aggregate.share(query, ALPHA, { context: { step: 'ceremony' } }),
        aggregate.share(query, ALPHA, { context: { index: 1 } }),
      ];
      for (const argument of attempts) await post(ALPHA, argument);
      await post(BRAVO, aggregate.share(query, ALPHA));
      expect(await rejections()).to.have.deep.members([
        [ALPHA, 'PROOF_INVALID'],
        [ALPHA, 'PROOF_INVALID'],
        [ALPHA, 'PROOF_INVALID'],
        [BRAVO, 'PROOF_INVALID'],
      ]);
    });

    it('are no group elements', async () => {
      const right = aggregate.share(query, BRAVO);
      const zero = 'A'.repeat(right.value.length);
      await post(BRAVO, { ...right, value: zero });
      await post(BRAVO, { ...right, value: 'AAAA' });
      await post(BRAVO, { ...right, proof: { ...right.proof, response: 'AAAA' } });
      expect(await rejections()).to.deep.equal(Array(3).fill([BRAVO, 'PROOF_INVALID']));
    });

    it('are kept so many times, and a right one is taken all the same', async () => {
      const right = aggregate.share(query, BRAVO);
      const wrong = { ...right, ciphertextDigest: DIGEST };
      for (let count = 0; count < MAX_REJECTED_SHARES; count += 1) await post(BRAVO, wrong);
      await expectRejections(ledger, 'queries:Share', [
        { why: 'one more', code: 'LIMIT_EXCEEDED', caller: gateway(BRAVO), argument: wrong },
      ]);
      expect((await post(BRAVO, right)).response).to.include({ outcome: 'accepted' });
      expect((await post(ALPHA, { ...wrong })).response).to.include({ outcome: 'rejected' });
    });
  });

  it('are refused with an error before arithmetic', async () => {
    const argument = aggregate.share(query, ALPHA);
    await admitFifth(ledger, ECHO);
    const refused = (
      why: string,
      code: Parameters<typeof expectRejections>[2][0]['code'],
      changes: object,
      caller = gateway(ALPHA),
    ) => ({ why, code, caller, argument: { ...argument, ...changes } });
    const opened = await aggregate.query();
    await expectRejections(ledger, 'queries:Share', [
      ...malformed(gateway(ALPHA), argument),
      refused('an officer', 'ROLE_NOT_ALLOWED', {}, staff(ALPHA, 'officer')),
      refused('no member', 'MEMBER_NOT_ACTIVE', {}, gateway('FoxtrotMSP')),
      refused('no holder', 'NOT_OWNER', {}, gateway(ECHO)),
      refused('an unknown query', 'QUERY_NOT_FOUND', { queryId: id() }),
      refused('a query that is not complete', 'TRANSITION_NOT_ALLOWED', { queryId: opened }),
      refused('another epoch', 'SHARING_SUPERSEDED', { epoch: 1 }),
    ]);
    await post(ALPHA, argument);
    await expectRejections(ledger, 'queries:Share', [refused('a second share', 'ALREADY_EXISTS', {})]);
    const late = await aggregate.contribution(query.queryId, ALPHA, [30]);
    await expectRejections(ledger, 'queries:Contribute', [
      { why: 'after completion', code: 'TRANSITION_NOT_ALLOWED', caller: gateway(ALPHA), argument: late },
    ]);
  });

  describe('are waited for', () => {
    it('of every contributor, and of a majority', async () => {
      const queryId = await aggregate.query();
      await contribute(queryId, [ALPHA, BRAVO, CHARLIE]);
      await ledger.submit(gateway(DELTA), 'queries:Refuse', { queryId, reason: 'NO_ROWS' });
      query = await complete(queryId);
      for (const mspId of [ALPHA, BRAVO, DELTA]) await share(mspId);
      expect(await refusedToPublish()).to.match(/none of CharlieMSP/);
      await share(CHARLIE);
      expect((await publish()).status).to.equal('decrypted');
    });

    it('no longer of a contributor that was suspended, when a majority has shared', async () => {
      for (const mspId of [ALPHA, BRAVO]) await share(mspId);
      await vote(ledger, DELTA, 'suspend');
      expect(await refusedToPublish()).to.match(/none of CharlieMSP/);
      await share(CHARLIE);
      expect((await publish()).combined?.holders).to.deep.equal([ALPHA, BRAVO, CHARLIE]);
    });

    it('of a majority also when fewer contributors are left', async () => {
      for (const mspId of [ALPHA, BRAVO]) await share(mspId);
      await vote(ledger, DELTA, 'suspend');
      await ledger.submit(staff(CHARLIE, 'admin'), 'members:Leave', {});
      expect(await refusedToPublish()).to.match(/shares of 3 holders/);
      const { code } = await ledger.refusal(gateway(DELTA), 'queries:Share', aggregate.share(query, DELTA));
      expect(code).to.equal('MEMBER_NOT_ACTIVE');
    });

    it('of a majority, in which one counts that its holder posted before it was suspended', async () => {
      for (const mspId of [DELTA, BRAVO]) await share(mspId);
      await vote(ledger, DELTA, 'suspend');
      await ledger.submit(staff(ALPHA, 'admin'), 'members:Leave', {});
      await share(CHARLIE);
      const { response } = await ledger.submit(gateway(BRAVO), 'queries:Publish', { queryId: query.queryId });
      expect((response as Query).combined?.holders).to.deep.equal([BRAVO, CHARLIE, DELTA]);
    });
  });

  describe('of two epochs', () => {
    it('do not mix: after a redistribution every holder posts again, and its share of before is replaced', async () => {
      const old = aggregate.share(query, DELTA);
      for (const mspId of HOSPITALS.slice(0, 3)) await share(mspId);
      await aggregate.redistribute([...HOSPITALS].reverse(), [ALPHA, BRAVO, CHARLIE]);
      await expectRejections(ledger, 'queries:Share', [
        { why: 'an old share', code: 'SHARING_SUPERSEDED', caller: gateway(DELTA), argument: old },
      ]);
      await post(DELTA, { ...old, epoch: 1 });
      expect((await details()).rejected.map(({ mspId }) => mspId)).to.deep.equal([DELTA]);
      await share(DELTA);
      expect(await refusedToPublish()).to.match(/none of AlphaMSP, BravoMSP, CharlieMSP/);
      for (const mspId of HOSPITALS.slice(0, 3)) await share(mspId);
      expect((await details()).partials.map(({ epoch }: PartialShare) => epoch)).to.deep.equal([1, 1, 1, 1]);
      const { results, combined } = await publish();
      expect(results?.[0]?.exact?.numerator).to.equal('320');
      expect(combined).to.deep.equal({ epoch: 1, holders: [DELTA, CHARLIE, BRAVO] });
    });

    it('a member that left holds none, is not waited for, and a new one shares in what it did not contribute to', async () => {
      await admitFifth(ledger, ECHO);
      await ledger.submit(staff(DELTA, 'admin'), 'members:Leave', {});
      const holders = [ALPHA, BRAVO, CHARLIE, ECHO];
      await aggregate.redistribute(holders, [ALPHA, BRAVO, CHARLIE]);
      for (const mspId of [ALPHA, BRAVO, ECHO]) await share(mspId);
      expect(await refusedToPublish()).to.match(/none of CharlieMSP/);
      await share(CHARLIE);
      expect((await publish()).results?.[0]?.exact?.numerator).to.equal('320');
      const queryId = await aggregate.query();
      const opened = (await ledger.evaluate(gateway(ALPHA), 'queries:Get', { queryId })) as QueryDetails;
      expect(opened.query.members).to.deep.equal(holders);
    });

    it('a contributor that left and came back is a member without a share, and is not waited for', async () => {
      await ledger.submit(staff(DELTA, 'admin'), 'members:Leave', {});
      const holders = [ALPHA, BRAVO, CHARLIE];
      await aggregate.redistribute(holders, holders);
      await admitFifth(ledger, DELTA, [ALPHA, BRAVO]);
      for (const mspId of holders) await share(mspId);
      expect((await publish()).combined).to.deep.equal({ epoch: 1, holders: [ALPHA, BRAVO] });
    });
  });
});
