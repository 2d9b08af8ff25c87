import { expect } from 'chai';
import { CareLedgerError } from '@careledger/protocol';
import { guarded } from './sealed-folder.js';

describe('what the file system refuses the custody', () => {
  const codeFor = async (code: string): Promise<string> => {
    try {
      await guarded(() => Promise.reject(Object.assign(new Error('no'), { code })));
    } catch (error) {
      return (error as CareLedgerError).code;
    }
    return 'nothing';
  };

  it('is the disk when that is full or read-only, and the folder otherwise', async () => {
    for (const code of ['ENOSPC', 'EDQUOT', 'EROFS'])
      expect(await codeFor(code), code).to.equal('DISK_NOT_WRITABLE');
    for (const code of ['EACCES', 'EIO']) expect(await codeFor(code), code).to.equal('CUSTODY_LOCKED');
  });
});
