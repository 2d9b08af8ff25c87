/** A patient's log, and the same in words. */
import {
  granteeName,
  type AccessDecision,
  type AccessWithReceipt,
  type CustodyConsent,
  type Notice,
  type PatientGrant,
  type PatientInstruction,
  type Recovery,
  type SharingState,
} from '@careledger/protocol';

/** A grant with what was forwarded under it. */
export interface GrantNode {
  readonly grant: PatientGrant;
  readonly forwards: readonly GrantNode[];
}

export interface PatientLog {
  readonly sharing: SharingState;
  readonly grants: readonly GrantNode[];
  readonly accesses: readonly AccessWithReceipt[];
  readonly instructions: readonly PatientInstruction[];
  readonly consent?: CustodyConsent;
  readonly recovery?: Recovery;
  /** Steps of emergencies, of recoveries, and of cases that link the pseudonym. */
  readonly notices: readonly Notice[];
  /** Where the listings go on. */
  readonly next?: { readonly accesses?: string; readonly ended?: string; readonly notices?: string };
}

export interface LogPage {
  /** UTC with milliseconds, both inclusive. */
  readonly from?: string;
  readonly to?: string;
  readonly pageSize?: number;
  /** Of the page before. */
  readonly next?: PatientLog['next'];
}

/**
 * One line for each entry, indented as the tree is: who, through whom, when, what for, and what was done. Under each
 * grant stand the openings that used it; denials stand at the end.
 */
export function describeLog(log: PatientLog): string[] {
  const { consent, recovery, sharing } = log;
  const closed = Object.entries(sharing.tags ?? {}).filter(([, state]) => !state.sharable);
  const denied = log.accesses.flatMap((access) =>
    access.decisions
      .filter(({ outcome }) => outcome === 'deny')
      .map((decision) => accessLine(access, decision)),
  );
  const underGrants = log.grants.flatMap((node) => nodeLines(node, log.accesses, ''));
  const otherwise = log.accesses.flatMap((access) =>
    access.decisions
      .filter(({ outcome, grantId }) => outcome === 'grant' && grantId === undefined)
      .map((decision) => accessLine(access, decision)),
  );
  return [
    ...underGrants,
    ...otherwise,
    ...denied,
    ...log.notices.map(
      ({ at, kind, caseId, status, mspId }) =>
        `${at} ${kind} ${caseId}: ${status}${mspId === undefined ? '' : `, by ${mspId}`}`,
    ),
    ...closed.map(([tag]) => `closed to sharing: ${tag}`),
    ...(consent === undefined
      ? []
      : [`consent that ${consent.mspId} keeps the key: ${consent.status}, since ${consent.givenAt}`]),
    ...(recovery === undefined
      ? []
      : [
          `recovery of a lost key: ${recovery.status}, opened ${recovery.openedAt} at ${recovery.openedBy.mspId}`,
        ]),
  ];
}

function nodeLines(
  { grant, forwards }: GrantNode,
  accesses: readonly AccessWithReceipt[],
  indent: string,
): string[] {
  const used = accesses.flatMap((access) =>
    access.decisions
      .filter(({ outcome, grantId }) => outcome === 'grant' && grantId === grant.grantId)
      .map((decision) => `${indent}  ${accessLine(access, decision)}`),
  );
  return [
    `${indent}${grantLine(grant)}`,
    ...used,
    ...forwards.flatMap((node) => nodeLines(node, accesses, `${indent}  `)),
  ];
}

function grantLine({
  grantId,
  grantee,
  recordTypes,
  purposes,
  status,
  basis,
  ...grant
}: PatientGrant): string {
  const by =
    basis === 'patient'
      ? 'granted'
      : 'parentId' in basis
        ? `passed on by ${basis.by.enrolmentId} of ${basis.by.mspId}`
        : 'granted by a standing instruction';
  const ended = grant.endedAt === undefined ? '' : ` ${grant.endedAt}`;
  return `${grant.createdAt} ${by} to ${granteeName(grantee)}: ${recordTypes.join(', ')} for ${purposes.join(', ')}, ${String(grant.maxHops)} more hops, ${status}${ended} (${grantId})`;
}

function accessLine(
  { requester, purpose, at, receipt }: AccessWithReceipt,
  decision: AccessDecision,
): string {
  const who = `${requester.enrolmentId} of ${requester.mspId}`;
  const what = `record ${decision.recordId} for ${purpose}`;
  if (decision.outcome === 'deny') return `${at} denied ${who}: ${what} (${decision.reason ?? ''})`;
  const done = receipt?.operation === undefined ? 'no receipt yet' : `receipt: ${receipt.operation}`;
  return `${at} opened by ${who}: ${what}, by ${decision.basis ?? ''}; ${done}`;
}
