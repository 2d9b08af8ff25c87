import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { addresses } from './report.js';
import { GatewayClient } from './gateway-client.js';

describe('what the demonstration prints', () => {
  it('says where an administrator’s secret is and how it becomes a token, and never the secret', () => {
    const folder = mkdtempSync(join(tmpdir(), 'careledger it’s '));
    try {
      const adminSecretFile = join(folder, 'admin-secret');
      writeFileSync(adminSecretFile, 'a-secret\n');
      const hospital = { id: 'h1', mspId: 'Hospital1MSP', name: 'First' };
      const client = new GatewayClient(hospital, 'http://127.0.0.1:1');
      const text = addresses({
        ...{ hospitals: [{ client, adminSecretFile }], tokens: new Map() },
        ...{ pseudonym: '', recordId: '' },
      });
      expect(text).to.include(adminSecretFile).and.not.include('a-secret');
      const line = /a token: (curl .*)/.exec(text)?.[1] ?? '';
      // What the shell would hand to curl, one argument a line.
      const said = execFileSync('sh', ['-c', line.replace('curl', "printf '%s\\n'")], { encoding: 'utf8' });
      expect(JSON.parse(said.trim().split('\n').at(-1) ?? '')).to.deep.equal({
        enrolmentId: 'admin',
        secret: 'a-secret',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
