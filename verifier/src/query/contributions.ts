import {
  ciphertextFromText,
  ciphertextToText,
  nativeModPow,
  plaintextProofFromJson,
  verifyPlaintextKnowledge,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { MIN_CONTRIBUTORS, type Contribution } from '@careledger/protocol';
import type { Found } from '../found.js';
import type { QueryEvidence } from './evidence.js';

/** A contribution that gives something: not a refusal. */
export type Given = Contribution &
  Required<Pick<Contribution, 'ciphertext' | 'commitment' | 'panelIds' | 'proof'>>;

export function isGiven(contribution: Contribution): contribution is Given {
  const { outcome, ciphertext, commitment, panelIds, proof } = contribution;
  const parts = [ciphertext, commitment, panelIds, proof];
  return outcome === 'contributed' && parts.every((part) => part !== undefined);
}

/**
 * Each contribution is a ciphertext of somebody who was asked, with a proof that it knows what it holds; the aggregate
 * is their product.
 */
export function checkContributions(
  evidence: QueryEvidence,
  publicKey: PaillierPublicKey,
  found: Found,
): void {
  const { query, contributions, steps } = evidence;
  const given = contributions.filter(isGiven);
  const ciphertexts = given.map((contribution) => checkOne(contribution, evidence, publicKey, found));
  if (query.aggregate === undefined) return;
  checkAggregated(evidence, given, found);
  if (ciphertexts.some((ciphertext) => ciphertext === undefined)) return;
  const product = ciphertexts.reduce<bigint>(
    (soFar, ciphertext) => (soFar * (ciphertext ?? 1n)) % publicKey.nSquared,
    1n,
  );
  if (ciphertextToText(publicKey, product) !== query.aggregate) {
    const expected = 'the product of the contributions';
    found.add('AGGREGATE_MISMATCH', {
      subject: 'aggregate',
      expected,
      came: 'another ciphertext',
      txId: steps.completed,
    });
  }
}

/** Enough hospitals, no more rows than there is room for, and those who contributed are those who are named. */
function checkAggregated(
  { query, layout, panels, steps }: QueryEvidence,
  given: readonly Given[],
  found: Found,
): void {
  const place = { subject: 'aggregate', txId: steps.completed };
  if (given.length < MIN_CONTRIBUTORS) {
    const expected = `at least ${String(MIN_CONTRIBUTORS)} contributors`;
    found.add('TOO_FEW_CONTRIBUTORS', { ...place, expected, came: String(given.length) });
  }
  const named = sorted(query.contributors ?? []);
  const actual = sorted(given.map(({ mspId }) => mspId));
  if (named !== actual) found.add('AGGREGATE_MISMATCH', { ...place, expected: actual, came: named });
  const rows = given
    .flatMap(({ panelIds }) => panelIds)
    .reduce((sum, panelId) => sum + (panels.get(panelId)?.rows ?? 0), 0);
  const room = layout?.maxRecords ?? Number.POSITIVE_INFINITY;
  if (rows <= room) return;
  found.add('TOO_MANY_RECORDS', { ...place, expected: `at most ${String(room)} rows`, came: String(rows) });
}

function sorted(names: readonly string[]): string {
  return [...names].sort().join(', ');
}

function checkOne(
  contribution: Given,
  { query, panels, memberContributors }: QueryEvidence,
  publicKey: PaillierPublicKey,
  found: Found,
): bigint | undefined {
  const { mspId, txId } = contribution;
  const subject = `contribution of ${mspId}`;
  if (!memberContributors.has(mspId)) {
    const expected = 'an active member that was asked';
    found.add('CONTRIBUTOR_NOT_MEMBER', { subject, expected, came: mspId, txId });
  }
  const cids = contribution.panelIds.map((panelId) => {
    const panel = panels.get(panelId);
    const isFit =
      panel?.ownerMspId === mspId &&
      panel.layoutId === query.layoutId &&
      panel.layoutVersion === query.layoutVersion &&
      panel.keyId === query.keyId;
    if (!isFit) {
      const expected = `a panel of ${mspId}, of the query’s layout and key`;
      const came = panel === undefined ? 'none' : `one of ${panel.ownerMspId}`;
      found.add('PANEL_INVALID', { subject: `panel ${panelId}`, expected, came, txId });
    }
    return panel?.cid ?? '';
  });
  const ciphertext = found.orAdd('CONTRIBUTION_INVALID', { subject, txId }, () =>
    ciphertextFromText(publicKey, contribution.ciphertext),
  );
  if (ciphertext === undefined) return undefined;
  found.orAdd('CONTRIBUTION_PROOF_INVALID', { subject, txId }, () => {
    const proof = plaintextProofFromJson(publicKey, contribution.proof);
    const context = { mspId, queryId: query.queryId, panels: cids };
    verifyPlaintextKnowledge({ publicKey, ciphertext, proof, context, modPow: nativeModPow });
  });
  return ciphertext;
}
