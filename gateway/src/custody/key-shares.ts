import {
  keyShareFromJson,
  partialDecrypt,
  publicKeyFromJson,
  type KeyShare,
  type PaillierPool,
  type PaillierPublicKeyJson,
  type PartialDecryption,
} from '@careledger/crypto';
import { CareLedgerError, Sha256, canonicalJson, validate } from '@careledger/protocol';
import { createQueue } from './queue.js';
import type { SealedFolder } from './sealed-folder.js';

const KIND = 'key-share';

export interface KeySharesOptions {
  /** Keeps the exponentiation (0.2 s at 2048 bits) off the event loop. Absent: it is done here. */
  readonly pool?: PaillierPool;
  /** Tests only. */
  readonly allowTestKeySize?: boolean;
}

export interface KeyShares {
  /** @throws CareLedgerError ALREADY_EXISTS when another share of the key is held, SCHEMA_VIOLATION */
  store(share: { readonly keyId: string; readonly shareJson: unknown }): Promise<void>;
  has(keyId: string): Promise<boolean>;
  /** @throws CareLedgerError KEY_NOT_FOUND; CryptoError CRYPTO_INVALID_CIPHERTEXT, CRYPTO_INVALID_INPUT */
  partialDecryption(publicKey: PaillierPublicKeyJson, ciphertext: bigint): Promise<PartialDecryption>;
}

export function createKeyShares(options: KeySharesOptions, folder: SealedFolder): KeyShares {
  const { pool, allowTestKeySize = false } = options;
  const serially = createQueue();
  const read = async (keyId: string): Promise<string | undefined> => {
    validate(Sha256, keyId);
    const stored = await folder.read(KIND, keyId);
    return stored === undefined ? undefined : Buffer.from(stored).toString('utf8');
  };

  return {
    store: ({ keyId, shareJson }) =>
      serially(async () => {
        const text = canonicalJson(shareJson);
        const held = await read(keyId);
        if (held === text) return;
        // A share that is in use is never replaced: whoever delivers another one later would disable this holder.
        if (held !== undefined) {
          throw new CareLedgerError('ALREADY_EXISTS', { came: 'another share of the same key' });
        }
        await folder.write(KIND, keyId, Buffer.from(text, 'utf8'));
      }),

    has: async (keyId) => (await read(keyId)) !== undefined,

    async partialDecryption(publicKeyJson, ciphertext) {
      const publicKey = publicKeyFromJson(publicKeyJson, { allowTestKeySize });
      const held = await read(publicKey.keyId);
      if (held === undefined) {
        throw new CareLedgerError('KEY_NOT_FOUND', { message: 'This hospital holds no share of that key.' });
      }
      const share: KeyShare = keyShareFromJson(publicKey, JSON.parse(held) as unknown);
      if (pool === undefined) return partialDecrypt(publicKey, share, ciphertext);
      const [partial] = await pool.partialDecrypt(publicKeyJson, share, [ciphertext]);
      if (partial === undefined) throw new CareLedgerError('INTERNAL');
      return partial;
    },
  };
}
