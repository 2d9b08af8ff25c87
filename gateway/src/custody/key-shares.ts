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
  type ThresholdShare,
  type ThresholdShareJson,
} from '@careledger/crypto';
import { CareLedgerError, Sha256, canonicalJson, validate } from '@careledger/protocol';
import { createQueue } from './queue.js';
import type { SealedFolder } from './sealed-folder.js';

const KIND = 'key-share';

export interface KeySharesOptions {
  readonly mspId: string;
  /** Keeps the exponentiations off the event loop. Absent: they are done here. */
  readonly pool?: Pick<PaillierPool, 'provePartial'>;
  /** Tests only. */
  readonly allowTestKeySize?: boolean;
}

/** One file for each key and epoch: shares of two epochs do not mix, and both are there while one replaces the other. */
export interface KeyShares {
  /**
   * @throws CareLedgerError ALREADY_EXISTS when another share of the key and epoch is held, NOT_OWNER for the share of
   * another hospital; CryptoError CRYPTO_INVALID_INPUT
   */
  store(share: ThresholdShareJson): Promise<void>;
  has(keyId: string, epoch: number): Promise<boolean>;
  /** @throws CareLedgerError KEY_NOT_FOUND */
  read(keyId: string, epoch: number): Promise<ThresholdShareJson>;
  /** Erases the shares of earlier epochs; idempotent. */
  erase(shares: { readonly keyId: string; readonly beforeEpoch: number }): Promise<void>;
  /** @throws CareLedgerError KEY_NOT_FOUND; CryptoError CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT */
  partialDecryption(
    key: ThresholdPublicKeyJson,
    ciphertext: bigint,
    context: OpeningContext,
  ): Promise<ProvenPartial>;
}

export function createKeyShares(options: KeySharesOptions, folder: SealedFolder): KeyShares {
  const { mspId, pool, allowTestKeySize = false } = options;
  const serially = createQueue();
  const held = async (keyId: string, epoch: number): Promise<string | undefined> => {
    const stored = await folder.read(KIND, idOf(keyId, epoch));
    return stored === undefined ? undefined : Buffer.from(stored).toString('utf8');
  };
  const read = async (keyId: string, epoch: number): Promise<ThresholdShare> => {
    const text = await held(keyId, epoch);
    if (text === undefined) {
      throw new CareLedgerError('KEY_NOT_FOUND', {
        message: 'This hospital holds no share of that key and epoch.',
        expected: `a share of epoch ${String(epoch)}`,
      });
    }
    return thresholdShareFromJson(JSON.parse(text));
  };

  return {
    store: (json) =>
      serially(async () => {
        const share = thresholdShareFromJson(json);
        if (share.holder !== mspId)
          throw new CareLedgerError('NOT_OWNER', { expected: mspId, came: share.holder });
        const text = canonicalJson(thresholdShareToJson(share));
        const before = await held(share.keyId, share.epoch);
        if (before === text) return;
        // A share that is in use is never replaced: this holder could not decrypt any more.
        if (before !== undefined)
          throw new CareLedgerError('ALREADY_EXISTS', { came: 'another share of the same key and epoch' });
        await folder.write(KIND, idOf(share.keyId, share.epoch), Buffer.from(text, 'utf8'));
      }),

    has: async (keyId, epoch) => (await held(keyId, epoch)) !== undefined,

    read: async (keyId, epoch) => thresholdShareToJson(await read(keyId, epoch)),

    erase: ({ keyId, beforeEpoch }) =>
      serially(async () => {
        validate(Sha256, keyId);
        for (const id of await folder.list(KIND)) {
          const [ofKey, epoch] = id.split('-');
          if (ofKey === keyId && Number(epoch) < beforeEpoch) await folder.remove(KIND, id);
        }
      }),

    async partialDecryption({ publicKey: publicKeyJson, sharing: sharingJson }, ciphertext, context) {
      const publicKey = publicKeyFromJson(publicKeyJson, { allowTestKeySize });
      const sharing = sharingFromJson(publicKey, sharingJson);
      const share = await read(sharing.keyId, sharing.epoch);
      const opening = { sharing, share, ciphertext, context };
      return pool === undefined
        ? provePartialDecryption({ ...opening, publicKey, modPow: nativeModPow })
        : pool.provePartial({ ...opening, publicKey: publicKeyJson });
    },
  };
}

function idOf(keyId: string, epoch: number): string {
  validate(Sha256, keyId);
  return `${keyId}-${String(epoch)}`;
}
