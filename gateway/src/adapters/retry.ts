import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CareLedgerError } from '@careledger/protocol';

/** How often a transaction that lost a race is made anew. */
export interface ConflictRetryPolicy {
  /** Transactions in all, the first included. */
  readonly attempts: number;
  /** Upper bound of the first pause; it doubles every time. The pause itself is random below its bound. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /**
   * Peers that endorse different things are not racing: one is behind the others, for as long as it takes to catch up
   * after its orderer was away. Such a transaction is made anew until this has passed, whatever `attempts` says.
   */
  readonly catchUpMs: number;
}

export const CONFLICT_RETRY: ConflictRetryPolicy = {
  attempts: 10,
  firstDelayMs: 20,
  maxDelayMs: 1_000,
  catchUpMs: 30_000,
};

/** The `validationCode` of a transaction that never was ordered, because its endorsements were not the same. */
export const ENDORSEMENTS_DIFFER = 'ENDORSEMENTS_DIFFER';

/** A transaction that was ordered but lost a race (see `assertValid`): nothing was written. */
export class TransactionConflict extends Error {
  override readonly name = 'TransactionConflict';
  constructor(
    readonly validationCode: string,
    readonly txId: string,
  ) {
    super(`${validationCode} in transaction ${txId}`);
  }
}

/**
 * Runs an operation again, as a new transaction, for as long as it ends in a conflict and the policy allows.
 * @throws CareLedgerError LEDGER_CONFLICT, or ENDORSEMENT_REFUSED after a policy failure, with `attempts`, `validationCode` and `txId` of the last one; the signal's
 * reason when it is aborted between attempts; whatever else the operation throws.
 */
export async function withConflictRetry<Result>(
  policy: ConflictRetryPolicy,
  operation: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const catchUpEnds = performance.now() + policy.catchUpMs;
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof TransactionConflict)) throw error;
      const isCatchingUp = error.validationCode === ENDORSEMENTS_DIFFER && performance.now() < catchUpEnds;
      if (attempt >= policy.attempts && !isCatchingUp) throw exhausted(error, attempt);
    }
    await sleep(pauseMs(policy, attempt), undefined, signal === undefined ? {} : { signal });
  }
}

function pauseMs(policy: ConflictRetryPolicy, attempt: number): number {
  const boundMs = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (attempt - 1));
  return randomInt(Math.max(1, Math.ceil(boundMs)) + 1);
}

function exhausted(conflict: TransactionConflict, attempts: number): CareLedgerError {
  const { validationCode, txId } = conflict;
  const code = validationCode === 'ENDORSEMENT_POLICY_FAILURE' ? 'ENDORSEMENT_REFUSED' : 'LEDGER_CONFLICT';
  return new CareLedgerError(code, { extensions: { attempts, validationCode, txId }, cause: conflict });
}
