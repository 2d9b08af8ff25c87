/**
 * The pairing in WebAssembly (mcl). mcl hashes to the curve with a tag of its own that cannot be set, so noble hashes and
 * the point is taken over; what mcl reads as an element of GT it does not check, so membership is checked here.
 */
import { bls12_381 } from '@noble/curves/bls12-381.js';
import type * as Mcl from 'mcl-wasm';
import { assertBytes, bytesEqual } from '../core/bytes.js';
import { CryptoError, invalidInput } from '../core/errors.js';
import { G1_BYTES, G2_BYTES, GT_BYTES, type G1, type G2, type GT, type PairingEngine } from './engine.js';
import { noblePairing } from './noble.js';

type Module = typeof Mcl;

const COEFFICIENT_BYTES = 48;
const { Fp12 } = bls12_381.fields;
/** |u| of BLS12-381. */
const PARAMETER_BITS = 0xd201000000010000n.toString(2);
let loading: Promise<PairingEngine> | undefined;
let engine: PairingEngine | undefined;

/** Loads the WebAssembly once for this thread. Idempotent. */
export function initPairing(): Promise<PairingEngine> {
  loading ??= load();
  return loading;
}

/** @throws CRYPTO_UNSUPPORTED before `initPairing` has resolved */
export function mclPairing(): PairingEngine {
  if (engine === undefined) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'pairing',
      expected: 'initPairing() awaited once before',
      came: 'an engine that is not loaded',
    });
  }
  return engine;
}

async function load(): Promise<PairingEngine> {
  const imported = (await import('mcl-wasm')) as Module & { readonly default?: Module };
  const mcl = imported.default ?? imported;
  await mcl.init(mcl.BLS12_381);
  mcl.setETHserialization(true);
  engine = createEngine(mcl);
  return engine;
}

/** mcl writes the two coefficients of each Fp2 the other way round. */
function swapped(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(GT_BYTES);
  for (let at = 0; at < GT_BYTES; at += 2 * COEFFICIENT_BYTES) {
    result.set(bytes.subarray(at + COEFFICIENT_BYTES, at + 2 * COEFFICIENT_BYTES), at);
    result.set(bytes.subarray(at, at + COEFFICIENT_BYTES), at + COEFFICIENT_BYTES);
  }
  return result;
}

function createEngine(mcl: Module): PairingEngine {
  const g1Of = (value: G1): Mcl.G1 => value as unknown as Mcl.G1;
  const g2Of = (value: G2): Mcl.G2 => value as unknown as Mcl.G2;
  const gtOf = (value: GT): Mcl.GT => value as unknown as Mcl.GT;
  const asG1 = (value: Mcl.G1): G1 => value as unknown as G1;
  const asG2 = (value: Mcl.G2): G2 => value as unknown as G2;
  const asGT = (value: Mcl.GT): GT => value as unknown as GT;
  const scalar = (value: bigint): Mcl.Fr => {
    const result = new mcl.Fr();
    result.setStr(value.toString(16), 16);
    return result;
  };
  /**
   * Membership by Frobenius (Scott, ePrint 2021/1130, section 5): x^(p^4 - p^2 + 1) = 1 and x^p = x^u, u the curve's
   * parameter. gcd(p^4 - p^2 + 1, p - u) = q, so what passes both has an order that divides q. mcl's own power takes
   * membership for granted and reduces q to 0, which would say nothing.
   */
  const isOfOrderQ = (value: Mcl.GT, bytes: Uint8Array): boolean => {
    const x = Fp12.fromBytes(bytes);
    const [p1, p2, p4] = [1, 2, 4].map((times) => Fp12.frobeniusMap(x, times));
    if (p1 === undefined || p2 === undefined || p4 === undefined) return false;
    if (!Fp12.eql(Fp12.mul(p4, x), p2)) return false;
    let power = value;
    for (const bit of PARAMETER_BITS.slice(1)) {
      power = mcl.sqr(power);
      if (bit === '1') power = mcl.mul(power, value);
    }
    // u is negative: x^p x^|u| = 1.
    const frobenius = new mcl.GT();
    frobenius.deserialize(swapped(Fp12.toBytes(p1)));
    return mcl.mul(frobenius, power).isOne();
  };

  const decoded = <Value extends Mcl.G1 | Mcl.G2>(
    value: Value,
    sizeBytes: number,
    argument: string,
    bytes: Uint8Array,
  ): Value => {
    assertBytes(argument, bytes, sizeBytes);
    let isMember = false;
    try {
      value.deserialize(bytes);
      isMember =
        !value.isZero() && value.isValid() && value.isValidOrder() && bytesEqual(value.serialize(), bytes);
    } catch {
      isMember = false;
    }
    if (!isMember) throw invalidInput(argument, 'a point of the group, not the identity', 'other bytes');
    return value;
  };

  const decodeGT = (argument: string, bytes: Uint8Array): GT => {
    assertBytes(argument, bytes, GT_BYTES);
    const value = new mcl.GT();
    let isMember = false;
    try {
      value.deserialize(swapped(bytes));
      isMember =
        !value.isZero() &&
        !value.isOne() &&
        bytesEqual(swapped(value.serialize()), bytes) &&
        isOfOrderQ(value, bytes);
    } catch {
      isMember = false;
    }
    if (!isMember) throw invalidInput(argument, 'an element of GT, not 0 and not 1', 'other bytes');
    return asGT(value);
  };

  const encodePoint = (value: Mcl.G1 | Mcl.G2): Uint8Array => {
    if (value.isZero()) throw invalidInput('point', 'another one than the identity', 'the identity');
    return value.serialize();
  };

  const powers = <Value extends Mcl.G1 | Mcl.G2>(
    zero: Value,
    bases: readonly Value[],
    exponents: readonly bigint[],
  ): Value => (bases.length === 0 ? zero : mcl.mulVec([...bases], exponents.map(scalar)));

  const pairProduct = (pairs: readonly (readonly [G1, G2])[]): GT => {
    let product = new mcl.GT();
    product.setInt(1);
    for (const [left, right] of pairs) product = mcl.mul(product, mcl.millerLoop(g1Of(left), g2Of(right)));
    return asGT(mcl.finalExp(product));
  };

  const g1 = new mcl.G1();
  g1.deserialize(noblePairing.encodeG1(noblePairing.g1));
  const g2 = new mcl.G2();
  g2.deserialize(noblePairing.encodeG2(noblePairing.g2));

  return {
    name: 'mcl',
    g1: asG1(g1),
    g2: asG2(g2),
    gt: asGT(mcl.pairing(g1, g2)),
    pair: (left, right) => asGT(mcl.pairing(g1Of(left), g2Of(right))),
    pairProduct,
    g1Multiply: (left, right) => asG1(mcl.add(g1Of(left), g1Of(right))),
    g1Power: (base, exponent) => asG1(mcl.mul(g1Of(base), scalar(exponent))),
    g1Powers: (bases, exponents) => asG1(powers(new mcl.G1(), bases.map(g1Of), exponents)),
    g1Equal: (left, right) => g1Of(left).isEqual(g1Of(right)),
    g2Multiply: (left, right) => asG2(mcl.add(g2Of(left), g2Of(right))),
    g2Power: (base, exponent) => asG2(mcl.mul(g2Of(base), scalar(exponent))),
    g2Powers: (bases, exponents) => asG2(powers(new mcl.G2(), bases.map(g2Of), exponents)),
    g2Equal: (left, right) => g2Of(left).isEqual(g2Of(right)),
    gtMultiply: (left, right) => asGT(mcl.mul(gtOf(left), gtOf(right))),
    gtPower: (base, exponent) => asGT(mcl.pow(gtOf(base), scalar(exponent))),
    gtInverse: (value) => asGT(mcl.inv(gtOf(value))),
    gtEqual: (left, right) => gtOf(left).isEqual(gtOf(right)),
    hashToG1: (message, domain) => {
      const point = new mcl.G1();
      point.deserialize(noblePairing.encodeG1(noblePairing.hashToG1(message, domain)));
      return asG1(point);
    },
    decodeG1: (argument, bytes) => asG1(decoded(new mcl.G1(), G1_BYTES, argument, bytes)),
    decodeG2: (argument, bytes) => asG2(decoded(new mcl.G2(), G2_BYTES, argument, bytes)),
    decodeGT,
    encodeG1: (value) => encodePoint(g1Of(value)),
    encodeG2: (value) => encodePoint(g2Of(value)),
    encodeGT: (value) => swapped(gtOf(value).serialize()),
  };
}
