/**
 * One block of many rows' ciphertexts: what a panel's CID names.
 *
 *   canonical CBOR {version: 1, keyId: text, layoutDigest: text, rows: [fixed-width big-endian bytes of c, ...]}
 *
 * A row is 2 * keyBits / 8 bytes: 512 for a 2048-bit key, 768 for 3072.
 */
import { decodeCbor, encodeCbor, type CborValue } from '../core/cbor.js';
import { CryptoError } from '../core/errors.js';
import { ciphertextToBytes, ciphertextsFromBytes } from '../paillier/public-key.js';
import type { PaillierPublicKey } from '../paillier/types.js';

export interface PanelBlock {
  readonly keyId: string;
  readonly layoutDigest: string;
  readonly rows: readonly bigint[];
}

export const MAX_PANEL_ROWS = 5000;
/** Rows of a 4096-bit key, and room for the CBOR around them. */
export const MAX_PANEL_BLOCK_BYTES = MAX_PANEL_ROWS * (1024 + 3) + 1024;

/** @throws CRYPTO_INVALID_CIPHERTEXT */
export function encodePanelBlock(
  publicKey: PaillierPublicKey,
  layoutDigest: string,
  rows: readonly bigint[],
): Uint8Array {
  const encoded = rows.map((row) => ciphertextToBytes(publicKey, row));
  return encodeCbor({ version: 1, keyId: publicKey.keyId, layoutDigest, rows: encoded });
}

/**
 * @param layoutDigest of the registered layout: rows that were packed otherwise would be read as other numbers
 * @throws CRYPTO_INVALID_CIPHERTEXT when it is not a block under this key and layout, or a row is not a ciphertext: 0, not
 * below n^2, or sharing a factor with n
 */
export function decodePanelBlock(
  publicKey: PaillierPublicKey,
  layoutDigest: string,
  bytes: Uint8Array,
): PanelBlock {
  const block = parse(bytes);
  if (block.keyId !== publicKey.keyId)
    throw invalidBlock(`a block under key ${publicKey.keyId}`, 'another key');
  if (block.layoutDigest !== layoutDigest)
    throw invalidBlock(`a block of the layout ${layoutDigest}`, 'another layout');
  const rows = ciphertextsFromBytes(publicKey, block.rows);
  return { keyId: block.keyId, layoutDigest: block.layoutDigest, rows };
}

interface RawBlock {
  readonly keyId: string;
  readonly layoutDigest: string;
  readonly rows: readonly Uint8Array[];
}

function parse(bytes: Uint8Array): RawBlock {
  let value: CborValue;
  try {
    value = decodeCbor(bytes, MAX_PANEL_BLOCK_BYTES);
  } catch (cause) {
    throw new CryptoError('CRYPTO_INVALID_CIPHERTEXT', {
      argument: 'panelBlock',
      expected: 'canonical CBOR',
      came: `${bytes.length} bytes that are not`,
      cause,
    });
  }
  if (!isBlock(value)) throw invalidBlock('a panel block of version 1', 'another document');
  return value;
}

function isBlock(value: unknown): value is RawBlock {
  if (typeof value !== 'object' || value === null) return false;
  const { version, keyId, layoutDigest, rows } = value as Record<string, unknown>;
  if (version !== 1 || typeof keyId !== 'string' || typeof layoutDigest !== 'string') return false;
  return (
    Array.isArray(rows) && rows.length <= MAX_PANEL_ROWS && rows.every((row) => row instanceof Uint8Array)
  );
}

function invalidBlock(expected: string, came: string): CryptoError {
  return new CryptoError('CRYPTO_INVALID_CIPHERTEXT', { argument: 'panelBlock', expected, came });
}
