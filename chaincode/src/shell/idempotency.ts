import { createHash } from 'node:crypto';
import { CareLedgerError, KEYS, canonicalJson } from '@careledger/protocol';
import type { Call } from './call.js';
import type { FirstOutcome } from './state.js';

const LONGEST_KEY = 200;

/** One use of an idempotency key: the place where its first outcome stands, and the digest of the request. */
export interface Attempt {
  readonly slot: string;
  readonly digest: string;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Undefined when the caller gave no key. */
export function attemptOf(call: Call, argument: unknown, idempotencyKey: string): Attempt | undefined {
  if (idempotencyKey === '') return undefined;
  if (idempotencyKey.length > LONGEST_KEY) {
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: `an idempotency key of at most ${LONGEST_KEY} characters`,
    });
  }
  const { mspId, enrolmentId } = call.caller;
  return {
    slot: sha256(canonicalJson([mspId, enrolmentId, idempotencyKey])),
    digest: sha256(canonicalJson([call.method, argument])),
  };
}

/**
 * The first outcome of the same request, if there is one.
 * @throws CareLedgerError IDEMPOTENCY_KEY_REUSED when the key stands for another request.
 */
export async function firstOutcome(call: Call, attempt: Attempt): Promise<FirstOutcome | undefined> {
  const first = await call.state.read(KEYS.idempotency, [attempt.slot]);
  if (first === undefined || first.digest === attempt.digest) return first;
  throw new CareLedgerError('IDEMPOTENCY_KEY_REUSED', { extensions: { txId: first.txId } });
}

export async function keepOutcome(
  call: Call,
  attempt: Attempt,
  response: FirstOutcome['response'],
): Promise<void> {
  await call.state.write(KEYS.idempotency, [attempt.slot], {
    digest: attempt.digest,
    txId: call.txId,
    response,
  });
}

/** What the first transaction answered. */
export async function firstResponse(call: Call, { response }: FirstOutcome): Promise<string> {
  if (typeof response === 'string') return response;
  return canonicalJson(await call.state.read(response.prefix, response.attributes));
}
