import { CareLedgerError } from './errors.js';
import type { CEREMONY_STATUSES } from './schemas/ceremonies.js';
import type { ERASURE_STATUSES } from './schemas/erasures.js';
import type { EMERGENCY_STATUSES } from './schemas/emergencies.js';
import type { GRANT_STATUSES } from './schemas/grants.js';
import type { CONSENT_STATUSES, RECOVERY_STATUSES } from './schemas/identities.js';
import type { INSTRUCTION_STATUSES } from './schemas/instructions.js';
import type { LINK_CASE_STATUSES } from './schemas/links.js';
import type { MEMBER_STATUSES } from './schemas/members.js';
import type { PATIENT_STATUSES } from './schemas/patients.js';
import type { RECEIPT_STATUSES } from './schemas/access.js';
import type { RECORD_STATUSES } from './schemas/records.js';
import type { QUERY_STATUSES } from './schemas/queries.js';

/** state -> transition -> next state. What is not here is refused. `none` is an object that does not exist yet. */
type Table<Status extends string> = Readonly<
  Partial<Record<Status | 'none', Readonly<Record<string, Status>>>>
>;

const member: Table<(typeof MEMBER_STATUSES)[number]> = {
  none: { propose: 'proposed' },
  proposed: { admit: 'active', leave: 'left' },
  active: { suspend: 'suspended', leave: 'left' },
  suspended: { reinstate: 'active', leave: 'left' },
  left: { propose: 'proposed' },
};

const patient: Table<(typeof PATIENT_STATUSES)[number]> = {
  none: { enrol: 'enrolled' },
  enrolled: { rotateKeys: 'enrolled', close: 'closed' },
};

const record: Table<(typeof RECORD_STATUSES)[number]> = {
  none: { anchor: 'anchored' },
  anchored: { supersede: 'superseded', erase: 'erased', reseal: 'anchored' },
  superseded: { erase: 'erased', reseal: 'superseded' },
};

const grant: Table<(typeof GRANT_STATUSES)[number]> = {
  none: { grant: 'active' },
  active: { renew: 'active', revoke: 'revoked', expire: 'expired', end: 'ended' },
};

const receipt: Table<(typeof RECEIPT_STATUSES)[number]> = {
  none: { post: 'posted', require: 'due' },
  due: { post: 'posted', sweep: 'overdue' },
  overdue: { post: 'posted-late' },
};

const instruction: Table<(typeof INSTRUCTION_STATUSES)[number]> = {
  none: { set: 'active' },
  active: { retire: 'retired' },
};

const consent: Table<(typeof CONSENT_STATUSES)[number]> = {
  none: { give: 'given' },
  given: { withdraw: 'withdrawn' },
  withdrawn: { give: 'given' },
};

const recovery: Table<(typeof RECOVERY_STATUSES)[number]> = {
  none: { open: 'opened' },
  opened: {
    approve: 'opened',
    carry: 'approved',
    refuse: 'opened',
    carryRefusal: 'refused',
    cancel: 'cancelled',
    lapse: 'lapsed',
  },
  approved: {
    approve: 'approved',
    refuse: 'approved',
    carryRefusal: 'refused',
    cancel: 'cancelled',
    complete: 'completed',
    lapse: 'lapsed',
  },
  cancelled: { open: 'opened' },
  refused: { open: 'opened' },
  lapsed: { open: 'opened' },
  completed: { open: 'opened' },
};

const query: Table<(typeof QUERY_STATUSES)[number]> = {
  none: { open: 'opened', deny: 'refused' },
  opened: { complete: 'contributed', refuse: 'refused' },
  contributed: { publish: 'decrypted', refuse: 'refused' },
};

const ceremony: Table<(typeof CEREMONY_STATUSES)[number]> = {
  none: { start: 'joining' },
  joining: {
    join: 'joining',
    begin: 'running',
    testify: 'joining',
    resume: 'joining',
    exhaust: 'failed',
    abandon: 'failed',
  },
  running: {
    post: 'running',
    register: 'running',
    testify: 'running',
    blame: 'joining',
    resume: 'joining',
    exhaust: 'failed',
    abandon: 'failed',
    finish: 'finished',
  },
  failed: { testify: 'failed', resume: 'joining' },
};

const erasure: Table<(typeof ERASURE_STATUSES)[number]> = {
  none: { certify: 'certified' },
};

const emergency: Table<(typeof EMERGENCY_STATUSES)[number]> = {
  none: { open: 'opened', openUnidentified: 'unidentified' },
  unidentified: {
    identify: 'opened',
    refuse: 'unidentified',
    carryRefusal: 'refused',
    elapse: 'unanswered',
  },
  opened: {
    approve: 'opened',
    provide: 'provisional',
    carry: 'approved',
    refuse: 'opened',
    carryRefusal: 'refused',
    elapse: 'unanswered',
  },
  provisional: {
    approve: 'provisional',
    carry: 'approved',
    refuse: 'provisional',
    carryRefusal: 'withdrawn',
    elapse: 'lapsed',
  },
  approved: { elapse: 'expired' },
  expired: { review: 'reviewed' },
  lapsed: { review: 'reviewed' },
  withdrawn: { review: 'reviewed' },
};

const linkCase: Table<(typeof LINK_CASE_STATUSES)[number]> = {
  none: { open: 'opened' },
  opened: { approve: 'opened', carry: 'approved', lapse: 'lapsed' },
  approved: { post: 'posted', lapse: 'lapsed' },
};

export const TRANSITIONS = {
  erasure,
  emergency,
  linkCase,
  member,
  patient,
  record,
  grant,
  receipt,
  instruction,
  consent,
  recovery,
  query,
  ceremony,
};
export type ObjectKind = keyof typeof TRANSITIONS;
type StatusOf<Kind extends ObjectKind> =
  (typeof TRANSITIONS)[Kind] extends Table<infer Status> ? Status : never;

/**
 * The next state of an object.
 * @throws CareLedgerError TRANSITION_NOT_ALLOWED when the table has no such step; ALREADY_EXISTS when the step
 * would create an object that exists.
 */
export function nextStatus<Kind extends ObjectKind>(
  kind: Kind,
  from: StatusOf<Kind> | undefined,
  transition: string,
): StatusOf<Kind> {
  const table: Table<string> = TRANSITIONS[kind];
  const steps = table[from ?? 'none'] ?? {};
  const next = Object.hasOwn(steps, transition) ? steps[transition] : undefined;
  if (next !== undefined) return next as StatusOf<Kind>;
  if (from !== undefined && Object.hasOwn(table.none ?? {}, transition)) {
    throw new CareLedgerError('ALREADY_EXISTS', { came: `an id of a ${kind} that is ${from}` });
  }
  throw notAllowed(kind, from ?? 'absent', transition, Object.keys(steps));
}

function notAllowed(
  kind: ObjectKind,
  from: string,
  transition: string,
  allowed: readonly string[],
): CareLedgerError {
  const article = /^[aeiou]/.test(kind) ? 'An' : 'A';
  const named = kind.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const steps = allowed.map((step) => STEPS[step] ?? step).join(', or ');
  return new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    message: `${article} ${named} that is ${from} cannot ${STEPS[transition] ?? transition}.`,
    expected: allowed.length === 0 ? 'nothing more of it: this state is final' : `it first to ${steps}`,
  });
}

/** Transitions of which the name alone says nothing to whoever reads the error. */
const STEPS: Readonly<Record<string, string>> = {
  admit: 'be admitted',
  suspend: 'be suspended',
  reinstate: 'be reinstated',
  propose: 'be proposed',
  enrol: 'be enrolled',
  close: 'be closed',
  rotateKeys: 'have its keys replaced',
  anchor: 'be anchored',
  supersede: 'be superseded',
  erase: 'be erased',
  reseal: 'be sealed anew',
  grant: 'be granted',
  renew: 'be renewed',
  revoke: 'be revoked',
  retire: 'be retired',
  withdraw: 'be withdrawn',
  give: 'be given',
  open: 'be opened',
  approve: 'be approved',
  carry: 'be approved by enough hospitals',
  cancel: 'be cancelled',
  complete: 'be completed',
  refuse: 'be refused',
  carryRefusal: 'be refused by enough hospitals',
  provide: 'be approved provisionally',
  identify: 'be identified',
  elapse: 'run out of time',
  lapse: 'run out of time',
  review: 'be reviewed',
  post: 'be posted',
  publish: 'be published',
};
