import type { DecisionInput } from './decision.js';
import type { GrantBook } from './schemas/grant-book.js';
import type { PatientGrant } from './schemas/grants.js';
import type { PatientInstruction, PatientRule } from './schemas/instructions.js';
import type { EmrRecord, RecordSharing } from './schemas/records.js';

/** Objects of a small world: a patient of Alpha, a clinician of Bravo, one record, one grant that covers it. */
export const AT = '2026-11-20T08:00:00.000Z';
export const TX_ID = 'ab'.repeat(32);
export const PSEUDONYM = '01'.repeat(16);
export const RECORD_ID = `${'02'.repeat(16)}.0`;
export const GRANT_ID = '03'.repeat(16);
export const INSTRUCTION_ID = '04'.repeat(16);

export const record = (changes: Partial<EmrRecord> = {}): EmrRecord => ({
  recordId: RECORD_ID,
  ownerMspId: 'AlphaMSP',
  anchoredAt: AT,
  txId: TX_ID,
  pseudonym: PSEUDONYM,
  type: 'laboratory',
  contentCid: `b${'a'.repeat(58)}`,
  headerCid: `b${'b'.repeat(58)}`,
  digest: 'cd'.repeat(32),
  sizeBytes: 1,
  headerVersion: 1,
  sharable: true,
  status: 'anchored',
  ...changes,
});

export const grant = (changes: Partial<PatientGrant> = {}): PatientGrant => ({
  grantId: GRANT_ID,
  pseudonym: PSEUDONYM,
  grantee: { kind: 'member', mspId: 'BravoMSP' },
  recordTypes: ['laboratory'],
  purposes: ['treatment'],
  notBefore: '2026-11-01T00:00:00.000Z',
  notAfter: '2026-12-01T00:00:00.000Z',
  maxHops: 0,
  status: 'active',
  basis: 'patient',
  createdAt: AT,
  txId: TX_ID,
  ...changes,
});

export const SHARING = {
  headerCid: `b${'c'.repeat(58)}`,
  handle: 'ef'.repeat(32),
  sensitivity: 'normal',
  tagEpoch: 2,
  keyEpoch: 0,
} satisfies RecordSharing;

type GrantEdge = NonNullable<PatientGrant['edges']>[number];
export const edge = (changes: Partial<GrantEdge> = {}): GrantEdge => ({
  recordType: 'laboratory',
  sensitivity: 'normal',
  tagEpoch: 2,
  edgeId: '0e'.repeat(32),
  ...changes,
});

/** A grant by re-encryption, to Bravo; with one hop to Charlie below it. */
export const edgeGrant = (changes: Partial<PatientGrant> = {}): PatientGrant =>
  grant({ edges: [edge()], maxHops: 1, ...changes });
export const FORWARD_ID = '05'.repeat(16);
/** Who forwards is not asked here, so that one requester does for both. */
export const forward = (changes: Partial<PatientGrant> = {}): PatientGrant =>
  edgeGrant({
    grantId: FORWARD_ID,
    maxHops: 0,
    basis: { parentId: GRANT_ID, by: { mspId: 'BravoMSP', enrolmentId: 'dr-1', role: 'clinician' } },
    ...changes,
  });

/** `input` of a patient with an identity key, at the second epoch of the tag. */
export const sharedInput = ({
  patient,
  record: changes,
  ...rest
}: {
  readonly patient?: Partial<DecisionInput['patient']>;
  readonly record?: Partial<EmrRecord>;
  readonly grants?: readonly PatientGrant[];
  readonly instructions?: readonly PatientInstruction[];
} = {}): DecisionInput =>
  input({
    record: record({ sharing: SHARING, ...changes }),
    patient: {
      status: 'enrolled',
      mspId: 'AlphaMSP',
      identityEpoch: 0,
      tags: { 'laboratory/normal': { epoch: 2, sharable: true } },
      ...patient,
    },
    grants: [edgeGrant()],
    ...rest,
  });

export const AUTO_GRANT = {
  kind: 'auto-grant',
  purpose: 'treatment',
  role: 'clinician',
  recordTypes: ['laboratory'],
  validForMs: 3_600_000,
} satisfies PatientRule;

export const instruction = (
  rule: PatientRule,
  changes: Partial<PatientInstruction> = {},
): PatientInstruction => ({
  instructionId: INSTRUCTION_ID,
  status: 'active',
  setAt: AT,
  txId: TX_ID,
  rule,
  ...changes,
});

export const book = (changes: Partial<GrantBook> = {}): GrantBook => ({
  pseudonym: PSEUDONYM,
  mspId: 'AlphaMSP',
  status: 'enrolled',
  grants: [],
  instructions: [],
  membersEpoch: 1,
  ...changes,
});

/** What `decide` needs to grant under `grant()`. */
export const input = (changes: Partial<DecisionInput> = {}): DecisionInput => ({
  requester: { mspId: 'BravoMSP', enrolmentId: 'dr-1', role: 'clinician', department: 'oncology' },
  purpose: 'treatment',
  at: AT,
  record: record(),
  patient: { status: 'enrolled', mspId: 'AlphaMSP' },
  grants: [grant()],
  instructions: [],
  requesterMemberActive: true,
  requesterSuspended: false,
  ...changes,
});
