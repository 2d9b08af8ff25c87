import {
  ciphertextDigest,
  ciphertextFromText,
  nativeModPow,
  provenPartialFromJson,
  verifyPartialDecryption,
  type OpeningContext,
} from '@careledger/crypto';
import type { PartialShare, RejectedPartial } from '@careledger/protocol';
import type { Difference, Found } from '../found.js';
import { combine, subsetsOf, type Point } from './combine.js';
import { isGiven } from './contributions.js';
import type { QueryEvidence } from './evidence.js';
import type { OpenedKey } from './key.js';

/** Majorities that are combined at most: all of them up to 8 holders. */
const MAX_SUBSETS = 70;

/** What the shares say. */
export interface Decryption {
  /** Absent when too few shares hold, or they do not combine to one number. */
  readonly plaintext?: bigint;
  /** Majorities that were combined. */
  readonly subsets: number;
}

/**
 * Every share is its sender's part in opening this aggregate under this sharing, every contributor and a majority gave
 * one, and all majorities combine to the same number.
 */
export function checkShares(evidence: QueryEvidence, key: OpenedKey, found: Found): Decryption {
  const { query, steps } = evidence;
  const aggregate = found.orAdd('CONTRIBUTION_INVALID', { subject: 'aggregate', txId: steps.completed }, () =>
    ciphertextFromText(key.publicKey, query.aggregate ?? ''),
  );
  if (aggregate === undefined) return { subsets: 0 };
  // One of an earlier sharing counts no longer; whether it was combined all the same is looked at below.
  const present = evidence.partials.filter(({ epoch }) => epoch >= key.sharing.epoch);
  const holding = present.flatMap((partial) => {
    const subject = `share of ${partial.mspId}`;
    if (!belongs(partial, { aggregate, key, subject }, found)) return [];
    const value = found.orAdd('SHARE_PROOF_INVALID', { subject, txId: partial.txId }, () =>
      verifiedValue(partial, { aggregate, key, queryId: query.queryId }),
    );
    if (value === undefined) return [];
    return [{ mspId: partial.mspId, point: key.sharing.holders.indexOf(partial.mspId) + 1, value }];
  });
  checkPresence(evidence, new Set(holding.map(({ mspId }) => mspId)), key, found);
  return combineAll(holding, key, found);
}

/** Shares that the contract rejected: evidence against their senders, if it was right to. */
export function checkRejections(evidence: QueryEvidence, key: OpenedKey, found: Found): void {
  const { query, rejected } = evidence;
  if (query.aggregate === undefined) return;
  const aggregate = ciphertextFromText(key.publicKey, query.aggregate);
  for (const share of rejected.filter(({ epoch }) => epoch === key.sharing.epoch)) {
    const { mspId, reason, txId } = share;
    if (!holdsAfterAll(share, { aggregate, key, queryId: query.queryId })) continue;
    const subject = `rejected share of ${mspId}`;
    found.add('SHARE_REJECTED_WRONGLY', { subject, expected: 'an accepted share', came: reason, txId });
  }
}

interface Opened {
  readonly aggregate: bigint;
  readonly key: OpenedKey;
}

function belongs(
  { mspId, epoch, ciphertextDigest: digest, txId }: PartialShare,
  { aggregate, key: { publicKey, sharing }, subject }: Opened & { readonly subject: string },
  found: Found,
): boolean {
  const differences: readonly (Omit<Difference, 'subject' | 'txId'> & { readonly isThere: boolean })[] = [
    { isThere: !sharing.holders.includes(mspId), expected: 'one of the holders', came: mspId },
    {
      isThere: epoch !== sharing.epoch,
      expected: `epoch ${String(sharing.epoch)}`,
      came: `epoch ${String(epoch)}`,
    },
    {
      isThere: digest !== ciphertextDigest(publicKey, aggregate),
      expected: 'a share of the aggregate',
      came: 'one of another ciphertext',
    },
  ];
  const [first] = differences.filter(({ isThere }) => isThere);
  if (first === undefined) return true;
  found.add('SHARE_OF_ANOTHER', { subject, expected: first.expected, came: first.came, txId });
  return false;
}

/** @throws CryptoError naming the holder */
function verifiedValue(
  { mspId, ciphertextDigest: digest, epoch, value, proof }: PartialShare,
  { aggregate, key: { publicKey, sharing }, queryId }: Opened & { readonly queryId: string },
): bigint {
  const { keyId } = publicKey;
  const json = { holder: mspId, keyId, epoch, ciphertextDigest: digest, value, proof };
  const partial = provenPartialFromJson(publicKey, json);
  const context: OpeningContext = { queryId, step: 'aggregate', index: 0 };
  verifyPartialDecryption({
    publicKey,
    sharing,
    ciphertext: aggregate,
    context,
    partial,
    modPow: nativeModPow,
  });
  return partial.value;
}

function holdsAfterAll(share: RejectedPartial, opened: Opened & { readonly queryId: string }): boolean {
  try {
    verifiedValue(share, opened);
    return true;
  } catch {
    return false;
  }
}

function checkPresence(
  { query, contributions, activeAtEnd, steps }: QueryEvidence,
  present: ReadonlySet<string>,
  { sharing }: OpenedKey,
  found: Found,
): void {
  const subject = 'shares';
  const isAwaited = (mspId: string): boolean =>
    sharing.holders.includes(mspId) && activeAtEnd.includes(mspId);
  // Who left after contributing is not waited for.
  const contributors = contributions.filter(isGiven).map(({ mspId }) => mspId);
  const needed = new Map([
    ...contributors.filter(isAwaited).map((mspId) => [mspId, 'contributed'] as const),
    ...(query.combined?.holders ?? []).map((mspId) => [mspId, 'is said to be combined'] as const),
  ]);
  for (const [mspId, why] of [...needed].filter(([holder]) => !present.has(holder))) {
    const expected = `a share of ${mspId}, which ${why}`;
    found.add('SHARE_MISSING', { subject, expected, came: 'none that holds', txId: steps.ended });
  }
  if (present.size >= sharing.threshold) return;
  const expected = `${String(sharing.threshold)} shares that hold`;
  found.add('SHARE_MISSING', { subject, expected, came: String(present.size), txId: steps.ended });
}

function combineAll(points: readonly Point[], { publicKey, sharing }: OpenedKey, found: Found): Decryption {
  const { theta, threshold, holders } = sharing;
  const subsets = subsetsOf(points, threshold, MAX_SUBSETS);
  const plaintexts = subsets.map((subset) => combine(subset, { publicKey, theta, holders: holders.length }));
  const [plaintext] = plaintexts;
  if (plaintexts.some((other) => other === undefined || other !== plaintext)) {
    const came = 'a majority that combines to another, or to none';
    found.add('SUBSETS_DISAGREE', { subject: 'shares', expected: 'one number', came });
    return { subsets: subsets.length };
  }
  return { ...(plaintext === undefined ? {} : { plaintext }), subsets: subsets.length };
}
