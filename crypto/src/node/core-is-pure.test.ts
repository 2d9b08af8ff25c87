import { expect } from 'chai';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as core from '../core/index.js';

describe('crypto/core', function () {
  this.timeout(20_000);

  it('loads in CommonJS through its subpath, as chaincode does: no top-level await below it', () => {
    const required = createRequire(import.meta.url)('@careledger/crypto/core') as typeof core;
    expect(
      Object.keys(required)
        .filter((name) => name !== '__esModule')
        .sort(),
    ).to.deep.equal(Object.keys(core).sort());
    expect(required.bytesToHex(required.encodeParts('careledger/test/v1'))).to.equal(
      core.bytesToHex(core.encodeParts('careledger/test/v1')),
    );
  });

  it('imports nothing of Node and nothing above it', () => {
    const root = new URL('../../src/', import.meta.url);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
      (name) =>
        /^(core|dkg|erasure|ibe|lockstep|paillier|pairing|panel|pre|sharing|threshold)\//.test(name) &&
        /(?<!test|support)\.ts$/.test(name) &&
        !name.includes('/engine/'),
    );
    expect(files).to.include.members(['core/envelope.ts', 'paillier/public-key.ts', 'panel/panel.ts']);
    for (const name of files) {
      const text = readFileSync(new URL(name, root), 'utf8');
      expect(text, name).to.not.match(/from '(node:|paillier-bigint|.*\/(node|engine)\/)/);
    }
  });
});
