import { expect } from 'chai';
import { RECEIPT_STATUSES } from './schemas/access.js';
import { CEREMONY_STATUSES } from './schemas/ceremonies.js';
import { EMERGENCY_STATUSES } from './schemas/emergencies.js';
import { ERASURE_STATUSES } from './schemas/erasures.js';
import { GRANT_STATUSES } from './schemas/grants.js';
import { CONSENT_STATUSES, RECOVERY_STATUSES } from './schemas/identities.js';
import { INSTRUCTION_STATUSES } from './schemas/instructions.js';
import { LINK_CASE_STATUSES } from './schemas/links.js';
import { MEMBER_STATUSES } from './schemas/members.js';
import { PATIENT_STATUSES } from './schemas/patients.js';
import { QUERY_STATUSES } from './schemas/queries.js';
import { RECORD_STATUSES } from './schemas/records.js';
import { TRANSITIONS, nextStatus, type ObjectKind } from './transitions.js';

const STATUSES: Record<ObjectKind, readonly string[]> = {
  member: MEMBER_STATUSES,
  patient: PATIENT_STATUSES,
  record: RECORD_STATUSES,
  grant: GRANT_STATUSES,
  receipt: RECEIPT_STATUSES,
  instruction: INSTRUCTION_STATUSES,
  consent: CONSENT_STATUSES,
  recovery: RECOVERY_STATUSES,
  query: QUERY_STATUSES,
  ceremony: CEREMONY_STATUSES,
  erasure: ERASURE_STATUSES,
  emergency: EMERGENCY_STATUSES,
  linkCase: LINK_CASE_STATUSES,
};

type Steps = Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;
const kinds = Object.keys(TRANSITIONS) as ObjectKind[];
const stepsOf = (kind: ObjectKind): string[] => {
  const table: Steps = TRANSITIONS[kind];
  return Object.values(table).flatMap((steps) => Object.keys(steps ?? {}));
};
const everyStep = [...new Set(kinds.flatMap(stepsOf))];
/** What every object has from JavaScript is no transition. */
const INHERITED = ['toString', 'constructor', '__proto__', 'hasOwnProperty'];
const step = nextStatus as (kind: ObjectKind, from: string | undefined, transition: string) => string;

describe('transitions', () => {
  for (const kind of kinds) {
    const table: Steps = TRANSITIONS[kind];

    it(`of a ${kind}: every step of the table is taken, every other refused with its code`, () => {
      for (const from of [undefined, ...STATUSES[kind]]) {
        for (const transition of [...everyStep, ...INHERITED]) {
          const own = table[from ?? 'none'] ?? {};
          const where = `${from ?? 'none'} ${transition}`;
          if (Object.hasOwn(own, transition)) {
            expect(step(kind, from, transition), where).to.equal(own[transition]);
          } else {
            const creates = from !== undefined && Object.hasOwn(table['none'] ?? {}, transition);
            const code = creates ? 'ALREADY_EXISTS' : 'TRANSITION_NOT_ALLOWED';
            expect(() => step(kind, from, transition), where)
              .to.throw()
              .with.property('code', code);
          }
        }
      }
    });

    it(`of a ${kind}: every status is reached from nothing`, () => {
      const reached = new Set(['none']);
      for (const from of reached) for (const to of Object.values(table[from] ?? {})) reached.add(to);
      expect([...reached].sort()).to.deep.equal(['none', ...STATUSES[kind]].sort());
    });
  }
});
