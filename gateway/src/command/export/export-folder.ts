import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CareLedgerError } from '@careledger/protocol';
import type { EvidenceSource } from './evidence-source.js';

const BLOCK_FILE = /^[0-9]{9}\.block$/;

export interface Exported {
  /** Blocks in the folder now, and how many of them came just now. */
  readonly height: number;
  readonly added: number;
}

/**
 * Blocks that are not in the folder yet, one file each: `blocks/000000000.block` on. An export that was interrupted, or
 * made earlier, goes on where it stopped.
 * @throws CareLedgerError ALREADY_EXISTS when the folder holds blocks of another ledger; the source's own errors
 */
export async function exportBlocks(
  source: EvidenceSource,
  folder: string,
  onBlock: (height: number) => void = () => undefined,
): Promise<Exported> {
  const blocks = join(folder, 'blocks');
  await mkdir(blocks, { recursive: true });
  const present = await wholePrefix(blocks);
  if (present > 0) await assertSameLedger(source, blocks);
  const height = await source.height();
  let next = present;
  for await (const block of source.blocks(present, height)) {
    await writeWhole(join(blocks, blockFileName(next)), block);
    next += 1;
    onBlock(next);
  }
  return { height: next, added: next - present };
}

/** The panels that a query's contributions name. */
export async function panelsOfQuery(source: EvidenceSource, queryId: string): Promise<string[]> {
  const { contributions } = await source.query(queryId);
  return [...new Set(contributions.flatMap(({ panelIds = [] }) => panelIds))];
}

/** Contents of panels, one file each: `records/CID`. @returns how many came just now */
export async function exportPanels(
  source: EvidenceSource,
  panelIds: readonly string[],
  folder: string,
): Promise<number> {
  const records = join(folder, 'records');
  await mkdir(records, { recursive: true });
  let added = 0;
  for (const panelId of panelIds) {
    const panel = await source.panel(panelId);
    // It becomes part of a path.
    if (!/^b[a-z2-7]{50,100}$/.test(panel.cid)) throw new CareLedgerError('CID_INVALID');
    const file = join(records, panel.cid);
    if (existsSync(file)) continue;
    await writeWhole(file, await source.content(panel));
    added += 1;
  }
  return added;
}

function blockFileName(blockNumber: number): string {
  return `${String(blockNumber).padStart(9, '0')}.block`;
}

/** Blocks from the first on without a gap. */
async function wholePrefix(folder: string): Promise<number> {
  const names = new Set((await readdir(folder)).filter((name) => BLOCK_FILE.test(name)));
  let height = 0;
  while (names.has(blockFileName(height))) height += 1;
  return height;
}

async function assertSameLedger(source: EvidenceSource, folder: string): Promise<void> {
  const first = await readFile(join(folder, blockFileName(0)));
  for await (const block of source.blocks(0, 1)) {
    if (Buffer.compare(first, block) === 0) return;
  }
  throw new CareLedgerError('ALREADY_EXISTS', {
    message: `${folder} holds blocks of another ledger. Name another folder, or remove this one.`,
  });
}

/** A file that is there is whole, whenever the export stops. */
async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  await writeFile(`${file}.part`, bytes);
  await rename(`${file}.part`, file);
}
