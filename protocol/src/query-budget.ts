import { CareLedgerError } from './errors.js';
import { addMs, msFromInstant } from './instant.js';
import { LIMITS } from './limits.js';

/**
 * What one requester has asked for: fields, summed over its queries, by calendar day (UTC). The backstop against unions
 * of many queries, each of which passes the checks of cohort and differencing alone.
 */
export interface QueryBudget {
  /** Ascending; only days that still count. */
  readonly days: readonly { readonly day: string; readonly fields: number }[];
}

const DAY_MS = 24 * 60 * 60 * 1000;
const DAY_LENGTH = '2026-11-20'.length;

/** @returns the budget after an opening of so many fields at that time, or undefined when it does not allow that. */
export function spendBudget(
  before: QueryBudget | undefined,
  at: string,
  fields: number,
): QueryBudget | undefined {
  if (!Number.isSafeInteger(fields) || fields < 1) {
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'at least one field', came: String(fields) });
  }
  const today = at.slice(0, DAY_LENGTH);
  // Timestamps may differ from the peers' clocks by minutes, so a day after today may stand there already; it counts.
  const oldest = addMs(at, -(LIMITS.queryBudgetDays - 1) * DAY_MS).slice(0, DAY_LENGTH);
  const counting = (before?.days ?? []).filter(({ day }) => day >= oldest);
  const spent = counting.reduce((sum, { fields: asked }) => sum + asked, 0);
  if (spent + fields > LIMITS.queriesPerBudgetPeriod) return undefined;
  const asked = (counting.find(({ day }) => day === today)?.fields ?? 0) + fields;
  const others = counting.filter(({ day }) => day !== today);
  return { days: [...others, { day: today, fields: asked }].sort(byDay) };
}

function byDay(left: { readonly day: string }, right: { readonly day: string }): number {
  return msFromInstant(`${left.day}T00:00:00.000Z`) - msFromInstant(`${right.day}T00:00:00.000Z`);
}
