import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CareLedgerError, type Panel, type QueryDetails } from '@careledger/protocol';
import type { EvidenceSource } from './evidence-source.js';
import { exportBlocks, exportPanels, panelsOfQuery } from './export-folder.js';

const CID = `b${'a'.repeat(58)}`;

describe('export of evidence', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'careledger-export-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A ledger of so many blocks that fails after `fails` of one call. */
  function source(name: string, height: number, fails = Number.POSITIVE_INFINITY, cid = CID): EvidenceSource {
    return {
      name,
      height: () => Promise.resolve(height),
      async *blocks(from, to) {
        for (let next = from; next < to; next += 1) {
          if (next >= fails) throw new CareLedgerError('LEDGER_UNAVAILABLE');
          yield await Promise.resolve(Buffer.from(`${name} ${String(next)}`));
        }
      },
      query: () =>
        Promise.resolve({
          contributions: [{ panelIds: ['p1'] }, { panelIds: ['p1', 'p2'] }, {}],
        } as unknown as QueryDetails),
      panel: (panelId) => Promise.resolve({ panelId, cid } as Panel),
      content: ({ panelId }) => Promise.resolve(Buffer.from(panelId)),
      close: () => Promise.resolve(),
    };
  }
  const codeOf = async (work: Promise<unknown>): Promise<unknown> => {
    try {
      await work;
      return 'done';
    } catch (error) {
      return (error as CareLedgerError).code;
    }
  };

  it('goes on where it stopped, one file for each block', async () => {
    expect(await codeOf(exportBlocks(source('a', 5, 3), folder))).to.equal('LEDGER_UNAVAILABLE');
    const seen: number[] = [];
    const exported = await exportBlocks(source('a', 5), folder, (height) => seen.push(height));
    expect([exported, seen]).to.deep.equal([{ height: 5, added: 2 }, [4, 5]]);
    expect(await exportBlocks(source('a', 5), folder)).to.deep.equal({ height: 5, added: 0 });
    const names = (await readdir(join(folder, 'blocks'))).sort();
    expect(names).to.deep.equal([0, 1, 2, 3, 4].map((block) => `00000000${String(block)}.block`));
    expect(await readFile(join(folder, 'blocks', names[4]!), 'utf8')).to.equal('a 4');
  });

  it('does not mix two ledgers', async () => {
    await exportBlocks(source('a', 2), folder);
    expect(await codeOf(exportBlocks(source('b', 3), folder))).to.equal('ALREADY_EXISTS');
  });

  it('takes each panel once, under its CID', async () => {
    const panelIds = await panelsOfQuery(source('a', 1), 'q');
    expect(panelIds).to.deep.equal(['p1', 'p2']);
    // Both have one CID here.
    expect(await exportPanels(source('a', 1), panelIds, folder)).to.equal(1);
    expect(await readdir(join(folder, 'records'))).to.deep.equal([CID]);
  });

  it('writes nowhere else, whatever the source calls a CID', async () => {
    const escaping = source('a', 1, undefined, '../../outside');
    expect(await codeOf(exportPanels(escaping, ['p1'], folder))).to.equal('CID_INVALID');
  });
});
