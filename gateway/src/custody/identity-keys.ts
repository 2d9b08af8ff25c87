import { createHash } from 'node:crypto';
import {
  generateHpkeKeyPair,
  hpkePublicKey,
  openPartialKey,
  signPatientPayload,
  type PartialKeyAddress,
} from '@careledger/crypto';
import {
  CareLedgerError,
  IdentityName,
  KeyEpoch,
  validate,
  type IdentityRegistration,
} from '@careledger/protocol';
import type {
  IdentityAt,
  MasterKeyView,
  MasterSharingView,
  SharingCustody,
} from '../ports/sharing-custody.js';
import type { IdentitySecret, SharingMachine } from '../ports/sharing-machine.js';
import { createQueue } from './queue.js';
import type { SealedFolder } from './sealed-folder.js';

const KIND = 'identity-key';

/** One file for each identity and epoch; bytes are base64url. */
interface StoredIdentityKey {
  readonly registration: IdentityRegistration;
  readonly factor: string;
  readonly signingKey: string;
  /** Private half of the one-time key to which parts of the key are sealed, until there is the key. */
  readonly oneTimeKey?: string;
  /** sk, once it was extracted. */
  readonly key?: string;
}

/** An identity whose key was extracted, for the inside of the custody. */
export interface HeldIdentity extends IdentitySecret {
  readonly registration: IdentityRegistration;
  readonly identityKey: Uint8Array;
}

export interface IdentityKeys extends Pick<
  SharingCustody,
  'registration' | 'signAs' | 'hasIdentityKey' | 'extractionKey' | 'adoptIdentityKey'
> {
  /** @throws CareLedgerError KEY_NOT_FOUND */
  secret(of: IdentityAt): Promise<IdentitySecret>;
  /** @throws CareLedgerError KEY_NOT_FOUND when it was not extracted */
  held(of: IdentityAt): Promise<HeldIdentity>;
}

/** Keys of this hospital's own identities. What was made for a name and epoch is never made again. */
export function createIdentityKeys(machine: SharingMachine, folder: SealedFolder): IdentityKeys {
  const serially = createQueue();

  const read = async (of: IdentityAt): Promise<StoredIdentityKey | undefined> => {
    const stored = await folder.read(KIND, idOf(of));
    return stored === undefined
      ? undefined
      : (JSON.parse(Buffer.from(stored).toString('utf8')) as StoredIdentityKey);
  };
  const write = (of: IdentityAt, stored: StoredIdentityKey): Promise<void> =>
    folder.write(KIND, idOf(of), Buffer.from(JSON.stringify(stored), 'utf8'));
  const kept = async (of: IdentityAt): Promise<StoredIdentityKey> => {
    const stored = await read(of);
    if (stored !== undefined) return stored;
    throw notFound('an identity whose keys are not kept here');
  };
  const secret = async (of: IdentityAt): Promise<IdentitySecret> => {
    const { factor, signingKey } = await kept(of);
    return { factor: bytes(factor), signingKey: bytes(signingKey) };
  };

  return {
    secret,

    registration: ({ masterKey, ...of }) =>
      serially(async () => {
        const before = await read(of);
        if (before !== undefined) return before.registration;
        const made = await machine.run('makeIdentity', { ...of, masterPublicKey: masterKey.publicKey });
        const { registration } = made;
        await write(of, { registration, factor: text(made.factor), signingKey: text(made.signingKey) });
        return registration;
      }),

    signAs: async (of, message) => signPatientPayload((await secret(of)).signingKey, message),

    hasIdentityKey: async (of) => (await read(of))?.key !== undefined,

    extractionKey: (of) =>
      serially(async () => {
        const stored = await kept(of);
        const { privateKey } =
          stored.oneTimeKey === undefined ? generateHpkeKeyPair() : { privateKey: bytes(stored.oneTimeKey) };
        if (stored.oneTimeKey === undefined) await write(of, { ...stored, oneTimeKey: text(privateKey) });
        return hpkePublicKey(privateKey);
      }),

    adoptIdentityKey: ({ masterKey, sharing, partials: sealed, ...of }) =>
      serially(async () => {
        const { oneTimeKey, ...stored } = await kept(of);
        if (stored.key !== undefined) return { bad: [] };
        if (oneTimeKey === undefined) throw notFound('parts of a key that was not asked for');
        const opened = await openParts({ of, masterKey, sharing, sealed }, bytes(oneTimeKey));
        const combined = await machine.run('combine', {
          registration: stored.registration,
          factor: bytes(stored.factor),
          sharing,
          partials: opened.partials,
        });
        const bad = [...opened.bad, ...combined.bad];
        if (combined.key === undefined) {
          throw new CareLedgerError('KEY_NOT_FOUND', {
            message: 'Too few holders of the master key gave a right part of this identity’s key.',
            expected: `${String(sharing.threshold)} right parts`,
            came: `${String(sealed.size - bad.length)} of ${String(sealed.size)}`,
            extensions: { bad },
          });
        }
        await write(of, { ...stored, key: text(combined.key) });
        return { bad };
      }),

    async held(of) {
      const { registration, factor, signingKey, key } = await kept(of);
      if (key === undefined) throw notFound('an identity whose key was not extracted yet');
      return { registration, factor: bytes(factor), signingKey: bytes(signingKey), identityKey: bytes(key) };
    },
  };
}

/** A part that does not open is the holder's fault as much as one that is wrong. */
export async function openParts(
  asked: {
    readonly of: IdentityAt;
    readonly masterKey: Pick<MasterKeyView, 'keyId'>;
    readonly sharing: Pick<MasterSharingView, 'epoch'>;
    readonly sealed: ReadonlyMap<string, Uint8Array>;
  },
  oneTimeKey: Uint8Array,
): Promise<{ readonly partials: ReadonlyMap<string, Uint8Array>; readonly bad: readonly string[] }> {
  const { of, masterKey, sharing } = asked;
  const partials = new Map<string, Uint8Array>();
  const bad: string[] = [];
  for (const [holder, sealed] of asked.sealed) {
    const address: PartialKeyAddress = {
      keyId: masterKey.keyId,
      sharingEpoch: sharing.epoch,
      holder,
      name: of.name,
      keyEpoch: of.keyEpoch,
    };
    const opened = await openPartialKey(address, oneTimeKey, sealed).catch(() => undefined);
    if (opened === undefined) bad.push(holder);
    else partials.set(holder, opened);
  }
  return { partials, bad };
}

/** Names hold slashes; a file name does not. */
function idOf({ name, keyEpoch }: IdentityAt): string {
  validate(IdentityName, name);
  validate(KeyEpoch, keyEpoch);
  return `${createHash('sha256').update(name, 'utf8').digest('hex')}-${String(keyEpoch)}`;
}

function notFound(came: string): CareLedgerError {
  return new CareLedgerError('KEY_NOT_FOUND', {
    message: 'This hospital has no such key of an identity.',
    came,
  });
}

function bytes(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, 'base64url'));
}

function text(secret: Uint8Array): string {
  return Buffer.from(secret).toString('base64url');
}
