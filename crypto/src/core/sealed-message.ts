/**
 * A message to one recipient that only it can read and only the sender can have made (own composition: encrypt with
 * HPKE, then sign what was encrypted).
 *
 *   enc || c   = SealBase(pkR, info = domain, aad = context, plaintext)                          RFC 9180, hpke.ts
 *   signature  = Ed25519(skS, encodeParts('careledger/sealed-message/v1', context, pkR, SHA-256(enc || c)))  RFC 8032
 *   message    = 0x01 || signature(64) || enc(32) || c                              plaintext + 113 bytes
 *
 * `context` is an encodeParts result of the caller that names conversation, step, sender and recipient: a message moved
 * to another place does not open. The recipient's key is signed too, so that nobody can pass the ciphertext on as their
 * own words to somebody else. Assumptions: those of HPKE's base mode and of Ed25519 (verified strictly, as for
 * patients). No forward secrecy against the recipient's key: both key pairs are made for one conversation and destroyed.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { assertBytes, concatBytes, joinBytes } from './bytes.js';
import { encodeParts } from './encode.js';
import { CryptoError } from './errors.js';
import { HPKE_KEY_BYTES, unwrap, wrap } from './hpke.js';
import {
  PATIENT_SIGNATURE_BYTES as SIGNATURE_BYTES,
  verifyPatientSignature as verifyStrictly,
} from './patient-signature.js';

const VERSION = 1;
const HEAD_BYTES = 1 + SIGNATURE_BYTES;
const TAG_BYTES = 16;
export const SEALED_MESSAGE_OVERHEAD_BYTES = HEAD_BYTES + HPKE_KEY_BYTES + TAG_BYTES;

const INFO = encodeParts('careledger/sealed-message-info/v1');

async function signedBytes(
  context: Uint8Array,
  recipientKey: Uint8Array,
  body: Uint8Array,
): Promise<Uint8Array> {
  // The platform's hash: a message may be megabytes, which would hold up the event loop in JavaScript.
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', new Uint8Array(body)));
  return encodeParts('careledger/sealed-message/v1', context, recipientKey, digest);
}

/**
 * @param options.context encodeParts result naming conversation, step, sender and recipient
 * @throws CRYPTO_INVALID_INPUT for a bad key
 */
export async function sealMessage(options: {
  recipientPublicKey: Uint8Array;
  /** Ed25519, 32 bytes. */
  signingKey: Uint8Array;
  context: Uint8Array;
  plaintext: Uint8Array;
}): Promise<Uint8Array> {
  const { recipientPublicKey, signingKey, context, plaintext } = options;
  assertBytes('signingKey', signingKey, HPKE_KEY_BYTES);
  const sealed = await wrap({ recipientPublicKey, plaintext, info: INFO, associatedData: context });
  const body = concatBytes(sealed.enc, sealed.ciphertext);
  const signature = ed25519.sign(await signedBytes(context, recipientPublicKey, body), signingKey);
  return joinBytes([Uint8Array.of(VERSION), signature, body]);
}

/**
 * The plaintext, once signature and tag hold.
 * @throws CRYPTO_AUTHENTICATION_FAILED for another sender, recipient or context, and for changed bytes;
 *         CRYPTO_UNSUPPORTED for another version; CRYPTO_INVALID_INPUT for bad keys
 */
export async function openMessage(options: {
  recipientPrivateKey: Uint8Array;
  recipientPublicKey: Uint8Array;
  senderKey: Uint8Array;
  context: Uint8Array;
  message: Uint8Array;
}): Promise<Uint8Array> {
  const { recipientPrivateKey, recipientPublicKey, senderKey, context, message } = options;
  assertBytes('message', message);
  if (message.length < SEALED_MESSAGE_OVERHEAD_BYTES) {
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'message',
      expected: `at least ${SEALED_MESSAGE_OVERHEAD_BYTES} bytes`,
      came: `${message.length} bytes`,
    });
  }
  if (message[0] !== VERSION) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'message',
      expected: `version ${VERSION}`,
      came: 'another',
    });
  }
  const body = message.subarray(HEAD_BYTES);
  verifyStrictly({
    publicKey: senderKey,
    message: await signedBytes(context, recipientPublicKey, body),
    signature: message.subarray(1, HEAD_BYTES),
  });
  return unwrap({
    recipientPrivateKey,
    keyWrap: { enc: body.subarray(0, HPKE_KEY_BYTES), ciphertext: body.subarray(HPKE_KEY_BYTES) },
    info: INFO,
    associatedData: context,
  });
}
