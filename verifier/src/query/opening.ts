import {
  ciphertextFromText,
  openingFromJson,
  slotsFor,
  verifyOpening,
  type ContributionOpening,
  type PaillierPublicKey,
} from '@careledger/crypto';
import type { PanelLayoutDocument } from '@careledger/protocol';
import type { Found } from '../found.js';
import type { RecordSource } from '../records/record-source.js';
import { isGiven, type Given } from './contributions.js';
import type { QueryEvidence } from './evidence.js';
import { panelRows } from './panel-rows.js';

export interface OpeningCheck {
  readonly evidence: QueryEvidence;
  readonly publicKey: PaillierPublicKey;
  readonly layout: PanelLayoutDocument;
  /** As the hospital hands it over, `GET /v1/queries/:queryId/opening`. */
  readonly opening: unknown;
}

/** What was opened. */
export interface OpenedContribution {
  readonly mspId: string;
  readonly rows: number;
  readonly panels: number;
}

/**
 * Re-derives one contribution, bit for bit, from rows that the hospital had anchored and a mask that leaves the asked
 * slots alone.
 * @returns what was opened, or undefined when nothing could be compared
 */
export async function checkOpening(
  check: OpeningCheck,
  records: RecordSource,
  found: Found,
): Promise<OpenedContribution | undefined> {
  const { evidence, publicKey, layout } = check;
  const { query } = evidence;
  const opening = found.orAdd('CONTRIBUTION_MISMATCH', { subject: 'opening' }, () =>
    openingFromJson(check.opening),
  );
  if (opening === undefined) return undefined;
  const { mspId, rowRefs } = opening;
  const subject = `contribution of ${mspId}`;
  const contribution = evidence.contributions.filter(isGiven).find((given) => given.mspId === mspId);
  if (contribution === undefined || opening.queryId !== query.queryId) {
    const expected = `an opening of a contribution to query ${query.queryId}`;
    found.add('CONTRIBUTION_MISMATCH', { subject, expected, came: `one to ${opening.queryId}` });
    return undefined;
  }
  const rowCiphertexts = await anchoredRows(opening, contribution, check, records, found);
  if (rowCiphertexts === undefined) return undefined;
  found.orAdd('CONTRIBUTION_MISMATCH', { subject, txId: contribution.txId }, () => {
    verifyOpening({
      opening,
      rowCiphertexts,
      publicKey,
      ciphertext: ciphertextFromText(publicKey, contribution.ciphertext),
      commitment: contribution.commitment,
      layout,
      askedSlots: slotsFor(layout, query.fields, query.statistic),
    });
  });
  return { mspId, rows: rowRefs.length, panels: contribution.panelIds.length };
}

/** The row ciphertexts that an opening names, in its order, from bytes that hash to what is anchored. */
async function anchoredRows(
  { rowRefs, mspId }: ContributionOpening,
  contribution: Given,
  check: OpeningCheck,
  records: RecordSource,
  found: Found,
): Promise<bigint[] | undefined> {
  const opened = new Set(rowRefs.map((reference) => reference.split('#')[0] ?? ''));
  const rowsById = new Map<string, bigint>();
  for (const panelId of contribution.panelIds.filter((id) => opened.has(id))) {
    const panel = check.evidence.panels.get(panelId);
    // Whether it is the hospital's own, of this layout and key, is checked with the contribution.
    const rows = panel === undefined ? undefined : await panelRows(panel, check, records, found);
    if (rows === undefined) return undefined;
    rows.forEach((row, index) => rowsById.set(`${panelId}#${String(index)}`, row));
  }
  const strange = rowRefs.find((reference) => !rowsById.has(reference));
  if (strange === undefined) return rowRefs.map((reference) => rowsById.get(reference) ?? 0n);
  found.add('CONTRIBUTION_MISMATCH', {
    subject: `contribution of ${mspId}`,
    expected: 'rows of the panels that the contribution names',
    came: `row ${strange.slice(0, 60)}`,
    txId: contribution.txId,
  });
  return undefined;
}
