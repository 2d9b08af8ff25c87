/**
 * Patients' authority: an Ed25519 signature by the pseudonym's key over one contract call.
 *
 *   message   = encodeParts('careledger/patient/v1', channel, method, argumentsJson, nonce)
 *   signature = Ed25519(privateKey, message)                 RFC 8032 section 5.1.6; keys 32 bytes, signature 64 bytes
 *
 * Verification is RFC 8032 section 5.1.7, strict: S < L, canonical A and R, and the public key must be in the
 * prime-order subgroup (a small-order key would accept one signature for many messages). It is deterministic, so that
 * every endorsing peer agrees. Assumption: discrete logarithm on edwards25519, random oracle. Replay is not stopped
 * here: the contract stores the nonce.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { assertBytes } from './bytes.js';
import { assertContextText } from './context.js';
import { encodeParts } from './encode.js';
import { CryptoError, invalidInput, shapeOf } from './errors.js';

export const PATIENT_KEY_BYTES = 32;
export const PATIENT_SIGNATURE_BYTES = 64;
const MAX_MESSAGE_BYTES = 2 ** 20;

export interface PatientKeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** A fresh key pair, 32 bytes each. */
export function generatePatientKeys(): PatientKeyPair {
  const privateKey = ed25519.utils.randomSecretKey();
  return { privateKey, publicKey: ed25519.getPublicKey(privateKey) };
}

/** The public key of a 32-byte private key. */
export function patientPublicKey(privateKey: Uint8Array): Uint8Array {
  assertBytes('privateKey', privateKey, PATIENT_KEY_BYTES);
  return ed25519.getPublicKey(privateKey);
}

/**
 * @param options.argumentsJson the canonical JSON of the method's arguments, without the signature
 * @throws CRYPTO_INVALID_INPUT for empty or control characters in channel, method or nonce
 */
export function patientMessage(options: {
  channel: string;
  method: string;
  argumentsJson: string;
  nonce: string;
}): Uint8Array {
  const { channel, method, argumentsJson, nonce } = options;
  assertContextText('channel', channel);
  assertContextText('method', method);
  assertContextText('nonce', nonce);
  if (typeof argumentsJson !== 'string') throw invalidInput('argumentsJson', 'text', shapeOf(argumentsJson));
  return encodeParts('careledger/patient/v1', channel, method, argumentsJson, nonce);
}

/** 64-byte signature; `message` from patientMessage. */
export function signPatientPayload(privateKey: Uint8Array, message: Uint8Array): Uint8Array {
  assertBytes('privateKey', privateKey, PATIENT_KEY_BYTES);
  assertMessage(message);
  return ed25519.sign(message, privateKey);
}

function assertMessage(message: Uint8Array): void {
  assertBytes('message', message);
  if (message.length > MAX_MESSAGE_BYTES)
    throw invalidInput('message', `at most ${MAX_MESSAGE_BYTES} bytes`, shapeOf(message));
}

/** @throws CRYPTO_INVALID_INPUT unless the key is a canonical point of prime order; call it when a patient enrols */
export function assertPatientPublicKey(publicKey: Uint8Array): void {
  assertBytes('publicKey', publicKey, PATIENT_KEY_BYTES);
  let safe = false;
  try {
    const point = ed25519.Point.fromBytes(publicKey, false);
    safe = !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    safe = false;
  }
  if (!safe)
    throw invalidInput('publicKey', 'a canonical Ed25519 point of prime order', 'another 32-byte value');
}

/**
 * Returns nothing when the signature holds, and throws otherwise, so that a forgotten result cannot pass for consent.
 * @throws CRYPTO_AUTHENTICATION_FAILED for another key, message or signature; CRYPTO_INVALID_INPUT for bad lengths or keys
 */
export function verifyPatientSignature(options: {
  publicKey: Uint8Array;
  message: Uint8Array;
  signature: Uint8Array;
}): void {
  const { publicKey, message, signature } = options;
  assertPatientPublicKey(publicKey);
  assertMessage(message);
  assertBytes('signature', signature, PATIENT_SIGNATURE_BYTES);
  if (ed25519.verify(signature, message, publicKey, { zip215: false })) return;
  throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
    argument: 'signature',
    expected: 'a signature of this key over this message',
    came: 'another',
  });
}
