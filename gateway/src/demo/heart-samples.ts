/** The heart-disease patients of `samples/heart-disease`: rows, layouts and cohort facts, as one hospital knows its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PanelField, PanelLayout, PanelRow } from '@careledger/crypto';
import type { CohortSubject } from '@careledger/protocol';

interface FieldDefinition {
  readonly name: string;
  readonly column: string;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly digits: number;
}

interface PanelDefinition {
  readonly name: string;
  readonly kind: 'moments' | 'histogram';
  readonly fields?: readonly string[];
  readonly field?: string;
  readonly edges?: readonly number[];
  readonly attribute?: string;
  readonly bins?: readonly string[];
}

interface Definitions {
  readonly patientColumn: string;
  readonly missing: readonly string[];
  readonly fields: readonly FieldDefinition[];
  readonly attributes: readonly { readonly name: string; readonly column: string }[];
  readonly conditions: readonly {
    readonly system: string;
    readonly code: string;
    readonly column: string;
    readonly presentWhen: readonly string[];
  }[];
  readonly panels: readonly PanelDefinition[];
}

export interface HeartRow {
  readonly patient: string;
  readonly subject: CohortSubject;
  readonly values: PanelRow;
}

export interface HeartSamples {
  readonly layouts: readonly PanelLayout[];
  rowsOf(hospitalId: string, layout: PanelLayout): HeartRow[];
}

export function readHeartSamples(folder: string, keyBits: number): HeartSamples {
  const definitions = JSON.parse(readFileSync(join(folder, 'panels.json'), 'utf8')) as Definitions;
  return {
    layouts: layoutsOf(definitions, keyBits),
    rowsOf: (hospitalId, layout) =>
      readCsv(join(folder, `${hospitalId}.csv`)).map((record) => heartRow(definitions, layout, record)),
  };
}

/** One layout for the numeric fields, one for all histograms: each is one ciphertext per patient. */
function layoutsOf(definitions: Definitions, keyBits: number): PanelLayout[] {
  const common = { version: 1, keyBits, maxRecords: 100_000, statisticalBits: 80 };
  const moments = definitions.panels
    .filter((panel) => panel.kind === 'moments')
    .flatMap((panel) => panel.fields ?? []);
  const numeric = moments.map((name) => numericField(fieldNamed(definitions, name)));
  const histograms = definitions.panels.filter((panel) => panel.kind === 'histogram');
  return [
    { id: 'heart-moments', ...common, fields: numeric },
    {
      id: 'heart-histograms',
      ...common,
      fields: histograms.map((panel) => histogramField(definitions, panel)),
    },
  ];
}

function numericField({ name, unit, digits, min, max }: FieldDefinition): PanelField {
  return { kind: 'numeric', name, unit, scale: digits, min: String(min), max: String(max) };
}

function histogramField(definitions: Definitions, panel: PanelDefinition): PanelField {
  if (panel.bins !== undefined)
    return { kind: 'histogram', name: panel.name, unit: '1', categories: panel.bins };
  const { unit } = fieldNamed(definitions, panel.field ?? '');
  return { kind: 'histogram', name: panel.name, unit, edges: (panel.edges ?? []).map(String) };
}

function fieldNamed(definitions: Definitions, name: string): FieldDefinition {
  const field = definitions.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`samples/heart-disease/panels.json has no field ${name}`);
  return field;
}

type CsvRecord = Readonly<Record<string, string>>;

function heartRow(definitions: Definitions, layout: PanelLayout, record: CsvRecord): HeartRow {
  const values = layout.fields.map(
    ({ name }) => [name, valueOf(definitions, record[columnOf(definitions, name)])] as const,
  );
  return {
    patient: record[definitions.patientColumn] ?? '',
    subject: subjectOf(definitions, record),
    values: Object.fromEntries(values.filter(([, value]) => value !== undefined)) as PanelRow,
  };
}

function columnOf(definitions: Definitions, name: string): string {
  const panel = definitions.panels.find(
    (candidate) => candidate.kind === 'histogram' && candidate.name === name,
  );
  const attribute = definitions.attributes.find((candidate) => candidate.name === panel?.attribute);
  return attribute?.column ?? fieldNamed(definitions, panel?.field ?? name).column;
}

function valueOf(definitions: Definitions, cell: string | undefined): string | undefined {
  return cell === undefined || definitions.missing.includes(cell) ? undefined : cell;
}

function subjectOf(definitions: Definitions, record: CsvRecord): CohortSubject {
  const sex = record['gender'];
  return {
    ...(sex === 'female' || sex === 'male' ? { sex } : {}),
    ageYears: Number(record['age']),
    conditions: definitions.conditions
      .filter(({ column, presentWhen }) => presentWhen.includes(record[column] ?? ''))
      .map(({ system, code }) => ({ system, code })),
  };
}

/** The samples' own dialect: LF, no quoting, a header line. */
function readCsv(path: string): CsvRecord[] {
  const [header = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const columns = header.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']));
  });
}
