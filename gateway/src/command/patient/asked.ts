/** What a subcommand of `careledger patient` gets: options, words, and the key file behind its passphrase. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  PatientClient,
  pseudonymKeys,
  withPseudonym,
  type PatientKeys,
  type PseudonymKeys,
} from '@careledger/client';
import { readPatientKeys, writePatientKeys } from '@careledger/client/node';
import { NetworkError, takeLock } from '@careledger/network';
import { UsageError } from './arguments.js';
import { atFile, atKeyFile } from './errors-in-words.js';
import { passphraseFrom } from './passphrase.js';

const OPTIONS = {
  keys: { type: 'string', default: 'careledger-patient.json' },
  pseudonym: { type: 'string' },
  'passphrase-file': { type: 'string' },
  gateway: { type: 'string' },
  token: { type: 'string' },
  msp: { type: 'string' },
  channel: { type: 'string' },
  custody: { type: 'string' },
  recoverable: { type: 'boolean', default: false },
  'without-identity': { type: 'boolean', default: false },
  to: { type: 'string' },
  types: { type: 'string' },
  purposes: { type: 'string' },
  sensitivities: { type: 'string' },
  records: { type: 'string' },
  department: { type: 'string' },
  days: { type: 'string' },
  hops: { type: 'string' },
  consent: { type: 'string' },
  'single-proxy': { type: 'boolean', default: false },
  'allow-recoverable': { type: 'boolean', default: false },
  'no-renew': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

export type Values = ReturnType<typeof parsed>['values'];
export type OptionName = keyof typeof OPTIONS;

interface Output {
  write(text: string): unknown;
}
export interface PatientStreams {
  readonly out: Output;
  readonly err: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Asks at the terminal. */
  readonly ask?: (question: string) => Promise<string>;
  /** For another command that has the key file. Default a minute. */
  readonly lockWaitMs?: number;
}

export interface Asked {
  readonly values: Values;
  /** Options that were typed. */
  readonly given: readonly OptionName[];
  readonly words: readonly string[];
  readonly streams: PatientStreams;
  readonly say: (line: string) => void;
  /** Whether the command may change the key file, which it then has to itself until it ends. */
  readonly writes: boolean;
  /** Done when the command ended, whichever way. */
  readonly atEnd: (release: () => void) => void;
}

export function parsed(args: readonly string[]) {
  try {
    const { tokens, ...found } = parseArgs({
      ...{ args: [...args], options: OPTIONS, allowPositionals: true },
      tokens: true,
    });
    const given = tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : []));
    return { ...found, given };
  } catch (error) {
    throw new UsageError(`${(error as Error).message} careledger patient --help says more.`);
  }
}

export interface OpenFile {
  readonly keys: PatientKeys;
  save(keys: PatientKeys): Promise<void>;
}

/** How long a command waits for another one that has the file: one that makes keys asks several hospitals. */
const LOCK_WAIT_MS = 60_000;

/**
 * Read once nobody else can change it. The lock is kept while the command runs, so that what it saves at its end stands
 * on what the commands before it saved.
 */
export async function openFile(asked: Asked): Promise<OpenFile> {
  if (!existsSync(asked.values.keys))
    throw new Error(`No key file ${asked.values.keys}. Make one: careledger patient init`);
  const path = await keyFilePath(asked);
  const secret = await passphrase(asked, false);
  if (asked.writes) await lockKeyFile(asked, path);
  return {
    keys: await atKeyFile(path, () => readPatientKeys(path, secret)),
    save: (keys) => atFile('--keys', path, () => writePatientKeys(path, secret, keys)),
  };
}

/** Behind symbolic links, so that one file has one lock and is replaced where it lies. */
export function keyFilePath({ values: { keys } }: Asked): Promise<string> {
  return atFile('--keys', keys, () =>
    existsSync(keys) ? realpathSync(keys) : join(realpathSync(dirname(keys)), basename(keys)),
  );
}

/** @throws Error that names the lock's file and its holder, when another command keeps it too long */
export async function lockKeyFile(asked: Asked, path: string): Promise<void> {
  const lock = `${path}.lock`;
  try {
    const timeoutMs = asked.streams.lockWaitMs ?? LOCK_WAIT_MS;
    asked.atEnd(await atFile('--keys', path, () => takeLock(lock, { what: path, timeoutMs })));
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new Error(
      `${path} is in use by another careledger command (${error.came}). Nothing was done: try again when it has ended, or delete ${lock} when there is no such command.`,
    );
  }
}

export interface OpenPseudonym {
  readonly keys: PseudonymKeys;
  readonly onKeysChanged: (keys: PseudonymKeys) => Promise<void>;
}

/** The pseudonym that is named, or the only one. @throws UsageError when there are several */
export async function openPseudonym(asked: Asked): Promise<OpenPseudonym> {
  const file = await openFile(asked);
  const { pseudonym } = asked.values;
  return {
    keys: pseudonym === undefined ? onlyOne(file.keys) : pseudonymKeys(file.keys, pseudonym),
    onKeysChanged: (changed) => file.save(withPseudonym(file.keys, changed)),
  };
}

/** Before those that are not enrolled yet, the one that is. */
function onlyOne({ pseudonyms }: PatientKeys): PseudonymKeys {
  const enrolled = pseudonyms.filter(({ pending }) => pending === undefined);
  const [first, ...others] = enrolled.length === 0 ? pseudonyms : enrolled;
  if (first === undefined) throw new Error('The key file has no pseudonym yet: careledger patient enrol');
  if (others.length === 0) return first;
  throw new UsageError(
    `Name one with --pseudonym:\n${pseudonyms.map((one) => `  ${pseudonymLine(one)}`).join('\n')}`,
  );
}

export function pseudonymLine({ pseudonym, mspId, pending, recovering }: PseudonymKeys): string {
  const state = pending ? 'not enrolled yet' : recovering ? 'its recovery is not finished' : 'enrolled';
  return `${pseudonym}  ${mspId}  ${state}`;
}

/** @throws Error for keys that a rotation or recovery has not put in force yet */
export async function openPatient(asked: Asked): Promise<PatientClient> {
  const { keys, onKeysChanged } = await openPseudonym(asked);
  assertEnrolled(keys);
  if (keys.next !== undefined)
    throw new Error('A rotation of these keys is not finished: careledger patient rotate goes on with it.');
  if (keys.recovering)
    throw new Error('The recovery of these keys is not finished: careledger patient finish-recovery');
  return new PatientClient(keys, { onKeysChanged });
}

/** @throws Error for keys whose enrolment is not finished */
export function assertEnrolled({ pending, pseudonym }: PseudonymKeys): void {
  if (pending)
    throw new Error(
      `${pseudonym} is not enrolled yet: careledger patient enrol goes on with it, at the desk of the hospital.`,
    );
}

export function passphrase({ values, streams }: Asked, isNew: boolean): Promise<string> {
  const { environment, ask } = streams;
  const file = values['passphrase-file'];
  return passphraseFrom({ file, environment, ...(ask === undefined ? {} : { ask }) }, { isNew });
}
