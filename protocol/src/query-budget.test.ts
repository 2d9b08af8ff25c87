import { expect } from 'chai';
import { LIMITS } from './limits.js';
import { spendBudget, type QueryBudget } from './query-budget.js';

const on = (day: string, time = '08:00:00.000') => `${day}T${time}Z`;
const MOST = LIMITS.queriesPerBudgetPeriod;

describe('the budget of a requester', () => {
  it('is spent to the last field, and not one further', () => {
    const spent = spendBudget(undefined, on('2026-11-20'), MOST - 1);
    expect(spendBudget(spent, on('2026-11-20'), 1)?.days).to.deep.equal([
      { day: '2026-11-20', fields: MOST },
    ]);
    expect(spendBudget(spent, on('2026-11-20'), 2)).to.equal(undefined);
    expect(spendBudget(undefined, on('2026-11-20'), MOST + 1)).to.equal(undefined);
  });

  it('counts the day of asking and the days before it, as many as the period has', () => {
    const spent = spendBudget(undefined, on('2026-11-01', '23:59:59.999'), MOST);
    expect(spendBudget(spent, on('2026-11-30', '23:59:59.999'), 1)).to.equal(undefined);
    expect(spendBudget(spent, on('2026-12-01', '00:00:00.000'), 1)?.days).to.deep.equal([
      { day: '2026-12-01', fields: 1 },
    ]);
  });

  it('keeps one entry a day in order, and counts a day that a faster clock has begun', () => {
    let budget: QueryBudget | undefined;
    for (const day of ['2026-11-21', '2026-11-20', '2026-11-21', '2026-11-19'])
      budget = spendBudget(budget, on(day), 60);
    expect(budget).to.equal(undefined);
    for (const day of ['2026-11-21', '2026-11-20', '2026-11-21']) budget = spendBudget(budget, on(day), 60);
    expect(budget?.days).to.deep.equal([
      { day: '2026-11-20', fields: 60 },
      { day: '2026-11-21', fields: 120 },
    ]);
    expect(spendBudget(budget, on('2026-11-20'), 21)).to.equal(undefined);
  });

  it('stays as long as the period, whatever is asked', () => {
    let budget: QueryBudget | undefined;
    for (let day = 0; day < 365; day += 1) {
      const at = new Date(Date.UTC(2026, 0, 1) + day * 86_400_000).toISOString();
      budget = spendBudget(budget, at, 1);
      expect(budget?.days.length, at).to.be.at.most(LIMITS.queryBudgetDays);
    }
  });

  it('takes no query of nothing', () => {
    for (const fields of [0, -1, 1.5, NaN]) {
      expect(() => spendBudget(undefined, on('2026-11-20'), fields), String(fields))
        .to.throw()
        .with.property('code', 'SCHEMA_VIOLATION');
    }
  });
});
