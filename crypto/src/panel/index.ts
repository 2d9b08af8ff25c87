/** Panels: what a row holds, its packing into plaintexts, statistics from totals, contributions to a query. */
export * from './asked-statistic.js';
export * from './contribution.js';
export * from './fields/index.js';
export * from './pack-layouts.js';
export * from './panel-layout.js';
export * from './panel.js';
export * from './panel-block.js';
export * from './plaintext-statistics.js';
export * from './row-proof.js';
export * from './row-proof-bytes.js';
export type { ExactFraction, StatisticResult, SurvivalInterval } from './statistic-result.js';
export { resultsFromTotals, statisticFromTotals } from './statistics.js';
