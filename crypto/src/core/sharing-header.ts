/**
 * The sharing header object: what a reader by re-encryption fetches beside the envelope.
 *
 *   object  = canonical CBOR { version: 1, pre, sealed }
 *   pre     = the header of crypto/src/pre; its handle is on the ledger, and its aad is encodeContext(context)
 *   payload = canonical CBOR { dataKey: 32 bytes, salt: 32 bytes, contentType, contentLength }
 *   sealed  = sealErasable('careledger/sharing-payload/v1', binding = handle, secrets = [wrapKey, E], payload)
 *
 * wrapKey comes out of `pre` and no hop changes it; E is the record's erasure key, which the owner's gateway gives with
 * each opening. Either alone opens nothing. The handle commits to `pre`, so a payload under another header does not open.
 */
import { assertBytes, hexToBytes } from './bytes.js';
import { assertCborMap, decodeCbor, encodeCbor } from './cbor.js';
import { assertContextText } from './context.js';
import { DATA_KEY_BYTES } from './envelope.js';
import { openErasable, sealErasable } from '../erasure/erasable.js';
import { CryptoError, invalidInput } from './errors.js';
import { SALT_BYTES } from './header.js';

export const MAX_SHARING_HEADER_BYTES = 8192;
const VERSION = 1;
const LABEL = 'careledger/sharing-payload/v1';

export interface SharedPayload {
  readonly dataKey: Uint8Array;
  readonly salt: Uint8Array;
  readonly contentType: string;
  /** Bytes of plaintext content. */
  readonly contentLength: number;
}
export interface SharingHeader {
  readonly pre: Uint8Array;
  readonly sealed: Uint8Array;
}
export interface SharingSecrets {
  /** Out of the re-encryption header; 32 bytes. */
  readonly wrapKey: Uint8Array;
  /** Leaf of the owner's puncturable key; 32 bytes. */
  readonly erasureKey: Uint8Array;
}

function assertPayload(payload: SharedPayload): void {
  assertBytes('dataKey', payload.dataKey, DATA_KEY_BYTES);
  assertBytes('salt', payload.salt, SALT_BYTES);
  assertContextText('contentType', payload.contentType);
  if (!Number.isSafeInteger(payload.contentLength) || payload.contentLength < 0) {
    throw invalidInput('contentLength', 'a non-negative safe integer', String(payload.contentLength));
  }
}

/**
 * @param options.handle of `pre`, hex
 * @returns canonical bytes
 * @throws CRYPTO_INVALID_INPUT
 */
export function makeSharingHeader(
  options: SharingSecrets & {
    readonly pre: Uint8Array;
    readonly handle: string;
    readonly payload: SharedPayload;
  },
): Uint8Array {
  const { pre, handle, wrapKey, erasureKey, payload } = options;
  assertPayload(payload);
  const { dataKey, salt, contentType, contentLength } = payload;
  const target = { label: LABEL, binding: hexToBytes(handle), secrets: [wrapKey, erasureKey] };
  const sealed = sealErasable(target, encodeCbor({ dataKey, salt, contentType, contentLength }));
  return encodeCbor({ version: VERSION, pre, sealed });
}

/**
 * Strict: canonical CBOR, exactly these keys and this version. Opens nothing, and does not look into `pre`.
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_UNSUPPORTED
 */
export function parseSharingHeader(bytes: Uint8Array): SharingHeader {
  const map = assertCborMap('sharingHeader', decodeCbor(bytes, MAX_SHARING_HEADER_BYTES), [
    'version',
    'pre',
    'sealed',
  ]);
  const { version, pre, sealed } = map;
  if (version !== VERSION) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'sharingHeader',
      expected: `version ${VERSION}`,
      came: 'another version',
    });
  }
  assertBytes('sharingHeader.pre', pre);
  assertBytes('sharingHeader.sealed', sealed);
  return { pre, sealed };
}

/**
 * @param options.handle as the ledger has it, hex
 * @throws CRYPTO_AUTHENTICATION_FAILED for another wrap key, erasure key or handle, and for changed bytes
 */
export function openSharingHeader(
  options: SharingSecrets & { readonly sealed: Uint8Array; readonly handle: string },
): SharedPayload {
  const { sealed, handle, wrapKey, erasureKey } = options;
  const target = { label: LABEL, binding: hexToBytes(handle), secrets: [wrapKey, erasureKey] };
  const map = assertCborMap('sharing payload', decodeCbor(openErasable(target, sealed)), [
    'dataKey',
    'salt',
    'contentType',
    'contentLength',
  ]);
  const payload = map as unknown as SharedPayload;
  assertPayload(payload);
  return payload;
}
