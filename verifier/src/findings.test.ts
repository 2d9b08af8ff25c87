import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { FINDINGS } from './findings.js';

const DOCUMENT = new URL('../../docs/operations.md', import.meta.url);

describe('the catalogue of findings', () => {
  it('is what docs/operations.md explains to an auditor, word for word and nothing else', () => {
    const chapter = readFileSync(DOCUMENT, 'utf8').split('### Findings')[1]?.split('\n## ')[0] ?? '';
    const rows = [...chapter.matchAll(/^\| `([A-Z_]+)` +\| (.+?) +\| (.+?) +\|$/gm)];
    const explained = Object.fromEntries(
      rows.map(([, code = '', meaning = '']): [string, string] => [code, meaning]),
    );
    expect(explained).to.deep.equal({ ...FINDINGS });
    for (const [, code, , follows] of rows) expect(follows, code).to.match(/\w{3}/);
  });
});
