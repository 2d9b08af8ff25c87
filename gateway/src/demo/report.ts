/** What the demonstration prints: addresses, tokens, lines to paste, and the comparison of statistics. */
import { ADMIN_ENROLMENT_ID } from '../app/first-administrator.js';
import type { Comparison, DemoStatistic } from './statistics.js';
import type { DemoHospital, Tokens } from './demo-staff.js';

export interface PasteFacts {
  readonly tokens: ReadonlyMap<string, Tokens>;
  readonly hospitals: readonly DemoHospital[];
  readonly pseudonym: string;
  /** A record that the demonstration's grant covers. */
  readonly recordId: string;
}

export function addresses({ hospitals, tokens }: PasteFacts): string {
  const lines = hospitals.map(
    ({ client }) =>
      `  ${client.hospital.id}  ${client.hospital.name.padEnd(28)} ${client.url}   API page ${client.url}/docs`,
  );
  const staff = hospitals.flatMap(({ client }) =>
    Object.entries(tokens.get(client.hospital.id) ?? {}).map(
      ([role, token]) => `  ${`${role}-${client.hospital.id}`.padEnd(14)} ${token}`,
    ),
  );
  return [
    'Gateways',
    ...lines,
    '',
    'Demonstration tokens (embedded mode only; they expire)',
    ...staff,
    '',
    ...administratorLines(hospitals),
  ].join('\n');
}

/** The file's path, never what is in it: output ends up in terminals' histories and logs. */
function administratorLines(hospitals: readonly DemoHospital[]): string[] {
  const files = hospitals.map(
    ({ client, adminSecretFile }) => `  ${client.hospital.id}  ${quoted(adminSecretFile)}`,
  );
  const [first] = hospitals;
  if (first === undefined) return [];
  const body = `'{"enrolmentId":"${ADMIN_ENROLMENT_ID}","secret":"'"$(cat ${quoted(first.adminSecretFile)})"'"}'`;
  return [
    `Administrator (${ADMIN_ENROLMENT_ID}), who enrols staff and names emergency officers; the secret is in`,
    ...files,
    `  a token: curl -sS ${first.client.url}/v1/token -H 'content-type: application/json' -d ${body}`,
  ];
}

/** As one word of a shell. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

export function linesToPaste({ hospitals, tokens, pseudonym, recordId }: PasteFacts): string {
  const at = (index: number) => hospitals[index];
  const [first, second, third] = [at(0), at(1), at(2)];
  if (first === undefined || second === undefined || third === undefined) return '';
  const open = (hospital: DemoHospital) =>
    `curl -sS ${hospital.client.url}/v1/openings -H 'content-type: application/json' -H 'authorization: Bearer ${
      tokens.get(hospital.client.hospital.id)?.clinician ?? ''
    }' -d '{"recordIds":["${recordId}"],"purpose":"treatment"}'`;
  const audit = `curl -sS '${first.client.url}/v1/access?by=patient&value=${pseudonym}' -H 'authorization: Bearer ${
    tokens.get(first.client.hospital.id)?.auditor ?? ''
  }'`;
  return [
    'Try it:',
    `# the clinician of ${second.client.hospital.id}, whom the patient granted laboratory results, opens one`,
    open(second),
    `# the clinician of ${third.client.hospital.id} has no grant: denied, and the denial is on the ledger`,
    open(third),
    '# the auditor sees both',
    audit,
  ].join('\n');
}

const COLUMNS = [32, 26, 9, 52, 52, 6, 9] as const;

export function comparisonHeader(): string {
  return row(['statistic', 'cohort', 'patients', 'encrypted', 'plaintext', 'equal', 'time']);
}

export function comparisonLine({
  statistic,
  cohortSize,
  encrypted,
  plaintext,
  equal,
  elapsedMs,
}: Comparison): string {
  const time = `${(elapsedMs / 1000).toFixed(2)} s`;
  return row([
    statistic.title,
    statistic.cohortTitle,
    String(cohortSize),
    encrypted,
    plaintext,
    equal ? 'yes' : 'NO',
    time,
  ]);
}

export function refusedLine({ title, cohortTitle }: DemoStatistic, why: string): string {
  return `${row([title, cohortTitle])}\n  ${why}`;
}

function row(cells: readonly string[]): string {
  return cells
    .map((cell, index) => fitted(cell, COLUMNS[index] ?? cell.length))
    .join(' ')
    .trimEnd();
}

function fitted(cell: string, width: number): string {
  return cell.length > width ? `${cell.slice(0, width - 1)}…` : cell.padEnd(width);
}
