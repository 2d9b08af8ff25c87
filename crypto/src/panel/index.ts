/** Panels: what a row holds, its packing into plaintexts, statistics from totals, contributions to a query. */
export * from './contribution.js';
export * from './panel-layout.js';
export * from './panel.js';
export * from './panel-block.js';
export * from './statistics.js';
