import { expect } from 'chai';
import {
  bytesToBase64Url,
  encodeScalar,
  generatePatientKeys,
  initPairing,
  makeEdge,
  makeIdentity,
  makeLabelKey,
  masterKeyId,
  type MakeIdentityOptions,
  type PairingEngine,
} from '@careledger/crypto/core';
import {
  KEYS,
  LIMITS,
  patientName,
  type CustodyConsent,
  type Edge,
  type Identity,
  type RegisterIdentity,
} from '@careledger/protocol';
import { ALPHA, BRAVO, CHARLIE, DIGEST, X25519_KEY, enrol, staff } from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed, type Rejection } from './testing/rejections.js';
import { GRANTEES, SharingPatient, bookOf, put, sharingHospitals } from './testing/sharing.js';

const gateway = staff(ALPHA, 'gateway');
const officer = staff(ALPHA, 'officer');
const NAME = 'person/AlphaMSP/dr-9';

describe('identities', () => {
  let engine: PairingEngine;
  let masterPublicKey: Uint8Array;
  let ledger: MemoryLedger;
  let patient: SharingPatient;
  before(async () => {
    engine = await initPairing();
    masterPublicKey = engine.encodeG2(engine.g2Power(engine.g2, 7n));
  });
  beforeEach(async () => {
    ledger = await sharingHospitals();
    const publicKey = bytesToBase64Url(masterPublicKey);
    put(ledger, KEYS.masterKey, ['current'], {
      masterKey: { publicKey, keyId: masterKeyId(masterPublicKey) },
    });
    patient = new SharingPatient(ledger, ALPHA);
    await enrol(ledger, patient);
  });

  const made = (options: Partial<MakeIdentityOptions> = {}) =>
    makeIdentity(
      { name: NAME, keyEpoch: 0, masterPublicKey, recoverable: false, custody: 'patient', ...options },
      engine,
    );
  const ofPatient = (options: Partial<MakeIdentityOptions> = {}) =>
    made({ name: patientName(patient.pseudonym), signingKey: patient.keys.privateKey, ...options })
      .registration;
  const signed = (registration: RegisterIdentity['arguments']['registration']) =>
    patient.sign('identities:Register', { pseudonym: patient.pseudonym, registration });
  const register = async (argument: object, caller = gateway) =>
    (await ledger.submit(caller, 'identities:Register', argument)).response as Identity;

  describe('Register and Get', () => {
    it('takes a hospital’s name once for each epoch, the next one signed by the one before', async () => {
      const first = made();
      const argument = { arguments: { registration: first.registration } };
      expect(await register(argument)).to.deep.include({ ...first.registration, mspId: ALPHA });
      const next = made({ keyEpoch: 1, previousSigningKey: first.signingKey });
      await expectRejections(ledger, 'identities:Register', [
        { why: 'a replay', code: 'ALREADY_EXISTS', caller: gateway, argument },
        refused(
          'the next epoch by a stranger',
          'REGISTRATION_INVALID',
          made({ keyEpoch: 1, previousSigningKey: generatePatientKeys().privateKey }).registration,
        ),
        refused('the next epoch unsigned', 'REGISTRATION_INVALID', made({ keyEpoch: 1 }).registration),
        refused(
          'the next epoch unsigned, by the hospital’s administrator',
          'REGISTRATION_INVALID',
          made({ keyEpoch: 1 }).registration,
          staff(ALPHA, 'admin'),
        ),
        refused(
          'an epoch too far',
          'EPOCH_STALE',
          made({ keyEpoch: 2, previousSigningKey: first.signingKey }).registration,
        ),
      ]);
      await register({ arguments: { registration: next.registration } });
      const get = (keyEpoch?: number) =>
        ledger.evaluate(officer, 'identities:Get', {
          name: NAME,
          ...(keyEpoch === undefined ? {} : { keyEpoch }),
        });
      expect(await get()).to.include({ keyEpoch: 1 });
      expect(await get(0)).to.include({ publicKey: first.registration.publicKey });
      for (const query of [{ name: NAME, keyEpoch: 7 }, { name: 'member/EchoMSP' }])
        expect((await ledger.refusal(officer, 'identities:Get', query)).code).to.equal('IDENTITY_NOT_FOUND');
    });

    const refused = (
      why: string,
      code: Rejection['code'],
      registration: RegisterIdentity['arguments']['registration'],
      caller = gateway,
    ) => ({ why, code, caller, argument: { arguments: { registration } } });

    it('takes no other hospital’s name, no forged proof and no false label', async () => {
      const { registration } = made();
      const argument = { arguments: { registration } };
      const other = made().registration;
      await expectRejections(ledger, 'identities:Register', [
        ...malformed(gateway, argument),
        refused('another hospital’s gateway', 'NOT_OWNER', registration, staff(BRAVO, 'gateway')),
        refused('a clinician', 'ROLE_NOT_ALLOWED', registration, staff(ALPHA, 'clinician')),
        refused('no member', 'MEMBER_NOT_ACTIVE', registration, staff('EchoMSP', 'gateway')),
        refused('another’s proof', 'REGISTRATION_INVALID', { ...registration, proof: other.proof }),
        refused('another’s key', 'REGISTRATION_INVALID', { ...registration, publicKey: other.publicKey }),
        refused('a recoverable key without the label', 'REGISTRATION_INVALID', {
          ...made({ recoverable: true }).registration,
          recoverable: false,
        }),
        refused('a signature of an epoch before the first', 'REGISTRATION_INVALID', {
          ...registration,
          previousSignature: 'A'.repeat(86),
        }),
        refused('the name of links', 'SCHEMA_VIOLATION', {
          ...registration,
          name: `trace/${patient.pseudonym}`,
        }),
        refused('a patient’s name without the patient', 'SCHEMA_VIOLATION', ofPatient()),
        {
          why: 'a patient’s signature on a hospital’s name',
          code: 'SCHEMA_VIOLATION',
          caller: gateway,
          argument: signed(registration),
        },
      ]);
      ledger.state.delete(`\u0000${KEYS.masterKey}\u0000current\u0000`);
      await expectRejections(ledger, 'identities:Register', [
        refused('before there is a master key', 'KEY_NOT_FOUND', registration),
      ]);
    });

    it('takes a patient’s, relayed by whichever hospital, and writes the epoch into the book', async () => {
      const identity = await register(signed(ofPatient()), staff(CHARLIE, 'clinician'));
      expect(identity).to.include({ mspId: ALPHA, custody: 'patient' });
      expect(bookOf(ledger, patient.pseudonym).identityEpoch).to.equal(0);
    });

    it('takes no patient’s but the patient’s own', async () => {
      const registration = ofPatient();
      const argument = signed(registration);
      const other = new SharingPatient(ledger, ALPHA);
      await enrol(ledger, other);
      const wrong = (why: string, code: Rejection['code'], changed: object) => ({
        why,
        code,
        caller: gateway,
        argument: changed,
      });
      await expectRejections(ledger, 'identities:Register', [
        ...malformed(gateway, argument),
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'gateway'), argument },
        wrong('another patient’s signature', 'SIGNATURE_INVALID', {
          ...argument,
          signature: other.sign('identities:Register', argument.arguments).signature,
        }),
        wrong(
          'another patient’s name',
          'NOT_OWNER',
          other.sign('identities:Register', { pseudonym: other.pseudonym, registration }),
        ),
        wrong(
          'another signing key than the pseudonym’s',
          'REGISTRATION_INVALID',
          signed(ofPatient({ signingKey: generatePatientKeys().privateKey })),
        ),
        wrong(
          'a hospital’s custody without consent',
          'CONSENT_MISSING',
          signed(ofPatient({ custody: 'hospital' })),
        ),
      ]);
      await register(argument);
      await expectRejections(ledger, 'identities:Register', [wrong('a replay', 'NONCE_REUSED', argument)]);
      const closing = patient.sign('patients:Close', { pseudonym: patient.pseudonym });
      await ledger.submit(gateway, 'patients:Close', closing);
      await expectRejections(ledger, 'identities:Register', [
        wrong(
          'a closed patient',
          'TRANSITION_NOT_ALLOWED',
          signed(ofPatient({ keyEpoch: 1, previousSigningKey: patient.keys.privateKey })),
        ),
      ]);
    });

    it('lets the identity follow the pseudonym’s new key; edges of the epoch before are stale', async () => {
      await register(signed(ofPatient()));
      await patient.grantByEdge({ grantee: GRANTEES.bravo });
      const former = patient.keys;
      patient.keys = generatePatientKeys();
      const rotation = patient.sign(
        'patients:RotateKeys',
        { pseudonym: patient.pseudonym, keys: patient.publicKeys },
        { keys: former },
      );
      await ledger.submit(gateway, 'patients:RotateKeys', rotation);
      await register(signed(ofPatient({ keyEpoch: 1, previousSigningKey: former.privateKey })));
      const book = bookOf(ledger, patient.pseudonym);
      expect(book.identityEpoch).to.equal(1);
      expect(book.tags).to.deep.equal({ 'laboratory/normal': { epoch: 1, sharable: true } });
    });
  });

  it('takes the epoch after a recovery without the lost key’s signature', async () => {
    const recoverable = { recoverable: true } as const;
    await register(signed(ofPatient(recoverable)));
    const opener = staff(BRAVO, 'officer');
    const lost = patient.keys;
    patient.keys = generatePatientKeys();
    const { pseudonym } = patient;
    const opening = { pseudonym, keys: patient.publicKeys, formDigest: DIGEST };
    const { txId: recoveryId } = await ledger.submit(opener, 'identities:OpenRecovery', opening);
    for (const mspId of [ALPHA, CHARLIE])
      await ledger.submit(staff(mspId, 'officer'), 'identities:ApproveRecovery', { pseudonym, recoveryId });
    ledger.advance(LIMITS.recoveryWaitMs);
    await ledger.submit(gateway, 'identities:CompleteRecovery', { pseudonym, recoveryId });
    const next = ofPatient({ ...recoverable, keyEpoch: 1 });
    const byThief = patient.sign('identities:Register', { pseudonym, registration: next }, { keys: lost });
    await expectRejections(ledger, 'identities:Register', [
      { why: 'the lost key', code: 'SIGNATURE_INVALID', caller: gateway, argument: byThief },
    ]);
    expect(await register(signed(next))).to.include({ keyEpoch: 1 });
    expect(bookOf(ledger, pseudonym).identityEpoch).to.equal(1);
    await expectRejections(ledger, 'identities:Register', [
      {
        why: 'one more epoch, unsigned',
        code: 'REGISTRATION_INVALID',
        caller: gateway,
        argument: signed(ofPatient({ ...recoverable, keyEpoch: 2 })),
      },
    ]);
  });

  it('takes a real edge between real identities', async () => {
    await register(signed(ofPatient()));
    const bravo = (await ledger.evaluate(gateway, 'identities:Get', { name: 'member/BravoMSP' })) as Identity;
    // H1(ID)^{s x} of the dealt s: any point of G1 serves, since nobody decrypts here.
    const identityKey = engine.encodeG1(engine.hashToG1(encodeScalar(3n), 'identity'));
    const identity = (await ledger.evaluate(gateway, 'identities:Get', {
      name: patientName(patient.pseudonym),
    })) as Identity;
    const labels = makeLabelKey();
    const real = makeEdge(
      { identity, identityKey, signingKey: patient.keys.privateKey },
      {
        to: { ...bravo, publicKey: identity.publicKey },
        ...{ proxies: [ALPHA, CHARLIE], threshold: 2, sharable: false, maxDepth: 0 },
        tag: { typeLabel: labels, conditionLabel: labels, tagEpoch: 0 },
        allowsRecoverable: false,
      },
      engine,
    );
    const edge: Edge = {
      ...({ recordType: 'laboratory', sensitivity: 'normal', tagEpoch: 0 } as const),
      statement: bytesToBase64Url(real.statement),
      w: bytesToBase64Url(real.w),
    };
    const grant = await patient.grantByEdge({ grantee: GRANTEES.bravo }, {}, [edge]);
    expect(grant.edges?.[0]?.edgeId).to.equal(real.edgeId);
  });

  describe('consent to custody', () => {
    const consent = () => ({ pseudonym: patient.pseudonym, formDigest: DIGEST });
    const give = async () =>
      (await ledger.submit(officer, 'identities:ConsentToCustody', consent())).response as CustodyConsent;
    const get = () => ledger.evaluate(officer, 'identities:GetConsent', { pseudonym: patient.pseudonym });

    it('lets a hospital register a key in its custody, until it is withdrawn', async () => {
      expect(await give()).to.deep.include({ ...consent(), status: 'given', by: officer });
      const first = ofPatient({ custody: 'hospital' });
      expect(await register(signed(first))).to.include({ custody: 'hospital' });
      await ledger.submit(officer, 'identities:WithdrawConsent', { pseudonym: patient.pseudonym });
      expect(await get()).to.include({ status: 'withdrawn' });
      const next = { keyEpoch: 1, previousSigningKey: patient.keys.privateKey };
      await expectRejections(ledger, 'identities:Register', [
        {
          why: 'after the withdrawal',
          code: 'CONSENT_MISSING',
          caller: gateway,
          argument: signed(ofPatient({ ...next, custody: 'hospital' })),
        },
      ]);
      await register(signed(ofPatient(next)));
      expect(await give()).to.include({ status: 'given' });
    });

    it('is posted and withdrawn by an officer of the patient’s hospital', async () => {
      const both = ['identities:ConsentToCustody', 'identities:WithdrawConsent'] as const;
      for (const method of both) {
        const argument = method === both[0] ? consent() : { pseudonym: patient.pseudonym };
        await expectRejections(ledger, method, [
          ...malformed(officer, argument),
          { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'clinician'), argument },
          { why: 'another hospital', code: 'NOT_OWNER', caller: staff(BRAVO, 'officer'), argument },
          { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'officer'), argument },
          {
            why: 'an unknown patient',
            code: 'PATIENT_NOT_FOUND',
            caller: officer,
            argument: { ...argument, pseudonym: 'ff'.repeat(16) },
          },
        ]);
      }
      const withdrawal = {
        why: 'none given',
        code: 'CONSENT_NOT_FOUND',
        caller: officer,
        argument: { pseudonym: patient.pseudonym },
      } as const;
      await expectRejections(ledger, 'identities:WithdrawConsent', [withdrawal]);
      expect(
        (await ledger.refusal(officer, 'identities:GetConsent', { pseudonym: patient.pseudonym })).code,
      ).to.equal('CONSENT_NOT_FOUND');
      await give();
      await expectRejections(ledger, 'identities:ConsentToCustody', [
        { why: 'a second one', code: 'ALREADY_EXISTS', caller: officer, argument: consent() },
      ]);
      await ledger.submit(officer, 'identities:WithdrawConsent', { pseudonym: patient.pseudonym });
      await expectRejections(ledger, 'identities:WithdrawConsent', [
        { ...withdrawal, why: 'a withdrawn one', code: 'TRANSITION_NOT_ALLOWED' },
      ]);
    });
  });

  it('registers nothing with small keys', async () => {
    const { registration } = made();
    const small = { ...registration, signingKey: X25519_KEY.replace('CQ', 'AQ') };
    await expectRejections(ledger, 'identities:Register', [
      {
        why: 'a key of small order',
        code: 'REGISTRATION_INVALID',
        caller: gateway,
        argument: { arguments: { registration: small } },
      },
    ]);
  });
});
