/**
 * Identities: names of a closed grammar, and the bytes that are hashed for them.
 *
 *   name  = patient/<pseudonym> | member/<mspId> | role/<mspId>/<role> | person/<mspId>/<enrolmentId> | trace/<pseudonym>
 *   ID    = encodeParts('careledger/identity/v1', name, key epoch)
 *   H1(ID) in G1
 *
 * `trace/` names are never registered: links of pseudonyms are sealed to them, under the master key itself.
 */
import { assertBytes, base64UrlToBytes } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { invalidInput, shapeOf } from '../core/errors.js';
import type { G1, PairingEngine } from '../pairing/index.js';

/** One identity at one epoch of its key. */
export interface Identity {
  readonly name: string;
  readonly keyEpoch: number;
}

/** A registration as far as the schemes compute with it; bytes are base64url. */
export interface IdentityPublicKey extends Identity {
  /** P_ID, 96 bytes. */
  readonly publicKey: string;
  /** Ed25519. */
  readonly signingKey: string;
  /** P_ID = P. */
  readonly recoverable: boolean;
}

/** What stands on the ledger. */
export interface RegisteredKey extends IdentityPublicKey {
  readonly custody: 'patient' | 'hospital';
  readonly proof: string;
  readonly previousSignature?: string;
}

const NAME =
  /^(?:(?:patient|trace)\/[0-9a-f]{32}|member\/[A-Za-z0-9.-]{1,64}|role\/[A-Za-z0-9.-]{1,64}\/[a-z]{1,20}|person\/[A-Za-z0-9.-]{1,64}\/[A-Za-z0-9._-]{1,64})$/;
const MAX_EPOCH = 1_000_000;
const CACHED_POINTS = 512;

/** @throws CRYPTO_INVALID_INPUT for another name or epoch */
export function assertIdentity({ name, keyEpoch }: Identity): void {
  if (typeof name !== 'string' || !NAME.test(name))
    throw invalidInput('name', 'the name of an identity', shapeOf(name));
  if (!Number.isInteger(keyEpoch) || keyEpoch < 0 || keyEpoch > MAX_EPOCH)
    throw invalidInput('keyEpoch', `0..${MAX_EPOCH}`, shapeOf(keyEpoch));
}

/** The bytes of ID. @throws CRYPTO_INVALID_INPUT */
export function encodeIdentity(identity: Identity): Uint8Array {
  assertIdentity(identity);
  return encodeParts('careledger/identity/v1', identity.name, BigInt(identity.keyEpoch));
}

export const sameIdentity = (left: Identity, right: Identity): boolean =>
  left.name === right.name && left.keyEpoch === right.keyEpoch;

const points = new WeakMap<PairingEngine, Map<string, G1>>();

/** H1(ID). The last few hundred are kept: hashing costs more than most of what is done with a point. */
export function identityPoint(engine: PairingEngine, identity: Identity): G1 {
  const bytes = encodeIdentity(identity);
  const cache = points.get(engine) ?? new Map<string, G1>();
  points.set(engine, cache);
  const key = `${identity.name}#${identity.keyEpoch}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const point = engine.hashToG1(bytes, 'identity');
  const [oldest] = cache.keys();
  if (cache.size >= CACHED_POINTS && oldest !== undefined) cache.delete(oldest);
  cache.set(key, point);
  return point;
}

/** A field of a registration as bytes. @throws CRYPTO_INVALID_INPUT */
export function fieldBytes(argument: string, text: string, sizeBytes: number): Uint8Array {
  const bytes = base64UrlToBytes(text);
  assertBytes(argument, bytes, sizeBytes);
  return bytes;
}
