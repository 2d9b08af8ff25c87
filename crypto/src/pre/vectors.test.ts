import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { initPairing } from '../pairing/index.js';
import { sharingVectors } from './vectors.test-support.js';

describe('vectors of identity keys and re-encryption', function () {
  this.timeout(20_000);

  it('are what the scheme gives from their seeds', async () => {
    const stored: unknown = JSON.parse(
      readFileSync(new URL('../../vectors/sharing-v1.json', import.meta.url), 'utf8'),
    );
    const made = sharingVectors(await initPairing());
    expect(made).to.deep.equal(stored);
    expect(made.opened).to.deep.equal([made.header.wrapKey]);
  });
});
