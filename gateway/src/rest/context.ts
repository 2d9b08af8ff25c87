import type { Role } from '@careledger/protocol';
import type { StaffCaller } from '../services/caller.js';

/** Who may use a route. Every route says so; one that does not is refused when the gateway starts. */
export type RouteAccess =
  | 'public'
  | {
      readonly roles: readonly Role[];
      /** Served also while the gateway is not a ready member, because it is how it becomes one. */
      readonly whileNotReady?: boolean;
      /**
       * Also for patients: `own` for requests that name their own pseudonym, `named` for a name that is not another
       * patient's, `any` for what is nobody's secret. What a patient's session asks of the ledger is asked by the gateway.
       * Absent: staff only.
       */
      readonly patients?: 'own' | 'named' | 'any';
      /** Whose staff may read what the request names: `readers.ts`. Absent: every hospital's, in one of the roles. */
      readonly readers?: Readers;
    };

/**
 * `enrolled`: of the hospital at which the patient is enrolled. `granted`: also of hospitals that hold one of the patient's
 * live grants, which see theirs. `deciding`: also of hospitals that open, decide or have decided the patient's recovery.
 * Auditors read all.
 */
export type Readers = 'enrolled' | 'granted' | 'deciding';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that is not public. Read it with `callerOf`. For a patient it is the gateway itself. */
    caller: StaffCaller | undefined;
    /** Pseudonym of the patient whose session it is. */
    patient: string | undefined;
    /** Hospital whose grants the caller sees of a patient's; undefined: all of them. Read it with `seesGrant`. */
    grantsOf: string | undefined;
  }
  interface FastifyContextConfig {
    access?: RouteAccess;
    /** Errors of the route are FHIR OperationOutcomes. */
    isFhir?: boolean;
  }
}
