/**
 * What stands in the file of an erasure key: canonical CBOR
 * { version: 1, end, generation, parts: [[place, puncturable key], ..], undealt: [MSP id, ..] }, places ascending.
 */
import {
  assertCborMap,
  decodeCbor,
  decodePuncturableKey,
  encodeCbor,
  encodePuncturableKey,
  type CborValue,
  type PuncturableKey,
} from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';

const VERSION = 1;
/** Three puncturable keys at their bound. */
const MAX_BYTES = 16 * 1_048_576;

export interface Tree {
  /** Puncturable keys by place; crypto `erasure-parts`. */
  readonly parts: ReadonlyMap<number, PuncturableKey>;
  /** Which making of the key this is, in hex: parts of two makings make nothing together. */
  readonly generation: string;
  /** Key servers that have not said yet that they have their parts. */
  readonly undealt: readonly string[];
  /** First leaf that was not set aside; 0 at a key server. */
  readonly end: number;
}

export function encodeTree({ parts, generation, undealt, end }: Tree): Uint8Array {
  const places = [...parts].sort(([one], [other]) => one - other);
  return encodeCbor({
    version: VERSION,
    end,
    generation,
    parts: places.map(([place, key]) => [place, encodePuncturableKey(key)]),
    undealt: [...undealt],
  });
}

/** @throws CareLedgerError CUSTODY_LOCKED for a file of another form */
export function decodeTree(bytes: Uint8Array | undefined): Tree | undefined {
  if (bytes === undefined) return undefined;
  const fields = ['version', 'end', 'generation', 'parts', 'undealt'];
  const map = assertCborMap('tree', decodeCbor(bytes, MAX_BYTES), fields);
  const { version, end, generation, parts, undealt } = map;
  const isTree =
    version === VERSION &&
    typeof end === 'number' &&
    typeof generation === 'string' &&
    Array.isArray(parts) &&
    Array.isArray(undealt);
  if (!isTree)
    throw new CareLedgerError('CUSTODY_LOCKED', { expected: `an erasure key of version ${String(VERSION)}` });
  return {
    parts: new Map((parts as readonly (readonly CborValue[])[]).map(partOf)),
    generation,
    undealt: undealt as readonly string[],
    end,
  };
}

function partOf([place, key]: readonly CborValue[]): [number, PuncturableKey] {
  return [place as number, decodePuncturableKey(key as Uint8Array)];
}
