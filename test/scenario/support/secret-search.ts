import { open, readdir, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { createFinder } from './find-needles.js';

/**
 * Looks for numbers in bytes, as big-endian bytes, hex, base64, base64url (at each of the three places that a byte can
 * have in a group of them) and decimal text. Either half of a form is enough: a copy that lost its end, or that lies
 * across two blocks of a file, is found as well.
 */
export interface SecretSearch {
  (where: string, bytes: Buffer): Sighting[];
  /** Bytes that two neighbouring pieces of a file have to share, so that nothing is lost between them. */
  readonly overlapBytes: number;
}

export interface Sighting {
  readonly secret: string;
  readonly form: string;
  readonly where: string;
}

interface Needle {
  readonly secret: string;
  readonly form: string;
  readonly bytes: Buffer;
}

/** Big-endian, without leading zeros. */
export function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** The text of `bytes` inside a longer base64 text in which they begin `offset` bytes into a group of three. */
function base64At(bytes: Buffer, offset: number, encoding: 'base64' | 'base64url'): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding);
  return text.slice(Math.ceil((8 * offset) / 6), Math.floor((8 * (offset + bytes.length)) / 6));
}

/** Every form of a number, by name. */
export function formsOf(value: bigint): Map<string, Buffer> {
  const bytes = bytesOf(value);
  const forms = new Map([
    ['bytes', bytes],
    ['hex', Buffer.from(bytes.toString('hex'))],
    ['HEX', Buffer.from(bytes.toString('hex').toUpperCase())],
    ['decimal', Buffer.from(value.toString())],
  ]);
  for (const encoding of ['base64', 'base64url'] as const)
    for (const offset of [0, 1, 2])
      forms.set(`${encoding}+${String(offset)}`, Buffer.from(base64At(bytes, offset, encoding)));
  return forms;
}

/**
 * @param options.known numbers that everybody has: phi begins with the digits of n, and that is no sighting
 */
export function createSearch(options: {
  readonly secrets: Readonly<Record<string, bigint>>;
  readonly known: readonly bigint[];
}): SecretSearch {
  const known = options.known.flatMap((value) => [...formsOf(value).values()]);
  const needles: Needle[] = Object.entries(options.secrets).flatMap(([secret, value]) =>
    [...formsOf(value)].flatMap(([form, bytes]) => {
      const middle = bytes.length >> 1;
      return [bytes.subarray(0, middle), bytes.subarray(middle)]
        .filter((half) => !known.some((text) => text.includes(half)))
        .map((half) => ({ secret, form, bytes: half }));
    }),
  );
  const find = createFinder(needles);
  const search = (where: string, bytes: Buffer): Sighting[] =>
    [...find(bytes)].map(({ secret, form }) => ({ secret, form, where }));
  return Object.assign(search, { overlapBytes: Math.max(...needles.map(({ bytes }) => bytes.length)) });
}

export interface FolderSearch {
  readonly sightings: Sighting[];
  readonly files: number;
  readonly bytes: number;
  /** Databases whose entries were read one by one: their files are compressed. */
  readonly databases: string[];
}

const PIECE_BYTES = 16 * 1_048_576;
/** Far above any overlap. */
const LEAST_PIECE_BYTES = 65_536;

/** Every file below a folder, and every entry of every LevelDB in it. */
export async function searchFolder(root: string, search: SecretSearch): Promise<FolderSearch> {
  const found: { sightings: Sighting[]; files: number; bytes: number; databases: string[] } = {
    sightings: [],
    files: 0,
    bytes: 0,
    databases: [],
  };
  const visit = async (folder: string): Promise<void> => {
    const entries = await ifThere(readdir(folder, { withFileTypes: true }));
    for (const entry of entries ?? []) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await visit(path);
      if (!entry.isFile()) continue;
      found.files += 1;
      found.bytes += await searchFile(path, search, found.sightings);
    }
    if (entries?.some(({ name }) => name === 'CURRENT') !== true) return;
    found.databases.push(folder);
    await searchDatabase(folder, search, found.sightings);
  };
  await visit(root);
  return found;
}

async function searchFile(path: string, search: SecretSearch, sightings: Sighting[]): Promise<number> {
  const file = await ifThere(open(path, 'r'));
  if (file === undefined) return 0;
  try {
    const { size } = await file.stat();
    const piece = Buffer.alloc(Math.min(PIECE_BYTES, Math.max(LEAST_PIECE_BYTES, size + 1)));
    let position = 0;
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length, position);
      sightings.push(...search(path, piece.subarray(0, bytesRead)));
      if (bytesRead < piece.length) return position + bytesRead;
      position += bytesRead - search.overlapBytes;
    }
  } finally {
    await file.close();
  }
}

const COPY_ATTEMPTS = 5;

/** On a copy, as the owner may have it open; taken again when files of it went away meanwhile. */
async function searchDatabase(folder: string, search: SecretSearch, sightings: Sighting[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const copy = await mkdtemp(join(tmpdir(), 'careledger-search-'));
    try {
      await cp(folder, copy, { recursive: true });
      sightings.push(...(await searchEntries(copy, folder, search)));
      return;
    } catch (error) {
      if (attempt === COPY_ATTEMPTS) throw error;
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  }
}

async function searchEntries(copy: string, folder: string, search: SecretSearch): Promise<Sighting[]> {
  const found: Sighting[] = [];
  const database = new ClassicLevel<Buffer, Buffer>(copy, {
    createIfMissing: false,
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
  });
  try {
    for await (const [key, value] of database.iterator()) {
      const where = `${folder} entry ${key.subarray(0, 80).toString('latin1')}`;
      found.push(...search(where, Buffer.concat([key, value])));
    }
    return found;
  } finally {
    await database.close();
  }
}

/** Files come and go in a network that runs: one that is gone holds nothing. */
async function ifThere<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  }
}
