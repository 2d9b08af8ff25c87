import { hkdfSync } from 'node:crypto';
import { expect } from 'chai';
import { encodeParts } from '../core/encode.js';
import { expectCode } from '../test-support.js';
import {
  ERASURE_PART_PLACES,
  decodeErasureParts,
  encodeErasureParts,
  erasureKeyFromParts,
  placesOfCustodian,
  type ErasureParts,
} from './erasure-parts.js';
import { erasureKey, makePuncturableKey, puncture, type PuncturableKey } from './puncturable-key.js';

const LEAF = 7;
const trees = new Map(ERASURE_PART_PLACES.map((place) => [place as number, makePuncturableKey()]));
const held = (custodian: number): Map<number, PuncturableKey> =>
  new Map(
    placesOfCustodian(custodian).map((place) => [place, trees.get(place) ?? expect.fail(String(place))]),
  );
const partsOf = (keys: ReadonlyMap<number, PuncturableKey>): ErasureParts =>
  new Map(
    [...keys].flatMap(([place, key]) => {
      const part = erasureKey(key, LEAF);
      return part === undefined ? [] : [[place, part] as const];
    }),
  );
const together = (...custodians: ErasureParts[]): Uint8Array | undefined =>
  erasureKeyFromParts(new Map(custodians.flatMap((parts) => [...parts])));

describe('an erasure key in parts', () => {
  const [one, two, three] = [1, 2, 3].map((custodian) => partsOf(held(custodian))) as [
    ErasureParts,
    ErasureParts,
    ErasureParts,
  ];

  it('is made by any two custodians, the same key, and by none alone', () => {
    const key = together(one, two, three);
    const joined = ERASURE_PART_PLACES.flatMap((place) => [...(two.get(place) ?? one.get(place) ?? [])]);
    const defined = hkdfSync(
      'sha256',
      Uint8Array.from(joined),
      '',
      encodeParts('careledger/erasure-parts/v1'),
      32,
    );
    expect(Buffer.from(key ?? [])).to.deep.equal(Buffer.from(defined));
    for (const [left, right] of [
      [one, two],
      [one, three],
      [two, three],
    ] as const)
      expect(together(left, right)).to.deep.equal(key);
    for (const alone of [one, two, three]) expect(together(alone)).to.equal(undefined);
  });

  it('is made by nobody once two have punctured it, the third with an old backup', () => {
    for (const backup of [1, 2, 3]) {
      const others = [1, 2, 3]
        .filter((custodian) => custodian !== backup)
        .map((custodian) =>
          partsOf(new Map([...held(custodian)].map(([place, key]) => [place, puncture(key, LEAF)]))),
        );
      expect(together(...others, partsOf(held(backup))), `custodian ${String(backup)}`).to.equal(undefined);
    }
  });

  it('depends on every part', () => {
    const key = together(one, two);
    for (const place of ERASURE_PART_PLACES) {
      const changed = new Map([...one, ...two]).set(place, new Uint8Array(32));
      expect(erasureKeyFromParts(changed), String(place)).to.not.deep.equal(key);
    }
  });

  it('reads the parts that it writes, and nothing else', () => {
    const whole = new Map([[0, new Uint8Array(32).fill(9)]]);
    for (const parts of [one, two, three, new Map([...one, ...two]), whole])
      expect([...decodeErasureParts(encodeErasureParts(parts))]).to.deep.equal(
        [...parts].sort(([left], [right]) => left - right),
      );
    expect(erasureKeyFromParts(whole)).to.deep.equal(whole.get(0));
    const good = encodeErasureParts(one);
    const [first, second] = [good.slice(0, 33), good.slice(33)];
    const wrong = [
      new Uint8Array(0),
      good.slice(1),
      Uint8Array.from([...good, 0]),
      Uint8Array.from([...second, ...first]),
      Uint8Array.from([...first, ...first]),
      Uint8Array.from([0, ...first.slice(1), ...second]),
      Uint8Array.from([4, ...first.slice(1)]),
    ];
    for (const bytes of wrong) expectCode('CRYPTO_INVALID_INPUT', () => decodeErasureParts(bytes));
    expectCode('CRYPTO_INVALID_INPUT', () => placesOfCustodian(0));
    expectCode('CRYPTO_INVALID_INPUT', () => placesOfCustodian(4));
  });
});
