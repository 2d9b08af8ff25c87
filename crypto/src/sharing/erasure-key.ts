/**
 * A record's erasure key on its way from the owner's gateway to whoever opened the record.
 *
 *   HPKE(one-time key of the opening, info = encodeParts('careledger/erasure-key-release/v1', access id, record id), E)
 *
 * The one-time key stands in the access entry, so only that opening reads it, and only for that record.
 */
import { assertBytes } from '../core/bytes.js';
import { assertContextText } from '../core/context.js';
import { encodeParts } from '../core/encode.js';
import { ERASURE_KEY_BYTES } from '../erasure/puncturable-key.js';
import { openSealed, sealTo } from './sealed.js';

/** Which opening of which record. */
export interface ErasureKeyRelease {
  readonly accessId: string;
  readonly recordId: string;
}

/** @param options.recipientPublicKey X25519, from the access entry, 32 bytes */
export async function sealErasureKey(
  options: ErasureKeyRelease & { readonly recipientPublicKey: Uint8Array; readonly erasureKey: Uint8Array },
): Promise<Uint8Array> {
  assertBytes('erasureKey', options.erasureKey, ERASURE_KEY_BYTES);
  return sealTo(options.recipientPublicKey, infoOf(options), options.erasureKey);
}

/** @throws CRYPTO_INVALID_INPUT; CRYPTO_AUTHENTICATION_FAILED for another opening, record or key */
export async function openErasureKey(
  options: ErasureKeyRelease & { readonly recipientPrivateKey: Uint8Array; readonly sealed: Uint8Array },
): Promise<Uint8Array> {
  const key = await openSealed(options.recipientPrivateKey, infoOf(options), options.sealed);
  assertBytes('erasureKey', key, ERASURE_KEY_BYTES);
  return key;
}

function infoOf({ accessId, recordId }: ErasureKeyRelease): Uint8Array {
  assertContextText('accessId', accessId);
  assertContextText('recordId', recordId);
  return encodeParts('careledger/erasure-key-release/v1', accessId, recordId);
}
