import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import {
  GatewayError,
  PatientClient,
  StaffClient,
  enrol,
  finishRecovery,
  makePatientKeys,
  prepareRecovery,
  preparePseudonym,
  pseudonymKeys,
  recoveryRequest,
  rotateKeys,
  withIdentityKey,
  type PatientClientOptions,
  type PseudonymKeys,
} from '@careledger/client';
import {
  base64UrlToBytes,
  erasureKeyFromParts,
  initPairing,
  openAsOwner,
  openContent,
  openReturnedLabelKey,
  openSharingHeader,
  parseSharingHeader,
} from '@careledger/crypto';
import type { EmrRecord, Grantee } from '@careledger/protocol';
import { startTestConsortium, type TestConsortium } from '../support/consortium.js';

const WAIT_MS = 4_000;
const POLL_MS = 100;
const FORM = 'ab'.repeat(32);
const TEXT = 'potassium 4.1 mmol/L';
const MAX_BYTES = 1_048_576;

/** A lost key in the recoverable mode, and keys that are rotated, through four gateways over REST. */
describe('scenario: a patient’s keys are recovered and rotated', function () {
  this.timeout(110_000);

  let consortium: TestConsortium;
  /** Officers of hospitals 1 to 4. */
  let officers: readonly StaffClient[];
  let clinician: StaffClient;
  let grantee: Grantee;

  const enrolled = async (recoverable: boolean): Promise<PseudonymKeys> => {
    const { connection } = officers[0]!;
    const wanted = {
      mspId: 'Hospital1MSP',
      channel: consortium.channel,
      identity: 'own',
      recoverable,
      custody: 'patient',
    } as const;
    const made = await until(() => preparePseudonym(connection, makePatientKeys(), wanted));
    await enrol(connection, made.keys, made.pseudonym);
    return pseudonymKeys(made.keys, made.pseudonym);
  };
  const put = async ({ pseudonym }: PseudonymKeys): Promise<string> => {
    const record = { pseudonym, type: 'laboratory', contentType: 'text/plain', content: btoa(TEXT) };
    const put = await officers[0]!.connection.post<{ records: EmrRecord[] }>('/v1/records', {
      records: [record],
    });
    return put.records[0]!.recordId;
  };
  const grant = (patient: PatientClient) =>
    until(() =>
      patient.grant({
        grantee,
        recordTypes: ['laboratory'],
        purposes: ['treatment'],
        notAfter: new Date(Date.now() + 86_400_000).toISOString(),
      }),
    );
  const contentOf = async (recordId: string): Promise<string> => {
    const { records } = await clinician.open([recordId], 'treatment');
    return new TextDecoder().decode(records[0]!.content);
  };
  const sealedUnder = (patient: PatientClient, keyEpoch: number): Promise<EmrRecord> =>
    until(async () => {
      const [record] = await patient.records();
      if (record?.sharing?.keyEpoch === keyEpoch) return record;
      throw new Error(`not sealed under epoch ${String(keyEpoch)}`);
    });
  const restart = ({ pseudonym, mspId, gatewayUrl, channel, custody }: PseudonymKeys): PseudonymKeys =>
    prepareRecovery({ pseudonym, mspId, gatewayUrl, channel, custody });
  const openedBy2 = (fresh: PseudonymKeys) =>
    officers[1]!.openRecovery({ ...recoveryRequest(fresh), formDigest: FORM });

  /** Header, content and erasure key of a record as they are now: what opens them has to be the patient's key. */
  const copyOf = async (record: EmrRecord) => {
    const store = consortium.storeOf(1);
    const { recordId, pseudonym, type, ownerMspId, sharing, erasureLeaf, keyServers } = record;
    const header = await store.get(sharing!.headerCid, { maxBytes: MAX_BYTES });
    const ciphertext = await store.get(record.contentCid, { maxBytes: MAX_BYTES });
    const leaf = {
      ownerMspId,
      pseudonym,
      recordType: type,
      leaf: erasureLeaf!,
      ...(keyServers === undefined ? {} : { keyServers }),
    };
    const held = await Promise.all(
      [1, 2, 3].map((hospital) => consortium.custodyOf(hospital).erasure.partsOf(leaf)),
    );
    const erasureKey = erasureKeyFromParts(new Map(held.flatMap((parts) => [...parts])))!;
    return async ({ registration, key }: NonNullable<PseudonymKeys['identity']>): Promise<string> => {
      await initPairing();
      const { pre, sealed } = parseSharingHeader(header);
      const wrapKey = openAsOwner(base64UrlToBytes(key!), registration, pre);
      const { dataKey } = openSharingHeader({ sealed, handle: sharing!.handle, wrapKey, erasureKey });
      const context = { ownerMspId, pseudonym, recordType: type, recordId };
      return new TextDecoder().decode(await openContent({ sealed: ciphertext, dataKey, context }));
    };
  };

  before(async () => {
    consortium = await startTestConsortium({ recoveryWaitMs: WAIT_MS });
    const staff = async (hospital: number, role: 'officer' | 'clinician'): Promise<StaffClient> => {
      const { token } = await consortium.person(hospital, role);
      return new StaffClient({ url: consortium.gateway(hospital).restUrl, token: () => token });
    };
    officers = await Promise.all([1, 2, 3, 4].map((hospital) => staff(hospital, 'officer')));
    clinician = await staff(2, 'clinician');
    grantee = { kind: 'role', mspId: 'Hospital2MSP', role: 'clinician' };
  });
  after(() => consortium.stop());

  describe('of a recoverable patient who loses the file', () => {
    let lost: PseudonymKeys;
    let before: PatientClient;
    let fresh: PseudonymKeys;
    let found: PseudonymKeys;
    let recoveryId: string;
    let recordId: string;
    let openCopy: Awaited<ReturnType<typeof copyOf>>;
    const saved: PseudonymKeys[] = [];
    const step = () => ({ pseudonym: lost.pseudonym, recoveryId });
    const finish = (http: PatientClientOptions['http'] = {}) =>
      finishRecovery(saved.at(-1) ?? fresh, {
        http,
        onKeysChanged: (keys) => Promise.resolve(void saved.push(keys)),
      });

    it('is opened by an officer of any hospital, for keys that the patient made anew', async () => {
      lost = await enrolled(true);
      recordId = await put(lost);
      before = new PatientClient(lost);
      await grant(before);
      expect(await contentOf(recordId)).to.equal(TEXT);
      openCopy = await copyOf(await sealedUnder(before, 0));
      fresh = restart(lost);
      const recovery = await openedBy2(fresh);
      ({ recoveryId } = recovery);
      expect(recovery).to.deep.include({ status: 'opened', keys: recoveryRequest(fresh).keys });
      expect((await before.log()).recovery).to.include({ recoveryId, status: 'opened' });
      expect(await refused(openedBy2(restart(lost)))).to.equal('ALREADY_EXISTS');
    });

    it('needs a majority: not the opener again, no hospital twice, and no minority', async () => {
      expect(await refused(officers[1]!.approveRecovery(step()))).to.equal('NOT_OWNER');
      expect(await officers[2]!.approveRecovery(step())).to.include({ status: 'opened' });
      expect(await refused(officers[2]!.approveRecovery(step()))).to.equal('ALREADY_EXISTS');
      expect(await refused(officers[1]!.completeRecovery(step()))).to.equal('TRANSITION_NOT_ALLOWED');
      const approved = await officers[3]!.approveRecovery(step());
      expect(approved.status).to.equal('approved');
      expect(Date.parse(approved.notBefore!) - Date.parse(approved.approvals[1]!.at)).to.equal(WAIT_MS);
    });

    it('waits: nothing is completed or finished before, and the old key is the pseudonym’s still', async () => {
      expect(await refused(officers[1]!.completeRecovery(step()))).to.equal('RECOVERY_WAITING');
      expect(await refused(finish())).to.equal('RECOVERY_WAITING');
      expect(saved).to.deep.equal([]);
      expect(await before.grants()).to.have.lengthOf(1);
    });

    it('then ends the old key’s authority, its session and its grants', async () => {
      const { registration, factor, masterKeyId } = lost.identity!;
      const keyless = { ...lost, identity: { registration, factor, masterKeyId } };
      const extracted = () => withIdentityKey(officers[3]!.connection, keyless);
      expect((await extracted()).identity).to.have.property('key');
      await until(() => officers[1]!.completeRecovery(step()));
      // Until the next epoch is registered the lost key is the last one that was.
      expect(await refused(extracted())).to.equal('IDENTITY_CLOSED');
      expect(await refused(before.grants())).to.equal('TOKEN_INVALID');
      const again = new PatientClient(lost);
      expect(await refused(again.grants())).to.equal('SIGNATURE_INVALID');
      const rotation = rotateKeys(lost, { onKeysChanged: () => Promise.resolve() });
      expect(await refused(rotation)).to.equal('SIGNATURE_INVALID');
      expect(await refused(again.cancelRecovery())).to.equal('SIGNATURE_INVALID');
      expect(await refused(clinician.open([recordId], 'treatment'))).to.equal('ACCESS_DENIED');
    });

    it('has no key made by a minority of hospitals, and the label key opened by the lost keys', async () => {
      const minority: typeof fetch = async (input, init) => {
        const answer = await fetch(input, init);
        if (typeof input !== 'string' || !input.endsWith('/extract')) return answer;
        const { parts, ...others } = (await answer.json()) as { parts: unknown[] };
        return Response.json({ ...others, parts: parts.slice(0, 2) });
      };
      expect(await refused(finish({ fetch: minority }))).to.equal('CRYPTO_AUTHENTICATION_FAILED');
      expect(saved.at(-1)!.identity).to.not.have.property('key');
      const path = `/v1/patients/${lost.pseudonym}/label-key`;
      const { sealed } = await officers[0]!.connection.get<{ sealed: string }>(path);
      const of = { mspId: lost.mspId, pseudonym: lost.pseudonym, sealed: base64UrlToBytes(sealed) };
      const byLost = openReturnedLabelKey({
        ...of,
        privateKey: base64UrlToBytes(lost.encryption.privateKey),
      });
      expect(await refused(byLost)).to.equal('CRYPTO_AUTHENTICATION_FAILED');
      expect(await refused(officers[1]!.connection.get(path))).to.equal('NOT_OWNER');
    });

    it('lets the patient finish: next epoch, label key, and the lost epoch’s key made by a majority', async () => {
      found = await finish();
      expect(found).to.not.have.property('recovering');
      expect(found.identity!.registration).to.include({ keyEpoch: 1, recoverable: true });
      expect(found.identity!.registration).to.not.have.property('previousSignature');
      expect(found.labelKey).to.equal(lost.labelKey);
      expect(found.earlier).to.have.lengthOf(1);
      expect(await openCopy(found.earlier![0]!)).to.equal(TEXT);
      const other = openCopy({ ...found.earlier![0]!, key: found.identity!.key! });
      expect(await refused(other)).to.equal('CRYPTO_AUTHENTICATION_FAILED');
      expect(await refused(openCopy(found.identity!))).to.equal('CRYPTO_AUTHENTICATION_FAILED');
    });

    it('may be finished again, with the same keys', async () => {
      expect(await finish()).to.deep.equal(found);
      // As saved before the registration: what broke off there goes on.
      const registering = saved.find(({ recovering, identity }) => recovering && identity !== undefined)!;
      const again = await finishRecovery(registering, { onKeysChanged: () => Promise.resolve() });
      expect(again.identity).to.deep.equal(found.identity);
    });

    it('lets the patient grant anew, and the old record is opened under it', async () => {
      const patient = new PatientClient(found);
      await sealedUnder(patient, 1);
      await grant(patient);
      expect(await contentOf(recordId)).to.equal(TEXT);
      const { recovery } = await patient.log();
      expect(recovery).to.include({ recoveryId, status: 'completed' });
    });
  });

  it('is refused to a patient who is not recoverable: the loss is final', async () => {
    const own = await enrolled(false);
    const error = await failed(openedBy2(restart(own)));
    expect(error).to.include({ code: 'RECOVERY_NOT_POSSIBLE' });
    expect(error.message).to.contain('its loss is final');
    const hospital = await officers[0]!.connection
      .get(`/v1/patients/${own.pseudonym}/recoveries/latest`)
      .catch((refusal: unknown) => (refusal as GatewayError).code);
    expect(hospital).to.equal('RECOVERY_NOT_FOUND');
  });

  it('is ended by the hospitals: cancelled at the patient’s, refused at the others', async () => {
    const keys = await enrolled(true);
    const { pseudonym } = keys;
    const bogus = await openedBy2(restart(keys));
    const step = { pseudonym, recoveryId: bogus.recoveryId };
    expect(await refused(officers[2]!.cancelRecovery(step))).to.equal('NOT_OWNER');
    expect(await officers[0]!.cancelRecovery(step)).to.include({ status: 'cancelled' });
    expect(await refused(openedBy2(restart(keys)))).to.equal('RECOVERY_TOO_SOON');
    const request = { ...recoveryRequest(restart(keys)), formDigest: FORM };
    const { recoveryId } = await officers[2]!.openRecovery(request);
    expect(await officers[3]!.refuseRecovery({ pseudonym, recoveryId })).to.include({ status: 'opened' });
    expect(await officers[1]!.refuseRecovery({ pseudonym, recoveryId })).to.include({ status: 'refused' });
    const { notices } = await new PatientClient(keys).log();
    const told = notices.map(({ kind, caseId, status, mspId }) => [kind, caseId, status, mspId]);
    expect(told).to.have.deep.members([
      ['recovery', bogus.recoveryId, 'opened', 'Hospital2MSP'],
      ['recovery', bogus.recoveryId, 'cancelled', 'Hospital1MSP'],
      ['recovery', recoveryId, 'opened', 'Hospital3MSP'],
      ['recovery', recoveryId, 'opened', 'Hospital4MSP'],
      ['recovery', recoveryId, 'refused', 'Hospital2MSP'],
    ]);
  });

  it('is cancelled by the key that is not lost', async () => {
    const keys = await enrolled(true);
    const { pseudonym } = keys;
    const { recoveryId } = await openedBy2(restart(keys));
    for (const hospital of [2, 3]) await officers[hospital]!.approveRecovery({ pseudonym, recoveryId });
    expect(await new PatientClient(keys).cancelRecovery()).to.include({ recoveryId, status: 'cancelled' });
    await pause(WAIT_MS);
    const step = { pseudonym, recoveryId };
    expect(await refused(officers[1]!.completeRecovery(step))).to.equal('TRANSITION_NOT_ALLOWED');
    expect(await new PatientClient(keys).grants()).to.deep.equal([]);
  });

  describe('of a patient who rotates them', () => {
    let keys: PseudonymKeys;
    let before: PatientClient;
    let rotated: PseudonymKeys;
    let recordId: string;
    let grantId: string;
    const saved: PseudonymKeys[] = [];
    const onKeysChanged = (changed: PseudonymKeys): Promise<void> =>
      Promise.resolve(void saved.push(changed));

    it('goes on where it broke off, with the keys that were saved', async () => {
      keys = await enrolled(false);
      recordId = await put(keys);
      before = new PatientClient(keys, { onKeysChanged });
      ({ grantId } = await grant(before));
      expect(await contentOf(recordId)).to.equal(TEXT);
      keys = saved.at(-1)!;
      const broken: typeof fetch = (input, init) =>
        init?.method === 'POST' && typeof input === 'string' && input.endsWith('/v1/identities')
          ? Promise.reject(new TypeError('fetch failed'))
          : fetch(input, init);
      const failure = await failed(rotateKeys(keys, { onKeysChanged, http: { fetch: broken } }));
      expect(failure).to.be.instanceOf(TypeError);
      const prepared = saved.at(-1)!;
      expect(prepared.signing).to.deep.equal(keys.signing);
      expect(prepared.next!.identity!.registration).to.have.property('previousSignature');
      rotated = await rotateKeys(prepared, { onKeysChanged });
      expect(rotated.signing).to.deep.equal(prepared.next!.signing);
      expect(rotated.identity!.registration).to.include({ keyEpoch: 1, recoverable: false });
      expect(rotated.earlier).to.deep.equal([keys.identity]);
      expect(rotated).to.not.have.property('next');
      expect(saved.at(-1)).to.deep.equal(rotated);
    });

    it('ends the session and the authority of the key before', async () => {
      expect(await refused(before.grants())).to.equal('TOKEN_INVALID');
      expect(await refused(new PatientClient(keys).grants())).to.equal('SIGNATURE_INVALID');
    });

    it('has the grants that live on renewed', async () => {
      const patient = new PatientClient(rotated);
      await sealedUnder(patient, 1);
      expect(await refused(clinician.open([recordId], 'treatment'))).to.equal('ACCESS_DENIED');
      await patient.renew(grantId);
      expect(await contentOf(recordId)).to.equal(TEXT);
    });
  });
});

async function failed(work: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  return work.then(
    () => {
      throw new Error('it was to be refused');
    },
    (error: unknown) => error as Error & { readonly code?: string },
  );
}

async function refused(work: Promise<unknown>): Promise<string | undefined> {
  return (await failed(work)).code;
}

/** What a gateway does in the background comes about in its time. */
async function until<Result>(work: () => Promise<Result>): Promise<Result> {
  const giveUpAtMs = Date.now() + 30_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > giveUpAtMs) throw error;
    }
    await pause(POLL_MS);
  }
}
