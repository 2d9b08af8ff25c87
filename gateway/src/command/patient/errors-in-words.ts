/** What went wrong, for the person at the terminal: the code where there is one, what happened, and what to do. */
import { GatewayError } from '@careledger/client';
import { CryptoError } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';

export function inWords(error: unknown): string {
  if (error instanceof GatewayError) return `${error.code}: ${asOptions(error.message)}`;
  if (error instanceof CareLedgerError)
    return `${error.code}: ${asOptions(error.message)} ${error.entry.action}`;
  if (error instanceof TypeError && error.message.includes('does not answer'))
    return `${error.message} Check its address and that it runs; then the same command again.`;
  return error instanceof Error ? error.message : String(error);
}

const OPTION_OF: Readonly<Record<string, string>> = {
  grantee: '--to',
  recordTypes: '--types',
  purposes: '--purposes',
  sensitivity: '--sensitivities',
  notAfter: '--days',
  maxHops: '--hops',
  recordIds: '--records',
  department: '--department',
  mspId: '--msp',
  grantId: 'GRANT',
  pseudonym: '--pseudonym',
  channel: '--channel',
};

/** Fields of a request, as a schema's error names them, by the option that fills them. */
function asOptions(message: string): string {
  return message.replace(/\bat ((?:\/[A-Za-z0-9]+)+)/g, (whole, path: string) => {
    const named = path.split('/').findLast((field) => Object.hasOwn(OPTION_OF, field));
    return named === undefined ? whole : `for ${OPTION_OF[named] ?? ''}`;
  });
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file, or no such folder',
  ENOTDIR: 'there is no such folder',
  EISDIR: 'that is a folder, not a file',
  EACCES: 'you may not read or write it',
  EPERM: 'you may not read or write it',
  EROFS: 'it lies where nothing can be written',
  ENOSPC: 'the disk is full; the file is as it was. Make room, then the same command again',
};

/** Runs what reads or writes a file that an option names. @throws Error that names both */
export async function atFile<Result>(
  option: string,
  path: string,
  work: () => Promise<Result> | Result,
): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SyntaxError)
      throw new Error(`${option} ${path}: it holds no JSON, or not all of it.`, { cause });
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const said = FILE_ERRORS[code];
    if (said === undefined) throw cause;
    throw new Error(`${option} ${path}: ${said} (${code}).`, { cause });
  }
}

/** Runs what opens a key file. @throws Error that names the file and what helps */
export async function atKeyFile<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await atFile('--keys', path, work);
  } catch (cause) {
    if (cause instanceof CryptoError && isAnotherPassphrase(cause))
      throw new Error(
        `${path} does not open: the passphrase is wrong, or the file was changed. Try the passphrase again; if it is the right one, restore your backup of the file.`,
        { cause },
      );
    const isDamaged = cause instanceof CryptoError || cause instanceof CareLedgerError;
    if (!isDamaged) throw cause;
    throw new Error(
      `${path} does not open: it is damaged, or no patient's key file. Restore your backup of it.`,
      {
        cause,
      },
    );
  }
}

/** No file has one that is too short. */
function isAnotherPassphrase({ code, argument, came }: CryptoError): boolean {
  if (argument === 'passphrase') return true;
  return code === 'CRYPTO_AUTHENTICATION_FAILED' && came !== 'another label';
}
