import { openLabelKey } from '@careledger/crypto';
import { CareLedgerError, Pseudonym, validate } from '@careledger/protocol';
import { createQueue } from './queue.js';
import type { SealedFolder } from './sealed-folder.js';

const KIND = 'label-key';

export interface LabelKeys {
  /** @throws CareLedgerError ALREADY_EXISTS; CryptoError CRYPTO_AUTHENTICATION_FAILED, CRYPTO_INVALID_INPUT */
  put(of: { readonly pseudonym: string; readonly sealed: Uint8Array }): Promise<void>;
  /** @throws CareLedgerError KEY_NOT_FOUND */
  read(pseudonym: string): Promise<Uint8Array>;
}

/** Label keys of the patients who are enrolled here: with another one, no edge would meet its records. */
export function createLabelKeys(
  options: { readonly mspId: string; readonly encryptionPrivateKey: () => Promise<Uint8Array> },
  folder: SealedFolder,
): LabelKeys {
  const serially = createQueue();
  return {
    put: ({ pseudonym, sealed }) =>
      serially(async () => {
        validate(Pseudonym, pseudonym);
        const privateKey = await options.encryptionPrivateKey();
        const labelKey = await openLabelKey({ mspId: options.mspId, pseudonym, privateKey, sealed });
        const before = await folder.read(KIND, pseudonym);
        if (before === undefined) await folder.write(KIND, pseudonym, labelKey);
        else if (!Buffer.from(before).equals(labelKey))
          throw new CareLedgerError('ALREADY_EXISTS', { came: 'another label key of this patient' });
      }),
    async read(pseudonym) {
      const labelKey = await folder.read(KIND, validate(Pseudonym, pseudonym));
      if (labelKey !== undefined) return labelKey;
      throw new CareLedgerError('KEY_NOT_FOUND', {
        message: 'This patient has given this hospital no label key.',
      });
    },
  };
}
