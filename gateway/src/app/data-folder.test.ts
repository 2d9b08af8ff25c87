import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DataFolderError, inWords, takeDataFolder } from './data-folder.js';

describe('the data folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'careledger-data-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const refusal = async (dataDir: string): Promise<string> => {
    try {
      await (
        await takeDataFolder(dataDir)
      )();
    } catch (error) {
      expect(error).to.be.instanceOf(DataFolderError);
      return (error as Error).message;
    }
    return 'taken';
  };

  it('is made, taken once, said to be in use meanwhile, and free afterwards', async () => {
    const dataDir = join(folder, 'a', 'b');
    const release = await takeDataFolder(dataDir);
    expect(await refusal(dataDir)).to.match(/is in use by another CareLedger process\. .*--data DIR/);
    await release();
    expect(await refusal(dataDir)).to.equal('taken');
    expect(readdirSync(dataDir)).to.deep.equal(['in-use']);
  });

  it('that is a file, or below one, is refused in a sentence', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(await refusal(file)).to.equal(
      `The data folder ${file} is not a folder. Name a folder with --data DIR.`,
    );
    expect(await refusal(join(file, 'below'))).to.include('is not a folder');
  });

  it('under /proc is refused at once', async () => {
    expect(await refusal('/proc/careledger/data')).to.include('cannot be made');
  });

  it('knows a full or read-only disk by codes and by LevelDB’s words, however deep, and nothing else', () => {
    const deep = (cause: Error): Error => new Error('outer', { cause: new Error('inner', { cause }) });
    const said = (cause: Error): string => (inWords('/d', deep(cause)) as Error).message;
    expect(said(Object.assign(new Error(''), { code: 'ENOSPC' }))).to.include('disk that is full');
    expect(said(new Error('IO error: /d/000003.log: No space left on device'))).to.include('full');
    expect(said(new Error('IO error: /d/LOCK: Read-only file system'))).to.include('cannot be written');
    expect(said(new Error('something else'))).to.equal('outer');
  });
});
