import {
  CareLedgerError,
  EVENTS,
  KEYS,
  MAX_REJECTED_SHARES,
  type AggregationKey,
  type Consortium,
  type PartialShare,
  type Query,
  type RejectedPartial,
  type ShareRejection,
  type ShareResult,
} from '@careledger/protocol';
import type { Call, Outcome } from '../shell/call.js';
import { allOf } from './reading.js';
import { assertMissing } from './steps.js';

/**
 * A share belongs to the present sharing, and a holder has one under it. One of an earlier epoch is replaced: it can be
 * combined with nothing any more.
 * @throws CareLedgerError SHARING_SUPERSEDED, ALREADY_EXISTS
 */
export async function assertNewShare(
  call: Call,
  { sharing }: AggregationKey,
  { queryId, epoch }: Pick<PartialShare, 'queryId' | 'epoch'>,
): Promise<void> {
  if (epoch !== sharing.epoch) {
    const expected = `a share of epoch ${String(sharing.epoch)}`;
    throw new CareLedgerError('SHARING_SUPERSEDED', { expected, came: `one of epoch ${String(epoch)}` });
  }
  const before = await call.state.read(KEYS.partial, [queryId, call.caller.mspId]);
  if (before?.epoch === epoch) throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second share' });
}

export async function acceptedShare(call: Call, partial: PartialShare): Promise<Outcome> {
  await call.state.write(KEYS.partial, [partial.queryId, partial.mspId], partial);
  return shared(partial, { outcome: 'accepted', partial });
}

/**
 * Evidence against the sender, who may still post a right one. Only so many stand on the ledger.
 * @throws CareLedgerError LIMIT_EXCEEDED
 */
export async function rejectedShare(
  call: Call,
  share: PartialShare,
  reason: ShareRejection,
): Promise<Outcome> {
  const { queryId, mspId } = share;
  const kept = await allOf(call.state.scan(KEYS.rejectedPartial, [queryId, mspId]));
  if (kept.length >= MAX_REJECTED_SHARES) {
    throw new CareLedgerError('LIMIT_EXCEEDED', {
      message: `The share is rejected: ${reason}.`,
      expected: `at most ${String(MAX_REJECTED_SHARES)} rejected shares of a hospital for one query`,
    });
  }
  const partial: RejectedPartial = { ...share, reason };
  await call.state.write(KEYS.rejectedPartial, [queryId, mspId, call.txId], partial);
  return shared(share, { outcome: 'rejected', partial });
}

function shared({ queryId: id, mspId }: PartialShare, result: ShareResult): Outcome {
  return { result, event: { event: EVENTS.queryShared, id, mspId, status: result.outcome } };
}

/**
 * Every contributor has a say in what is decrypted of its numbers, so each that still is an active member with a share
 * must have posted it; and a majority of the holders must have. One that left or was suspended after contributing is not
 * waited for: the majority that suspends it is the majority that can decrypt.
 * @returns the shares to combine: of the first holders, as many as are needed
 * @throws CareLedgerError TRANSITION_NOT_ALLOWED naming those that are missing
 */
export function sharesToCombine(
  { contributors = [] }: Query,
  partials: readonly PartialShare[],
  { sharing, consortium }: { readonly sharing: AggregationKey['sharing']; readonly consortium: Consortium },
): PartialShare[] {
  const awaited = contributors.filter(
    (mspId) => sharing.holders.includes(mspId) && consortium.activeMembers.includes(mspId),
  );
  assertMissing('share', awaited, partials);
  if (partials.length >= sharing.threshold) return partials.slice(0, sharing.threshold);
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    expected: `shares of ${String(sharing.threshold)} holders`,
    came: String(partials.length),
  });
}
