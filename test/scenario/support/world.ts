import type { EmrRecord, RecordType } from '@careledger/protocol';
import type { Answer, People, Person } from './people.js';
import { grantTo, makePatient, type TestPatient } from './patient.js';

/** A patient of hospital 1 with records, and a clinician of hospital 2 with a grant for them. */
export interface World {
  readonly patient: TestPatient;
  readonly officer: Person;
  readonly clinician: Person;
  put(contents: readonly string[], headers?: Readonly<Record<string, string>>): Promise<Answer>;
  open(recordIds: readonly string[], headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

/** Whatever runs: in this process, or on Fabric and Kubo. */
export type Consortium = Pick<People, 'person'> & { readonly channel: string };

export const RECORD_TYPE: RecordType = 'laboratory';

export async function makeWorld(consortium: Consortium): Promise<World> {
  const officer = await consortium.person(1, 'officer');
  const clinician = await consortium.person(2, 'clinician');
  const patient = await enrolPatient(consortium, officer);
  const grant = grantTo(patient, clinician.mspId, [RECORD_TYPE]);
  mustBe(201, await officer.post('/v1/grants', patient.sign('grants:Grant', grant)));
  return {
    patient,
    officer,
    clinician,
    put: (contents, headers) =>
      officer.post('/v1/records', { records: contents.map((content) => plain(patient, content)) }, headers),
    open: (recordIds, headers) =>
      clinician.post('/v1/openings', { recordIds, purpose: 'treatment' }, headers),
  };
}

export async function enrolPatient(consortium: Consortium, officer: Person): Promise<TestPatient> {
  const patient = makePatient(consortium.channel);
  const { pseudonym, keys } = patient;
  const signed = patient.sign('patients:Enrol', { pseudonym, mspId: officer.mspId, keys });
  mustBe(201, await officer.post('/v1/patients', signed));
  return patient;
}

export function plain(patient: TestPatient, content: string) {
  return {
    pseudonym: patient.pseudonym,
    type: RECORD_TYPE,
    contentType: 'text/plain',
    content: Buffer.from(content, 'utf8').toString('base64'),
  };
}

/** The ids of what was put. */
export function recordIdsOf(answer: Answer): string[] {
  return (mustBe(201, answer).body['records'] as EmrRecord[]).map(({ recordId }) => recordId);
}

export function mustBe(status: number, answer: Answer): Answer {
  if (answer.status === status) return answer;
  throw new Error(
    `expected ${String(status)}, came ${String(answer.status)}: ${JSON.stringify(answer.body).slice(0, 600)}`,
  );
}
