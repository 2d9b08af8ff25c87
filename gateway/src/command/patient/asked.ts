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
import { passphraseFrom } from './passphrase.js';

const OPTIONS = {
  keys: { type: 'string', default: 'careledger-patient.json' },
  pseudonym: { type: 'string' },
  'passphrase-file': { type: 'string' },
  gateway: { type: 'string' },
  token: { type: 'string' },
  msp: { type: 'string' },
  channel: { type: 'string' },
  custody: { type: 'string', default: 'patient' },
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
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
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
  const path = keyFilePath(asked);
  const secret = await passphrase(asked, false);
  if (asked.writes) await lockKeyFile(asked, path);
  return {
    keys: await readPatientKeys(path, secret),
    save: (keys) => writePatientKeys(path, secret, keys),
  };
}

/** Behind symbolic links, so that one file has one lock and is replaced where it lies. */
export function keyFilePath({ values: { keys } }: Asked): string {
  return existsSync(keys) ? realpathSync(keys) : join(realpathSync(dirname(keys)), basename(keys));
}

/** @throws Error that names the lock's file and its holder, when another command keeps it too long */
export async function lockKeyFile(asked: Asked, path: string): Promise<void> {
  const lock = `${path}.lock`;
  try {
    asked.atEnd(await takeLock(lock, { what: path, timeoutMs: asked.streams.lockWaitMs ?? LOCK_WAIT_MS }));
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
  const { pseudonyms } = file.keys;
  const [first, ...others] = pseudonyms;
  const { pseudonym } = asked.values;
  if (first === undefined) throw new Error('The key file has no pseudonym yet: careledger patient enrol');
  if (pseudonym === undefined && others.length > 0)
    throw new UsageError(
      `Name one with --pseudonym:\n${pseudonyms.map((one) => `  ${one.pseudonym}  ${one.mspId}`).join('\n')}`,
    );
  return {
    keys: pseudonymKeys(file.keys, pseudonym ?? first.pseudonym),
    onKeysChanged: (changed) => file.save(withPseudonym(file.keys, changed)),
  };
}

/** @throws Error for keys that a rotation or recovery has not put in force yet */
export async function openPatient(asked: Asked): Promise<PatientClient> {
  const { keys, onKeysChanged } = await openPseudonym(asked);
  if (keys.next !== undefined)
    throw new Error('A rotation of these keys is not finished: careledger patient rotate goes on with it.');
  if (keys.recovering)
    throw new Error('The recovery of these keys is not finished: careledger patient finish-recovery');
  return new PatientClient(keys, { onKeysChanged });
}

export function passphrase({ values, streams }: Asked, isNew: boolean): Promise<string> {
  const { environment, ask } = streams;
  const file = values['passphrase-file'];
  return passphraseFrom({ file, environment, ...(ask === undefined ? {} : { ask }) }, { isNew });
}

export function onlyWord({ words }: Asked, usage: string): string {
  const [word, ...more] = words;
  if (word !== undefined && more.length === 0) return word;
  throw new UsageError(`usage: careledger patient ${usage}`);
}
