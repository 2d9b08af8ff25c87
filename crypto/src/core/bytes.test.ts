import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../test-support.js';
import * as bytes from './bytes.js';
import { decodeCbor, encodeCbor } from './cbor.js';
import { compareDecimals, fractionToText, parseDecimal, toExactFixedPoint, toFixedPoint } from './decimal.js';
import { encodeParts, type Part } from './encode.js';
import { randomBelow, randomBits, randomBytes } from './random.js';

const LABEL = 'careledger/test/v1';
const anyBytes = fc.uint8Array({ maxLength: 80 });

describe('bytes', () => {
  it('hex and base64url round-trip every byte string, as Node encodes it', () => {
    fc.assert(
      fc.property(anyBytes, (value) => {
        expect(bytes.bytesToHex(value)).to.equal(Buffer.from(value).toString('hex'));
        expect(bytes.bytesToBase64Url(value)).to.equal(Buffer.from(value).toString('base64url'));
        expect(bytes.hexToBytes(bytes.bytesToHex(value))).to.deep.equal(value);
        expect(bytes.base64UrlToBytes(bytes.bytesToBase64Url(value))).to.deep.equal(value);
      }),
    );
  });

  it('accepts one text per byte string only', () => {
    for (const text of ['A', 'AA', 'AAA', 'AB', 'QQ==', 'Q+', 'Q/', 'Q Q', 'QUJ', 'AAAAA', 'ä']) {
      const value = Buffer.from(text, 'base64url');
      if (value.toString('base64url') === text)
        expect(bytes.base64UrlToBytes(text), text).to.deep.equal(new Uint8Array(value));
      else expectCode('CRYPTO_INVALID_INPUT', () => bytes.base64UrlToBytes(text));
    }
    for (const text of ['0', 'AB', '0x', 'zz', ' 00'])
      expectCode('CRYPTO_INVALID_INPUT', () => bytes.hexToBytes(text));
  });

  it('compares', () => {
    expect(bytes.bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).to.equal(true);
    expect(bytes.bytesEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).to.equal(false);
    expect(bytes.bytesEqual(Uint8Array.of(1), Uint8Array.of(1, 0))).to.equal(false);
  });

  it('integers have a fixed width and refuse what does not fit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(bytes.bytesToBigint(bytes.bigintToBytes(value, 8))).to.equal(value);
        expect(bytes.bytesToBigint(bytes.bigintToMinimalBytes(value))).to.equal(value);
        expect(bytes.bigintToMinimalBytes(value)[0]).to.not.equal(0);
      }),
    );
    expectCode('CRYPTO_INVALID_INPUT', () => bytes.bigintToBytes(256n, 1));
    expectCode('CRYPTO_INVALID_INPUT', () => bytes.bigintToBytes(-1n, 1));
    expectCode('CRYPTO_INVALID_INPUT', () => bytes.uint32(2 ** 32));
  });

  it('refuses ill-formed text, which would collide', () => {
    expect(bytes.utf8('text', 'ä\u{1F600}')).to.have.lengthOf(6);
    expectCode('CRYPTO_INVALID_INPUT', () => bytes.utf8('text', '\ud800'), 'text');
  });
});

describe('encodeParts', () => {
  const part: fc.Arbitrary<Part> = fc.oneof(
    anyBytes,
    fc.string({ maxLength: 20 }),
    fc.bigInt({ min: 0n, max: 2n ** 80n }),
  );
  const canonical = (parts: readonly Part[]): string =>
    JSON.stringify(
      parts.map((value) =>
        value instanceof Uint8Array
          ? { b: bytes.bytesToHex(value) }
          : typeof value === 'bigint'
            ? { i: String(value) }
            : { t: value },
      ),
    );

  it('is injective over label, number, type and content of the parts', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), fc.array(part, { maxLength: 4 }), (left, right) => {
        const same = bytes.bytesEqual(encodeParts(LABEL, ...left), encodeParts(LABEL, ...right));
        expect(same).to.equal(canonical(left) === canonical(right));
      }),
    );
    const encodings = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc'],
      ['abc', ''],
      [Uint8Array.of(97, 98, 99)],
      [0x616263n],
    ].map((parts) => bytes.bytesToHex(encodeParts(LABEL, ...parts)));
    expect(new Set(encodings)).to.have.lengthOf(encodings.length);
    expect(encodeParts('careledger/other/v1')).to.not.deep.equal(encodeParts(LABEL));
  });

  it('has this form', () => {
    const label = `0200000012${bytes.bytesToHex(bytes.utf8('', LABEL))}`;
    const parts = ['020000000161', '0100000001ff', '03000000020100', '0300000000'];
    const encoded = encodeParts(LABEL, 'a', Uint8Array.of(255), 256n, 0n);
    expect(bytes.bytesToHex(encoded)).to.equal(['00000004', label, ...parts].join(''));
  });

  it('refuses other labels and parts', () => {
    expectCode('CRYPTO_INVALID_INPUT', () => encodeParts('other'), 'label');
    expectCode('CRYPTO_INVALID_INPUT', () => encodeParts(LABEL, -1n), 'parts[0]');
    expectCode('CRYPTO_INVALID_INPUT', () => encodeParts(LABEL, 1 as unknown as string));
    expectCode('CRYPTO_INVALID_INPUT', () => encodeParts(LABEL, '\udc00'));
  });
});

describe('canonical CBOR', () => {
  it('round-trips, keys in canonical order', () => {
    const value = { b: [1, -1, null, true], a: Uint8Array.of(1), aa: { text: 'ä' } };
    expect(decodeCbor(encodeCbor(value))).to.deep.equal(value);
    expect(bytes.bytesToHex(encodeCbor({ b: 1, a: 2 }))).to.equal('a2616102616201');
  });

  it('refuses every other encoding, and what it does not encode', () => {
    const refused = {
      'long integer': '1817',
      'longer integer': '190018',
      'cut integer': '1901',
      'indefinite array': '9f01ff',
      'unsorted keys': 'a2616201616102',
      'doubled key': 'a2616101616102',
      float: 'f93c00',
      tag: 'c001',
      undefined: 'f7',
      'trailing byte': '0100',
      'integer key': 'a10102',
      nothing: '',
      'big integer': '1bffffffffffffffff',
    };
    for (const hex of Object.values(refused))
      expectCode('CRYPTO_INVALID_INPUT', () => decodeCbor(bytes.hexToBytes(hex)));
    expect(decodeCbor(bytes.hexToBytes('1818'))).to.equal(24);
    expectCode('CRYPTO_INVALID_INPUT', () => encodeCbor({ a: 1.5 }));
    expectCode('CRYPTO_INVALID_INPUT', () => encodeCbor([[[[[[[[[[1]]]]]]]]]]));
    expectCode('CRYPTO_INVALID_INPUT', () => decodeCbor(new Uint8Array(70000)));
  });
});

describe('decimals', () => {
  it('read numbers and text exactly', () => {
    expect(parseDecimal('x', '-1.250')).to.deep.equal({ unscaled: -1250n, scale: 3 });
    expect(toFixedPoint(parseDecimal('x', 1e21), 0)).to.equal(10n ** 21n);
    expect(toFixedPoint(parseDecimal('x', 1.5e-7), 8)).to.equal(15n);
    expect(toFixedPoint(parseDecimal('x', 0.1), 1) + toFixedPoint(parseDecimal('x', 0.2), 1)).to.equal(3n);
    expect(compareDecimals(parseDecimal('x', '1.10'), parseDecimal('x', 1.1))).to.equal(0);
  });

  it('round half away from zero, or refuse', () => {
    expect(
      ['0.25', '-0.25', '0.24', '-0.249'].map((text) => toFixedPoint(parseDecimal('x', text), 1)),
    ).to.deep.equal([3n, -3n, 2n, -2n]);
    expectCode('CRYPTO_INVALID_INPUT', () => toExactFixedPoint('x', '0.25', 1), 'x');
    for (const bad of [Number.NaN, Infinity, '1e3', '+1', '', ' 1', '.5', '1.', null, '0x1'])
      expectCode('CRYPTO_INVALID_INPUT', () => parseDecimal('x', bad));
  });

  it('write fractions', () => {
    expect([
      fractionToText(-1n, 3n, 3),
      fractionToText(2n, 3n, 3),
      fractionToText(5n, 1n, 0),
      fractionToText(-1n, 200n, 2),
      fractionToText(-1n, 201n, 2),
    ]).to.deep.equal(['-0.333', '0.667', '5', '-0.01', '0.00']);
  });
});

describe('random', () => {
  it('has the length asked for, across the platform’s quota', () => {
    expect(randomBytes(70000)).to.have.lengthOf(70000);
    expect(randomBytes(32)).to.not.deep.equal(randomBytes(32));
    expectCode('CRYPTO_INVALID_INPUT', () => randomBytes(-1));
    expectCode('CRYPTO_INVALID_INPUT', () => randomBytes(2 ** 25));
  });

  it('stays below its limit and rejects rather than folds', () => {
    const draws = [Uint8Array.of(255), Uint8Array.of(7), Uint8Array.of(5)];
    expect(randomBelow(6n, () => draws.shift() ?? Uint8Array.of(0))).to.equal(5n);
    expect(randomBits(3, () => Uint8Array.of(255))).to.equal(7n);
    expectCode('CRYPTO_INVALID_INPUT', () => randomBelow(0n));
    expectCode('CRYPTO_INVALID_INPUT', () => randomBits(8, () => new Uint8Array(2)));
  });
});
