/**
 * A header's payload under the record's erasure key E, beside whatever else it is wrapped in.
 *
 *   key     = HKDF-SHA-256(ikm = secrets.. joined, salt = empty, info = encodeParts(label, binding), 32)      RFC 5869
 *   sealed  = nonce(12, random) || AES-256-GCM(key, nonce, aad = binding, payload) || tag(16)
 *
 * With E among the secrets, no copy of the sealed bytes opens once the leaf of E is punctured, whoever holds the other
 * keys. AES-GCM is not key-committing; the salted digest on the ledger is what commits to the content.
 */
import { gcm } from '@noble/ciphers/aes.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, concatBytes, joinBytes } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError } from '../core/errors.js';
import { randomBytes } from '../core/random.js';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface ErasableFor {
  /** Domain: `careledger/<purpose>/v<number>`. */
  readonly label: string;
  /** What the payload belongs to. */
  readonly binding: Uint8Array;
  /** 32 bytes each; the erasure key is one of them. */
  readonly secrets: readonly Uint8Array[];
}

function keyOf({ label, binding, secrets }: ErasableFor): Uint8Array {
  for (const secret of secrets) assertBytes('secret', secret, KEY_BYTES);
  return hkdf(sha256, joinBytes([...secrets]), undefined, encodeParts(label, binding), KEY_BYTES);
}

/** @throws CRYPTO_INVALID_INPUT for secrets of another length */
export function sealErasable(target: ErasableFor, payload: Uint8Array): Uint8Array {
  const key = keyOf(target);
  const nonce = randomBytes(NONCE_BYTES);
  try {
    return concatBytes(nonce, gcm(key, nonce, target.binding).encrypt(payload));
  } finally {
    key.fill(0);
  }
}

/** @throws CRYPTO_AUTHENTICATION_FAILED for another secret or binding, or changed bytes */
export function openErasable(target: ErasableFor, sealed: Uint8Array): Uint8Array {
  const key = keyOf(target);
  assertBytes('sealed', sealed);
  try {
    if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error('too short');
    return gcm(key, sealed.subarray(0, NONCE_BYTES), target.binding).decrypt(sealed.subarray(NONCE_BYTES));
  } catch (cause) {
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'sealed',
      expected: 'a payload under this erasure key, for this header',
      came: 'another',
      cause,
    });
  } finally {
    key.fill(0);
  }
}
