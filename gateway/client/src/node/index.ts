/** @careledger/client/node: the patient's key file on a disk, mode 0600, replaced as a whole. */
import { readKeyFile, writeKeyFile } from '@careledger/crypto';
import {
  PATIENT_KEYS_LABEL,
  decodePatientKeys,
  encodePatientKeys,
  type PatientKeys,
} from '../patient-keys.js';

/** @throws as crypto `readKeyFile`; CareLedgerError SCHEMA_VIOLATION for what are no patient's keys */
export async function readPatientKeys(path: string, passphrase: string): Promise<PatientKeys> {
  return decodePatientKeys(await readKeyFile({ path, passphrase, label: PATIENT_KEYS_LABEL }));
}

/** @throws as crypto `writeKeyFile` */
export async function writePatientKeys(path: string, passphrase: string, keys: PatientKeys): Promise<void> {
  await writeKeyFile({ path, passphrase, label: PATIENT_KEYS_LABEL, secret: encodePatientKeys(keys) });
}
