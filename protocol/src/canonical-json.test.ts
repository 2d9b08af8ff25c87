import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.js';

/** JSON values with only the numbers that the encoder takes, and well-formed text. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value')),
    fc.dictionary(
      fc.string({ unit: 'binary' }).filter((key) => key !== '__proto__'),
      tie('value'),
      { noNullPrototype: true },
    ),
  ),
})).value;

/** The same value with the fields of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reordered(member)]),
  );
}

describe('canonicalJson', () => {
  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).to.deep.equal(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order of fields', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(reordered(value))).to.equal(canonicalJson(value));
      }),
    );
  });

  it('is its own fixed point, without white space between tokens', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).to.equal(text);
      }),
    );
    expect(canonicalJson({ b: [1, 'x y'], a: null })).to.equal('{"a":null,"b":[1,"x y"]}');
  });

  it('sorts by UTF-16 code unit, as RFC 8785 says', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 };
    expect(Object.values(JSON.parse(canonicalJson(value)) as object)).to.deep.equal([4, 2, 6, 7, 1, 5, 3]);
  });

  it('leaves out what is undefined, and knows one zero', () => {
    expect(canonicalJson({ a: undefined, b: -0 })).to.equal('{"b":0}');
  });

  it('refuses what has no canonical form', () => {
    const values = [
      0.5,
      NaN,
      Infinity,
      2 ** 53,
      '\ud800',
      { '\udfff': 1 },
      1n,
      new Date(0),
      new Map(),
      undefined,
      () => 1,
      [undefined],
    ];
    for (const value of values) {
      expect(() => canonicalJson(value), typeof value)
        .to.throw()
        .with.property('code', 'SCHEMA_VIOLATION');
    }
  });
});
