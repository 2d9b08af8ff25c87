import { CareLedgerError, patientName, type Role } from '@careledger/protocol';
import { expect } from 'chai';
import type { RestServices } from './types.js';
import { createMetrics } from './metrics.js';
import { createRest } from './server.js';

const [PATIENT, OTHER] = ['1a'.repeat(16), '2b'.repeat(16)] as const;
const [HOME, HOLDER, DECIDER, STRANGER] = ['H1', 'H2', 'H3', 'H4'] as const;
const grant = (byte: string, mspId: string, basis: unknown = 'patient') => ({
  ...{ grantId: byte.repeat(16), pseudonym: PATIENT, grantee: { kind: 'member', mspId }, basis },
  ...{ status: 'active', recordTypes: ['laboratory'], purposes: ['treatment'], maxHops: 0 },
  ...{ notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2026-12-01T00:00:00.000Z', edges: [] },
});
/** H2 holds one and has forwarded another to H5; the third is H5's, from the patient. */
const GRANTS = [
  grant('a1', HOLDER),
  grant('a2', 'H5', { parentId: 'a1'.repeat(16), by: { mspId: HOLDER } }),
  grant('a3', 'H5'),
];

describe('who reads what of a patient', () => {
  let isEnrolled: boolean;
  let recovery: { status: string } & Record<string, unknown>;
  let rest: Awaited<ReturnType<typeof createRest>>;
  const metrics = createMetrics({ mspId: HOME });

  const answers: Readonly<Record<string, (argument: Record<string, unknown>) => unknown>> = {
    'grants:GetSharing': ({ pseudonym }) => ({ pseudonym, mspId: HOME, status: 'enrolled' }),
    'grants:List': () => ({ items: GRANTS, bookmark: 'on' }),
    'grants:Get': ({ grantId }) => GRANTS.find((one) => one.grantId === grantId),
    'grants:Chain': ({ grantId }) => ({
      links: [{ grant: GRANTS.find((one) => one.grantId === grantId), edges: [] }],
    }),
    'identities:GetRecovery': () => recovery,
  };
  const services = {
    contracts: {
      evaluate: (_identity: unknown, contract: string, method: string, argument: Record<string, unknown>) =>
        isEnrolled
          ? Promise.resolve(answers[`${contract}:${method}`]?.(argument) ?? { items: [] })
          : Promise.reject(new CareLedgerError('PATIENT_NOT_FOUND')),
    },
    tokens: { verify: (token: string) => Promise.resolve(JSON.parse(Buffer.from(token, 'hex').toString())) },
    staff: { callerFor: (claims: unknown) => Promise.resolve(claims) },
    patientSessions: { assertPresent: () => Promise.resolve() },
    readiness: { assertReady: () => undefined },
    self: { mspId: HOME, role: 'gateway', enrolmentId: 'gateway' },
    metrics: metrics.registry,
  } as unknown as RestServices;

  before(async () => {
    const limits = { bodyLimitBytes: 1000, maxInFlight: 10, requestTimeoutMs: 5000, handlerTimeoutMs: 5000 };
    rest = await createRest(
      { hospitalName: 'one', ...limits, log: { level: 'silent' } },
      { services, metrics },
    );
  });
  after(() => rest.close());
  beforeEach(() => {
    isEnrolled = true;
    const by = { mspId: DECIDER };
    recovery = { mspId: HOME, openedBy: by, approvals: [], status: 'opened' };
  });

  const read = async (url: string, claims: object): Promise<{ code: unknown; items?: unknown[] }> => {
    const authorization = `Bearer ${Buffer.from(JSON.stringify(claims)).toString('hex')}`;
    const response = await rest.inject({ method: 'GET', url, headers: { authorization } });
    const body: { code?: unknown; items?: unknown[] } = response.json();
    return { ...body, code: response.statusCode === 200 ? 'read' : body.code };
  };
  const staff = (mspId: string, role: Role = 'officer') => ({ mspId, role, enrolmentId: 'someone' });
  const session = (pseudonym: string) => ({ pseudonym, keyEpoch: 0 });
  const expectCodes = async (
    url: string,
    expected: readonly (readonly [object, string])[],
  ): Promise<void> => {
    for (const [who, code] of expected)
      expect((await read(url, who)).code, `${url} by ${JSON.stringify(who)}`).to.equal(code);
  };
  const of = `/v1/patients/${PATIENT}`;

  for (const url of [`${of}/notices`, `${of}/custody-consent`, `/v1/instructions?owner=${PATIENT}`]) {
    it(`gives ${url} to the patient, its hospital’s office and auditors`, async () => {
      await expectCodes(url, [
        [session(PATIENT), 'read'],
        [staff(HOME), 'read'],
        [staff(HOME, 'admin'), 'read'],
        [staff(STRANGER, 'auditor'), 'read'],
        [session(OTHER), 'NOT_OWNER'],
        [staff(HOME, 'clinician'), 'ROLE_NOT_ALLOWED'],
        [staff(HOLDER), 'NOT_OWNER'],
        [staff(STRANGER, 'admin'), 'NOT_OWNER'],
      ]);
    });
  }

  it('gives a hospital’s instructions to its own office and auditors', async () => {
    await expectCodes(`/v1/instructions?owner=${HOLDER}`, [
      [staff(HOLDER), 'read'],
      [staff(STRANGER, 'auditor'), 'read'],
      [staff(HOME), 'NOT_OWNER'],
      [session(PATIENT), 'NOT_OWNER'],
    ]);
  });

  it('gives grants to the patient, its hospital and auditors, to a holder its own, and to others nothing', async () => {
    const seen = async (who: object): Promise<number | undefined> =>
      (await read(`${of}/grants`, who)).items?.length;
    for (const who of [session(PATIENT), staff(HOME, 'clinician'), staff(STRANGER, 'auditor')])
      expect(await seen(who)).to.equal(3);
    expect(await seen(staff(HOLDER, 'clinician')), 'held and forwarded').to.equal(2);
    await expectCodes(`${of}/grants`, [
      [staff(STRANGER), 'NOT_OWNER'],
      [session(OTHER), 'NOT_OWNER'],
    ]);
  });

  it('gives one grant’s chain and Consent to those who see the grant', async () => {
    const chain = (byte: string) => `${of}/grants/${byte.repeat(16)}/chain`;
    for (const byte of ['a1', 'a2'])
      await expectCodes(chain(byte), [
        [session(PATIENT), 'read'],
        [staff(HOME), 'read'],
        [staff(HOLDER, 'clinician'), 'read'],
        [staff(STRANGER), 'NOT_OWNER'],
      ]);
    await expectCodes(chain('a3'), [
      [staff('H5'), 'read'],
      [staff(HOLDER), 'NOT_OWNER'],
    ]);
    const consent = `/v1/fhir/Consent/${'a3'.repeat(16)}?pseudonym=${PATIENT}`;
    expect((await read(consent, staff('H5'))).code).to.equal('read');
    const { issue } = (await read(consent, staff(HOLDER))) as unknown as { issue?: unknown };
    expect(JSON.stringify(issue)).to.contain('NOT_OWNER');
  });

  it('gives a recovery to the patient and auditors, to officers while it waits for them, then to those who took part', async () => {
    const url = `${of}/recoveries/latest`;
    await expectCodes(url, [
      [session(PATIENT), 'read'],
      [staff(STRANGER), 'read'],
      [staff(STRANGER, 'clinician'), 'ROLE_NOT_ALLOWED'],
      [session(OTHER), 'NOT_OWNER'],
    ]);
    recovery = { ...recovery, status: 'completed', approvals: [{ mspId: HOLDER }] };
    await expectCodes(url, [
      [staff(HOME), 'read'],
      [staff(DECIDER), 'read'],
      [staff(HOLDER), 'read'],
      [staff(STRANGER, 'auditor'), 'read'],
      [staff(STRANGER), 'NOT_OWNER'],
    ]);
  });

  it('gives cases that link pseudonyms to officers, who decide them, and auditors', async () => {
    for (const url of ['/v1/link-cases', `/v1/link-cases/${'c'.repeat(32)}`])
      await expectCodes(url, [
        [staff(STRANGER), 'read'],
        [staff(STRANGER, 'auditor'), 'read'],
        [staff(HOME, 'clinician'), 'ROLE_NOT_ALLOWED'],
        [staff(HOME, 'admin'), 'ROLE_NOT_ALLOWED'],
        [session(PATIENT), 'ROLE_NOT_ALLOWED'],
      ]);
  });

  it('gives a patient’s session its own identity and those that edges are made for, no other patient’s', async () => {
    const identity = (name: string) => `/v1/identities/${encodeURIComponent(name)}`;
    for (const name of [patientName(PATIENT), 'member/H2', 'role/H2/clinician', 'person/H2/dr-2'])
      await expectCodes(identity(name), [[session(PATIENT), 'read']]);
    await expectCodes(identity(patientName(OTHER)), [
      [session(PATIENT), 'NOT_OWNER'],
      [staff(HOME, 'clinician'), 'read'],
    ]);
  });

  it('fails as the ledger fails, and lets nobody in for it', async () => {
    isEnrolled = false;
    await expectCodes(`${of}/notices`, [[staff(HOME), 'PATIENT_NOT_FOUND']]);
  });
});
