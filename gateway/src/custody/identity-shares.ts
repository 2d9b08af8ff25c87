import { assertBytes, base64UrlToBytes, decodeScalar, type IdentityShare } from '@careledger/crypto';
import { createShareFiles, type ShareFiles } from './share-files.js';
import type { SealedFolder } from './sealed-folder.js';

const SCALAR_BYTES = 32;

/** Shares of the identity master key; they leave this folder only for the inside of the custody. */
export interface IdentityShares extends ShareFiles<IdentityShare> {
  /** s_i, 32 bytes. @throws CareLedgerError KEY_NOT_FOUND */
  scalar(of: { readonly keyId: string; readonly epoch: number }): Promise<Uint8Array>;
}

export function createIdentityShares(
  { mspId }: { readonly mspId: string },
  folder: SealedFolder,
): IdentityShares {
  const files = createShareFiles<IdentityShare>({ mspId, kind: 'identity-share', checked }, folder);
  return {
    ...files,
    scalar: async ({ keyId, epoch }) => base64UrlToBytes((await files.read(keyId, epoch)).scalar),
  };
}

/** That it fits the public sharing, the machine that made it has checked. @throws CryptoError CRYPTO_INVALID_INPUT */
function checked({ keyId, epoch, holder, point, scalar }: IdentityShare): IdentityShare {
  const bytes = base64UrlToBytes(scalar);
  assertBytes('share.scalar', bytes, SCALAR_BYTES);
  decodeScalar('share.scalar', bytes);
  return { keyId, epoch, holder, point, scalar };
}
