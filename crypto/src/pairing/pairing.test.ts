import { expect } from 'chai';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { bytesToHex } from '../core/bytes.js';
import { CryptoError } from '../core/errors.js';
import { GT_BYTES, HASH_DOMAINS, Q, type HashDomain, type PairingEngine } from './engine.js';
import { initPairing } from './mcl.js';
import { noblePairing } from './noble.js';
import {
  decodeScalar,
  encodeScalar,
  hashToScalar,
  invertScalar,
  lagrangeModQ,
  modQ,
  randomScalar,
} from './scalar.js';

const { Fp12 } = bls12_381.fields;
const message = (text: string): Uint8Array => new TextEncoder().encode(text);

function refused(act: () => unknown): void {
  expect(act).to.throw(CryptoError).with.property('code', 'CRYPTO_INVALID_INPUT');
}

describe('pairing', function () {
  this.timeout(20_000);
  let mcl: PairingEngine;
  before(async () => {
    mcl = await initPairing();
  });

  it('gives the same bytes on both engines: points, powers, products, pairings, hashes', () => {
    const [x, y] = [randomScalar(), randomScalar()];
    const values = [mcl, noblePairing].map((engine) => {
      const a = engine.hashToG1(message('a'), 'identity');
      const b = engine.g1Powers([engine.g1, a], [x, y]);
      const p = engine.g2Powers([engine.g2, engine.g2Power(engine.g2, y)], [x, 1n]);
      const t = engine.pair(b, p);
      return [
        engine.encodeG1(engine.g1Multiply(b, engine.g1Power(a, x))),
        engine.encodeG2(engine.g2Multiply(p, engine.g2)),
        engine.encodeGT(engine.gtMultiply(engine.gtPower(t, y), engine.gtInverse(t))),
        engine.encodeGT(
          engine.pairProduct([
            [a, p],
            [b, engine.g2],
          ]),
        ),
      ].map(bytesToHex);
    });
    expect(values[0]).to.deep.equal(values[1]);
  });

  it('is bilinear, and not degenerate', () => {
    const [x, y] = [randomScalar(), randomScalar()];
    const left = mcl.pair(mcl.g1Power(mcl.g1, x), mcl.g2Power(mcl.g2, y));
    expect(mcl.gtEqual(left, mcl.gtPower(mcl.pair(mcl.g1, mcl.g2), modQ(x * y)))).to.equal(true);
    expect(mcl.gtEqual(left, mcl.gtPower(mcl.pair(mcl.g1, mcl.g2), modQ(x * y + 1n)))).to.equal(false);
  });

  it('pairs the identity to 1 on both engines', () => {
    for (const engine of [mcl, noblePairing]) {
      const one = engine.pairProduct([]);
      expect(engine.gtEqual(engine.pair(engine.g1Power(engine.g1, 0n), engine.g2), one)).to.equal(true);
      expect(engine.gtEqual(engine.pair(engine.g1, engine.g2Power(engine.g2, 0n)), one)).to.equal(true);
      expect(engine.gtEqual(engine.gt, one)).to.equal(false);
    }
  });

  it('hashes each domain to another point', () => {
    expect(new Set(Object.values(HASH_DOMAINS)).size).to.equal(Object.keys(HASH_DOMAINS).length);
    const points = (Object.keys(HASH_DOMAINS) as HashDomain[]).map((domain) =>
      bytesToHex(mcl.encodeG1(mcl.hashToG1(message('same'), domain))),
    );
    expect(new Set(points).size).to.equal(points.length);
  });

  it('reads back what it wrote, on the other engine too', () => {
    const p = mcl.g1Power(mcl.g1, 7n);
    const r = mcl.g2Power(mcl.g2, 7n);
    const t = mcl.pair(p, r);
    expect(noblePairing.encodeG1(noblePairing.decodeG1('p', mcl.encodeG1(p)))).to.deep.equal(mcl.encodeG1(p));
    expect(noblePairing.encodeG2(noblePairing.decodeG2('r', mcl.encodeG2(r)))).to.deep.equal(mcl.encodeG2(r));
    expect(noblePairing.encodeGT(noblePairing.decodeGT('t', mcl.encodeGT(t)))).to.deep.equal(mcl.encodeGT(t));
    expect(mcl.gtEqual(mcl.decodeGT('t', mcl.encodeGT(t)), t)).to.equal(true);
  });

  for (const name of ['mcl', 'noble'] as const) {
    describe(`${name} refuses`, () => {
      let engine: PairingEngine;
      before(() => {
        engine = name === 'mcl' ? mcl : noblePairing;
      });

      it('the identity', () => {
        refused(() => engine.decodeG1('p', Uint8Array.of(0xc0, ...new Uint8Array(47))));
        refused(() => engine.decodeG2('p', Uint8Array.of(0xc0, ...new Uint8Array(95))));
        refused(() => engine.decodeGT('t', Fp12.toBytes(Fp12.ONE)));
        refused(() => engine.encodeG1(engine.g1Power(engine.g1, 0n)));
      });

      it('points on the curve outside the subgroup', () => {
        const g1 = outsideG1();
        refused(() => engine.decodeG1('p', g1));
        refused(() => engine.decodeG2('p', outsideG2()));
      });

      it('coordinates that are not reduced, other lengths, other flags', () => {
        const p = engine.encodeG1(engine.g1);
        refused(() =>
          engine.decodeG1(
            'p',
            Uint8Array.from(p, (byte, at) => (at === 0 ? byte & 0x7f : byte)),
          ),
        );
        refused(() => engine.decodeG1('p', new Uint8Array(48).fill(0xff).fill(0x9f, 0, 1)));
        refused(() => engine.decodeG1('p', p.subarray(1)));
        refused(() => engine.decodeG2('p', p));
        const t = engine.encodeGT(engine.pair(engine.g1, engine.g2));
        const P =
          0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaabn;
        const raised = BigInt(`0x${bytesToHex(t.subarray(0, 48))}`) + P;
        const bytes = Uint8Array.from(t);
        bytes.set(Buffer.from(raised.toString(16).padStart(96, '0'), 'hex'));
        refused(() => engine.decodeGT('t', bytes));
      });

      it('elements of Fp12 outside GT, and 0', () => {
        refused(() => engine.decodeGT('t', new Uint8Array(GT_BYTES)));
        refused(() => engine.decodeGT('t', new Uint8Array(GT_BYTES).fill(1)));
        const minusOne = Fp12.toBytes(Fp12.neg(Fp12.ONE));
        refused(() => engine.decodeGT('t', minusOne));
        const t = Fp12.fromBytes(engine.encodeGT(engine.pair(engine.g1, engine.g2)));
        refused(() => engine.decodeGT('t', Fp12.toBytes(Fp12.neg(t))));
        // A cube root of 1 in Fp: its power by p is its power by u, as in GT, and only the other half refuses it.
        const { ONE, ORDER } = bls12_381.fields.Fp;
        const root = bls12_381.fields.Fp.pow(2n, (ORDER - 1n) / 3n);
        expect(root).to.not.equal(ONE);
        const cubeRoot = Fp12.fromBigTwelve([root, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]);
        refused(() => engine.decodeGT('t', Fp12.toBytes(cubeRoot)));
        refused(() => engine.decodeGT('t', Fp12.toBytes(Fp12.mul(t, cubeRoot))));
        // Of the cyclotomic subgroup, and still not of order q: x^((p^6 - 1)(p^2 + 1)) for an x outside.
        const x = Fp12.fromBytes(new Uint8Array(GT_BYTES).fill(1));
        const easy = Fp12.mul(Fp12.conjugate(x), Fp12.inv(x));
        refused(() => engine.decodeGT('t', Fp12.toBytes(Fp12.mul(Fp12.frobeniusMap(easy, 2), easy))));
      });
    });
  }
});

describe('scalars', () => {
  it('encode in one way, and refuse 0, q and other lengths', () => {
    const value = randomScalar();
    expect(decodeScalar('x', encodeScalar(value))).to.equal(value);
    refused(() => decodeScalar('x', new Uint8Array(32)));
    refused(() => decodeScalar('x', Buffer.from(Q.toString(16), 'hex')));
    refused(() => decodeScalar('x', new Uint8Array(31).fill(1)));
    refused(() => encodeScalar(Q));
  });

  it('hash under labels that do not meet', () => {
    const one = hashToScalar('careledger/test-a/v1', 'x');
    expect(one).to.equal(hashToScalar('careledger/test-a/v1', 'x'));
    expect(one).to.not.equal(hashToScalar('careledger/test-b/v1', 'x'));
  });

  it('invert, and interpolate at 0', () => {
    const value = randomScalar();
    expect(modQ(value * invertScalar(value))).to.equal(1n);
    refused(() => invertScalar(0n));
    const [a, b, c] = [randomScalar(), randomScalar(), randomScalar()];
    const f = (x: bigint): bigint => modQ(a + b * x + c * x * x);
    const points = [2, 5, 7];
    const sum = points.reduce((total, point) => total + lagrangeModQ(points, point) * f(BigInt(point)), 0n);
    expect(modQ(sum)).to.equal(a);
  });
});

/** The first x for which the curve has a point; that it lies in the subgroup has the probability of one cofactor. */
function outsideG1(): Uint8Array {
  const { Fp } = bls12_381.fields;
  for (let x = 1n; x < 100n; x += 1n) {
    if (!isSquare(Fp, Fp.add(Fp.pow(x, 3n), 4n))) continue;
    const bytes = Fp.toBytes(x);
    bytes[0] = 0x80;
    return bytes;
  }
  throw new Error('no point');
}

function outsideG2(): Uint8Array {
  const { Fp, Fp2 } = bls12_381.fields;
  const four = Fp2.fromBigTuple([4n, 4n]);
  for (let x = 1n; x < 100n; x += 1n) {
    const c0 = Fp2.fromBigTuple([x, 0n]);
    if (!isSquare(Fp2, Fp2.add(Fp2.pow(c0, 3n), four))) continue;
    const bytes = new Uint8Array(96);
    bytes.set(Fp.toBytes(x), 48);
    bytes[0] = 0x80;
    return bytes;
  }
  throw new Error('no point');
}

function isSquare<T>(field: { sqrt(value: T): T }, value: T): boolean {
  try {
    field.sqrt(value);
    return true;
  } catch {
    return false;
  }
}
