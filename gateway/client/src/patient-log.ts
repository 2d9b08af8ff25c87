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
  readonly next?: {
    readonly accesses?: string;
    readonly ended?: string;
    readonly notices?: string;
    readonly instructions?: string;
  };
}

export interface LogPage {
  /** UTC with milliseconds, both inclusive. */
  readonly from?: string;
  readonly to?: string;
  readonly pageSize?: number;
  /** Of the page before. */
  readonly next?: PatientLog['next'];
}

interface Entry {
  readonly at: string;
  readonly said: string;
}

/**
 * One line for each thing that was done, in the order of time: who, through whom, when, what for. What stands, but of which
 * the ledger's books keep no time, is said after them.
 */
export function describeLog(log: PatientLog): string[] {
  const entries = [
    ...grantsIn(log.grants).flatMap(grantEntries),
    ...log.accesses.flatMap((access) =>
      access.decisions.map((decision) => ({ at: access.at, said: accessInWords(access, decision) })),
    ),
    ...log.notices.map(noticeEntry),
    ...(log.consent === undefined ? [] : [consentEntry(log.consent)]),
    ...(log.recovery === undefined ? [] : [recoveryEntry(log.recovery)]),
  ];
  const closed = Object.entries(log.sharing.tags ?? {}).filter(([, { sharable }]) => !sharable);
  const lines = [
    ...entries.sort((one, other) => compare(one.at, other.at)).map(({ at, said }) => `${at} ${said}`),
    ...closed.map(([tag]) => `closed to sharing: ${tag}`),
  ];
  return lines.length === 0 ? ['Nothing was done with this pseudonym yet.'] : lines;
}

/** Pages of a log as one, each thing once: a listing that is at its end begins again while others go on. */
export function wholeLog(pages: readonly [PatientLog, ...PatientLog[]]): PatientLog {
  const whole = { ...(pages.at(-1) ?? pages[0]) };
  delete whole.next;
  return {
    ...whole,
    grants: once(
      pages.flatMap(({ grants }) => grantsIn(grants)),
      ({ grantId }) => grantId,
    ).map((grant) => ({ grant, forwards: [] })),
    accesses: once(
      pages.flatMap(({ accesses }) => accesses),
      ({ accessId }) => accessId,
    ),
    notices: once(
      pages.flatMap(({ notices }) => notices),
      ({ txId, caseId }) => `${txId} ${caseId}`,
    ),
  };
}

function once<Item>(items: readonly Item[], idOf: (item: Item) => string): Item[] {
  return [...new Map(items.map((item) => [idOf(item), item])).values()];
}

function compare(one: string, other: string): number {
  return Number(one > other) - Number(one < other);
}

function grantsIn(nodes: readonly GrantNode[]): PatientGrant[] {
  return nodes.flatMap(({ grant, forwards }) => [grant, ...grantsIn(forwards)]);
}

function grantEntries(grant: PatientGrant): Entry[] {
  const { grantId, createdAt, endedAt, status, grantee } = grant;
  const begun = { at: createdAt, said: grantInWords(grant) };
  if (endedAt === undefined) return [begun];
  return [begun, { at: endedAt, said: `${status}: the grant to ${granteeName(grantee)} (${grantId})` }];
}

function grantInWords({ grantId, grantee, recordTypes, purposes, basis, maxHops }: PatientGrant): string {
  const onward = maxHops === 0 ? 'not to be passed on' : `to be passed on ${times(maxHops)}`;
  return `${howGranted(basis)} to ${granteeName(grantee)}: ${recordTypes.join(', ')} for ${purposes.join(', ')}, ${onward} (${grantId})`;
}

function times(hops: number): string {
  return hops === 1 ? 'once' : `up to ${String(hops)} times`;
}

function howGranted(basis: PatientGrant['basis']): string {
  if (basis === 'patient') return 'granted';
  if (!('parentId' in basis)) return 'granted by a standing instruction';
  return `passed on by ${basis.by.enrolmentId} of ${basis.by.mspId}, under ${basis.parentId},`;
}

function accessInWords(
  { requester, purpose, receipt }: AccessWithReceipt,
  { recordId, outcome, reason, basis, grantId }: AccessDecision,
): string {
  const who = `${requester.enrolmentId} of ${requester.mspId}`;
  const what = `record ${recordId} for ${purpose}`;
  if (outcome === 'deny') return `denied ${who}: ${what} (${reason ?? ''})`;
  const under = grantId === undefined ? '' : ` ${grantId}`;
  const done = receipt?.operation === undefined ? 'no receipt yet' : `receipt: ${receipt.operation}`;
  return `opened by ${who}: ${what}, by ${basis ?? ''}${under}; ${done}`;
}

const NOTICES: Readonly<
  Record<Notice['kind'], { readonly what: string; readonly steps: Readonly<Record<string, string>> }>
> = {
  emergency: {
    what: 'access in an emergency',
    steps: {
      opened: 'asked for',
      provisional: 'first approval: access is open',
      approved: 'approval: access is open',
    },
  },
  link: { what: 'link of your pseudonyms', steps: { opened: 'asked for', posted: 'made' } },
  recovery: { what: 'recovery of a lost key', steps: { approved: 'approved by a majority' } },
  sharing: {
    what: 'your records',
    steps: { closed: 'closed to all sharing', opened: 'opened to sharing, for grants that say so' },
  },
  renewal: { what: 'grant', steps: { renewed: 'in force again, with new edges' } },
  erasure: { what: 'record', steps: { erased: 'erased' } },
};

function noticeEntry({ at, kind, caseId, status, mspId, about }: Notice): Entry {
  const { what, steps } = NOTICES[kind];
  const by = mspId === undefined ? '' : `, by ${mspId}`;
  const of = about === undefined ? '' : `; ${about}`;
  return { at, said: `${what}: ${steps[status] ?? status}${by}${of} (${caseId})` };
}

function consentEntry({ mspId, status, givenAt }: CustodyConsent): Entry {
  return { at: givenAt, said: `consent that ${mspId} keeps the key: ${status}` };
}

/** Statuses in which whoever has the keys can still stop it. */
const UNDER_WAY: readonly Recovery['status'][] = ['opened', 'approved'];

function recoveryEntry({ recoveryId, status, openedAt, openedBy }: Recovery): Entry {
  const stop = UNDER_WAY.includes(status)
    ? '; if you have not lost your keys, stop it: careledger patient cancel-recovery'
    : '';
  const by = `${openedBy.enrolmentId} of ${openedBy.mspId}`;
  return { at: openedAt, said: `recovery ${recoveryId} of a lost key: ${status}, opened by ${by}${stop}` };
}
