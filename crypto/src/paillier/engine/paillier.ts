/**
 * Paillier on Node's OpenSSL: the schemes of the folder above with native exponentiation, and what they prepare for a
 * key kept for the keys that were used last. Every call blocks its thread, for milliseconds at real key sizes; what has
 * more than one of them to do uses the worker pool.
 */
import { PaillierEncryptor } from '../encryptor.js';
import { encryptWith } from '../homomorphic.js';
import { PaillierOwner } from '../private-key.js';
import type { PaillierPrivateKey, PaillierPublicKey } from '../types.js';
import { nativeModPow } from './native-mod-pow.js';

/** A djn table takes 9 MB at 3072 bits. */
const MAX_CACHED_KEYS = 4;
/** About where single exponentiations by OpenSSL have cost as much as the table. */
const TABLE_AFTER = 40;

const encryptors = new Map<string, PaillierEncryptor>();
const owners = new WeakMap<PaillierPrivateKey, PaillierOwner>();

/** The encryptor of a key on OpenSSL; kept for the four keys that were used last. */
export function encryptorOf(publicKey: PaillierPublicKey): PaillierEncryptor {
  const { keyId } = publicKey;
  const options = { modPow: nativeModPow, tableAfter: TABLE_AFTER };
  const encryptor = encryptors.get(keyId) ?? new PaillierEncryptor(publicKey, options);
  encryptors.delete(keyId);
  encryptors.set(keyId, encryptor);
  for (const oldest of encryptors.keys()) {
    if (encryptors.size <= MAX_CACHED_KEYS) break;
    encryptors.delete(oldest);
  }
  return encryptor;
}

/** What the owner of a private key can do, on OpenSSL. */
export function ownerOf(privateKey: PaillierPrivateKey): PaillierOwner {
  const owner = owners.get(privateKey) ?? new PaillierOwner(privateKey, { modPow: nativeModPow });
  owners.set(privateKey, owner);
  return owner;
}

/**
 * E(plaintext), 0 <= plaintext < n, in the key's mode; with a stated r of Z*_n, (1 + m n) r^n mod n^2 in both modes.
 * @throws CRYPTO_INVALID_INPUT
 */
export function encrypt(publicKey: PaillierPublicKey, plaintext: bigint, randomness?: bigint): bigint {
  if (randomness !== undefined) return encryptWith(publicKey, plaintext, randomness, nativeModPow);
  return encryptorOf(publicKey).encrypt(plaintext);
}

/**
 * @returns the plaintext, 0..n-1
 * @throws CRYPTO_INVALID_CIPHERTEXT
 */
export function decrypt(privateKey: PaillierPrivateKey, ciphertext: bigint): bigint {
  return ownerOf(privateKey).decrypt(ciphertext);
}
