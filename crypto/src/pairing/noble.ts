/** The pairing in pure JavaScript: synchronous and the same everywhere. For chaincode, as oracle, as baseline. */
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { assertBytes, bytesEqual, utf8 } from '../core/bytes.js';
import { invalidInput } from '../core/errors.js';
import {
  G1_BYTES,
  G2_BYTES,
  GT_BYTES,
  HASH_DOMAINS,
  Q,
  type G1,
  type G2,
  type GT,
  type PairingEngine,
} from './engine.js';

const { G1: G1Curve, G2: G2Curve, fields } = bls12_381;
const { Fp12 } = fields;
type NobleG1 = typeof G1Curve.Point.BASE;
type NobleG2 = typeof G2Curve.Point.BASE;
type NobleGT = typeof Fp12.ONE;

const g1Of = (value: G1): NobleG1 => value as unknown as NobleG1;
const g2Of = (value: G2): NobleG2 => value as unknown as NobleG2;
const gtOf = (value: GT): NobleGT => value as unknown as NobleGT;
const asG1 = (value: NobleG1): G1 => value as unknown as G1;
const asG2 = (value: NobleG2): G2 => value as unknown as G2;
const asGT = (value: NobleGT): GT => value as unknown as GT;

interface Curve<Point> {
  readonly Point: { fromBytes(bytes: Uint8Array): Point };
}
interface AnyPoint {
  is0(): boolean;
  isTorsionFree(): boolean;
  toBytes(isCompressed?: boolean): Uint8Array;
}

function decodePoint<Point extends AnyPoint>(
  curve: Curve<Point>,
  sizeBytes: number,
  argument: string,
  bytes: Uint8Array,
): Point {
  assertBytes(argument, bytes, sizeBytes);
  let point: Point | undefined;
  try {
    point = curve.Point.fromBytes(bytes);
  } catch {
    point = undefined;
  }
  const isMember =
    point !== undefined && !point.is0() && point.isTorsionFree() && bytesEqual(point.toBytes(true), bytes);
  if (!isMember || point === undefined)
    throw invalidInput(argument, 'a point of the group, not the identity', 'other bytes');
  return point;
}

function encodePoint(point: AnyPoint): Uint8Array {
  if (point.is0()) throw invalidInput('point', 'another one than the identity', 'the identity');
  return point.toBytes(true);
}

/** Fp12's own power: correct for any element, whatever its order. */
function isOfOrderQ(value: NobleGT): boolean {
  return Fp12.eql(Fp12.pow(value, Q), Fp12.ONE);
}

function decodeGT(argument: string, bytes: Uint8Array): GT {
  assertBytes(argument, bytes, GT_BYTES);
  let value: NobleGT | undefined;
  try {
    value = Fp12.fromBytes(bytes);
  } catch {
    value = undefined;
  }
  const isMember =
    value !== undefined &&
    bytesEqual(Fp12.toBytes(value), bytes) &&
    !Fp12.is0(value) &&
    !Fp12.eql(value, Fp12.ONE) &&
    isOfOrderQ(value);
  if (!isMember || value === undefined)
    throw invalidInput(argument, 'an element of GT, not 0 and not 1', 'other bytes');
  return asGT(value);
}

/** Noble's multiply refuses 0, which stands for the identity here. */
function power<Point extends { multiply(scalar: bigint): Point }>(
  zero: Point,
  base: Point,
  exponent: bigint,
): Point {
  return exponent === 0n ? zero : base.multiply(exponent);
}

/** Noble refuses the identity, whose pairing is 1. */
function pairProduct(pairs: readonly (readonly [G1, G2])[]): GT {
  const others = pairs.filter(([left, right]) => !g1Of(left).is0() && !g2Of(right).is0());
  return asGT(bls12_381.pairingBatch(others.map(([left, right]) => ({ g1: g1Of(left), g2: g2Of(right) }))));
}

/** At first use: whoever only verifies registrations needs none. */
let generator: GT | undefined;

export const noblePairing: PairingEngine = {
  name: 'noble',
  get gt() {
    generator ??= asGT(bls12_381.pairing(G1Curve.Point.BASE, G2Curve.Point.BASE));
    return generator;
  },
  g1: asG1(G1Curve.Point.BASE),
  g2: asG2(G2Curve.Point.BASE),
  pair: (left, right) => pairProduct([[left, right]]),
  pairProduct,
  g1Multiply: (left, right) => asG1(g1Of(left).add(g1Of(right))),
  g1Power: (base, exponent) => asG1(power(G1Curve.Point.ZERO, g1Of(base), exponent)),
  g1Powers: (bases, exponents) =>
    asG1(
      bases.reduce<NobleG1>(
        (product, base, index) => product.add(power(G1Curve.Point.ZERO, g1Of(base), exponents[index] ?? 0n)),
        G1Curve.Point.ZERO,
      ),
    ),
  g1Equal: (left, right) => g1Of(left).equals(g1Of(right)),
  g2Multiply: (left, right) => asG2(g2Of(left).add(g2Of(right))),
  g2Power: (base, exponent) => asG2(power(G2Curve.Point.ZERO, g2Of(base), exponent)),
  g2Powers: (bases, exponents) =>
    asG2(
      bases.reduce<NobleG2>(
        (product, base, index) => product.add(power(G2Curve.Point.ZERO, g2Of(base), exponents[index] ?? 0n)),
        G2Curve.Point.ZERO,
      ),
    ),
  g2Equal: (left, right) => g2Of(left).equals(g2Of(right)),
  gtMultiply: (left, right) => asGT(Fp12.mul(gtOf(left), gtOf(right))),
  gtPower: (base, exponent) => asGT(Fp12.pow(gtOf(base), exponent)),
  // Elements of GT have norm 1, so the conjugate is the inverse.
  gtInverse: (value) => asGT(Fp12.conjugate(gtOf(value))),
  gtEqual: (left, right) => Fp12.eql(gtOf(left), gtOf(right)),
  hashToG1: (message, domain) =>
    asG1(G1Curve.hashToCurve(message, { DST: utf8('domain', HASH_DOMAINS[domain]) })),
  decodeG1: (argument, bytes) => asG1(decodePoint(G1Curve, G1_BYTES, argument, bytes)),
  decodeG2: (argument, bytes) => asG2(decodePoint(G2Curve, G2_BYTES, argument, bytes)),
  decodeGT,
  encodeG1: (value) => encodePoint(g1Of(value)),
  encodeG2: (value) => encodePoint(g2Of(value)),
  encodeGT: (value) => Fp12.toBytes(gtOf(value)),
};
