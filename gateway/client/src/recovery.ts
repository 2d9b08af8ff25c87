/**
 * A lost key, seen from the patient. New keys are made here; an officer who has proof of who the person is names them on
 * the ledger, a majority of hospitals approves, and after the waiting time they are the pseudonym's. Then the identity's
 * next epoch is registered, and a majority of hospitals makes the lost epochs' keys again.
 */
import {
  CareLedgerError,
  canonicalJson,
  patientName,
  type Identity,
  type Patient,
} from '@careledger/protocol';
import {
  base64UrlToBytes,
  bytesToBase64Url,
  bytesToHex,
  openReturnedLabelKey,
} from '@careledger/crypto/core';
import type { Connection } from './connection.js';
import { readIdentity, readMasterKey } from './consortium.js';
import { deliverLabelKey, registerOnce } from './enrolment.js';
import { withEarlierKeys, withIdentityKey } from './extraction.js';
import { GatewayError } from './gateway-error.js';
import {
  makeIdentitySecrets,
  makeRecoveryKeys,
  type IdentitySecrets,
  type MasterPublicKey,
  type PseudonymKeys,
} from './patient-keys.js';
import type { RotationOptions } from './rotation.js';
import { patientConnection } from './session.js';

/** What the officer puts on the ledger, besides the digest of the form by which the person's identity was proven. */
export interface RecoveryRequest {
  readonly pseudonym: string;
  readonly keys: { readonly signing: string; readonly encryption: string };
}

/** New keys in place of lost ones. Save them, then give `recoveryRequest` to an officer of any hospital. */
export const prepareRecovery = makeRecoveryKeys;

/** Public keys only. */
export function recoveryRequest({ pseudonym, signing, encryption }: PseudonymKeys): RecoveryRequest {
  return { pseudonym, keys: { signing: signing.publicKey, encryption: encryption.publicKey } };
}

/** SHA-256 over the canonical JSON, hex: patient and officer compare it, so that nobody puts other keys in between. */
export async function recoveryDigest(request: RecoveryRequest): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalJson(request));
  return bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/**
 * After the waiting time and the completion by an officer. What broke off is called again with the keys that were saved.
 * @returns the keys in force, with those of earlier epochs that could be made again
 * @throws CareLedgerError RECOVERY_WAITING while the ledger does not name the new key; GatewayError; CryptoError when too
 * few hospitals gave right parts
 */
export async function finishRecovery(keys: PseudonymKeys, options: RotationOptions): Promise<PseudonymKeys> {
  const { http, onKeysChanged, recoverable = true } = options;
  const connection = patientConnection(keys, http);
  await assertCompleted(connection, keys);
  const prepared =
    keys.identity === undefined ? await withNextEpoch(connection, { keys, recoverable }) : keys;
  if (prepared !== keys) await onKeysChanged(prepared);
  await registerOnce(connection, prepared);
  const registered = withoutMark(prepared);
  await onKeysChanged(registered);
  const complete = await withEarlierKeys(connection, await withIdentityKey(connection, registered));
  await onKeysChanged(complete);
  return complete;
}

function withoutMark(keys: PseudonymKeys): PseudonymKeys {
  const registered = { ...keys };
  delete registered.recovering;
  return registered;
}

async function assertCompleted(connection: Connection, { pseudonym }: PseudonymKeys): Promise<void> {
  try {
    await connection.get<Patient>(`/v1/patients/${pseudonym}`);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'SIGNATURE_INVALID') throw error;
    throw new CareLedgerError('RECOVERY_WAITING', {
      message:
        'The ledger does not name the new key: approvals, the waiting time or the completion by an officer are missing, or the recovery was cancelled.',
      expected: 'a recovery that an officer completed',
    });
  }
}

async function withNextEpoch(
  connection: Connection,
  { keys, recoverable }: { readonly keys: PseudonymKeys; readonly recoverable: boolean },
): Promise<PseudonymKeys> {
  const { pseudonym, custody, signing } = keys;
  const { masterKey } = await readMasterKey(connection);
  const lost = await readIdentity(connection, patientName(pseudonym), masterKey);
  const keyEpoch = lost.keyEpoch + 1;
  return {
    ...keys,
    labelKey: await labelKeyOf(connection, keys),
    identity: makeIdentitySecrets(masterKey, { pseudonym, custody, signing, recoverable, keyEpoch }),
    earlier: await recoverableEpochs(connection, lost, masterKey),
  };
}

/** The one that the hospital seals under; where it has none, the new one. */
async function labelKeyOf(connection: Connection, keys: PseudonymKeys): Promise<string> {
  const { pseudonym, mspId, encryption, labelKey } = keys;
  try {
    const { sealed } = await connection.get<{ readonly sealed: string }>(
      `/v1/patients/${pseudonym}/label-key`,
    );
    const privateKey = base64UrlToBytes(encryption.privateKey);
    const of = { mspId, pseudonym, privateKey, sealed: base64UrlToBytes(sealed) };
    return bytesToBase64Url(await openReturnedLabelKey(of));
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'KEY_NOT_FOUND') throw error;
    await deliverLabelKey(connection, keys);
    return labelKey;
  }
}

/** What was sealed to a recoverable epoch opens with a key that the hospitals make; the factor of another one is lost. */
async function recoverableEpochs(
  connection: Connection,
  lost: Identity,
  masterKey: MasterPublicKey,
): Promise<IdentitySecrets[]> {
  const found: IdentitySecrets[] = [];
  for (let keyEpoch = 0; keyEpoch <= lost.keyEpoch; keyEpoch++) {
    const identity =
      keyEpoch === lost.keyEpoch ? lost : await readIdentity(connection, lost.name, masterKey, keyEpoch);
    if (identity.recoverable)
      found.push({
        factor: NO_FACTOR,
        registration: registrationOf(identity),
        masterKeyId: masterKey.keyId,
      });
  }
  return found;
}

/** x = 1. */
const NO_FACTOR = bytesToBase64Url(Uint8Array.from({ length: 32 }, (_, index) => Number(index === 31)));

function registrationOf(identity: Identity): IdentitySecrets['registration'] {
  const { name, keyEpoch, publicKey, signingKey, recoverable, custody, proof, previousSignature } = identity;
  const facts = { name, keyEpoch, publicKey, signingKey, recoverable, custody, proof };
  return previousSignature === undefined ? facts : { ...facts, previousSignature };
}
