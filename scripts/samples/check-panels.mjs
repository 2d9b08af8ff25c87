#!/usr/bin/env node
/**
 * Asserts that samples/heart-disease/panels.json truly describes h1.csv .. h4.csv:
 * every column exists; every numeric cell lies in [min, max] and has at most `digits` decimals; every
 * categorical cell is a declared value; every row falls in exactly one bin of each histogram, one group of each grouped
 * count and one interval of each survival.
 *
 *   node scripts/samples/check-panels.mjs     exits 0 if all hold, else 1 with one line per violation
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseCsv } from './csv.mjs';

const FOLDER = new URL('../../samples/heart-disease/', import.meta.url);

/** Reads every hospital's CSV as records keyed by column; `where` names file and row for messages. */
function readRecords(files) {
  return files.flatMap((file) => {
    const { header, rows } = parseCsv(readFileSync(new URL(file, FOLDER), 'utf8'));
    return rows.map((row) => ({
      where: `${file} ${row[0]}`,
      cells: Object.fromEntries(header.map((column, index) => [column, row[index]])),
    }));
  });
}

/** The decimal text as an integer of 10^-digits, or undefined where it is not such a number. */
function toFixedPoint(text, digits) {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const fraction = (match[2] ?? '').padEnd(digits, '0');
  return fraction.length > digits ? undefined : Number(match[1] + fraction);
}

function fieldProblem(field, text) {
  const value = toFixedPoint(text, field.digits);
  if (value === undefined) return `not a number with at most ${field.digits} decimals`;
  const scale = 10 ** field.digits;
  if (value < field.min * scale || value > field.max * scale) return `outside ${field.min}..${field.max}`;
  return undefined;
}

/** Number of bins the cell falls in: [edge, next edge), the last one with its upper edge. */
function numericBins(panel, text) {
  const value = Number(text);
  const last = panel.edges.length - 2;
  return panel.edges
    .slice(0, -1)
    .filter(
      (from, index) =>
        value >= from &&
        (value < panel.edges[index + 1] || (index === last && value === panel.edges[index + 1])),
    ).length;
}

function columnRules(layout) {
  const attributes = new Map(layout.attributes.map((attribute) => [attribute.name, attribute]));
  const fields = new Map(layout.fields.map((field) => [field.name, field]));
  const oneOf = (values) => (text) =>
    values.includes(text) ? undefined : `not one of ${values.join(' | ')}`;
  const oneBin = (count) => (text) => (count(text) === 1 ? undefined : `in ${count(text)} bins, expected 1`);
  return [
    ...layout.fields.map((field) => [field.name, field.column, (text) => fieldProblem(field, text)]),
    ...layout.attributes.map(({ name, column, values }) => [
      name,
      column,
      oneOf(values.map(({ value }) => value)),
    ]),
    ...layout.conditions.map((condition) => [
      condition.code,
      condition.column,
      oneOf([...condition.presentWhen, ...condition.absentWhen]),
    ]),
    ...layout.panels.flatMap((panel) => {
      const bins = ({ attribute, bins }) => [panel.name, attributes.get(attribute).column, oneOf(bins)];
      const edges = (field) => [
        panel.name,
        fields.get(field).column,
        oneBin((text) => numericBins(panel, text)),
      ];
      if (panel.kind === 'histogram') return [panel.edges === undefined ? bins(panel) : edges(panel.field)];
      if (panel.kind === 'grouped') return panel.by.map(bins);
      if (panel.kind !== 'survival') return [];
      const { attribute, occurred, censored } = panel.event;
      return [edges(panel.time), bins({ attribute, bins: [occurred, censored] })];
    }),
  ];
}

/** Rules on the layout itself: a panel names declared fields and attributes, and its edges span its field's range. */
export function layoutProblems(layout) {
  const problems = [];
  const fields = new Map(layout.fields.map((field) => [field.name, field]));
  const attributes = new Set(layout.attributes.map(({ name }) => name));
  for (const panel of layout.panels) {
    const named = [panel.fields, panel.field, panel.x, panel.y, panel.time].flat();
    for (const name of named.filter((name) => name !== undefined))
      if (!fields.has(name)) problems.push(`${panel.name}: no field ${name}`);
    const categories = [panel.attribute, panel.event?.attribute, panel.by?.map(({ attribute }) => attribute)];
    for (const name of categories.flat().filter((name) => name !== undefined))
      if (!attributes.has(name)) problems.push(`${panel.name}: no attribute ${name}`);
    const field = fields.get(panel.field ?? panel.time);
    if (panel.edges === undefined || field === undefined) continue;
    const rising = panel.edges.every((edge, index) => index === 0 || edge > panel.edges[index - 1]);
    if (!rising) problems.push(`${panel.name}: edges do not rise`);
    if (panel.edges[0] !== field.min || panel.edges.at(-1) !== field.max) {
      problems.push(`${panel.name}: edges do not span ${field.min}..${field.max}`);
    }
  }
  return problems;
}

/** @returns {string[]} one line per cell that breaks a rule */
export function dataProblems(layout, records) {
  const problems = [];
  for (const [name, column, problemOf] of columnRules(layout)) {
    for (const { where, cells } of records) {
      if (cells[column] === undefined) problems.push(`${where}: no column ${column} (${name})`);
      else if (!layout.missing.includes(cells[column])) {
        const problem = problemOf(cells[column]);
        if (problem !== undefined) problems.push(`${where}: ${name} = ${cells[column]} is ${problem}`);
      }
    }
  }
  return problems;
}

function summarise(layout, records) {
  for (const field of layout.fields) {
    const present = records
      .map(({ cells }) => cells[field.column])
      .filter((text) => !layout.missing.includes(text));
    const numbers = present.map(Number);
    const sum = present.reduce((total, text) => total + toFixedPoint(text, field.digits), 0);
    const range = `${Math.min(...numbers)}..${Math.max(...numbers)} within ${field.min}..${field.max}`;
    console.log(
      `${field.name}: ${present.length} present, ${range}, sum ${sum / 10 ** field.digits} ${field.unitLabel}`,
    );
  }
}

function main() {
  const layout = JSON.parse(readFileSync(new URL('panels.json', FOLDER), 'utf8'));
  const records = readRecords(layout.files);
  const problems = [...layoutProblems(layout), ...dataProblems(layout, records)];
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) return 1;
  summarise(layout, records);
  console.log(`panels.json covers all ${records.length} rows`);
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
