import { expect } from 'chai';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { bytesToHex } from '../core/bytes.js';
import { decodeCbor, encodeCbor, type CborMap } from '../core/cbor.js';
import { encodeParts } from '../core/encode.js';
import { expectCode } from '../test-support.js';
import {
  decodePuncturableKey,
  encodePuncturableKey,
  erasureKey,
  makePuncturableKey,
  MAX_ERASURE_LEAF,
  puncture,
  punctureBelow,
  wipeReplaced,
  type PuncturableKey,
} from './puncturable-key.js';

const ROOT = Uint8Array.from({ length: 32 }, (_, index) => index);
const make = (): PuncturableKey => makePuncturableKey(() => new Uint8Array(ROOT));
const hexOf = (key: PuncturableKey, leaf: number): string | undefined => {
  const found = erasureKey(key, leaf);
  return found === undefined ? undefined : bytesToHex(found);
};
const leaves = fc.integer({ min: 0, max: MAX_ERASURE_LEAF });

/** The definition, with Node's HMAC: every bit of the leaf from the most significant on, then the label. */
function byDefinition(leaf: number): string {
  const bits = Array.from(leaf.toString(2).padStart(32, '0'));
  const node = bits.reduce<Buffer>(
    (key, bit) =>
      createHmac('sha256', key)
        .update(Uint8Array.of(Number(bit)))
        .digest(),
    Buffer.from(ROOT),
  );
  return createHmac('sha256', node).update(encodeParts('careledger/erasure-key/v1')).digest('hex');
}

describe('puncturable key', () => {
  it('gives every leaf the key of the definition', () => {
    for (const leaf of [0, 1, 2, 0x8000_0000, 0xdead_beef, MAX_ERASURE_LEAF])
      expect(hexOf(make(), leaf), String(leaf)).to.equal(byDefinition(leaf));
    expect(hexOf(makePuncturableKey(), 0)).to.not.equal(hexOf(makePuncturableKey(), 0));
  });

  it('never derives a punctured leaf again, and every other one as before', () => {
    fc.assert(
      fc.property(fc.uniqueArray(leaves, { minLength: 1, maxLength: 6 }), leaves, (erased, other) => {
        const key = erased.reduce(puncture, make());
        for (const leaf of erased) expect(hexOf(key, leaf)).to.equal(undefined);
        const near = erased.flatMap((leaf) => [leaf ^ 1, leaf ^ 2].map((value) => value >>> 0));
        for (const leaf of [other, ...near].filter((value) => !erased.includes(value)))
          expect(hexOf(key, leaf)).to.equal(byDefinition(leaf));
      }),
      { numRuns: 25 },
    );
  });

  it('holds no node above a punctured leaf', () => {
    const whole = make();
    const key = puncture(whole, 5);
    const above = key.subtrees.filter(({ depth, index }) => Math.floor(5 / 2 ** (32 - depth)) === index);
    expect(above).to.deep.equal([]);
    expect(key.subtrees).to.have.length(32);
    const kept = { ...whole, subtrees: [...whole.subtrees] };
    wipeReplaced(kept, key);
    expect(whole.subtrees[0]?.key, 'the replaced node is wiped').to.deep.equal(new Uint8Array(32));
    expect(hexOf(key, 4)).to.equal(byDefinition(4));
  });

  it('ends in the same state in whatever order leaves are punctured, and once is enough', () => {
    fc.assert(
      fc.property(fc.uniqueArray(leaves, { minLength: 2, maxLength: 5 }), (erased) => {
        const [one, other] = [erased, [...erased].reverse()].map((order) =>
          bytesToHex(encodePuncturableKey(order.reduce(puncture, make()))),
        );
        expect(one).to.equal(other);
        const key = erased.reduce(puncture, make());
        expect(puncture(key, erased[0] ?? 0)).to.equal(key);
      }),
      { numRuns: 15 },
    );
  });

  it('lets whole subtrees go when all of their leaves are erased', () => {
    const key = [0, 1, 2, 3, 4, 5, 6, 7].reduce(puncture, make());
    expect(key.subtrees).to.have.length(29);
    expect(hexOf(key, 8)).to.equal(byDefinition(8));
  });

  it('lets all leaves before one go at once', () => {
    fc.assert(
      fc.property(leaves, fc.uniqueArray(leaves, { maxLength: 3 }), (end, erased) => {
        const before = erased.reduce(puncture, make());
        const key = punctureBelow(before, end);
        expect(key.subtrees.length).to.be.at.most(before.subtrees.length + 32);
        for (const leaf of [end, MAX_ERASURE_LEAF].filter((value) => !erased.includes(value)))
          expect(hexOf(key, leaf)).to.equal(byDefinition(leaf));
        for (const leaf of [0, end - 1].filter((value) => value >= 0 && value < end))
          expect(hexOf(key, leaf)).to.equal(undefined);
        expect(decodePuncturableKey(encodePuncturableKey(key))).to.deep.equal(key);
      }),
      { numRuns: 25 },
    );
    const some = [0, 1, 2, 3, 4].reduce(puncture, make());
    expect(encodePuncturableKey(punctureBelow(make(), 5))).to.deep.equal(encodePuncturableKey(some));
    expect(hexOf(punctureBelow(make(), 0), 0)).to.equal(byDefinition(0));
  });

  it('survives being written and read', () => {
    const key = [7, 0xffff_0000].reduce(puncture, make());
    const read = decodePuncturableKey(encodePuncturableKey(key));
    expect(read).to.deep.equal(key);
    expect(hexOf(read, 7)).to.equal(undefined);
    expect(hexOf(read, 6)).to.equal(byDefinition(6));
  });

  it('refuses what is no leaf', () => {
    for (const leaf of [-1, 2 ** 32, 0.5, Number.NaN]) {
      expectCode('CRYPTO_INVALID_INPUT', () => erasureKey(make(), leaf));
      expectCode('CRYPTO_INVALID_INPUT', () => puncture(make(), leaf));
      expectCode('CRYPTO_INVALID_INPUT', () => punctureBelow(make(), leaf));
    }
  });

  it('refuses to outgrow its bound, and punctures nothing then', () => {
    const subtrees = Array.from({ length: 65_536 }, (_, index) => ({ depth: 16, index, key: ROOT }));
    expectCode('CRYPTO_LIMIT_EXCEEDED', () => puncture({ subtrees }, 0));
    expect(erasureKey({ subtrees }, 0)).to.not.equal(undefined);
  });

  it('reads only what it writes', () => {
    const map = decodeCbor(encodePuncturableKey(make())) as CborMap;
    const [node] = map['subtrees'] as [[number, number, Uint8Array]];
    const [, , secret] = node;
    const wrong: [CborMap, 'CRYPTO_INVALID_INPUT' | 'CRYPTO_UNSUPPORTED'][] = [
      [{ ...map, version: 2 }, 'CRYPTO_UNSUPPORTED'],
      [{ ...map, subtrees: [node, node] }, 'CRYPTO_INVALID_INPUT'],
      [{ ...map, subtrees: [node, [1, 0, secret]] }, 'CRYPTO_INVALID_INPUT'],
      [{ ...map, subtrees: [[33, 0, secret]] }, 'CRYPTO_INVALID_INPUT'],
      [{ ...map, subtrees: [[1, 2, secret]] }, 'CRYPTO_INVALID_INPUT'],
      [{ ...map, subtrees: [[0, 0, secret.subarray(1)]] }, 'CRYPTO_INVALID_INPUT'],
      [{ ...map, subtrees: [[0, 0, secret, 0]] }, 'CRYPTO_INVALID_INPUT'],
      [{ ...map, subtrees: 'none' }, 'CRYPTO_INVALID_INPUT'],
    ];
    for (const [value, code] of wrong) expectCode(code, () => decodePuncturableKey(encodeCbor(value)));
    const mangled = encodePuncturableKey(make()).subarray(1);
    expectCode('CRYPTO_INVALID_INPUT', () => decodePuncturableKey(mangled));
  });
});
