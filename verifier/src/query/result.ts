import { decodeTotals, resultsFromTotals, slotsFor } from '@careledger/crypto';
import { canonicalJson, type PanelLayoutDocument } from '@careledger/protocol';
import type { Found } from '../found.js';
import type { QueryEvidence } from './evidence.js';

/** The published statistic is what the plaintext says. */
export function checkResult(
  { query, steps }: Pick<QueryEvidence, 'query' | 'steps'>,
  layout: PanelLayoutDocument,
  plaintext: bigint,
  found: Found,
): void {
  const place = { subject: 'result', txId: steps.ended };
  const derived = found.orAdd('RESULT_MISMATCH', place, () => {
    const totals = decodeTotals(layout, plaintext, slotsFor(layout, query.fields, query.statistic));
    return resultsFromTotals(layout, totals, query);
  });
  if (derived === undefined) return;
  const [expected, came] = [canonicalJson(derived), canonicalJson(query.results ?? [])];
  if (expected !== came) found.add('RESULT_MISMATCH', { ...place, expected, came });
}
