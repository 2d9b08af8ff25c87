/**
 * One block of many rows' ciphertexts: what a panel's CID names. Canonical CBOR
 * `{version: 1, keyId, layoutDigest, rows: [fixed-width big-endian bytes, ...]}`.
 */
import {
  ciphertextFromBytes,
  ciphertextToBytes,
  decodeCbor,
  encodeCbor,
  type CborValue,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { CareLedgerError, LIMITS } from '@careledger/protocol';

export interface PanelBlock {
  readonly keyId: string;
  readonly layoutDigest: string;
  readonly rows: readonly bigint[];
}

/** Rows of a 4096-bit key, and room for the CBOR around them. */
export const MAX_PANEL_BLOCK_BYTES = LIMITS.panelRows * (1024 + 3) + 1024;

export function encodePanelBlock(
  publicKey: PaillierPublicKey,
  layoutDigest: string,
  rows: readonly bigint[],
): Uint8Array {
  return encodeCbor({
    version: 1,
    keyId: publicKey.keyId,
    layoutDigest,
    rows: rows.map((row) => ciphertextToBytes(publicKey, row)),
  });
}

/**
 * @throws CareLedgerError CIPHERTEXT_INVALID when it is not a block under this key, or a row is not a ciphertext
 * (0, a multiple of n or of a factor of n, not below n^2).
 */
export function decodePanelBlock(publicKey: PaillierPublicKey, bytes: Uint8Array): PanelBlock {
  const block = decodeOrRefuse(bytes);
  if (!isBlock(block) || block.keyId !== publicKey.keyId) {
    throw new CareLedgerError('CIPHERTEXT_INVALID', {
      expected: `a panel block under key ${publicKey.keyId}`,
    });
  }
  return {
    keyId: block.keyId,
    layoutDigest: block.layoutDigest,
    rows: block.rows.map((row, index) => decodeRow(publicKey, row, index)),
  };
}

function decodeRow(publicKey: PaillierPublicKey, row: Uint8Array, index: number): bigint {
  try {
    return ciphertextFromBytes(publicKey, row);
  } catch (cause) {
    throw new CareLedgerError('CIPHERTEXT_INVALID', { message: `Row ${index} is not a ciphertext.`, cause });
  }
}

function decodeOrRefuse(bytes: Uint8Array): CborValue {
  try {
    return decodeCbor(bytes, MAX_PANEL_BLOCK_BYTES);
  } catch (cause) {
    throw new CareLedgerError('CIPHERTEXT_INVALID', { expected: 'canonical CBOR of a panel block', cause });
  }
}

interface RawBlock {
  readonly keyId: string;
  readonly layoutDigest: string;
  readonly rows: readonly Uint8Array[];
}

function isBlock(value: unknown): value is RawBlock {
  if (typeof value !== 'object' || value === null) return false;
  const { version, keyId, layoutDigest, rows } = value as Record<string, unknown>;
  if (version !== 1 || typeof keyId !== 'string' || typeof layoutDigest !== 'string') return false;
  return Array.isArray(rows) && rows.every((row) => row instanceof Uint8Array);
}
