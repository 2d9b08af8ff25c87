import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { CareLedgerError } from '@careledger/protocol';
import type { StaffCaller } from '../services/caller.js';

/** The signed-in person. Public routes have none, and must not ask. */
export function callerOf(request: Pick<FastifyRequest, 'caller'>): StaffCaller {
  if (request.caller === undefined) throw new CareLedgerError('TOKEN_MISSING');
  return request.caller;
}

/**
 * The client's idempotency key bound to the route, as options of a transaction: one key used on two routes is two keys,
 * and the ledger never sees what the client chose. The ledger keeps keys by who submits; for every patient that is the
 * gateway, so a patient's key is bound to the pseudonym too.
 */
export function idempotencyOf(request: IdempotentRequest): { readonly idempotencyKey?: string } {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return {};
  const route = `${request.method} ${request.routeOptions.url ?? ''}`;
  const bound = `${route}\n${request.patient === undefined ? '' : `${request.patient}\n`}${key}`;
  return { idempotencyKey: createHash('sha256').update(bound, 'utf8').digest('hex') };
}

interface IdempotentRequest {
  readonly method: string;
  readonly headers: { readonly 'idempotency-key'?: string };
  readonly routeOptions: { readonly url?: string | undefined };
  readonly patient: string | undefined;
}

/** @throws CareLedgerError SCHEMA_VIOLATION when path and signed body name two different objects. */
export function assertSamePath(name: string, inPath: string, inBody: string): void {
  if (inPath === inBody) return;
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: `the ${name} of the path in the body`,
    came: 'another',
  });
}
