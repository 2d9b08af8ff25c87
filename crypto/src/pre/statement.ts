/**
 * A statement: the public part of an edge, signed by its delegator.
 *
 *   edge      = encodeParts('careledger/edge/v1', ver, ID, tau, from, to, parent, serial)
 *   edge id   = SHA-256(edge)
 *   parent    = 0^32 at hop 1, else the edge id of the edge before
 *   serial    = 16 random bytes, never used again by the same delegator (the ledger takes each once)
 *   statement = canonical CBOR { v, owner, ownerEpoch, typeLabel, conditionLabel, tagEpoch, from, fromEpoch, to, toEpoch,
 *               parent, serial, ex, q, wHash, values, proxies, threshold, sharable, maxDepth, allowsRecoverable, signature }
 *   signature = Ed25519(signing key of `from`, encodeParts('careledger/edge-statement/v1', SHA-256(all but signature)))
 *
 * E_X = e(K, g2); Q = g2^u at hop 1 and empty after it; values V_i = e(F(i), g2), one for each proxy in its order, whose
 * points are 1..n. Reading and the signature need no pairing: contracts do both.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, bytesToHex, hexToBytes } from '../core/bytes.js';
import { assertCborMap, decodeCbor, encodeCbor, type CborMap } from '../core/cbor.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { verifyPatientSignature } from '../core/patient-signature.js';
import { encodeIdentity, fieldBytes, type Identity } from '../ibe/index.js';
import { G2_BYTES, GT_BYTES } from '../pairing/index.js';
import { ATTESTATION_SLOTS, MAX_HOPS, PRE_VERSION } from './header.js';
import { encodeTag, type Tag } from './tag.js';

export const MAX_PROXIES = ATTESTATION_SLOTS;
export const SERIAL_BYTES = 16;
const DIGEST_BYTES = 32;
const SIGNATURE_BYTES = 64;
export const MAX_STATEMENT_BYTES = 9216;
const MSP_ID = /^[A-Za-z0-9.-]{1,64}$/;
const KEYS = [
  ...[
    'v',
    'owner',
    'ownerEpoch',
    'typeLabel',
    'conditionLabel',
    'tagEpoch',
    'from',
    'fromEpoch',
    'to',
    'toEpoch',
  ],
  ...['parent', 'serial', 'ex', 'q', 'wHash', 'values', 'proxies', 'threshold', 'sharable', 'maxDepth'],
  ...['allowsRecoverable', 'signature'],
];

export const NO_PARENT = '0'.repeat(64);

/** A statement as it is read; nothing in it is verified but its form. */
export interface EdgeStatement {
  /** SHA-256 of the edge, hex. */
  readonly edgeId: string;
  readonly owner: Identity;
  /** Hex, 32 bytes each. */
  readonly typeLabel: string;
  readonly conditionLabel: string;
  readonly tagEpoch: number;
  readonly from: Identity;
  readonly to: Identity;
  /** Edge id of the edge before, or zeros; hex. */
  readonly parent: string;
  /** Hex, 16 bytes. */
  readonly serial: string;
  /** E_X, 576 bytes. */
  readonly ex: Uint8Array;
  /** 96 bytes at hop 1; empty after it. */
  readonly q: Uint8Array;
  /** SHA-256 of W, hex. */
  readonly wHash: string;
  /** V_1 .. V_n, 576 bytes each. */
  readonly values: readonly Uint8Array[];
  /** MSP ids; the points are 1..n in this order. */
  readonly proxies: readonly string[];
  /** Partials that are needed. */
  readonly threshold: number;
  /** Whether the grantee may make onward edges, and for how many hops. Policy, not algebra. */
  readonly sharable: boolean;
  readonly maxDepth: number;
  /** Whether the edge tree may reach identities that a majority of hospitals can open. The owner's word. */
  readonly allowsRecoverable: boolean;
  readonly signature: Uint8Array;
}

export type UnsignedStatement = Omit<EdgeStatement, 'signature' | 'edgeId'>;
type EdgePlace = Pick<
  EdgeStatement,
  'owner' | 'typeLabel' | 'conditionLabel' | 'tagEpoch' | 'from' | 'to' | 'parent' | 'serial'
>;

export function tagOf({
  owner,
  typeLabel,
  conditionLabel,
  tagEpoch,
}: Omit<EdgePlace, 'from' | 'to' | 'parent' | 'serial'>): Tag {
  return { owner, typeLabel: hexToBytes(typeLabel), conditionLabel: hexToBytes(conditionLabel), tagEpoch };
}

/** The bytes of the edge. @throws CRYPTO_INVALID_INPUT */
export function encodeEdge(place: EdgePlace): Uint8Array {
  const { owner, from, to, parent, serial } = place;
  return encodeParts(
    'careledger/edge/v1',
    BigInt(PRE_VERSION),
    encodeIdentity(owner),
    encodeTag(tagOf(place)),
    encodeIdentity(from),
    encodeIdentity(to),
    hexToBytes(parent),
    hexToBytes(serial),
  );
}

export const edgeIdOf = (place: EdgePlace): string => bytesToHex(sha256(encodeEdge(place)));

function mapOf(statement: UnsignedStatement): CborMap {
  const { owner, from, to, typeLabel, conditionLabel, parent, serial, wHash, ...rest } = statement;
  const { tagEpoch, ex, q, values, proxies, threshold, sharable, maxDepth, allowsRecoverable } = rest;
  return {
    v: PRE_VERSION,
    ...{ owner: owner.name, ownerEpoch: owner.keyEpoch, from: from.name, fromEpoch: from.keyEpoch },
    ...{ to: to.name, toEpoch: to.keyEpoch, tagEpoch, ex, q, values, proxies, threshold },
    ...{ typeLabel: hexToBytes(typeLabel), conditionLabel: hexToBytes(conditionLabel) },
    ...{ parent: hexToBytes(parent), serial: hexToBytes(serial), wHash: hexToBytes(wHash) },
    ...{ sharable, maxDepth, allowsRecoverable },
  };
}

function messageOf(statement: UnsignedStatement): Uint8Array {
  return encodeParts('careledger/edge-statement/v1', sha256(encodeCbor(mapOf(statement))));
}

/** @param signingKey Ed25519 of `from`, 32 bytes @returns canonical bytes */
export function signStatement(statement: UnsignedStatement, signingKey: Uint8Array): Uint8Array {
  const signature = ed25519.sign(messageOf(statement), signingKey);
  const bytes = encodeCbor({ ...mapOf(statement), signature });
  parseStatement(bytes);
  return bytes;
}

/**
 * Strict: canonical CBOR, exactly these fields, lengths and ranges.
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_UNSUPPORTED
 */
export function parseStatement(bytes: Uint8Array): EdgeStatement {
  const map = assertCborMap('statement', decodeCbor(bytes, MAX_STATEMENT_BYTES), KEYS);
  if (map['v'] !== PRE_VERSION) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'statement',
      expected: `version ${PRE_VERSION}`,
      came: 'another version',
    });
  }
  const read = new Fields(map);
  const unsigned: UnsignedStatement = {
    owner: read.identity('owner', 'ownerEpoch'),
    typeLabel: read.hex('typeLabel', DIGEST_BYTES),
    conditionLabel: read.hex('conditionLabel', DIGEST_BYTES),
    tagEpoch: read.integer('tagEpoch', 0, 1_000_000),
    from: read.identity('from', 'fromEpoch'),
    to: read.identity('to', 'toEpoch'),
    parent: read.hex('parent', DIGEST_BYTES),
    serial: read.hex('serial', SERIAL_BYTES),
    ex: read.bytes('ex', GT_BYTES),
    q: read.bytes('q'),
    wHash: read.hex('wHash', DIGEST_BYTES),
    values: read.list('values', (value) => {
      assertBytes('statement.values', value, GT_BYTES);
      return value;
    }),
    proxies: read.list('proxies', (value) => {
      if (typeof value !== 'string' || !MSP_ID.test(value))
        throw invalidInput('statement.proxies', 'MSP ids', shapeOf(value));
      return value;
    }),
    threshold: read.integer('threshold', 1, MAX_PROXIES),
    sharable: read.boolean('sharable'),
    maxDepth: read.integer('maxDepth', 0, MAX_HOPS - 1),
    allowsRecoverable: read.boolean('allowsRecoverable'),
  };
  assertShape(unsigned);
  return { ...unsigned, edgeId: edgeIdOf(unsigned), signature: read.bytes('signature', SIGNATURE_BYTES) };
}

function assertShape(statement: UnsignedStatement): void {
  const { parent, q, values, proxies, threshold, sharable, maxDepth } = statement;
  const expectedQ = parent === NO_PARENT ? G2_BYTES : 0;
  const isWhole =
    q.length === expectedQ &&
    proxies.length >= 1 &&
    proxies.length <= MAX_PROXIES &&
    values.length === proxies.length &&
    new Set(proxies).size === proxies.length &&
    threshold <= proxies.length &&
    // Depth 0 is what "not sharable" means; a flag that says otherwise would be read either way.
    sharable === maxDepth > 0;
  if (!isWhole)
    throw invalidInput(
      'statement',
      'one value for each proxy, Q at hop 1 alone, depth if sharable',
      'another',
    );
}

/** @param signingKey of `from`'s registration, base64url @throws CRYPTO_AUTHENTICATION_FAILED, CRYPTO_INVALID_INPUT */
export function verifyStatementSignature(
  { signature, ...statement }: EdgeStatement,
  signingKey: string,
): void {
  const publicKey = fieldBytes('signingKey', signingKey, 32);
  verifyPatientSignature({ publicKey, message: messageOf(statement), signature });
}

class Fields {
  constructor(private readonly map: CborMap) {}

  bytes(key: string, sizeBytes?: number): Uint8Array {
    const value: unknown = this.map[key];
    assertBytes(`statement.${key}`, value, sizeBytes);
    return value;
  }

  hex(key: string, sizeBytes: number): string {
    return bytesToHex(this.bytes(key, sizeBytes));
  }

  integer(key: string, least: number, most: number): number {
    const value: unknown = this.map[key];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      throw invalidInput(`statement.${key}`, `${least}..${most}`, shapeOf(value));
    return value;
  }

  boolean(key: string): boolean {
    const value: unknown = this.map[key];
    if (typeof value !== 'boolean') throw invalidInput(`statement.${key}`, 'true or false', shapeOf(value));
    return value;
  }

  identity(key: string, epochKey: string): Identity {
    const name: unknown = this.map[key];
    if (typeof name !== 'string') throw invalidInput(`statement.${key}`, 'text', shapeOf(name));
    const identity = { name, keyEpoch: this.integer(epochKey, 0, 1_000_000) };
    encodeIdentity(identity);
    return identity;
  }

  list<Item>(key: string, item: (value: unknown) => Item): Item[] {
    const value: unknown = this.map[key];
    if (!Array.isArray(value) || value.length > MAX_PROXIES)
      throw invalidInput(`statement.${key}`, `a list of at most ${MAX_PROXIES}`, shapeOf(value));
    return value.map(item);
  }
}
