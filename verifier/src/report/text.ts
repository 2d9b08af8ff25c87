import type { StatisticResult } from '@careledger/protocol';
import type { PanelReport } from '../audit/verify-row-audit.js';
import type { CeremonyReport } from '../ceremony/verify-ceremony.js';
import { FINDINGS, type Finding } from '../findings.js';
import type { LedgerSummary } from '../ledger/replay.js';
import type { QueryReport } from '../query/verify-query.js';

export type Report = QueryReport | CeremonyReport | PanelReport;

const LABEL_WIDTH = 12;
const BELOW_PRODUCTION_BITS = 2048;

/** For people: what was checked, on what it rests, and every finding with who signed it. */
export function reportText(report: Report): string {
  return [...linesOf(report), '', ...findingLines(report.findings)].join('\n');
}

function linesOf(report: Report): string[] {
  if (report.kind === 'query') return queryLines(report);
  return report.kind === 'ceremony' ? ceremonyLines(report) : panelLines(report);
}

function verdictOf({ findings }: Report): string {
  return findings.length === 0 ? 'VERIFIED' : `${String(findings.length)} FOUND`;
}

function queryLines(report: QueryReport): string[] {
  const { query, queryId } = report;
  if (query === undefined) return [`query ${queryId}: ${verdictOf(report)}`, ...ledgerLines(report.ledger)];
  const { statistic, fields, researcher, cohort, status } = query;
  return [
    `query ${queryId}: ${verdictOf(report)}`,
    line('asked', `${statistic} of ${fields.join(', ')} by ${researcher.enrolmentId} of ${researcher.mspId}`),
    line('cohort', JSON.stringify(cohort)),
    ...budgetLines(report),
    line('status', status),
    ...ledgerLines(report.ledger),
    ...keyLines(report),
    line('contributed', namesOf(report.contributors)),
    ...report.refusals.map(({ mspId, reason }) => line('refused', `${mspId}: ${reason}`)),
    line('decrypted', `${namesOf(report.shares)}; ${String(report.subsets)} majorities combined`),
    ...report.rejectedShares.map(({ mspId, reason, txId }) =>
      line('rejected', `a share of ${mspId}: ${reason}, transaction ${txId}`),
    ),
    ...(query.results ?? []).map((result) => line('result', resultText(result))),
    ...report.opened.map(({ mspId, rows, panels }) =>
      line('opened', `${mspId}: ${String(rows)} rows of ${String(panels)} panels`),
    ),
  ];
}

function budgetLines({ budget }: QueryReport): string[] {
  if (budget === undefined) return [];
  const { spent, limit, days } = budget;
  return [line('budget', `${String(spent)} of ${String(limit)} fields asked for in ${String(days)} days`)];
}

function keyLines({ key }: QueryReport): string[] {
  if (key === undefined) return [];
  const { keyId, keyBits, epoch, threshold, holders, ceremonyId } = key;
  const warning =
    keyBits < BELOW_PRODUCTION_BITS ? [line('', 'TEST KEY: too short to protect anything')] : [];
  return [
    line('key', `${keyId}, ${String(keyBits)} bits, sharing ${String(epoch)}`),
    ...warning,
    line('', `any ${String(threshold)} of ${namesOf(holders)}, from ceremony ${ceremonyId}`),
  ];
}

function ceremonyLines(report: CeremonyReport): string[] {
  const { ceremony, ceremonyId, faults, rounds, keyId, epoch } = report;
  const head = `ceremony ${ceremonyId}: ${verdictOf(report)}`;
  if (ceremony === undefined) return [head, ...ledgerLines(report.ledger)];
  const { purpose, status, attempt, participants, holders, threshold } = ceremony;
  return [
    head,
    line('purpose', `${purpose}, among ${namesOf(participants)}`),
    line('holders', `any ${String(threshold)} of ${namesOf(holders)}`),
    line('status', `${status} in attempt ${String(attempt)}`),
    ...ledgerLines(report.ledger),
    line('rounds', `${String(rounds)} with the digests of every participant`),
    ...faults.map(({ attempt: of, accused, accuser, reason }) =>
      line('fault', `attempt ${String(of)}: ${accused} named by ${accuser}: ${reason}`),
    ),
    ...(keyId === undefined ? [] : [line('key', `${keyId}, sharing ${String(epoch)}`)]),
  ];
}

function panelLines(report: PanelReport): string[] {
  const { panel, panelId, auditId, proven } = report;
  const head = `panel ${panelId}: ${verdictOf(report)}`;
  if (panel === undefined) return [head, ...ledgerLines(report.ledger)];
  const { ownerMspId, layoutId, layoutVersion, cid, rows } = panel;
  return [
    head,
    line(
      'anchored',
      `by ${ownerMspId}, ${String(rows)} rows of ${layoutId} version ${String(layoutVersion)}`,
    ),
    line('', cid),
    ...ledgerLines(report.ledger),
    line('audit', auditId ?? 'none'),
    line('proven', `${String(proven.length)} rows: ${proven.join(', ')}`),
  ];
}

function ledgerLines(ledger: LedgerSummary): string[] {
  const { channel, height, transactions, headHash, genesisHash, orderers, quorum, members } = ledger;
  return [
    line('ledger', `${channel}, ${String(height)} blocks, ${String(transactions)} transactions`),
    line('', `last block ${headHash}`),
    line('', `each signed by ${String(quorum)} of ${String(orderers)} orderers`),
    line('rests on', `block 0 ${genesisHash}`),
    ...Object.entries(members).map(([mspId, roots]) => line('', `${mspId} ${roots.join(' ')}`)),
  ];
}

function findingLines(findings: readonly Finding[]): string[] {
  if (findings.length === 0) return ['Everything that was checked verifies.'];
  return findings.flatMap(({ code, subject, expected, came, signedBy }) => [
    `${code}: ${subject}`,
    line('', FINDINGS[code]),
    line('expected', expected),
    line('came', came),
    ...(signedBy === undefined
      ? []
      : [
          line('signed by', `${signedBy.name} of ${signedBy.mspId}, certificate ${signedBy.certificate}`),
          line('', `transaction ${signedBy.txId} in block ${String(signedBy.blockNumber)}`),
        ]),
  ]);
}

function resultText({ field, statistic, unit, count, decimal, ...more }: StatisticResult): string {
  const figure = decimal === undefined ? JSON.stringify(more) : `${decimal} ${unit}`;
  return `${statistic} of ${field}: ${figure} (${count} values)`;
}

function namesOf(names: readonly string[]): string {
  return names.length === 0 ? 'nobody' : names.join(', ');
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(LABEL_WIDTH)}${text}`;
}
