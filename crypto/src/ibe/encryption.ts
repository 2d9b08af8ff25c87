/**
 * FullIdent of Boneh and Franklin (2001), as a hybrid: anything up to 1 KiB sealed to a registered identity.
 *
 *   sigma random(32)
 *   r = Hr('careledger/ibe-r/v1', sigma, ID, P_ID, aad, plaintext)
 *   U = g2^r                                    96 bytes
 *   k = e(H1(ID), P_ID)^r = e(sk, U)
 *   V = sigma XOR SHA-256(encodeParts('careledger/ibe-mask/v1', k, U, ID, P_ID))           32 bytes
 *   B = AES-256-GCM(HKDF(sigma; 'careledger/ibe-body/v1', U, aad), nonce 0, aad, plaintext)
 *   ciphertext = U || V || B
 *
 * Opening recomputes r from what came out and compares U, which is what makes it secure against chosen ciphertexts (in
 * the random oracle model, under BDH). One answer for every failure. The key of B is used once: sigma is fresh.
 */
import { gcm } from '@noble/ciphers/aes.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, bytesEqual, concatBytes } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { randomBytes, type RandomBytes } from '../core/random.js';
import {
  G1_BYTES,
  G2_BYTES,
  hashToScalar,
  mclPairing,
  type G2,
  type GT,
  type PairingEngine,
} from '../pairing/index.js';
import { encodeIdentity, fieldBytes, identityPoint, type Identity } from './identity.js';

const SIGMA_BYTES = 32;
const TAG_BYTES = 16;
export const IDENTITY_OVERHEAD_BYTES = G2_BYTES + SIGMA_BYTES + TAG_BYTES;
export const MAX_IDENTITY_PLAINTEXT_BYTES = 1024;

/** To whom, and under which P_ID (base64url). */
export type IdentityRecipient = Identity & { readonly publicKey: string };

/** @param aad bound, not carried @returns `IDENTITY_OVERHEAD_BYTES` more than the plaintext */
export function encryptToIdentity(
  recipient: IdentityRecipient,
  plaintext: Uint8Array,
  aad: Uint8Array,
  engine: PairingEngine = mclPairing(),
  random: RandomBytes = randomBytes,
): Uint8Array {
  assertBytes('plaintext', plaintext);
  if (plaintext.length > MAX_IDENTITY_PLAINTEXT_BYTES)
    throw invalidInput('plaintext', `at most ${MAX_IDENTITY_PLAINTEXT_BYTES} bytes`, shapeOf(plaintext));
  const publicKey = publicKeyOf(recipient, engine);
  const sigma = random(SIGMA_BYTES);
  const r = exponentOf({ sigma, recipient, aad, plaintext });
  const u = engine.encodeG2(engine.g2Power(engine.g2, r));
  const k = engine.gtPower(engine.pair(identityPoint(engine, recipient), publicKey), r);
  const v = masked(sigma, maskOf(engine, k, u, recipient));
  const ciphertext = concatBytes(u, v, bodyCipher(sigma, u, aad).encrypt(plaintext));
  sigma.fill(0);
  return ciphertext;
}

/**
 * @param sk 48 bytes
 * @throws CRYPTO_AUTHENTICATION_FAILED for another identity, key, associated data or changed bytes
 */
export function decryptAsIdentity(
  sk: Uint8Array,
  recipient: IdentityRecipient,
  ciphertext: Uint8Array,
  aad: Uint8Array,
  engine: PairingEngine = mclPairing(),
): Uint8Array {
  assertBytes('identityKey', sk, G1_BYTES);
  assertBytes('ciphertext', ciphertext);
  try {
    return opened(sk, recipient, ciphertext, aad, engine);
  } catch {
    // Without the cause, which would say how far the opening came.
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'ciphertext',
      expected: 'one that was made for this identity and this purpose',
      came: 'another',
    });
  }
}

function opened(
  sk: Uint8Array,
  recipient: IdentityRecipient,
  ciphertext: Uint8Array,
  aad: Uint8Array,
  engine: PairingEngine,
): Uint8Array {
  if (ciphertext.length < IDENTITY_OVERHEAD_BYTES)
    throw invalidInput('ciphertext', 'a longer one', 'a short one');
  const u = ciphertext.slice(0, G2_BYTES);
  const v = ciphertext.slice(G2_BYTES, G2_BYTES + SIGMA_BYTES);
  const k = engine.pair(engine.decodeG1('identityKey', sk), engine.decodeG2('ciphertext.U', u));
  const sigma = masked(v, maskOf(engine, k, u, recipient));
  try {
    const plaintext = bodyCipher(sigma, u, aad).decrypt(ciphertext.slice(G2_BYTES + SIGMA_BYTES));
    const r = exponentOf({ sigma, recipient, aad, plaintext });
    if (!bytesEqual(engine.encodeG2(engine.g2Power(engine.g2, r)), u))
      throw invalidInput('U', 'g2^r', 'another point');
    return plaintext;
  } finally {
    sigma.fill(0);
  }
}

function publicKeyOf({ publicKey }: IdentityRecipient, engine: PairingEngine): G2 {
  return engine.decodeG2('publicKey', fieldBytes('publicKey', publicKey, G2_BYTES));
}

function exponentOf(of: {
  readonly sigma: Uint8Array;
  readonly recipient: IdentityRecipient;
  readonly aad: Uint8Array;
  readonly plaintext: Uint8Array;
}): bigint {
  const publicKey = fieldBytes('publicKey', of.recipient.publicKey, G2_BYTES);
  return hashToScalar(
    'careledger/ibe-r/v1',
    of.sigma,
    encodeIdentity(of.recipient),
    publicKey,
    of.aad,
    of.plaintext,
  );
}

function maskOf(engine: PairingEngine, k: GT, u: Uint8Array, recipient: IdentityRecipient): Uint8Array {
  const publicKey = fieldBytes('publicKey', recipient.publicKey, G2_BYTES);
  return sha256(
    encodeParts('careledger/ibe-mask/v1', engine.encodeGT(k), u, encodeIdentity(recipient), publicKey),
  );
}

function bodyCipher(sigma: Uint8Array, u: Uint8Array, aad: Uint8Array) {
  const key = hkdf(sha256, sigma, undefined, encodeParts('careledger/ibe-body/v1', u, aad), 32);
  return gcm(key, new Uint8Array(12), aad);
}

function masked(bytes: Uint8Array, mask: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => byte ^ (mask[index] ?? 0));
}
