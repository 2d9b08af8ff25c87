/**
 * An example that runs: a patient enrols at a hospital, grants laboratory results to a role at another, staff there open
 * one and say that they looked at it, and the patient sees it and revokes.
 */
import {
  GatewayError,
  PatientClient,
  StaffClient,
  describeLog,
  enrol,
  makePatientKeys,
  preparePseudonym,
  pseudonymKeys,
} from './index.js';

interface Staff {
  readonly gatewayUrl: string;
  readonly mspId: string;
  readonly token: string;
}

/** @param options.desk an officer of the patient's hospital @param options.reader a clinician of another hospital */
export async function main(options: {
  readonly channel: string;
  readonly desk: Staff;
  readonly reader: Staff;
  readonly say: (line: string) => void;
}): Promise<void> {
  const { channel, desk, reader, say } = options;
  const office = new StaffClient({ url: desk.gatewayUrl, token: () => desk.token });

  // The keys are made here. A real patient saves them before going on: sealPatientKeys, or writePatientKeys on Node.
  const wanted = {
    mspId: desk.mspId,
    channel,
    identity: 'own',
    recoverable: false,
    custody: 'patient',
  } as const;
  const { keys, pseudonym } = await preparePseudonym(office.connection, makePatientKeys(), wanted);
  await enrol(office.connection, keys, pseudonym);
  say('enrolled');

  const content = btoa('potassium 4.1 mmol/L');
  const record = { pseudonym, type: 'laboratory', contentType: 'text/plain', content };
  const put = { records: [record] };
  const { records } = await office.connection.post<{ records: { recordId: string }[] }>('/v1/records', put);
  const recordIds = records.map(({ recordId }) => recordId);

  const patient = new PatientClient(pseudonymKeys(keys, pseudonym));
  const grant = await patient.grant({
    grantee: { kind: 'role', mspId: reader.mspId, role: 'clinician' },
    recordTypes: ['laboratory'],
    purposes: ['treatment'],
    notAfter: new Date(Date.now() + 7 * 86_400_000).toISOString(),
  });
  say(`granted to ${reader.mspId}`);

  const clinician = new StaffClient({ url: reader.gatewayUrl, token: () => reader.token });
  const opening = await clinician.open(recordIds, 'treatment');
  for (const opened of opening.records) say(`opened: ${new TextDecoder().decode(opened.content)}`);
  await clinician.receipt(opening.accessId, 'view');

  for (const line of describeLog(await patient.log())) say(line);
  await patient.revoke(grant.grantId);
  try {
    await clinician.open(recordIds, 'treatment');
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    say(`after the revocation: ${error.code}`);
  }
}
