/** Scalars: integers modulo the group order q. */
import { sha256 } from '@noble/hashes/sha2.js';
import { expand_message_xmd } from '@noble/curves/abstract/hash-to-curve.js';
import { assertBytes } from '../core/bytes.js';
import { encodeParts, type Part } from '../core/encode.js';
import { invalidInput } from '../core/errors.js';
import { randomBytes, type RandomBytes } from '../core/random.js';
import { Q, SCALAR_BYTES } from './engine.js';

/** 128 bits more than q has: the bias of the reduction is below 2^-128. */
const WIDE_BYTES = 48;

export const modQ = (value: bigint): bigint => ((value % Q) + Q) % Q;

function fromBytes(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** 32 bytes, big-endian. */
export function encodeScalar(value: bigint): Uint8Array {
  if (value < 0n || value >= Q) throw invalidInput('scalar', '0..q-1', 'another integer');
  const bytes = new Uint8Array(SCALAR_BYTES);
  for (let index = SCALAR_BYTES - 1, rest = value; index >= 0; index -= 1, rest >>= 8n)
    bytes[index] = Number(rest & 0xffn);
  return bytes;
}

/** @throws CRYPTO_INVALID_INPUT unless 1..q-1 in its one encoding */
export function decodeScalar(argument: string, bytes: Uint8Array): bigint {
  assertBytes(argument, bytes, SCALAR_BYTES);
  const value = fromBytes(bytes);
  if (value === 0n || value >= Q) throw invalidInput(argument, '1..q-1', 'another integer');
  return value;
}

/** Uniform in 1..q-1. */
export function randomScalar(random: RandomBytes = randomBytes): bigint {
  const wide = random(WIDE_BYTES);
  const value = (fromBytes(wide) % (Q - 1n)) + 1n;
  wide.fill(0);
  return value;
}

/** Hr: parts, injectively encoded, to 1..q-1 from 48 bytes; labels keep its uses apart. */
export function hashToScalar(label: string, ...parts: readonly Part[]): bigint {
  const wide = expand_message_xmd(
    encodeParts(label, ...parts),
    new TextEncoder().encode('CARELEDGER-V1-HR-XMD:SHA-256'),
    WIDE_BYTES,
    sha256,
  );
  return (fromBytes(wide) % (Q - 1n)) + 1n;
}

/** @throws CRYPTO_INVALID_INPUT for 0 */
export function invertScalar(value: bigint): bigint {
  let [r0, r1] = [Q, modQ(value)];
  let [t0, t1] = [0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [t0, t1] = [t1, t0 - quotient * t1];
  }
  if (r0 !== 1n) throw invalidInput('scalar', 'a unit modulo q', '0');
  return modQ(t0);
}

/** lambda_i at 0 for the points given: sum of lambda_i f(i) = f(0). Points are distinct and not 0. */
export function lagrangeModQ(points: readonly number[], point: number): bigint {
  return lagrangeModQAt(points, point, 0);
}

/** lambda_i at x: sum of lambda_i f(i) = f(x). Points are distinct. */
export function lagrangeModQAt(points: readonly number[], point: number, at: number): bigint {
  let [numerator, denominator] = [1n, 1n];
  for (const other of points) {
    if (other === point) continue;
    numerator = modQ(numerator * BigInt(at - other));
    denominator = modQ(denominator * BigInt(point - other));
  }
  return modQ(numerator * invertScalar(denominator));
}
