/**
 * New keys in place of the present ones, by whoever has those: first the pseudonym's, then the identity's next epoch,
 * signed by the key of the epoch before. What was made is saved before it is sent, so that a rotation which broke off is
 * finished with the same keys.
 */
import type { Patient } from '@careledger/protocol';
import { CryptoError } from '@careledger/crypto/core';
import type { Connection } from './connection.js';
import { readMasterKey } from './consortium.js';
import { registerOnce } from './enrolment.js';
import { withEarlierKeys, withIdentityKey } from './extraction.js';
import { GatewayError } from './gateway-error.js';
import type { PatientClientOptions } from './patient-client.js';
import { makeIdentitySecrets, makeKeys, type PseudonymKeys } from './patient-keys.js';
import { patientConnection } from './session.js';
import { signRequest } from './signing.js';

export interface RotationOptions extends Omit<PatientClientOptions, 'onKeysChanged'> {
  /** Saves the keys: called with those that are to come before anything is sent, and with those in force after. */
  readonly onKeysChanged: (keys: PseudonymKeys) => Promise<void>;
  /** Whether a majority of hospitals can make the new key again; default as before. */
  readonly recoverable?: boolean;
}

/**
 * Live grants with edges have to be renewed after it (`PatientClient.renew`): they start from the epoch before. Sessions
 * that the earlier key opened end.
 * @returns the keys in force; their identity key, and those of earlier epochs, as far as a majority of hospitals answered
 * @throws GatewayError SIGNATURE_INVALID when neither the present nor the prepared key is the pseudonym's
 */
export async function rotateKeys(keys: PseudonymKeys, options: RotationOptions): Promise<PseudonymKeys> {
  const { http, onKeysChanged } = options;
  const prepared = keys.next === undefined ? await prepareRotation(keys, options) : keys;
  if (prepared !== keys) await onKeysChanged(prepared);
  await replaceKeys(prepared, http);
  const rotated = inForce(prepared);
  const connection = patientConnection(rotated, http);
  if (rotated.identity !== undefined) await registerOnce(connection, rotated);
  await onKeysChanged(rotated);
  return withKeysIfTheyAnswer(connection, rotated, onKeysChanged);
}

async function prepareRotation(
  keys: PseudonymKeys,
  { http, recoverable }: RotationOptions,
): Promise<PseudonymKeys> {
  const { identity, pseudonym, custody, signing: previous } = keys;
  const made = makeKeys();
  if (identity === undefined) return { ...keys, next: made };
  const { masterKey } = await readMasterKey(patientConnection(keys, http), identity.masterKeyId);
  const next = makeIdentitySecrets(masterKey, {
    ...{ pseudonym, custody, previous, signing: made.signing },
    keyEpoch: identity.registration.keyEpoch + 1,
    recoverable: recoverable ?? identity.registration.recoverable,
  });
  return { ...keys, next: { ...made, identity: next } };
}

/** Unless they are replaced already: then the new key is let in, and the earlier one is not. */
async function replaceKeys(keys: PseudonymKeys, http: RotationOptions['http']): Promise<void> {
  const { pseudonym, next } = keys;
  const path = `/v1/patients/${pseudonym}`;
  try {
    const connection = patientConnection(keys, http);
    const args = {
      pseudonym,
      keys: { signing: next?.signing.publicKey, encryption: next?.encryption.publicKey },
    };
    await connection.post<{ readonly result: Patient }>(
      `${path}/keys`,
      signRequest(keys, 'patients:RotateKeys', args),
    );
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'SIGNATURE_INVALID') throw error;
    await patientConnection(inForce(keys), http).get<Patient>(path);
  }
}

/** The prepared keys in the place of the present ones. */
function inForce({ next, ...keys }: PseudonymKeys): PseudonymKeys {
  if (next === undefined) return keys;
  const { identity, earlier = [] } = keys;
  return { ...keys, ...next, ...(identity === undefined ? {} : { earlier: [...earlier, identity] }) };
}

/**
 * A rotation does not wait for hospitals that are away, or name one that gave a wrong part: who has the factor has the
 * keys made with the next grant, which says so.
 */
async function withKeysIfTheyAnswer(
  connection: Connection,
  keys: PseudonymKeys,
  onKeysChanged: RotationOptions['onKeysChanged'],
): Promise<PseudonymKeys> {
  let complete: PseudonymKeys;
  try {
    complete = await withEarlierKeys(connection, await withIdentityKey(connection, keys));
  } catch (error) {
    const mayPass = [GatewayError, CryptoError, TypeError].some((kind) => error instanceof kind);
    if (mayPass) return keys;
    throw error;
  }
  if (complete !== keys) await onKeysChanged(complete);
  return complete;
}
