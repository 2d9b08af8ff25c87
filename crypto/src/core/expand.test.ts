import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { expectCode } from '../test-support.js';
import { bytesToBigint, bytesToHex } from './bytes.js';
import { encodeParts } from './encode.js';
import { expandBelow, expandHash } from './expand.js';

describe('expandHash', () => {
  const LABEL = 'careledger/test/v1';
  const block = (index: bigint): string =>
    createHash('sha256')
      .update(encodeParts(LABEL, 'a', 7n, index))
      .digest('hex');

  it('is the blocks of the header, cut to length', () => {
    expect(bytesToHex(expandHash(LABEL, ['a', 7n], 70))).to.equal(
      (block(0n) + block(1n) + block(2n)).slice(0, 140),
    );
    for (const parts of [['a', 8n], ['b', 7n], ['a'], ['a', 7n, 0n]])
      expect(bytesToHex(expandHash(LABEL, parts, 32)), String(parts)).to.not.equal(block(0n));
  });

  it('gives integers below the modulus, from 16 bytes more than it has', () => {
    const modulus = 2n ** 130n - 5n;
    const value = expandBelow(LABEL, ['a'], modulus);
    expect(value).to.equal(bytesToBigint(expandHash(LABEL, ['a'], 17 + 16)) % modulus);
    expect(expandBelow(LABEL, ['b'], modulus)).to.not.equal(value);
  });

  it('refuses other lengths', () => {
    for (const sizeBytes of [0, -1, 1.5, 4097])
      expectCode('CRYPTO_INVALID_INPUT', () => expandHash(LABEL, [], sizeBytes), 'sizeBytes');
  });
});
