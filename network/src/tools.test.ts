import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NetworkError } from './errors.js';
import { TOOLS_DIRECTORY } from './home.js';
import { missingTools, MODULE_NAMES, moduleDigest, moduleDirectory, toolPath } from './tools.js';

describe('Go tools', () => {
  let folder: string;
  const given = process.env['CARELEDGER_BIN'];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'careledger-tools-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
    if (given === undefined) delete process.env['CARELEDGER_BIN'];
    else process.env['CARELEDGER_BIN'] = given;
  });

  for (const module of MODULE_NAMES) {
    it(`gives ${module} another cache folder when go.mod or go.sum changes, and the same one otherwise`, () => {
      cpSync(TOOLS_DIRECTORY, folder, { recursive: true });
      const pinned = moduleDigest(module);
      expect(moduleDigest(module, folder)).to.equal(pinned);
      appendFileSync(join(folder, module, 'go.sum'), '\n');
      const changed = moduleDigest(module, folder);
      expect(changed).to.not.equal(pinned);
      appendFileSync(join(folder, module, 'go.mod'), '\n');
      expect(moduleDigest(module, folder)).to.not.equal(changed);
    });
  }

  it('takes commands from CARELEDGER_BIN, and says which one is missing there', () => {
    process.env['CARELEDGER_BIN'] = folder;
    expect(moduleDirectory('kubo')).to.equal(folder);
    expect(missingTools('kubo')).to.deep.equal(['ipfs']);
    expect(() => toolPath('ipfs')).to.throw(NetworkError, 'unset CARELEDGER_BIN');
  });
});
