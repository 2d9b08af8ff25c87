/** Where the passphrase of a key file comes from: a file, the environment, or whoever sits at the terminal. */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { atFile } from './errors-in-words.js';

export const PASSPHRASE_VARIABLE = 'CARELEDGER_PASSPHRASE';

export interface PassphraseSources {
  readonly file: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absent: nobody can be asked. */
  readonly ask?: (question: string) => Promise<string>;
}

/**
 * @param options.isNew asked twice, so that a slip does not lock the keys away
 * @throws Error that says where a passphrase may come from
 */
export async function passphraseFrom(
  { file, environment, ask }: PassphraseSources,
  { isNew }: { readonly isNew: boolean },
): Promise<string> {
  if (file !== undefined) {
    const text = await atFile('--passphrase-file', file, () => readFile(file, 'utf8'));
    return text.replace(/\r?\n$/, '');
  }
  const given = environment[PASSPHRASE_VARIABLE];
  if (given !== undefined) return given;
  if (ask === undefined)
    throw new Error(`No passphrase. Name a file with --passphrase-file, or set ${PASSPHRASE_VARIABLE}.`);
  const passphrase = await ask('Passphrase: ');
  if (isNew && (await ask('Once more: ')) !== passphrase) throw new Error('The two passphrases differ.');
  return passphrase;
}

/** Asks at the terminal without showing what is typed. Undefined when there is no terminal. */
export function terminalPrompt(): ((question: string) => Promise<string>) | undefined {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return undefined;
  return (question) =>
    new Promise((resolve, reject) => {
      stderr.write(question);
      const silent = new Writable({
        write(_chunk, _encoding, done) {
          done();
        },
      });
      const lines = createInterface({ input: stdin, output: silent, terminal: true });
      let answer: string | undefined;
      lines.once('line', (line) => {
        answer = line;
        lines.close();
      });
      lines.once('close', () => {
        stderr.write('\n');
        if (answer === undefined) reject(new Error('No passphrase was given.'));
        else resolve(answer);
      });
    });
}
