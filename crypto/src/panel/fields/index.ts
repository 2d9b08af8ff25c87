/** Kinds of fields: what each reads from a row, its slots, and its totals. */
export type { Categories, CategoryColumn, NumberColumn, NumberRange, PanelRow } from './columns.js';
export type { CompiledField, SlotPart } from './field.js';
export type { CompiledGrouped, GroupedField } from './grouped.js';
export type { CompiledHistogram, HistogramField } from './histogram.js';
export type { CompiledNumeric, NumericField, NumericTotals } from './numeric.js';
export type { CompiledPair, PairField, PairTotals } from './pair.js';
export type { CompiledSurvival, SurvivalField, SurvivalTotals } from './survival.js';
