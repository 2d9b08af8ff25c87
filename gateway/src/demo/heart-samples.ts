/** The heart-disease patients of `samples/heart-disease`: rows, layouts and cohort facts, as one hospital knows its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  compileLayout,
  packLayouts,
  type CategoryColumn,
  type NumberColumn,
  type PanelField,
  type PanelLayout,
  type PanelRow,
} from '@careledger/crypto';
import { LIMITS, type CohortSubject } from '@careledger/protocol';

interface FieldDefinition {
  readonly name: string;
  readonly column: string;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly digits: number;
}

interface Bins {
  readonly attribute: string;
  readonly bins: readonly string[];
}

type PanelDefinition =
  | { readonly name: string; readonly kind: 'moments'; readonly fields: readonly string[] }
  | ({ readonly name: string; readonly kind: 'histogram' } & (
      Bins | { readonly field: string; readonly edges: readonly number[] }
    ))
  | { readonly name: string; readonly kind: 'grouped'; readonly by: readonly Bins[] }
  | { readonly name: string; readonly kind: 'pair'; readonly x: string; readonly y: string }
  | {
      readonly name: string;
      readonly kind: 'survival';
      readonly time: string;
      readonly edges: readonly number[];
      readonly event: { readonly attribute: string; readonly occurred: string; readonly censored: string };
    };

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
  /** As many as the key's plaintexts need: heart-1, heart-2, ... */
  readonly layouts: readonly PanelLayout[];
  rowsOf(hospitalId: string, layout: PanelLayout): HeartRow[];
}

/** What a slot has room for; tests with short keys take less. */
export type HeadRoom = Pick<PanelLayout, 'maxRecords' | 'statisticalBits'>;
const HEAD_ROOM: HeadRoom = { maxRecords: 100_000, statisticalBits: 80 };

export function readHeartSamples(folder: string, keyBits: number, headRoom = HEAD_ROOM): HeartSamples {
  const definitions = JSON.parse(readFileSync(join(folder, 'panels.json'), 'utf8')) as Definitions;
  const layouts = packLayouts(
    definitions.panels.flatMap((panel) => fieldsOf(definitions, panel)),
    { ...headRoom, idPrefix: 'heart', version: 1, keyBits, maxFields: LIMITS.fieldsPerQuery },
  );
  return {
    layouts,
    rowsOf: (hospitalId, layout) =>
      readCsv(join(folder, `${hospitalId}.csv`)).map((record) => heartRow(definitions, layout, record)),
  };
}

function fieldsOf(definitions: Definitions, panel: PanelDefinition): PanelField[] {
  const { name } = panel;
  switch (panel.kind) {
    case 'moments':
      return panel.fields.map((field) => {
        const { column, ...range } = numberColumn(definitions, field);
        return { kind: 'numeric', name: column, ...range };
      });
    case 'histogram': {
      if ('bins' in panel) return [{ kind: 'histogram', name, unit: '1', categories: panel.bins }];
      const { unit } = fieldNamed(definitions, panel.field);
      return [{ kind: 'histogram', name, unit, edges: panel.edges.map(String) }];
    }
    case 'grouped': {
      const by = panel.by.map(({ attribute, bins }): CategoryColumn => ({
        column: attribute,
        categories: bins,
      }));
      return [{ kind: 'grouped', name, unit: '1', by }];
    }
    case 'pair':
      return [
        { kind: 'pair', name, x: numberColumn(definitions, panel.x), y: numberColumn(definitions, panel.y) },
      ];
    case 'survival': {
      const { time, edges, event } = panel;
      const { attribute: column, occurred, censored } = event;
      const { unit } = fieldNamed(definitions, time);
      return [
        {
          kind: 'survival',
          name,
          unit,
          edges: edges.map(String),
          time,
          event: { column, occurred, censored },
        },
      ];
    }
  }
}

function numberColumn(definitions: Definitions, name: string): NumberColumn {
  const { unit, digits, min, max } = fieldNamed(definitions, name);
  return { column: name, unit, scale: digits, min: String(min), max: String(max) };
}

function fieldNamed(definitions: Definitions, name: string): FieldDefinition {
  const field = definitions.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`samples/heart-disease/panels.json has no field ${name}`);
  return field;
}

type CsvRecord = Readonly<Record<string, string>>;

function heartRow(definitions: Definitions, layout: PanelLayout, record: CsvRecord): HeartRow {
  const values = [...compileLayout(layout).columns].map(
    (column) => [column, valueOf(definitions, record[csvColumnOf(definitions, column)])] as const,
  );
  return {
    patient: record[definitions.patientColumn] ?? '',
    subject: subjectOf(definitions, record),
    values: Object.fromEntries(values.filter(([, value]) => value !== undefined)) as PanelRow,
  };
}

/** Of a histogram, the column is named after it; of other fields, after a field or an attribute. */
function csvColumnOf(definitions: Definitions, column: string): string {
  const panel = definitions.panels.find(({ kind, name }) => kind === 'histogram' && name === column);
  const source = panel?.kind === 'histogram' ? ('bins' in panel ? panel.attribute : panel.field) : column;
  const attribute = definitions.attributes.find(({ name }) => name === source);
  return attribute?.column ?? fieldNamed(definitions, source).column;
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
