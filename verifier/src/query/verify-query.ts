import { LIMITS, type Contribution, type Query } from '@careledger/protocol';
import type { Finding } from '../findings.js';
import { Found } from '../found.js';
import type { Facts } from '../ledger/facts.js';
import type { LedgerSummary, Replay } from '../ledger/replay.js';
import type { RecordSource } from '../records/record-source.js';
import { checkContributions, isGiven } from './contributions.js';
import { evidenceOf, signersOf, type QueryEvidence } from './evidence.js';
import { checkAcceptance, openKey, type OpenedKey } from './key.js';
import { checkOpening, type OpenedContribution } from './opening.js';
import { checkResult } from './result.js';
import { checkRejections, checkShares, type Decryption } from './shares.js';

export interface QueryReport {
  readonly kind: 'query';
  readonly queryId: string;
  readonly ledger: LedgerSummary;
  /** Absent when there is no such query. */
  readonly query?: Query;
  readonly key?: {
    readonly keyId: string;
    readonly keyBits: number;
    readonly epoch: number;
    readonly threshold: number;
    readonly holders: readonly string[];
    readonly ceremonyId: string;
  };
  readonly contributors: readonly string[];
  readonly refusals: readonly { readonly mspId: string; readonly reason: string }[];
  readonly shares: readonly string[];
  readonly rejectedShares: readonly {
    readonly mspId: string;
    readonly reason: string;
    readonly txId: string;
  }[];
  /** Fields that the requester had asked for in the period, this query's included; at most `limit`. */
  readonly budget?: { readonly spent: number; readonly limit: number; readonly days: number };
  /** Majorities of shares that were combined. */
  readonly subsets: number;
  readonly opened: readonly OpenedContribution[];
  /** None: everything that was checked verifies. */
  readonly findings: readonly Finding[];
}

export interface QueryVerification {
  /** Openings that hospitals handed over. */
  readonly openings?: readonly unknown[];
  /** Needed for openings. */
  readonly records?: RecordSource;
}

/** Re-derives a query's result from the ledger, every proof included; with openings, those contributions too. */
export async function verifyQuery(
  { summary, facts, findings }: Replay,
  queryId: string,
  verification: QueryVerification = {},
): Promise<QueryReport> {
  const found = new Found(signersOf(facts, queryId));
  const evidence = evidenceOf(facts, queryId, found);
  const checked = evidence === undefined ? NOTHING : await checkAll(evidence, facts, verification, found);
  return {
    kind: 'query',
    queryId,
    ledger: summary,
    ...(evidence === undefined ? {} : { query: evidence.query }),
    ...answersOf(evidence),
    ...checked,
    findings: [...findings, ...found.findings],
  };
}

type Checked = Pick<QueryReport, 'key' | 'subsets' | 'opened'>;
const NOTHING: Checked = { subsets: 0, opened: [] };

async function checkAll(
  evidence: QueryEvidence,
  facts: Facts,
  verification: QueryVerification,
  found: Found,
): Promise<Checked> {
  const { key: document } = evidence;
  if (document === undefined) return NOTHING;
  checkAcceptance(document, facts, found);
  const key = openKey(document, found);
  if (key === undefined) return NOTHING;
  const { subsets } = checkQuery(evidence, key, found);
  const opened = await checkOpenings(evidence, key, verification, found);
  return { key: keySummary(key, document.ceremonyId), subsets, opened };
}

async function checkOpenings(
  evidence: QueryEvidence,
  { publicKey }: OpenedKey,
  { openings = [], records }: QueryVerification,
  found: Found,
): Promise<OpenedContribution[]> {
  const { layout } = evidence;
  const opened: OpenedContribution[] = [];
  if (openings.length > 0 && records === undefined) throw new TypeError('openings ask for a record store');
  for (const opening of openings) {
    if (layout === undefined || records === undefined) break;
    const one = await checkOpening({ evidence, publicKey, layout, opening }, records, found);
    if (one !== undefined) opened.push(one);
  }
  return opened;
}

function checkQuery(evidence: QueryEvidence, key: OpenedKey, found: Found): Decryption {
  const { query, layout } = evidence;
  checkContributions(evidence, key.publicKey, found);
  if (query.status === 'opened' || query.status === 'contributed') {
    const subject = `query ${query.queryId}`;
    found.add('QUERY_NOT_ENDED', { subject, expected: 'decrypted or refused', came: query.status });
  }
  checkRejections(evidence, key, found);
  if (query.status !== 'decrypted') {
    checkNoResult(evidence, found);
    return { subsets: 0 };
  }
  const decryption = checkShares(evidence, key, found);
  if (decryption.plaintext !== undefined && layout !== undefined)
    checkResult(evidence, layout, decryption.plaintext, found);
  return decryption;
}

function checkNoResult({ query: { results, status }, steps }: QueryEvidence, found: Found): void {
  if (results === undefined) return;
  const expected = `no result of a query that is ${status}`;
  found.add('RESULT_MISMATCH', { subject: 'result', expected, came: 'a result', txId: steps.ended });
}

function keySummary({ publicKey, sharing }: OpenedKey, ceremonyId: string): NonNullable<QueryReport['key']> {
  const { keyId, keyBits } = publicKey;
  const { epoch, threshold, holders } = sharing;
  return { keyId, keyBits, epoch, threshold, holders, ceremonyId };
}

function answersOf(
  evidence: QueryEvidence | undefined,
): Pick<QueryReport, 'contributors' | 'refusals' | 'shares' | 'rejectedShares' | 'budget'> {
  const { contributions = [], partials = [], rejected = [], spent } = evidence ?? {};
  const { queriesPerBudgetPeriod: limit, queryBudgetDays: days } = LIMITS;
  return {
    ...(spent === undefined ? {} : { budget: { spent, limit, days } }),
    contributors: contributions.filter(isGiven).map(({ mspId }) => mspId),
    refusals: contributions
      .filter(({ outcome }) => outcome === 'refused')
      .map(({ mspId, reason }: Contribution) => ({ mspId, reason: reason ?? 'unstated' })),
    shares: partials.map(({ mspId }) => mspId),
    rejectedShares: rejected.map(({ mspId, reason, txId }) => ({ mspId, reason, txId })),
  };
}
