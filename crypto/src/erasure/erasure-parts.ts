/**
 * The erasure key of a record in parts at three custodians: any two make it, and what one of them keeps, or has in an old
 * backup, makes nothing. Replicated sharing (Ito, Saito and Nishizeki 1987) of puncturable keys:
 *
 *   k_1, k_2, k_3   puncturable keys;   custodian c of {1, 2, 3} holds both k_j with j != c
 *   P_j             the leaf of k_j (`erasureKey`)
 *   E               = HKDF-SHA-256(ikm = P_1 || P_2 || P_3, salt = empty, info = encodeParts('careledger/erasure-parts/v1'), 32)
 *
 * Once two custodians have punctured a leaf, one P_j of it is nowhere: E cannot be derived, if HMAC-SHA-256 is a PRF,
 * whatever the third has kept. A key that has one custodian only has one part, of place 0, which is E itself.
 */
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, concatBytes } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { invalidInput, shapeOf } from '../core/errors.js';
import { ERASURE_KEY_BYTES } from './puncturable-key.js';

/** Place of the one part of a key that has one custodian. */
export const WHOLE_ERASURE_KEY = 0;
/** Places of the parts of a key that has three. */
export const ERASURE_PART_PLACES = [1, 2, 3] as const;
const PART_BYTES = 1 + ERASURE_KEY_BYTES;

/** P_j by j: 32 bytes each; or E itself under place 0. */
export type ErasureParts = ReadonlyMap<number, Uint8Array>;

/** The places of the parts that a custodian holds. @param custodian 1, 2 or 3 */
export function placesOfCustodian(custodian: number): number[] {
  if (!ERASURE_PART_PLACES.some((place) => place === custodian))
    throw invalidInput('custodian', '1, 2 or 3', shapeOf(custodian));
  return ERASURE_PART_PLACES.filter((place) => place !== custodian);
}

/** E, 32 bytes; undefined when a part is missing. The caller wipes parts and key. */
export function erasureKeyFromParts(parts: ErasureParts): Uint8Array | undefined {
  const whole = parts.get(WHOLE_ERASURE_KEY);
  if (whole !== undefined) return new Uint8Array(whole);
  const inOrder = ERASURE_PART_PLACES.flatMap((place) => parts.get(place) ?? []);
  if (inOrder.length < ERASURE_PART_PLACES.length) return undefined;
  for (const part of inOrder) assertBytes('part', part, ERASURE_KEY_BYTES);
  const joined = concatBytes(...inOrder);
  try {
    return hkdf(sha256, joined, undefined, encodeParts('careledger/erasure-parts/v1'), ERASURE_KEY_BYTES);
  } finally {
    joined.fill(0);
  }
}

/** (place || part).., places ascending: a secret. */
export function encodeErasureParts(parts: ErasureParts): Uint8Array {
  const entries = [...parts].sort(([one], [other]) => one - other);
  return concatBytes(...entries.flatMap(([place, part]) => [Uint8Array.of(place), part]));
}

/** @throws CRYPTO_INVALID_INPUT for anything that `encodeErasureParts` does not write of one custodian's parts, or of all */
export function decodeErasureParts(bytes: Uint8Array): ErasureParts {
  assertBytes('parts', bytes);
  const count = bytes.length / PART_BYTES;
  const parts = new Map<number, Uint8Array>();
  for (let at = 0; at + PART_BYTES <= bytes.length; at += PART_BYTES)
    parts.set(bytes[at] ?? 0, bytes.slice(at + 1, at + PART_BYTES));
  const places = [...parts.keys()];
  const isWhole = places.join() === String(WHOLE_ERASURE_KEY);
  const arePlaces = places.every(
    (place, index) => place >= 1 && place <= ERASURE_PART_PLACES.length && place > (places[index - 1] ?? 0),
  );
  if (parts.size === count && count >= 1 && (isWhole || arePlaces)) return parts;
  throw invalidInput('parts', 'parts of 33 bytes, places ascending', `${String(bytes.length)} bytes`);
}
