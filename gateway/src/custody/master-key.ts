import { randomBytes } from 'node:crypto';
import { access, link, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CryptoError, readKeyFile, writeKeyFile } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';
import { guarded, prepareFolder, syncFolder, temporaryName } from './sealed-folder.js';
import { MASTER_KEY_BYTES } from './sealing.js';

const FILE = 'master.key';
const LABEL = 'careledger custody master key';

/**
 * The master key of a custody folder; made when the folder is new.
 * @throws CareLedgerError CUSTODY_LOCKED for a wrong or too short passphrase, a changed file, and a folder with sealed
 * files but no master key: a new key would hide that the old one is lost.
 */
export async function unlockMasterKey(options: {
  readonly dir: string;
  readonly passphrase: string;
}): Promise<Uint8Array> {
  const { dir, passphrase } = options;
  const holdsSecrets = await prepareFolder(dir);
  const path = join(dir, FILE);
  if (!(await exists(path))) {
    if (holdsSecrets)
      throw new CareLedgerError('CUSTODY_LOCKED', { expected: 'the master key file', came: 'none' });
    await create(dir, passphrase);
  }
  const masterKey = await translated(() => readKeyFile({ path, passphrase, label: LABEL }));
  if (masterKey.length === MASTER_KEY_BYTES) return masterKey;
  throw new CareLedgerError('CUSTODY_LOCKED', {
    expected: `a master key of ${String(MASTER_KEY_BYTES)} bytes`,
  });
}

/** Linking fails when the file exists, so that two processes starting at once end up with one key. */
async function create(dir: string, passphrase: string): Promise<void> {
  const temporary = join(dir, temporaryName());
  await translated(() =>
    writeKeyFile({ path: temporary, secret: randomBytes(MASTER_KEY_BYTES), passphrase, label: LABEL }),
  );
  await guarded(async () => {
    try {
      await link(temporary, join(dir, FILE));
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'EEXIST') throw error;
    } finally {
      await rm(temporary, { force: true });
    }
    await syncFolder(dir);
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  return guarded(async () => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      throw new CareLedgerError('CUSTODY_LOCKED', { expected: error.expected, came: error.came });
    }
  });
}
