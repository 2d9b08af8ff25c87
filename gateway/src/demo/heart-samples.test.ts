import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import {
  STATISTICS,
  decodeTotals,
  layoutBits,
  layoutOf,
  plaintextResults,
  resultsFromTotals,
  rowEncoder,
  slotsFor,
  type PanelLayout,
} from '@careledger/crypto';
import { matchesCohort } from '@careledger/protocol';
import { readHeartSamples, type HeartRow, type HeartSamples } from './heart-samples.js';
import { comparisonLine } from './report.js';
import { DEMO_STATISTICS, figure, type DemoStatistic } from './statistics.js';

const FOLDER = fileURLToPath(new URL('../../../samples/heart-disease', import.meta.url));
const HOSPITALS = ['h1', 'h2', 'h3', 'h4'];

function cohortOf(samples: HeartSamples, layout: PanelLayout, { cohort }: DemoStatistic): HeartRow[] {
  return HOSPITALS.flatMap((hospital) => samples.rowsOf(hospital, layout)).filter(({ subject }) =>
    matchesCohort(cohort, subject),
  );
}

describe('the heart-disease samples', () => {
  it('fill as many layouts as the key needs, the same each time', () => {
    for (const [keyBits, layouts] of [
      [1024, 7],
      [2048, 3],
      [3072, 2],
    ] as const) {
      const samples = readHeartSamples(FOLDER, keyBits);
      const ids = samples.layouts.map(({ id }) => id);
      expect(ids).to.deep.equal(Array.from({ length: layouts }, (_, index) => `heart-${index + 1}`));
      for (const layout of samples.layouts) {
        expect(layout.keyBits).to.equal(keyBits);
        expect(layoutBits(layout)).to.be.below(keyBits);
      }
      expect(readHeartSamples(FOLDER, keyBits).layouts).to.deep.equal(samples.layouts);
    }
  });

  it('show every statistic, each over fields of one layout', () => {
    expect(new Set(DEMO_STATISTICS.map(({ statistic }) => statistic))).to.have.all.keys(...STATISTICS);
    for (const keyBits of [1024, 2048, 3072]) {
      const { layouts } = readHeartSamples(FOLDER, keyBits);
      for (const { fields } of DEMO_STATISTICS) expect(layoutOf(layouts, fields).keyBits).to.equal(keyBits);
    }
  });

  it('add up to what the rows in the clear give, and print in one line', () => {
    const samples = readHeartSamples(FOLDER, 1024);
    for (const statistic of DEMO_STATISTICS) {
      const layout = layoutOf(samples.layouts, statistic.fields);
      const rows = cohortOf(samples, layout, statistic).map(({ values }) => values);
      const encode = rowEncoder(layout);
      const sum = rows.reduce((total, row) => total + encode(row).plaintext, 0n);
      const totals = decodeTotals(layout, sum, slotsFor(layout, statistic.fields, statistic.statistic));
      const results = resultsFromTotals(layout, totals, statistic);
      expect(results, statistic.title).to.deep.equal(plaintextResults(layout, rows, statistic));
      const encrypted = figure(results);
      const line = comparisonLine({
        statistic,
        encrypted,
        plaintext: encrypted,
        cohortSize: rows.length,
        equal: true,
        elapsedMs: 1,
      });
      expect(line, 'nothing is cut off').not.to.contain('…');
    }
  });

  it('count the patients of the published table', () => {
    const samples = readHeartSamples(FOLDER, 1024);
    const shown = Object.fromEntries(
      DEMO_STATISTICS.slice(-3).map((statistic) => {
        const layout = layoutOf(samples.layouts, statistic.fields);
        const rows = cohortOf(samples, layout, statistic).map(({ values }) => values);
        return [statistic.statistic, figure(plaintextResults(layout, rows, statistic))];
      }),
    );
    expect(shown).to.deep.equal({
      groupedCount: 'female/0 72, female/1 25, male/0 92, male/1 114',
      covariance: '-81.423065 a/min',
      survival: 'survivors 0.953 0.838 0.445 0.228',
    });
  });
});
