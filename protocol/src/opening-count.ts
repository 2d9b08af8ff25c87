import { addMs } from './instant.js';
import { LIMITS } from './limits.js';
import type { GrantBook } from './schemas/grant-book.js';
import type { PatientGrant } from './schemas/grants.js';

/** What a patient's rule about the number of openings makes of a grant. Pure. */
type Ruled = Pick<GrantBook, 'instructions'>;

/** The smallest number of openings after which a rule of the patient expires a grant; undefined without such a rule. */
export function openingsAllowed({ instructions }: Ruled): number | undefined {
  const allowed = instructions.flatMap(({ status, rule }) =>
    status === 'active' && rule.kind === 'expire-grant' ? [rule.afterOpenings] : [],
  );
  return allowed.length === 0 ? undefined : Math.min(...allowed);
}

/** Whether a grant of the lineage was opened as often as is allowed: what is forwarded draws on the grant above it. */
export function isUsedUp(lineage: readonly PatientGrant[], allowed: number | undefined): boolean {
  return allowed !== undefined && lineage.some(({ openings = 0 }) => openings >= allowed);
}

/**
 * The last instant of a grant: of its time, or, when it is used up, of the time in which its last opening is served.
 * Decisions deny a grant that is used up from the opening after its last one on.
 */
export function lastInstantOf(book: Ruled, grant: PatientGrant): string {
  if (!isUsedUp([grant], openingsAllowed(book))) return grant.notAfter;
  const served = addMs(grant.lastOpenedAt ?? grant.createdAt, LIMITS.usedUpGrantKeptMs);
  return served < grant.notAfter ? served : grant.notAfter;
}
