import { expect } from 'chai';
import { type Page, type Query, type QueryDetails } from '@careledger/protocol';
import { TestAggregate } from './testing/aggregation.js';
import { ALPHA, BRAVO, CHARLIE, DELTA, HOSPITALS, fourHospitals, id, staff } from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections } from './testing/rejections.js';

const gateway = (mspId: string) => staff(mspId, 'gateway');
const researcher = staff(ALPHA, 'researcher');
const AGES: Record<string, number[]> = {
  [ALPHA]: [30, 41],
  [BRAVO]: [52],
  [CHARLIE]: [63, 64, 65],
  [DELTA]: [70],
};

describe('queries', () => {
  let ledger: MemoryLedger;
  let aggregate: TestAggregate;
  beforeEach(async () => {
    ledger = await fourHospitals();
    aggregate = await new TestAggregate(ledger).setUp();
  });

  const details = async (queryId: string) =>
    (await ledger.evaluate(researcher, 'queries:Get', { queryId })) as QueryDetails;
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

  describe('from opening to result', () => {
    const statistics: [string, string[], (results: Query['results']) => void][] = [
      [
        'mean',
        ['age'],
        (results) => {
          expect(results?.[0]).to.include({ count: '7', decimal: '55.000000' });
        },
      ],
      [
        'sum',
        ['age'],
        (results) => {
          expect(results?.[0]?.exact).to.deep.equal({ numerator: '385', denominator: '1' });
        },
      ],
      [
        'count',
        ['age'],
        (results) => {
          expect(results?.[0]).to.include({ count: '7' });
        },
      ],
      [
        'variance',
        ['age'],
        (results) => {
          expect(results?.[0]?.exact).to.deep.equal({ numerator: '650', denominator: '3' });
        },
      ],
      [
        'histogram',
        ['sex'],
        (results) => {
          expect(results?.[0]?.bins?.map(({ count }) => count)).to.deep.equal(['7', '0']);
        },
      ],
    ];
    for (const [statistic, fields, check] of statistics) {
      it(`decrypts a ${statistic} to what the plaintexts say`, async () => {
        const query = await contributed({ statistic, fields });
        expect(query).to.include({ status: 'contributed' });
        expect(query.contributors).to.deep.equal([...HOSPITALS]);
        for (const mspId of HOSPITALS) await share(query, mspId);
        const published = await ledger.submit(gateway(BRAVO), 'queries:Publish', { queryId: query.queryId });
        expect(published.events).to.deep.equal([
          { event: 'query.ended', id: query.queryId, mspId: BRAVO, status: 'decrypted' },
        ]);
        const { query: ended, contributions, partials } = await details(query.queryId);
        check(ended.results);
        expect([contributions.length, partials.length]).to.deep.equal([4, 4]);
      });
    }

    it('answers a mean of nobody without a figure', async () => {
      const queryId = await aggregate.query();
      for (const mspId of HOSPITALS) {
        const { argument } = await aggregate.contributionOf(queryId, mspId, [{ sex: 'male' }]);
        await ledger.submit(gateway(mspId), 'queries:Contribute', argument);
      }
      const query = await complete(queryId);
      for (const mspId of HOSPITALS) await share(query, mspId);
      const { response } = await ledger.submit(gateway(BRAVO), 'queries:Publish', { queryId });
      expect((response as Query).results).to.deep.equal([
        { statistic: 'mean', field: 'age', unit: 'years', count: '0' },
      ]);
    });

    it('completes without a hospital that refused, and without one that is no longer active', async () => {
      const queryId = await aggregate.query();
      for (const mspId of [ALPHA, BRAVO, CHARLIE]) await contribute(queryId, mspId);
      await ledger.submit(gateway(DELTA), 'queries:Refuse', { queryId, reason: 'COHORT_BELOW_MINIMUM' });
      expect((await complete(queryId)).contributors).to.deep.equal([ALPHA, BRAVO, CHARLIE]);
      const other = await aggregate.query();
      for (const mspId of [ALPHA, BRAVO, CHARLIE]) await contribute(other, mspId);
      await ledger.submit(staff(DELTA, 'admin'), 'members:Leave', {});
      const completed = await ledger.submit(gateway(ALPHA), 'queries:Complete', { queryId: other });
      expect(completed.response).to.include({ status: 'contributed' });
    });

    it('writes contributions and shares under one key each, which no other hospital reads', async () => {
      const queryId = await aggregate.query();
      const one = await ledger.submit(
        gateway(ALPHA),
        'queries:Contribute',
        await aggregate.contribution(queryId, ALPHA, [30]),
      );
      const other = await ledger.submit(
        gateway(BRAVO),
        'queries:Contribute',
        await aggregate.contribution(queryId, BRAVO, [30]),
      );
      expect(
        [...one.writes.keys()].filter((key) => other.reads.has(key) || other.writes.has(key)),
      ).to.deep.equal([]);
    });
  });

  describe('refusals', () => {
    it('ends a query with too few contributors', async () => {
      const queryId = await aggregate.query();
      for (const mspId of [ALPHA, BRAVO]) await contribute(queryId, mspId);
      for (const mspId of [CHARLIE, DELTA])
        await ledger.submit(staff(mspId, 'officer'), 'queries:Refuse', { queryId, reason: 'NO_ROWS' });
      const ended = await complete(queryId);
      expect(ended).to.deep.include({
        status: 'refused',
        refusal: { mspId: DELTA, reason: 'TOO_FEW_CONTRIBUTORS' },
      });
      expect(ended.aggregate).to.equal(undefined);
    });

    it('lets one holder end it before the result', async () => {
      const { queryId } = await contributed();
      const { response } = await ledger.submit(gateway(CHARLIE), 'queries:Refuse', {
        queryId,
        reason: 'BUDGET_EXHAUSTED',
      });
      expect(response).to.deep.include({
        status: 'refused',
        refusal: { mspId: CHARLIE, reason: 'BUDGET_EXHAUSTED' },
      });
      await expectRejections(ledger, 'queries:Publish', [
        {
          why: 'a refused query',
          code: 'TRANSITION_NOT_ALLOWED',
          caller: gateway(ALPHA),
          argument: { queryId },
        },
      ]);
      await expectRejections(ledger, 'queries:Refuse', [
        {
          why: 'a refused query',
          code: 'TRANSITION_NOT_ALLOWED',
          caller: gateway(ALPHA),
          argument: { queryId, reason: 'NO_ROWS' },
        },
      ]);
    });

    it('lists queries by time', async () => {
      const first = await aggregate.query();
      const from = ledger.now;
      const second = await aggregate.query();
      const list = async (argument: object) =>
        ((await ledger.evaluate(researcher, 'queries:List', argument)) as Page<Query>).items.map(
          ({ queryId }) => queryId,
        );
      const to = '2099-01-01T00:00:00.000Z';
      expect(await list({ from: '2026-01-01T00:00:00.000Z', to })).to.deep.equal([first, second]);
      expect(await list({ from, to })).to.deep.equal([second]);
      expect((await ledger.refusal(researcher, 'queries:Get', { queryId: id() })).code).to.equal(
        'QUERY_NOT_FOUND',
      );
    });
  });
});
