/** The demonstration's statistics over the heart-disease samples: each asked of the four hospitals, and in plaintext. */
import {
  bytesToHex,
  layoutOf,
  plaintextResults,
  randomBytes,
  type AskedStatistic,
  type PanelLayout,
  type StatisticResult,
} from '@careledger/crypto';
import {
  CareLedgerError,
  canonicalJson,
  matchesCohort,
  type Cohort,
  type QueryDetails,
} from '@careledger/protocol';
import type { GatewayClient } from './gateway-client.js';
import { describeRefusal } from './refusals.js';
import type { HeartSamples } from './heart-samples.js';

export interface DemoStatistic extends AskedStatistic {
  readonly title: string;
  readonly cohort: Cohort;
  readonly cohortTitle: string;
}

const CORONARY = { condition: { system: 'http://snomed.info/sct', code: '53741008' } } as const;
const ALL = { cohort: { all: true }, cohortTitle: 'all' } as const;

/** Every statistic at least once. In the order of the samples' fields: those of the first layout can be asked first. */
export const DEMO_STATISTICS: readonly DemoStatistic[] = [
  { title: 'patients with an age', statistic: 'count', fields: ['age'], ...ALL },
  {
    title: 'mean resting systolic pressure',
    statistic: 'mean',
    fields: ['restingSystolicBloodPressure'],
    ...ALL,
  },
  { title: 'variance of cholesterol', statistic: 'variance', fields: ['cholesterol'], ...ALL },
  {
    title: 'sum of ST depression',
    statistic: 'sum',
    fields: ['stDepression'],
    cohort: { sex: 'female' },
    cohortTitle: 'women',
  },
  {
    title: 'mean maximum heart rate',
    statistic: 'mean',
    fields: ['maxHeartRate'],
    cohort: CORONARY,
    cohortTitle: 'coronary arteriosclerosis',
  },
  {
    title: 'variance of age',
    statistic: 'variance',
    fields: ['age'],
    cohort: { and: [{ sex: 'male' }, { not: CORONARY }] },
    cohortTitle: 'men without it',
  },
  {
    title: '3 age + 1 systolic pressure',
    statistic: 'weightedSum',
    fields: ['age', 'restingSystolicBloodPressure'],
    weights: ['3', '1'],
    ...ALL,
  },
  { title: 'age by decade', statistic: 'histogram', fields: ['ageDecade'], ...ALL },
  {
    title: 'chest pain',
    statistic: 'histogram',
    fields: ['chestPainType'],
    cohort: { age: { from: 50, to: 69 } },
    cohortTitle: 'age 50 to 69',
  },
  { title: 'sex by diagnosis', statistic: 'groupedCount', fields: ['sexByDiagnosis'], ...ALL },
  {
    title: 'covariance of age and heart rate',
    statistic: 'covariance',
    fields: ['ageByMaxHeartRate'],
    ...ALL,
  },
  { title: 'age until the diagnosis', statistic: 'survival', fields: ['ageUntilDiagnosis'], ...ALL },
];

export interface Comparison {
  readonly statistic: DemoStatistic;
  readonly encrypted: string;
  readonly plaintext: string;
  readonly cohortSize: number;
  readonly equal: boolean;
  readonly elapsedMs: number;
}

const POLL_MS = 100;
const QUERY_LIMIT_MS = 120_000;

export async function compare(
  researcher: { readonly client: GatewayClient; readonly token: string },
  samples: HeartSamples,
  hospitalIds: readonly string[],
  statistic: DemoStatistic,
): Promise<Comparison> {
  const started = performance.now();
  const layout = layoutOf(samples.layouts, statistic.fields);
  const details = await ask(researcher, layout, statistic);
  const elapsedMs = performance.now() - started;
  const encrypted = details.query.results ?? [];
  const rows = hospitalIds
    .flatMap((hospitalId) => samples.rowsOf(hospitalId, layout))
    .filter((row) => matchesCohort(statistic.cohort, row.subject));
  const plaintext = plaintextResults(
    layout,
    rows.map((row) => row.values),
    askedOf(statistic),
  );
  return {
    statistic,
    encrypted: figure(encrypted),
    plaintext: figure(plaintext),
    cohortSize: rows.length,
    equal: canonicalJson(encrypted) === canonicalJson(plaintext),
    elapsedMs,
  };
}

async function ask(
  { client, token }: { readonly client: GatewayClient; readonly token: string },
  layout: PanelLayout,
  statistic: DemoStatistic,
): Promise<QueryDetails> {
  const queryId = bytesToHex(randomBytes(16));
  const query = {
    queryId,
    ...askedOf(statistic),
    layoutId: layout.id,
    layoutVersion: layout.version,
    cohort: statistic.cohort,
    purpose: 'research',
  };
  await client.post('/v1/queries', query, { token });
  const deadline = Date.now() + QUERY_LIMIT_MS;
  for (;;) {
    const details = (await client.get(`/v1/queries/${queryId}`, token)) as QueryDetails;
    if (details.query.status === 'decrypted') return details;
    if (details.query.status === 'refused')
      throw new CareLedgerError('QUERY_REFUSED', { message: describeRefusal(details) });
    if (Date.now() > deadline)
      throw new CareLedgerError('QUERY_REFUSED', {
        expected: `a result within ${QUERY_LIMIT_MS / 1000} s`,
        came: details.query.status,
      });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function askedOf({ statistic, fields, weights }: DemoStatistic): AskedStatistic {
  return { statistic, fields, ...(weights === undefined ? {} : { weights }) };
}

const SURVIVOR_DIGITS = 3;

/** One line: counts without their labels, a curve without its counts. */
export function figure(results: readonly StatisticResult[]): string {
  return results.length === 0 ? 'none' : results.map(figureOf).join(', ');
}

function figureOf({ statistic, count, decimal, unit, bins, groups, intervals }: StatisticResult): string {
  if (bins !== undefined) return bins.map((bin) => bin.count).join(' ');
  if (groups !== undefined)
    return groups.map((group) => `${group.labels.join('/')} ${group.count}`).join(', ');
  if (intervals !== undefined) {
    const curve = intervals.map(({ survivor }) => survivor?.decimal.slice(0, SURVIVOR_DIGITS + 2) ?? '-');
    return `survivors ${curve.join(' ')}`;
  }
  return statistic === 'count' ? count : `${decimal ?? 'none'} ${unit === '1' ? '' : unit}`.trimEnd();
}
