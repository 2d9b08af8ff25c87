import type { Role } from '@careledger/protocol';
import type { StaffCaller } from '../services/caller.js';

/** Who may use a route. Every route says so; one that does not is refused when the gateway starts. */
export type RouteAccess =
  | 'public'
  | {
      readonly roles: readonly Role[];
      /** Served also while the gateway is not a ready member, because it is how it becomes one. */
      readonly whileNotReady?: boolean;
    };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that is not public. Read it with `callerOf`. */
    caller: StaffCaller | undefined;
  }
  interface FastifyContextConfig {
    access?: RouteAccess;
    /** Errors of the route are FHIR OperationOutcomes. */
    isFhir?: boolean;
  }
}
