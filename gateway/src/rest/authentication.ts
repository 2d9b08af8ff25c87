import type { FastifyReply, FastifyRequest } from 'fastify';
import { CareLedgerError } from '@careledger/protocol';
import type { RestServices } from './types.js';

const BEARER = /^Bearer ([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

/** Runs before the body is read: who may not come in does not get a body parsed. */
export function authenticate(services: Pick<RestServices, 'tokens' | 'staff' | 'readiness'>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const access = request.routeOptions.config.access;
    // Absent only where there is no route; its handler answers ROUTE_NOT_FOUND without telling anything.
    if (access === undefined || access === 'public') return;
    void reply.header('cache-control', 'no-store');
    const claims = await services.tokens.verify(bearerToken(request.headers.authorization));
    const caller = await services.staff.callerFor(claims);
    if (!access.roles.includes(caller.role)) {
      throw new CareLedgerError('ROLE_NOT_ALLOWED', {
        expected: `one of ${access.roles.join(', ')}`,
        came: caller.role,
      });
    }
    const isWrite = request.method !== 'GET' && request.method !== 'HEAD';
    if (isWrite && access.whileNotReady !== true) services.readiness.assertReady();
    request.caller = caller;
  };
}

function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) throw new CareLedgerError('TOKEN_MISSING');
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) throw new CareLedgerError('TOKEN_INVALID', { expected: 'Bearer TOKEN' });
  return token;
}
