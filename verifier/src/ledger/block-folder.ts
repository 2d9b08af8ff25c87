import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Name of a block's file in an exported folder: nine digits, so that names sort. */
export const BLOCK_FILE = /^[0-9]{9}\.block$/;

/**
 * Blocks of an exported folder in the order of their names. A gap is not hidden: the replay finds it by the numbers in
 * the blocks themselves.
 * @throws Error when the folder cannot be read
 */
export async function* readBlockFolder(folder: string): AsyncGenerator<Uint8Array> {
  const names = (await readdir(folder)).filter((name) => BLOCK_FILE.test(name)).sort();
  for (const name of names) yield await readFile(join(folder, name));
}
