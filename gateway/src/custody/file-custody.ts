import {
  beginCeremony,
  generateHpkeKeyPair,
  hpkePublicKey,
  nativeModPow,
  openHeader,
  rewrapHeader,
  sharingOnThisThread,
  stepCeremony,
  type PaillierPool,
} from '@careledger/crypto';
import type {
  CeremonyMachine,
  CeremonyMachines,
  IdentityCeremonyMachine,
} from '../ports/ceremony-machine.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { SharingMachine } from '../ports/sharing-machine.js';
import { createCeremonyVault } from './ceremony-vault.js';
import { createErasureTrees } from './erasure-trees.js';
import { createIdentityShares } from './identity-shares.js';
import { createKeyShares } from './key-shares.js';
import { unlockMasterKey } from './master-key.js';
import { openOneTimeKeys } from './recipient-keys.js';
import { createSealedFolder, type SealedFolder } from './sealed-folder.js';
import { createSealing } from './sealing.js';
import { createSharingVault } from './sharing-vault.js';
import { createSigningKeys } from './signing-keys.js';

export interface FileCustodyOptions {
  /** A folder of its own; made with mode 0700. One process at a time. */
  readonly dir: string;
  /** At least 8 bytes. */
  readonly passphrase: string;
  readonly mspId: string;
  /** Milliseconds since 1970; default Date.now. */
  readonly clock?: () => number;
  /** One-time keys kept at most; the oldest goes first. Default 10,000. */
  readonly maxRecipientKeys?: number;
  /** Default 7 days: longer than any owner answers for an access entry. */
  readonly recipientKeyMaxAgeMs?: number;
  /** Where partial decryptions run. Absent: on the event loop. */
  readonly pool?: Pick<PaillierPool, 'provePartial'>;
  /** Where the steps of ceremonies run. Absent: a Paillier key's on the event loop, the identity key's as the rest of sharing. */
  readonly machines?: Partial<CeremonyMachines>;
  /** Where identity keys and re-encryption are computed. Absent: on the event loop. */
  readonly sharingMachine?: SharingMachine;
  /** Tests only. */
  readonly allowTestKeySize?: boolean;
}

/** Also what a worker runs. */
const paillierOnThisThread: CeremonyMachine = {
  begin: (parameters) => settled(() => beginCeremony(parameters, { modPow: nativeModPow })),
  step: (state, incoming) => settled(() => stepCeremony(state, incoming, { modPow: nativeModPow })),
};

function identityMachine(machine: SharingMachine): IdentityCeremonyMachine {
  return {
    begin: (parameters, options) => machine.run('beginCeremony', parameters, options),
    step: (state, incoming, options) => machine.run('stepCeremony', { state, incoming }, options),
  };
}

const DAY_MS = 86_400_000;
const ENCRYPTION_KEY = 'encryption-key';

/**
 * Opens, or makes, the custody of a hospital in a folder of encrypted files: one master key under the passphrase
 * (scrypt, AES-256-GCM), every other secret sealed under keys derived from it (see `sealing.ts`).
 *
 * Secrets live in closures: no property, `util.inspect`, `JSON.stringify` or error text shows one. They are in the
 * process's memory while it runs; a core dump holds them.
 * @throws CareLedgerError CUSTODY_LOCKED
 */
export async function createFileCustody(options: FileCustodyOptions): Promise<KeyCustody> {
  const sealing = createSealing(await unlockMasterKey(options));
  const folder = createSealedFolder(options.dir, sealing);
  const signing = createSigningKeys(options.mspId, folder);
  const shares = createKeyShares(options, folder);
  const identityShares = createIdentityShares(options, folder);
  const sharingMachine = options.sharingMachine ?? sharingOnThisThread();
  const machines = {
    paillier: paillierOnThisThread,
    identity: identityMachine(sharingMachine),
    ...options.machines,
  };
  const oneTime = await openOneTimeKeys(
    {
      maxKeys: options.maxRecipientKeys ?? 10_000,
      maxAgeMs: options.recipientKeyMaxAgeMs ?? 7 * DAY_MS,
      clock: options.clock ?? Date.now,
    },
    folder,
  );
  const erasure = createErasureTrees(options, folder, oneTime);
  const ownKey = once(() => loadOrMakeEncryptionKey(folder));
  // Labels of callers stay apart from those of the custody's own files.
  const local = (label: string): { label: string; name: string } => ({
    label: `local/${label}`,
    name: label,
  });

  return Object.freeze<KeyCustody>({
    createSigningKey: (enrolmentId) => signing.createSigningKey(enrolmentId),
    storeCertificate: (enrolmentId, certificatePem) => signing.storeCertificate(enrolmentId, certificatePem),
    importSigningIdentity: (enrolmentId, identity) => signing.importSigningIdentity(enrolmentId, identity),
    signingIdentity: (enrolmentId) => signing.signingIdentity(enrolmentId),
    enrolledIds: () => signing.enrolledIds(),

    encryptionPublicKey: async () => hpkePublicKey(await ownKey()),
    openHeader: async (request) =>
      openHeader({ ...request, privateKey: await ownKey(), purpose: { kind: 'store' } }),
    rewrapHeader: async (request) => rewrapHeader({ ...request, ownerPrivateKey: await ownKey() }),

    erasure,

    sharing: createSharingVault({
      mspId: options.mspId,
      folder,
      machine: sharingMachine,
      encryptionPrivateKey: ownKey,
      oneTimePrivateKey: (publicKey) => oneTime.privateKey(publicKey),
      masterShare: (of) => identityShares.scalar(of),
    }),

    createRecipientKey: () => oneTime.create(),
    openRelease: async ({ recipientPublicKey, header, expectedContext, releaseBinding }) => {
      const privateKey = await oneTime.privateKey(recipientPublicKey);
      return openHeader({
        header,
        expectedContext,
        privateKey,
        purpose: { kind: 'release', releaseBinding },
      });
    },
    forgetRecipientKey: (recipientPublicKey) => oneTime.forget(recipientPublicKey),

    ceremonies: createCeremonyVault({ ...options, machines, folder, shares, identityShares }),
    storeKeyShare: (share) => shares.store(share),
    hasKeyShare: async ({ keyId, epoch }) =>
      (await shares.has(keyId, epoch)) || identityShares.has(keyId, epoch),
    async eraseKeyShares(of) {
      await shares.erase(of);
      await identityShares.erase(of);
    },
    partialDecryption: (key, ciphertext, context) => shares.partialDecryption(key, ciphertext, context),

    mac: (label, data) => settled(() => sealing.mac(`mac/${label}`, data)),
    sealLocal: (label, plaintext) => settled(() => sealing.seal(local(label), plaintext)),
    openLocal: (label, sealed) => settled(() => sealing.open(local(label), sealed)),
  });
}

async function loadOrMakeEncryptionKey(folder: SealedFolder): Promise<Uint8Array> {
  const stored = await folder.read(ENCRYPTION_KEY, 'x25519');
  if (stored !== undefined) return stored;
  const { privateKey } = generateHpkeKeyPair();
  await folder.write(ENCRYPTION_KEY, 'x25519', privateKey);
  return privateKey;
}

/** Remembers the outcome of the first success: two first uses at once make one key. */
function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined;
  return () => {
    running ??= work().catch((error: unknown) => {
      running = undefined;
      throw error;
    });
    return running;
  };
}

/** A throw becomes a rejection: callers of an asynchronous port handle only those. */
function settled<Result>(work: () => Result): Promise<Result> {
  return new Promise((resolve) => {
    resolve(work());
  });
}
