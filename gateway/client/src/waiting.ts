/**
 * Grants that wait: whoever ends a grant or closes a tag raises the tag's epoch, and edges of the epoch before open nothing
 * under it, though their grants live on. New edges put them in force again.
 */
import { tagName, tagStateOf, type PatientGrant, type SharingState } from '@careledger/protocol';
import type { Tag } from './edges.js';

export interface WaitingGrant {
  readonly grant: PatientGrant;
  /** Wait for new edges. */
  readonly stale: readonly Tag[];
  /** Closed to sharing: no edge is made until the patient opens them. */
  readonly closed: readonly Tag[];
  /** Whoever passed it on renews it, after the grant above it; absent: the patient. */
  readonly renewedBy?: string;
}

/** @param grants live ones */
export function waitingGrants(
  grants: readonly PatientGrant[],
  sharing: Pick<SharingState, 'tags'>,
): WaitingGrant[] {
  return grants.flatMap((grant) => {
    const waiting = waitingOf(grant, sharing);
    return waiting.stale.length + waiting.closed.length === 0 ? [] : [waiting];
  });
}

function waitingOf(grant: PatientGrant, sharing: Pick<SharingState, 'tags'>): WaitingGrant {
  const { edges = [], basis } = grant;
  const stateOf = ({ recordType, sensitivity }: Tag) => tagStateOf(sharing, tagName(recordType, sensitivity));
  const by = typeof basis === 'object' && 'by' in basis ? basis.by.mspId : undefined;
  return {
    grant,
    stale: edges.filter((edge) => edge.tagEpoch < stateOf(edge).epoch && stateOf(edge).sharable),
    closed: edges.filter((edge) => !stateOf(edge).sharable),
    ...(by === undefined ? {} : { renewedBy: by }),
  };
}
