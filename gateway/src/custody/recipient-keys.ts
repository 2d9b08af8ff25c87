import { generateHpkeKeyPair } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';
import type { SealedFolder } from './sealed-folder.js';

const KIND = 'recipient';
const ID = /^(\d{15})-([0-9a-f]{64})$/;

export interface RecipientKeysOptions {
  readonly maxKeys: number;
  readonly maxAgeMs: number;
  readonly clock: () => number;
}

export interface OneTimeKeys {
  create(): Promise<Uint8Array>;
  /** @throws CareLedgerError TRANSITION_NOT_ALLOWED when it was forgotten or has expired, CUSTODY_LOCKED */
  privateKey(publicKey: Uint8Array): Promise<Uint8Array>;
  forget(publicKey: Uint8Array): Promise<void>;
}

/**
 * One-time X25519 keys of openings, one file each until forgotten. Bounded in number and age: the oldest goes first.
 * The file name carries the time of making, so the order survives a restart without opening a file.
 */
export async function openOneTimeKeys(
  options: RecipientKeysOptions,
  folder: SealedFolder,
): Promise<OneTimeKeys> {
  /** Public key in hex -> file id, oldest first. */
  const kept = new Map<string, string>();
  for (const id of await folder.list(KIND)) {
    const publicHex = ID.exec(id)?.[2];
    if (publicHex !== undefined) kept.set(publicHex, id);
  }

  const drop = async (publicHex: string): Promise<void> => {
    const id = kept.get(publicHex);
    if (id === undefined) return;
    kept.delete(publicHex);
    await folder.remove(KIND, id);
  };
  const expire = async (): Promise<void> => {
    const horizon = options.clock() - options.maxAgeMs;
    const ids = [...kept];
    const surplus = Math.max(0, ids.length - options.maxKeys);
    const expired = ids.filter(([, id], index) => index < surplus || madeAt(id) < horizon);
    for (const [publicHex] of expired) await drop(publicHex);
  };

  return {
    async create() {
      const { publicKey, privateKey } = generateHpkeKeyPair();
      const publicHex = hex(publicKey);
      const id = `${String(Math.trunc(options.clock())).padStart(15, '0')}-${publicHex}`;
      await folder.write(KIND, id, privateKey);
      kept.set(publicHex, id);
      await expire();
      return publicKey;
    },
    async privateKey(publicKey) {
      const id = kept.get(hex(publicKey));
      const fresh = id !== undefined && madeAt(id) >= options.clock() - options.maxAgeMs;
      const privateKey = fresh ? await folder.read(KIND, id) : undefined;
      if (privateKey !== undefined) return privateKey;
      throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
        message: 'The one-time key of this opening was destroyed or has expired. Open the records again.',
      });
    },
    forget: (publicKey) => drop(hex(publicKey)),
  };
}

function madeAt(id: string): number {
  return Number(ID.exec(id)?.[1] ?? 0);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
