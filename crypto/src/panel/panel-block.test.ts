import { expect } from 'chai';
import { encodeCbor } from '../core/cbor.js';
import { encryptWith, randomUnit } from '../paillier/homomorphic.js';
import { decodePanelBlock, encodePanelBlock } from './panel-block.js';
import { bigintToBytes } from '../core/bytes.js';
import { ciphertextSizeBytes, publicKeyFromModulus } from '../paillier/public-key.js';

// Two fixed 256-bit primes: the block's format does not depend on the size of the key.
const P = 0xd5bbb96d30086ec484eba3d7f9caeb07n;
const Q = 0xc90102faa48f18b5eac1f76bb40a1b9fn;

describe('panel block', () => {
  const publicKey = publicKeyFromModulus(P * Q, { allowTestKeySize: true });
  const digest = 'a'.repeat(64);
  const rows = [0n, 1n, 42n].map((value) => encryptWith(publicKey, value, randomUnit(publicKey)));
  const width = ciphertextSizeBytes(publicKey);
  const blockOf = (row: Uint8Array, keyId = publicKey.keyId) =>
    encodeCbor({ version: 1, keyId, layoutDigest: digest, rows: [row] });

  it('gives back the rows it was made of', () => {
    const block = decodePanelBlock(publicKey, digest, encodePanelBlock(publicKey, digest, rows));
    expect(block).to.deep.equal({ keyId: publicKey.keyId, layoutDigest: digest, rows });
  });

  const refused: readonly (readonly [string, Uint8Array])[] = [
    ['a row of 0', blockOf(bigintToBytes(0n, width))],
    ['a row of n', blockOf(bigintToBytes(P * Q, width))],
    ['a row of n^2', blockOf(bigintToBytes((P * Q) ** 2n, width))],
    ['a row that shares a factor with n', blockOf(bigintToBytes(P * 5n, width))],
    ['a row of another width', blockOf(bigintToBytes(2n, width - 1))],
    ['another key', blockOf(bigintToBytes(2n, width), 'b'.repeat(64))],
    ['another layout', encodePanelBlock(publicKey, 'c'.repeat(64), rows)],
    ['bytes that are not CBOR', new Uint8Array([0xff, 0x00])],
    ['another document', encodeCbor({ version: 2, keyId: publicKey.keyId, layoutDigest: digest, rows: [] })],
  ];
  for (const [what, bytes] of refused) {
    it(`refuses ${what}`, () => {
      expect(() => decodePanelBlock(publicKey, digest, bytes))
        .to.throw()
        .with.property('code', 'CRYPTO_INVALID_CIPHERTEXT');
    });
  }
});
