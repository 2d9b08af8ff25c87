import type { FastifyReply, FastifyRequest } from 'fastify';
import { CareLedgerError } from '@careledger/protocol';

/** A bound on requests that are being worked on; probes are let through, so that an overload can be seen. */
export function createInFlightLimit(maxInFlight: number): {
  readonly enter: (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void;
  readonly leave: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void;
} {
  const working = new WeakSet<FastifyRequest>();
  let count = 0;
  return {
    enter: (request, _reply, done) => {
      if (request.routeOptions.config.access === 'public' && request.method === 'GET') {
        done();
      } else if (count >= maxInFlight) {
        done(new CareLedgerError('RATE_LIMITED'));
      } else {
        count += 1;
        working.add(request);
        done();
      }
    },
    leave: (request, _reply, done) => {
      if (working.delete(request)) count -= 1;
      done();
    },
  };
}
