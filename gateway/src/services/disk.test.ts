import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CareLedgerError } from '@careledger/protocol';
import { createDisk } from './disk.js';

describe('the disk of a gateway', () => {
  it('is writable, then not, said with the file system’s code, at most one look a second', () => {
    const folder = mkdtempSync(join(tmpdir(), 'careledger-disk-'));
    let nowMs = 0;
    const disk = createDisk(folder, () => nowMs);
    disk.assertWritable();
    expect(readdirSync(folder)).to.deep.equal([]);
    rmSync(folder, { recursive: true });
    nowMs = 999;
    disk.assertWritable();
    nowMs = 1_000;
    expect(() => {
      disk.assertWritable();
    })
      .to.throw(CareLedgerError, 'ENOENT')
      .with.property('code', 'DISK_NOT_WRITABLE');
  });
});
