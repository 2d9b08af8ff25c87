/** The demonstration's statistics over the heart-disease samples: each asked of the four hospitals, and in plaintext. */
import {
  plaintextStatistic,
  randomBytes,
  bytesToHex,
  type PanelLayout,
  type Statistic,
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

export interface DemoStatistic {
  readonly title: string;
  readonly layoutId: string;
  readonly statistic: Statistic;
  readonly field: string;
  readonly cohort: Cohort;
  readonly cohortTitle: string;
}

const CORONARY = { condition: { system: 'http://snomed.info/sct', code: '53741008' } } as const;
const ALL: Cohort = { all: true };

export const DEMO_STATISTICS: readonly DemoStatistic[] = [
  {
    title: 'patients with an age',
    layoutId: 'heart-moments',
    statistic: 'count',
    field: 'age',
    cohort: ALL,
    cohortTitle: 'all',
  },
  {
    title: 'mean resting systolic pressure',
    layoutId: 'heart-moments',
    statistic: 'mean',
    field: 'restingSystolicBloodPressure',
    cohort: ALL,
    cohortTitle: 'all',
  },
  {
    title: 'variance of cholesterol',
    layoutId: 'heart-moments',
    statistic: 'variance',
    field: 'cholesterol',
    cohort: ALL,
    cohortTitle: 'all',
  },
  {
    title: 'sum of ST depression',
    layoutId: 'heart-moments',
    statistic: 'sum',
    field: 'stDepression',
    cohort: { sex: 'female' },
    cohortTitle: 'women',
  },
  {
    title: 'mean maximum heart rate',
    layoutId: 'heart-moments',
    statistic: 'mean',
    field: 'maxHeartRate',
    cohort: CORONARY,
    cohortTitle: 'coronary arteriosclerosis',
  },
  {
    title: 'variance of age',
    layoutId: 'heart-moments',
    statistic: 'variance',
    field: 'age',
    cohort: { and: [{ sex: 'male' }, { not: CORONARY }] },
    cohortTitle: 'men without it',
  },
  {
    title: 'age by decade',
    layoutId: 'heart-histograms',
    statistic: 'histogram',
    field: 'ageDecade',
    cohort: ALL,
    cohortTitle: 'all',
  },
  {
    title: 'chest pain',
    layoutId: 'heart-histograms',
    statistic: 'histogram',
    field: 'chestPainType',
    cohort: { age: { from: 50, to: 69 } },
    cohortTitle: 'age 50 to 69',
  },
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
  const layout = layoutNamed(samples, statistic.layoutId);
  const details = await ask(researcher, layout, statistic);
  const elapsedMs = performance.now() - started;
  const [encrypted] = details.query.results ?? [];
  const rows = hospitalIds
    .flatMap((hospitalId) => samples.rowsOf(hospitalId, layout))
    .filter((row) => matchesCohort(statistic.cohort, row.subject));
  const plaintext = plaintextStatistic(
    layout,
    rows.map((row) => row.values),
    statistic.field,
    statistic.statistic,
  );
  return {
    statistic,
    encrypted: figure(encrypted),
    plaintext: figure(plaintext),
    cohortSize: rows.length,
    equal: encrypted !== undefined && canonicalJson(encrypted) === canonicalJson(plaintext),
    elapsedMs,
  };
}

async function ask(
  { client, token }: { readonly client: GatewayClient; readonly token: string },
  layout: PanelLayout,
  { statistic, field, cohort }: DemoStatistic,
): Promise<QueryDetails> {
  const queryId = bytesToHex(randomBytes(16));
  const query = {
    queryId,
    statistic,
    layoutId: layout.id,
    layoutVersion: layout.version,
    fields: [field],
    cohort,
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

function layoutNamed(samples: HeartSamples, layoutId: string): PanelLayout {
  const layout = samples.layouts.find(({ id }) => id === layoutId);
  if (layout === undefined) throw new CareLedgerError('PANEL_NOT_FOUND', { came: layoutId });
  return layout;
}

function figure(result: StatisticResult | undefined): string {
  if (result === undefined) return 'none';
  if (result.bins !== undefined) return result.bins.map(({ count }) => count).join(' ');
  return result.statistic === 'count' ? result.count : `${result.decimal ?? ''} ${result.unit}`;
}
