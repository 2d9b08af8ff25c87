/** Why a statistic was refused, in words. */
import { MIN_CONTRIBUTORS, type QueryDetails, type RefusalReason } from '@careledger/protocol';

const IN_WORDS: Readonly<Record<RefusalReason, string>> = {
  COHORT_BELOW_MINIMUM: 'the cohort, or those in it with a value, are fewer of its patients than it allows',
  DIFFERENCING: 'the cohort differs from an earlier one of this researcher by too few patients, or by none',
  BUDGET_EXHAUSTED: 'the researcher has asked as much as it allows',
  PURPOSE_NOT_ALLOWED: 'it does not contribute for this purpose',
  NO_ROWS: 'it has no rows of this kind',
  AGGREGATE_MISMATCH: 'what was to be decrypted is not the product of the contributions',
  CONTRIBUTION_UNPROVEN: 'a contributor did not prove that it knows what it contributed',
  TOO_FEW_CONTRIBUTORS: `fewer than ${MIN_CONTRIBUTORS} hospitals contributed`,
  TOO_MANY_RECORDS: 'the hospitals’ panels hold more records than the layout has room for',
};

/** Reasons of the contract: whoever completed the query only brought it to light. */
const OF_THE_CONTRACT: readonly RefusalReason[] = ['TOO_FEW_CONTRIBUTORS', 'TOO_MANY_RECORDS'];

/** One sentence about the query, then one about each hospital that did not contribute. */
export function describeRefusal({ query, contributions }: QueryDetails): string {
  const { refusal } = query;
  const refusals = contributions.flatMap(({ mspId, reason }) =>
    reason === undefined ? [] : [`${mspId}: ${inWords(reason)}`],
  );
  return [whyItEnded(refusal), ...refusals].join(' ');
}

function whyItEnded(refusal: QueryDetails['query']['refusal']): string {
  if (refusal === undefined) return 'The query was refused.';
  return OF_THE_CONTRACT.includes(refusal.reason)
    ? `The query was refused: ${inWords(refusal.reason)}`
    : `${refusal.mspId} refused to decrypt: ${inWords(refusal.reason)}`;
}

function inWords(reason: RefusalReason): string {
  return `${IN_WORDS[reason]} (${reason}).`;
}
