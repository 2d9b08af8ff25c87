import { setTimeout as sleep } from 'node:timers/promises';
import { CareLedgerError, type Access, type ErrorCode } from '@careledger/protocol';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';

/** What a hospital looks at before it gives another one anything for an opening: its own peer's copy of the entry. */
export interface EvidenceLimits {
  /** How long to wait for this hospital's own peer to have the transaction. */
  readonly lagWaitMs: number;
  /** First pause between questions; each further pause is twice as long. */
  readonly pollMs: number;
  /** One question to the ledger. */
  readonly ledgerTimeoutMs: number;
}
export interface EvidenceModules {
  readonly ledger: Ledger;
  /** Reads the ledger in the hospital's name. */
  readonly serviceIdentity: SigningIdentity;
}

/** Waits, within bounds, for the own peer to have the transaction: it may lag behind the requester's. */
export async function findAccess(
  accessId: string,
  limits: EvidenceLimits,
  modules: EvidenceModules,
): Promise<Access> {
  const deadline = performance.now() + limits.lagWaitMs;
  // Ever more slowly: whoever names transactions that never were must not keep the peer busy.
  for (let pollMs = limits.pollMs; ; pollMs *= 2) {
    const access = await readAccess(accessId, limits, modules);
    if (access !== undefined) return access;
    if (performance.now() >= deadline) throw notAuthorised('no access entry on the peer of the owner');
    await sleep(pollMs);
  }
}

async function readAccess(
  accessId: string,
  limits: EvidenceLimits,
  modules: EvidenceModules,
): Promise<Access | undefined> {
  const { ledger, serviceIdentity } = modules;
  const status = await within(limits.ledgerTimeoutMs, () => ledger.transaction(serviceIdentity, accessId));
  if (status === undefined) return undefined;
  if (status.code !== 'VALID') throw notAuthorised(`a transaction that is ${status.code}`);
  const read = (): Promise<unknown> => ledger.evaluate(serviceIdentity, 'access', 'Get', { accessId });
  // A peer knows the block before its state shows it: not found is asked again until the deadline.
  const access = await unless('ACCESS_NOT_FOUND', within(limits.ledgerTimeoutMs, read));
  if (access !== undefined && (access as Access).accessId !== accessId)
    throw notAuthorised('another access entry');
  return access as Access | undefined;
}

export function assertRequester(access: Access, callerMspId: string): void {
  if (access.requester.mspId !== callerMspId) throw notAuthorised('an access entry of another hospital');
}

export function assertAge(ageMs: number, windowMs: number): void {
  if (ageMs > windowMs) throw notAuthorised('an access entry that is too old: open the records again');
}

export function notAuthorised(came: string): CareLedgerError {
  return new CareLedgerError('RELEASE_NOT_AUTHORISED', { came });
}

export async function unless<Result>(code: ErrorCode, promise: Promise<Result>): Promise<Result | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof CareLedgerError && error.code === code) return undefined;
    throw error;
  }
}

export async function within<Result>(timeoutMs: number, work: () => Promise<Result>): Promise<Result> {
  const given = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: given.signal }).then(() => {
    throw new CareLedgerError('LEDGER_UNAVAILABLE', { came: 'no answer in time' });
  });
  // The timer is cancelled when the answer comes; its own rejection then concerns nobody.
  late.catch(() => undefined);
  try {
    return await Promise.race([work(), late]);
  } finally {
    given.abort();
  }
}
