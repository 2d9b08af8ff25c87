import { CareLedgerError, Sha256, canonicalJson, validate } from '@careledger/protocol';
import { createQueue } from './queue.js';
import type { SealedFolder } from './sealed-folder.js';

interface HeldShare {
  readonly holder: string;
  readonly keyId: string;
  readonly epoch: number;
}

/** One file for each key and epoch: shares of two epochs do not mix, and both are there while one replaces the other. */
export interface ShareFiles<Share extends HeldShare> {
  /**
   * @throws CareLedgerError ALREADY_EXISTS when another share of the key and epoch is held, NOT_OWNER for the share of
   * another hospital; CryptoError CRYPTO_INVALID_INPUT
   */
  store(share: Share): Promise<void>;
  has(keyId: string, epoch: number): Promise<boolean>;
  /** @throws CareLedgerError KEY_NOT_FOUND */
  read(keyId: string, epoch: number): Promise<Share>;
  /** Erases the shares of earlier epochs; idempotent. */
  erase(shares: { readonly keyId: string; readonly beforeEpoch: number }): Promise<void>;
}

/** @param options.checked its argument in canonical form. @throws CryptoError for what is no share */
export function createShareFiles<Share extends HeldShare>(
  options: { readonly mspId: string; readonly kind: string; readonly checked: (share: Share) => Share },
  folder: SealedFolder,
): ShareFiles<Share> {
  const { mspId, kind, checked } = options;
  const serially = createQueue();
  const held = async (keyId: string, epoch: number): Promise<string | undefined> => {
    const stored = await folder.read(kind, idOf(keyId, epoch));
    return stored === undefined ? undefined : Buffer.from(stored).toString('utf8');
  };

  return {
    store: (given) =>
      serially(async () => {
        const share = checked(given);
        if (share.holder !== mspId)
          throw new CareLedgerError('NOT_OWNER', { expected: mspId, came: share.holder });
        const text = canonicalJson(share);
        const before = await held(share.keyId, share.epoch);
        if (before === text) return;
        // A share that is in use is never replaced: this holder could not take part any more.
        if (before !== undefined)
          throw new CareLedgerError('ALREADY_EXISTS', { came: 'another share of the same key and epoch' });
        await folder.write(kind, idOf(share.keyId, share.epoch), Buffer.from(text, 'utf8'));
      }),

    has: async (keyId, epoch) => (await held(keyId, epoch)) !== undefined,

    async read(keyId, epoch) {
      const text = await held(keyId, epoch);
      if (text !== undefined) return checked(JSON.parse(text) as Share);
      throw new CareLedgerError('KEY_NOT_FOUND', {
        message: 'This hospital holds no share of that key and epoch.',
        expected: `a share of epoch ${String(epoch)}`,
      });
    },

    erase: ({ keyId, beforeEpoch }) =>
      serially(async () => {
        validate(Sha256, keyId);
        for (const id of await folder.list(kind)) {
          const [ofKey, epoch] = id.split('-');
          if (ofKey === keyId && Number(epoch) < beforeEpoch) await folder.remove(kind, id);
        }
      }),
  };
}

function idOf(keyId: string, epoch: number): string {
  validate(Sha256, keyId);
  return `${keyId}-${String(epoch)}`;
}
