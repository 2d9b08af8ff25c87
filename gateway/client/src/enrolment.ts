/** Enrolling a pseudonym: at the hospital's desk, whose staff relay what the patient signs. */
import {
  CareLedgerError,
  patientName,
  type CustodyConsent,
  type EnrolArguments,
  type Identity,
  type Member,
  type Patient,
} from '@careledger/protocol';
import {
  base64UrlToBytes,
  bytesToBase64Url,
  labelKeyMessage,
  sealLabelKey,
  sealLink,
  signPatientPayload,
} from '@careledger/crypto/core';
import type { Connection } from './connection.js';
import { readMasterKey } from './consortium.js';
import { GatewayError } from './gateway-error.js';
import { makePseudonym, withPseudonym, type PatientKeys, type PseudonymKeys } from './patient-keys.js';
import { signRequest } from './signing.js';

export interface NewPseudonym extends Pick<PseudonymKeys, 'mspId' | 'channel'> {
  /**
   * `own`: sharing by re-encryption, with a key of the patient's own. `none`: hospital-mediated, where the hospital that
   * made a record re-wraps its key, and nobody passes it on.
   */
  readonly identity: 'own' | 'none';
  /** Whether a majority of hospitals can make the identity's key again; `lossInWords` says what each choice means. */
  readonly recoverable: boolean;
  /**
   * `patient`: these keys are the patient's alone. `hospital`: the hospital keeps this file for the patient, which the
   * ledger labels, and takes only with a consent that its office has posted.
   */
  readonly custody: PseudonymKeys['custody'];
}

/**
 * Keys of a new pseudonym. Save them before `enrol`: of what was enrolled without saved keys, nothing comes back.
 * @throws GatewayError KEY_NOT_FOUND when the consortium has no identity master key yet
 */
export async function preparePseudonym(
  connection: Connection,
  keys: PatientKeys,
  wanted: NewPseudonym,
): Promise<{ readonly keys: PatientKeys; readonly pseudonym: string }> {
  const { identity, ...options } = wanted;
  const masterKey = identity === 'own' ? (await readMasterKey(connection)).masterKey : undefined;
  const made = makePseudonym({
    ...options,
    gatewayUrl: connection.url,
    ...(masterKey === undefined ? {} : { masterKey }),
  });
  return { keys: withPseudonym(keys, { ...made, pending: true }), pseudonym: made.pseudonym };
}

/**
 * Enrols a prepared pseudonym: the pseudonym with its sealed link, its label key sealed to the hospital, its identity.
 * What was done already is left as it is, so an enrolment that broke off is sent again.
 * @param connection with a token of staff of the hospital, who relay
 * @returns with the keys to save, which no longer say that the enrolment is pending
 * @throws GatewayError, such as CONSENT_MISSING for custody `hospital` before the office posted the consent
 */
export async function enrol(
  connection: Connection,
  keys: PatientKeys,
  pseudonym: string,
): Promise<{ readonly patient: Patient; readonly identity?: Identity; readonly keys: PatientKeys }> {
  const own = pseudonymKeys(keys, pseudonym);
  const { identity } = own;
  const done = { keys: withPseudonym(keys, withoutMark(own)) };
  if (identity === undefined) return { patient: await enrolOnce(connection, own, {}), ...done };
  const { masterKey } = await readMasterKey(connection, identity.masterKeyId);
  const link = bytesToBase64Url(sealLink(pseudonym, masterKey.publicKey, base64UrlToBytes(keys.linkId)));
  const patient = await enrolOnce(connection, own, { link });
  await deliverLabelKey(connection, own);
  return { patient, identity: await registerOnce(connection, own), ...done };
}

function withoutMark(own: PseudonymKeys): PseudonymKeys {
  const enrolled = { ...own };
  delete enrolled.pending;
  return enrolled;
}

/** @throws Error when the file has no such pseudonym */
export function pseudonymKeys({ pseudonyms }: PatientKeys, pseudonym: string): PseudonymKeys {
  const found = pseudonyms.find((candidate) => candidate.pseudonym === pseudonym);
  if (found === undefined) throw new Error(`These keys have no pseudonym ${pseudonym}.`);
  return found;
}

async function enrolOnce(
  connection: Connection,
  own: PseudonymKeys,
  link: Pick<EnrolArguments, 'link'>,
): Promise<Patient> {
  const { pseudonym, mspId, signing, encryption } = own;
  const keys = { signing: signing.publicKey, encryption: encryption.publicKey };
  return unlessExists(
    async () => {
      const signed = signRequest(own, 'patients:Enrol', { pseudonym, mspId, keys, ...link });
      return (await connection.post<{ readonly result: Patient }>('/v1/patients', signed)).result;
    },
    () => connection.get<Patient>(`/v1/patients/${pseudonym}`),
  );
}

/**
 * Registers the identity of these keys; what is registered already is left as it is.
 * @throws GatewayError; CareLedgerError ALREADY_EXISTS when another key was registered at this epoch
 */
export async function registerOnce(connection: Connection, own: PseudonymKeys): Promise<Identity> {
  const { pseudonym, identity } = own;
  const registered = await unlessExists(
    async () => {
      const args = { pseudonym, registration: identity?.registration };
      const signed = signRequest(own, 'identities:Register', args);
      return (await connection.post<{ readonly result: Identity }>('/v1/identities', signed)).result;
    },
    () => connection.get<Identity>(`/v1/identities/${encodeURIComponent(patientName(pseudonym))}`),
  );
  const { keyEpoch, proof } = identity?.registration ?? {};
  if (registered.keyEpoch === keyEpoch && registered.proof === proof) return registered;
  throw new CareLedgerError('ALREADY_EXISTS', {
    expected: `epoch ${String(keyEpoch)} of the identity, made with these keys`,
    came: `epoch ${String(registered.keyEpoch)}, made with others`,
  });
}

/** So that the hospital can seal records under the patient's labels. */
export async function deliverLabelKey(connection: Connection, own: PseudonymKeys): Promise<void> {
  const { pseudonym, mspId, channel, labelKey, signing } = own;
  const { encryptionKey } = await connection.get<Member>(`/v1/members/${mspId}`);
  const sealed = await sealLabelKey({
    ...{ mspId, pseudonym },
    encryptionKey: base64UrlToBytes(encryptionKey),
    labelKey: base64UrlToBytes(labelKey),
  });
  const message = labelKeyMessage({ channel, mspId, pseudonym, sealed });
  await connection.put(`/v1/patients/${pseudonym}/label-key`, {
    sealed: bytesToBase64Url(sealed),
    signature: bytesToBase64Url(signPatientPayload(base64UrlToBytes(signing.privateKey), message)),
  });
}

async function unlessExists<Result>(
  work: () => Promise<Result>,
  existing: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'ALREADY_EXISTS') return existing();
    throw error;
  }
}

/**
 * By an officer of the hospital, on the patient's signed form, before a pseudonym of custody `hospital` is enrolled.
 * @param formDigest SHA-256 of the form, hex
 */
export async function consentToCustody(
  connection: Connection,
  pseudonym: string,
  formDigest: string,
): Promise<CustodyConsent> {
  const path = `/v1/patients/${pseudonym}/custody-consent`;
  return (await connection.post<{ readonly result: CustodyConsent }>(path, { formDigest })).result;
}
