/**
 * encodeParts: the injective encoder of every hash, signature and associated-data input of this package.
 *
 *   encodeParts(label, p1..pk) = u32(k) || item(label) || item(p1) || ... || item(pk)
 *   item(p) = type(1) || u32(length) || bytes      type: 1 bytes, 2 UTF-8 text, 3 unsigned integer (minimal big-endian)
 *
 * Two different (label, parts) never encode alike: the count and each length come before the bytes they measure, and
 * text, bytes and integers differ by type. Lists nest by passing an encodeParts result as one bytes part. The label
 * ("careledger/purpose/vN") separates domains. Own construction in form; the idea is TupleHash's (NIST SP 800-185).
 */
import { bigintToMinimalBytes, concatBytes, joinBytes, uint32, utf8 } from './bytes.js';
import { invalidInput, shapeOf } from './errors.js';

export type Part = Uint8Array | string | bigint;

const LABEL = /^careledger\/[a-z0-9/-]+\/v[0-9]+$/;

function item(type: number, bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(type), uint32(bytes.length), bytes);
}

function encodePart(part: Part, index: number): Uint8Array {
  if (part instanceof Uint8Array) return item(1, part);
  if (typeof part === 'string') return item(2, utf8(`parts[${index}]`, part));
  if (typeof part === 'bigint' && part >= 0n) return item(3, bigintToMinimalBytes(part));
  throw invalidInput(`parts[${index}]`, 'bytes, text or a non-negative bigint', shapeOf(part));
}

/**
 * @param label domain, "careledger/<purpose>/v<number>"
 * @throws CRYPTO_INVALID_INPUT for another label, part type, negative integer or ill-formed text
 */
export function encodeParts(label: string, ...parts: readonly Part[]): Uint8Array {
  return encodeList(label, parts);
}

/** encodeParts for a list that may be long. */
export function encodeList(label: string, parts: readonly Part[]): Uint8Array {
  if (typeof label !== 'string' || !LABEL.test(label)) {
    throw invalidInput('label', 'careledger/<purpose>/v<number>', shapeOf(label));
  }
  return joinBytes([uint32(parts.length), encodePart(label, -1), ...parts.map(encodePart)]);
}
