/**
 * What a custodian has of a record's erasure key, on its way to whoever opened the record.
 *
 *   HPKE(one-time key of the opening, info = encodeParts('careledger/erasure-parts-release/v1', access id, record id),
 *        encodeErasureParts(parts))
 *
 * The one-time key stands in the access entry, so only that opening reads it, and only for that record.
 */
import { assertContextText } from '../core/context.js';
import { encodeParts } from '../core/encode.js';
import { decodeErasureParts, encodeErasureParts, type ErasureParts } from '../erasure/erasure-parts.js';
import { openSealed, sealTo } from './sealed.js';

/** Which opening of which record. */
export interface ErasureRelease {
  readonly accessId: string;
  readonly recordId: string;
}

/** @param options.recipientPublicKey X25519, from the access entry, 32 bytes */
export async function sealErasureParts(
  options: ErasureRelease & { readonly recipientPublicKey: Uint8Array; readonly parts: ErasureParts },
): Promise<Uint8Array> {
  const plaintext = encodeErasureParts(options.parts);
  try {
    return await sealTo(options.recipientPublicKey, infoOf(options), plaintext);
  } finally {
    plaintext.fill(0);
  }
}

/** @throws CRYPTO_INVALID_INPUT; CRYPTO_AUTHENTICATION_FAILED for another opening, record or key */
export async function openErasureParts(
  options: ErasureRelease & { readonly recipientPrivateKey: Uint8Array; readonly sealed: Uint8Array },
): Promise<ErasureParts> {
  return decodeErasureParts(await openSealed(options.recipientPrivateKey, infoOf(options), options.sealed));
}

function infoOf({ accessId, recordId }: ErasureRelease): Uint8Array {
  assertContextText('accessId', accessId);
  assertContextText('recordId', recordId);
  return encodeParts('careledger/erasure-parts-release/v1', accessId, recordId);
}
