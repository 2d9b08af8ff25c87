import {
  nativeModPow,
  provePartialDecryption,
  publicKeyFromJson,
  sharingFromJson,
  thresholdShareFromJson,
  thresholdShareToJson,
  type OpeningContext,
  type PaillierPool,
  type ProvenPartial,
  type ThresholdPublicKeyJson,
  type ThresholdShareJson,
} from '@careledger/crypto';
import type { SealedFolder } from './sealed-folder.js';
import { createShareFiles, type ShareFiles } from './share-files.js';

export interface KeySharesOptions {
  readonly mspId: string;
  /** Keeps the exponentiations off the event loop. Absent: they are done here. */
  readonly pool?: Pick<PaillierPool, 'provePartial'>;
  /** Tests only. */
  readonly allowTestKeySize?: boolean;
}

export interface KeyShares extends ShareFiles<ThresholdShareJson> {
  /** @throws CareLedgerError KEY_NOT_FOUND; CryptoError CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT */
  partialDecryption(
    key: ThresholdPublicKeyJson,
    ciphertext: bigint,
    context: OpeningContext,
  ): Promise<ProvenPartial>;
}

/** Shares of the Paillier key. */
export function createKeyShares(options: KeySharesOptions, folder: SealedFolder): KeyShares {
  const { mspId, pool, allowTestKeySize = false } = options;
  const checked = (share: ThresholdShareJson): ThresholdShareJson =>
    thresholdShareToJson(thresholdShareFromJson(share));
  const files = createShareFiles({ mspId, kind: 'key-share', checked }, folder);

  return {
    ...files,
    async partialDecryption({ publicKey: publicKeyJson, sharing: sharingJson }, ciphertext, context) {
      const publicKey = publicKeyFromJson(publicKeyJson, { allowTestKeySize });
      const sharing = sharingFromJson(publicKey, sharingJson);
      const share = thresholdShareFromJson(await files.read(sharing.keyId, sharing.epoch));
      const opening = { sharing, share, ciphertext, context };
      return pool === undefined
        ? provePartialDecryption({ ...opening, publicKey, modPow: nativeModPow })
        : pool.provePartial({ ...opening, publicKey: publicKeyJson });
    },
  };
}
