import {
  CryptoError,
  assertPatientPublicKey,
  base64UrlToBytes,
  patientMessage,
  verifyPatientSignature,
} from '@careledger/crypto/core';
import { CareLedgerError, KEYS, canonicalJson, type Patient } from '@careledger/protocol';
import type { Call } from './call.js';

export interface SignedRequest {
  readonly arguments: { readonly pseudonym: string };
  readonly nonce: string;
  readonly signature: string;
}

/**
 * The patient's authority over this very call: a signature by the pseudonym's key over channel, method, arguments and
 * nonce, whichever gateway relays it. The nonce is burnt, so the request works once.
 * @throws CareLedgerError SIGNATURE_INVALID or NONCE_REUSED
 */
export async function requirePatient(call: Call, signingKey: string, request: SignedRequest): Promise<void> {
  const message = patientMessage({
    channel: call.channel,
    method: call.method,
    argumentsJson: canonicalJson(request.arguments),
    nonce: request.nonce,
  });
  asSignatureError(() => {
    verifyPatientSignature({
      publicKey: base64UrlToBytes(signingKey),
      message,
      signature: base64UrlToBytes(request.signature),
    });
  });
  const nonce = [request.arguments.pseudonym, request.nonce];
  if (await call.state.exists(KEYS.nonce, nonce)) throw new CareLedgerError('NONCE_REUSED');
  await call.state.mark(KEYS.nonce, nonce);
}

/** @throws CareLedgerError SCHEMA_VIOLATION for keys that no honest client makes, such as a point of small order. */
export function assertPatientKeys(keys: Patient['keys']): void {
  try {
    assertPatientPublicKey(base64UrlToBytes(keys.signing));
    base64UrlToBytes(keys.encryption);
  } catch (cause) {
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: 'canonical Ed25519 and X25519 public keys',
      cause,
    });
  }
}

/** @throws CareLedgerError PATIENT_NOT_FOUND */
export async function readPatient(call: Call, pseudonym: string): Promise<Patient> {
  const patient = await call.state.read(KEYS.patient, [pseudonym]);
  if (patient === undefined) throw new CareLedgerError('PATIENT_NOT_FOUND');
  return patient;
}

/** @throws CareLedgerError TRANSITION_NOT_ALLOWED */
export function assertEnrolled({ status }: Pick<Patient, 'status'>): void {
  if (status === 'enrolled') return;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    expected: 'an enrolled patient',
    came: `a patient that is ${status}`,
  });
}

/** Reads the patient and checks that the request is the patient's own. */
export async function readSigningPatient(call: Call, request: SignedRequest): Promise<Patient> {
  const patient = await readPatient(call, request.arguments.pseudonym);
  await requirePatient(call, patient.keys.signing, request);
  return patient;
}

/** Ed25519 by a key of the ledger over bytes that this contract made; both texts are base64url. */
export function isSignedBy(publicKey: string, message: Uint8Array, signature: string): boolean {
  try {
    verifyPatientSignature({
      publicKey: base64UrlToBytes(publicKey),
      message,
      signature: base64UrlToBytes(signature),
    });
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

function asSignatureError(verify: () => void): void {
  try {
    verify();
  } catch (cause) {
    if (cause instanceof CryptoError) throw new CareLedgerError('SIGNATURE_INVALID', { cause });
    throw cause;
  }
}
