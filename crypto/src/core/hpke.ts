/**
 * HPKE, RFC 9180, base mode (section 5.1.1), single shot (section 6.1).
 *
 * Suite: DHKEM(X25519, HKDF-SHA256) 0x0020, HKDF-SHA256 0x0001, AES-256-GCM 0x0002.
 * Sizes: public key 32, private key 32, enc 32, ciphertext = plaintext + 16 bytes.
 * Assumption: gap Diffie-Hellman on Curve25519; base mode does not authenticate the sender.
 * Implementation: @hpke/core with @hpke/dhkem-x25519. Ours on top: lengths, and a public key or enc whose
 * Diffie-Hellman result is all zero (small order, RFC 7748 section 6.1) is refused before anything is derived.
 */
import { Aes256Gcm, CipherSuite, HkdfSha256 } from '@hpke/core';
import { DhkemX25519HkdfSha256 } from '@hpke/dhkem-x25519';
import { x25519 } from '@noble/curves/ed25519.js';
import { assertBytes } from './bytes.js';
import { CryptoError } from './errors.js';

export const HPKE_KEY_BYTES = 32;
export const HPKE_SUITE = 'DHKEM(X25519,HKDF-SHA256),HKDF-SHA256,AES-256-GCM';
const TAG_BYTES = 16;
/** Any scalar serves: after clamping each is a multiple of 8, which sends every small-order point to zero. */
const PROBE_SCALAR = new Uint8Array(HPKE_KEY_BYTES).fill(0x55);

/** The global CryptoKey is a browser type; this is the same one as Node declares it. */
type PlatformKey = Awaited<ReturnType<typeof globalThis.crypto.subtle.importKey>>;

export interface HpkeKeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}
export interface KeyWrap {
  /** Encapsulated key, 32 bytes. */
  readonly enc: Uint8Array;
  readonly ciphertext: Uint8Array;
}

function newSuite(): CipherSuite {
  return new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
}

/** @throws CRYPTO_INVALID_INPUT for a wrong length or a small-order point */
export function assertHpkePublicKey(argument: string, publicKey: unknown): asserts publicKey is Uint8Array {
  assertBytes(argument, publicKey, HPKE_KEY_BYTES);
  try {
    x25519.getSharedSecret(PROBE_SCALAR, publicKey);
  } catch (cause) {
    throw new CryptoError('CRYPTO_INVALID_INPUT', {
      argument,
      expected: 'a point that is not of small order',
      came: 'one that is',
      cause,
    });
  }
}

/** A fresh X25519 key pair, 32 bytes each, from the platform's generator. */
export function generateHpkeKeyPair(): HpkeKeyPair {
  const privateKey = x25519.utils.randomSecretKey();
  return { privateKey, publicKey: x25519.getPublicKey(privateKey) };
}

/** The public key of a 32-byte private key. */
export function hpkePublicKey(privateKey: Uint8Array): Uint8Array {
  assertBytes('privateKey', privateKey, HPKE_KEY_BYTES);
  return x25519.getPublicKey(privateKey);
}

/**
 * SealBase(pkR, info, aad, pt).
 * @throws CRYPTO_INVALID_INPUT for a bad recipient key
 */
export async function wrap(options: {
  recipientPublicKey: Uint8Array;
  plaintext: Uint8Array;
  info: Uint8Array;
  associatedData: Uint8Array;
}): Promise<KeyWrap> {
  assertHpkePublicKey('recipientPublicKey', options.recipientPublicKey);
  assertBytes('plaintext', options.plaintext);
  assertBytes('info', options.info);
  assertBytes('associatedData', options.associatedData);
  const suite = newSuite();
  const recipientPublicKey = (await suite.kem.deserializePublicKey(
    new Uint8Array(options.recipientPublicKey),
  )) as PlatformKey;
  const sender = await suite.createSenderContext({ recipientPublicKey, info: new Uint8Array(options.info) });
  const ciphertext = await sender.seal(
    new Uint8Array(options.plaintext),
    new Uint8Array(options.associatedData),
  );
  return { enc: new Uint8Array(sender.enc), ciphertext: new Uint8Array(ciphertext) };
}

/**
 * OpenBase(enc, skR, info, aad, ct).
 * @throws CRYPTO_AUTHENTICATION_FAILED for another key, info, associated data or changed bytes;
 *         CRYPTO_INVALID_INPUT for bad lengths and small-order enc
 */
export async function unwrap(options: {
  recipientPrivateKey: Uint8Array;
  keyWrap: KeyWrap;
  info: Uint8Array;
  associatedData: Uint8Array;
}): Promise<Uint8Array> {
  const { enc, ciphertext } = options.keyWrap;
  assertBytes('recipientPrivateKey', options.recipientPrivateKey, HPKE_KEY_BYTES);
  assertHpkePublicKey('enc', enc);
  assertBytes('ciphertext', ciphertext);
  assertBytes('info', options.info);
  assertBytes('associatedData', options.associatedData);
  if (ciphertext.length < TAG_BYTES) {
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'ciphertext',
      expected: `at least ${TAG_BYTES} bytes`,
      came: `${ciphertext.length} bytes`,
    });
  }
  const suite = newSuite();
  const recipientKey = (await suite.kem.deserializePrivateKey(
    new Uint8Array(options.recipientPrivateKey),
  )) as PlatformKey;
  try {
    const recipient = await suite.createRecipientContext({
      recipientKey,
      enc: new Uint8Array(enc),
      info: new Uint8Array(options.info),
    });
    return new Uint8Array(
      await recipient.open(new Uint8Array(ciphertext), new Uint8Array(options.associatedData)),
    );
  } catch (cause) {
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'keyWrap',
      expected: 'a wrap for this key, info and associated data',
      came: 'another',
      cause,
    });
  }
}
