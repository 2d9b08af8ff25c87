import { expect } from 'chai';
import { KEYS, LIMITS, type Query, type QueryDetails } from '@careledger/protocol';
import { LAYOUT, TestAggregate } from './testing/aggregation.js';
import { ALPHA, BRAVO, fourHospitals, staff } from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections } from './testing/rejections.js';

const researcher = staff(ALPHA, 'researcher');
const DAY_MS = 86_400_000;

describe('the budget of queries', () => {
  let ledger: MemoryLedger;
  let aggregate: TestAggregate;
  beforeEach(async () => {
    ledger = await fourHospitals();
    aggregate = await new TestAggregate(ledger).setUp();
  });

  const open = async (caller = researcher, changes: object = {}) =>
    ledger.submit(caller, 'queries:Open', aggregate.queryFields(changes));
  /** As if so many fields had been asked for today. */
  const spend = async (fields: number): Promise<void> => {
    await open();
    const key = [...ledger.state.keys()].find((candidate) => candidate.includes(KEYS.queryBudget)) ?? '';
    const days = [{ day: ledger.now.slice(0, 10), fields }];
    ledger.state.set(key, Buffer.from(JSON.stringify({ days })));
  };

  it('refuses what goes beyond it: the refusal commits, nobody is asked', async () => {
    await spend(LIMITS.queriesPerBudgetPeriod - 1);
    expect((await open()).response).to.include({ status: 'opened' });
    const { response, events, at } = await open();
    const refused = response as Query;
    expect(refused).to.deep.include({
      status: 'refused',
      refusal: { mspId: ALPHA, reason: 'BUDGET_EXHAUSTED' },
      members: [],
      endedAt: at,
    });
    expect(events).to.deep.equal([
      { event: 'query.ended', id: refused.queryId, mspId: ALPHA, status: 'refused' },
    ]);
    const argument = { queryId: refused.queryId };
    const found = (await ledger.evaluate(staff(BRAVO, 'auditor'), 'queries:Get', argument)) as QueryDetails;
    expect(found.query).to.deep.equal(refused);
    const contribution = await aggregate.contribution(refused.queryId, BRAVO, [30]);
    await expectRejections(ledger, 'queries:Contribute', [
      { why: 'nobody was asked', code: 'NOT_OWNER', caller: staff(BRAVO, 'gateway'), argument: contribution },
    ]);
    await expectRejections(ledger, 'queries:Complete', [
      { why: 'a refused query', code: 'TRANSITION_NOT_ALLOWED', caller: staff(BRAVO, 'gateway'), argument },
    ]);
    await expectRejections(ledger, 'queries:Open', [
      {
        why: 'its id again',
        code: 'ALREADY_EXISTS',
        caller: researcher,
        argument: aggregate.queryFields(argument),
      },
    ]);
  });

  it('is each requester’s own, so that requesters do not wait for one another', async () => {
    await spend(LIMITS.queriesPerBudgetPeriod);
    expect((await open()).response).to.include({ status: 'refused' });
    const others = [staff(ALPHA, 'researcher', 'researcher-2'), staff(BRAVO, 'researcher')];
    const [one, other] = [await open(others[0]), await open(others[1])];
    expect([one.response, other.response].map((query) => (query as Query).status)).to.deep.equal([
      'opened',
      'opened',
    ]);
    expect([...one.writes.keys()].filter((key) => other.reads.has(key))).to.deep.equal([]);
  });

  it('is whole again when the period has passed, and counts fields, not queries', async () => {
    await spend(LIMITS.queriesPerBudgetPeriod - 1);
    const numeric = { kind: 'numeric', unit: '1', scale: 0, min: '0', max: '9' } as const;
    const fields = [
      { ...numeric, name: 'one' },
      { ...numeric, name: 'other' },
    ];
    const layout = { ...LAYOUT, version: 2, fields, maxRecords: 10 };
    await ledger.submit(staff(ALPHA, 'officer'), 'panels:RegisterLayout', { layout });
    const both = { statistic: 'sum', layoutVersion: 2, fields: ['one', 'other'] };
    expect((await open(researcher, both)).response).to.include({ status: 'refused' });
    ledger.advance((LIMITS.queryBudgetDays - 1) * DAY_MS);
    await open();
    expect((await open()).response).to.include({ status: 'refused' });
    ledger.advance(DAY_MS);
    expect((await open()).response).to.include({ status: 'opened' });
  });

  it('is not spent by what fails', async () => {
    await spend(LIMITS.queriesPerBudgetPeriod - 1);
    await expectRejections(ledger, 'queries:Open', [
      {
        why: 'an unknown field',
        code: 'SCHEMA_VIOLATION',
        caller: researcher,
        argument: aggregate.queryFields({ fields: ['height'] }),
      },
    ]);
    expect((await open()).response).to.include({ status: 'opened' });
  });
});
