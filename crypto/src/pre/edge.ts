/**
 * Edges: making them (RKGen), sharing their secret among proxies, and what proxies and readers verify.
 *
 *   hop 1     u, X fresh;  K = HX(edge, X);  S = sk T^u;  R = K S^{-1};  Q = g2^u
 *   onward    X' fresh;    K' = HX(edge', X');            R' = K' K^{-1}
 *   both      W = IBE_to(X; aad = edge),  E_X = e(K, g2)
 *             F(i) = R prod_{k=1..t} A_k^{i^k} for proxy i, A_k random;  V_i = e(F(i), g2)
 *   verified  V_0 := e(R, g2) = E_X / (e(H1(ID), P_ID) e(T, Q)) at hop 1, E_X' / E_X after it;
 *             V_0 .. V_n lie on one polynomial of degree t in the exponent; e(share, g2) = V_i
 *
 * R leaves its maker in shares only: not to the grantee (with X it gives S), not to the ledger. All randomness is
 * hedged: block j = HKDF-SHA-256(drawn bytes; salt = the maker's key, info = (edge, terms, j)), and the serial is drawn
 * the same way from the edge without it. A generator that repeats itself, or that somebody foresees, then gives nobody
 * u, X, A_k or the randomness of W, and no two edges the same: not those either that are tried again with other proxies.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { assertBytes, bytesEqual, bytesToHex } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput } from '../core/errors.js';
import { randomBytes, type RandomBytes } from '../core/random.js';
import {
  decryptAsIdentity,
  encryptToIdentity,
  sameIdentity,
  type Identity,
  type IdentityPublicKey,
} from '../ibe/index.js';
import {
  G2_BYTES,
  lagrangeModQAt,
  mclPairing,
  randomScalar,
  type G1,
  type GT,
  type PairingEngine,
} from '../pairing/index.js';
import { EDGE_SECRET_BYTES } from './header.js';
import { ownerBase } from './encrypt.js';
import {
  NO_PARENT,
  SERIAL_BYTES,
  edgeIdOf,
  encodeEdge,
  signStatement,
  tagOf,
  type EdgeStatement,
} from './statement.js';
import { tagPoint, type Tag } from './tag.js';

/** Bytes drawn for each block of hedged randomness. */
const HEDGE_BYTES = 32;

/** Public part of an edge as the ledger has it: base64url. */
export interface PublicEdge {
  readonly statement: string;
  /** X, sealed to the grantee. */
  readonly w: string;
}

/** What is the same for an edge from an owner and an onward one. */
export interface EdgeTerms {
  readonly to: IdentityPublicKey;
  /** MSP ids, in the order of their points. */
  readonly proxies: readonly string[];
  /** Partials that will be needed: 1 of 1 for a single proxy, a majority by default elsewhere. */
  readonly threshold: number;
  readonly sharable: boolean;
  /** Onward hops, 0 to 8; more than 0 exactly when sharable. */
  readonly maxDepth: number;
}

export interface MadeEdge {
  /** Hex. */
  readonly edgeId: string;
  readonly statement: Uint8Array;
  readonly w: Uint8Array;
  /** F(i) by proxy, 48 bytes each: secret, for that proxy alone. */
  readonly shares: ReadonlyMap<string, Uint8Array>;
}

/** The delegator: its key of the identity scheme, and its signing key; 48 and 32 bytes. */
export interface Delegator {
  readonly identity: IdentityPublicKey;
  readonly identityKey: Uint8Array;
  readonly signingKey: Uint8Array;
}

/**
 * RKGen: an edge from the owner of a tag. Only for the tag's present epoch, which the ledger checks.
 * @param allowsRecoverable the owner's word that the tree may reach identities which a majority of hospitals can open
 */
export function makeEdge(
  owner: Delegator,
  terms: EdgeTerms & { readonly tag: Omit<Tag, 'owner'>; readonly allowsRecoverable: boolean },
  engine: PairingEngine = mclPairing(),
  random: RandomBytes = randomBytes,
): MadeEdge {
  const { identity, identityKey } = owner;
  assertRecoverable(identity, terms.to, terms.allowsRecoverable);
  const { place, drawn } = begin(
    { owner: identity, tag: terms.tag, from: identity, parent: NO_PARENT },
    { ...terms, identityKey },
    random,
  );
  const u = randomScalar(drawn);
  const secret = drawn(EDGE_SECRET_BYTES);
  const k = edgePoint(engine, place, secret);
  const t = tagPoint(engine, tagOf(place));
  const sk = engine.decodeG1('identityKey', identityKey);
  const s = engine.g1Multiply(sk, engine.g1Power(t, u));
  const r = engine.g1Multiply(k, inverse(engine, s));
  const q = engine.encodeG2(engine.g2Power(engine.g2, u));
  const { allowsRecoverable } = terms;
  return finishEdge(engine, { place, secret, k, r, q, allowsRecoverable }, terms, owner.signingKey, drawn);
}

/**
 * K of an edge for its grantee: W opened, and e(K, g2) = E_X.
 * @throws CRYPTO_AUTHENTICATION_FAILED
 */
export function openEdge(
  to: IdentityPublicKey,
  identityKey: Uint8Array,
  statement: EdgeStatement,
  w: Uint8Array,
  engine: PairingEngine = mclPairing(),
): G1 {
  if (!sameIdentity(to, statement.to) || bytesToHex(sha256(w)) !== statement.wHash)
    throw wrongEdge('the grantee’s W');
  const secret = decryptAsIdentity(identityKey, to, w, encodeEdge(statement), engine);
  assertBytes('edge secret', secret, EDGE_SECRET_BYTES);
  const k = edgePoint(engine, statement, secret);
  secret.fill(0);
  if (!bytesEqual(engine.encodeGT(engine.pair(k, engine.g2)), statement.ex)) throw wrongEdge('X of this E_X');
  return k;
}

/** An edge whose every value was verified; its elements, for what comes after. */
export interface VerifiedEdge {
  readonly statement: EdgeStatement;
  /** V_i by proxy. */
  readonly values: ReadonlyMap<string, GT>;
}

/**
 * All values of an edge: membership, one polynomial, its constant term. Signature and chain are `verifyChain`'s.
 * @param parent statement of the edge before, for an onward one
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_AUTHENTICATION_FAILED
 */
export function verifyEdgeValues(
  statement: EdgeStatement,
  owner: IdentityPublicKey,
  parent: EdgeStatement | undefined,
  engine: PairingEngine = mclPairing(),
): VerifiedEdge {
  const ex = engine.decodeGT('statement.ex', statement.ex);
  const base =
    parent === undefined ? firstBase(engine, statement, owner) : engine.decodeGT('statement.ex', parent.ex);
  const constant = engine.gtMultiply(ex, engine.gtInverse(base));
  const values = statement.values.map((value) => engine.decodeGT('statement.values', value));
  assertOnePolynomial(engine, [constant, ...values], statement.threshold);
  return {
    statement,
    values: new Map(statement.proxies.map((proxy, index) => [proxy, values[index] ?? constant])),
  };
}

/** e(H1(ID), P_ID) e(T, Q). */
function firstBase(engine: PairingEngine, statement: EdgeStatement, owner: IdentityPublicKey): GT {
  assertBytes('statement.q', statement.q, G2_BYTES);
  const q = engine.decodeG2('statement.q', statement.q);
  return engine.gtMultiply(ownerBase(engine, owner), engine.pair(tagPoint(engine, tagOf(statement)), q));
}

/** The first t + 1 of the points 0..n give the polynomial of degree t; every other one has to be on it. */
function assertOnePolynomial(engine: PairingEngine, values: readonly GT[], threshold: number): void {
  const basis = values.slice(0, threshold);
  const points = basis.map((_, point) => point);
  for (const [point, value] of values.entries()) {
    if (point < threshold) continue;
    const expected = basis
      .map((element, index) => engine.gtPower(element, lagrangeModQAt(points, index, point)))
      .reduce((product, element) => engine.gtMultiply(product, element));
    if (!engine.gtEqual(expected, value)) throw wrongEdge('values on one polynomial with E_X');
  }
}

/**
 * A proxy's share against its value.
 * @throws CRYPTO_AUTHENTICATION_FAILED, CRYPTO_INVALID_INPUT @returns the share's point
 */
export function verifyEdgeShare(
  edge: VerifiedEdge,
  proxy: string,
  share: Uint8Array,
  engine: PairingEngine = mclPairing(),
): number {
  const value = edge.values.get(proxy);
  if (value === undefined) throw invalidInput('proxy', 'one that the statement names', 'another');
  const element = engine.decodeG1('share', share);
  if (!engine.gtEqual(engine.pair(element, engine.g2), value)) throw wrongEdge('the share of this proxy');
  return edge.statement.proxies.indexOf(proxy) + 1;
}

export interface UnfinishedEdge {
  readonly place: Place;
  readonly secret: Uint8Array;
  readonly k: G1;
  readonly r: G1;
  readonly q: Uint8Array;
  readonly allowsRecoverable: boolean;
}

/** What an edge from the owner and an onward one have in common, once K and R are known. */
export function finishEdge(
  engine: PairingEngine,
  { place, secret, k, r, q, allowsRecoverable }: UnfinishedEdge,
  { to, proxies, threshold, sharable, maxDepth }: EdgeTerms,
  signingKey: Uint8Array,
  random: RandomBytes,
): MadeEdge {
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > proxies.length)
    throw invalidInput('threshold', `1..${proxies.length}`, String(threshold));
  const w = encryptToIdentity(to, secret, encodeEdge(place), engine, random);
  secret.fill(0);
  const elements = shareAmong(engine, r, { threshold, proxies: proxies.length, random });
  const unsigned = {
    ...place,
    ex: engine.encodeGT(engine.pair(k, engine.g2)),
    q,
    wHash: bytesToHex(sha256(w)),
    values: elements.map((element) => engine.encodeGT(engine.pair(element, engine.g2))),
    ...{ proxies: [...proxies], threshold, sharable, maxDepth, allowsRecoverable },
  };
  const shares = new Map(proxies.map((proxy, index) => [proxy, engine.encodeG1(elements[index] ?? r)]));
  return { edgeId: edgeIdOf(place), statement: signStatement(unsigned, signingKey), w, shares };
}

/** F(1) .. F(n), by Horner's rule. */
function shareAmong(
  engine: PairingEngine,
  r: G1,
  {
    threshold,
    proxies,
    random,
  }: { readonly threshold: number; readonly proxies: number; readonly random: RandomBytes },
): G1[] {
  const coefficients = Array.from({ length: threshold - 1 }, () =>
    engine.g1Power(engine.g1, randomScalar(random)),
  );
  return Array.from({ length: proxies }, (_, index) => {
    const point = BigInt(index + 1);
    let value: G1 | undefined;
    for (const coefficient of [...coefficients].reverse())
      value =
        value === undefined ? coefficient : engine.g1Multiply(engine.g1Power(value, point), coefficient);
    return value === undefined ? r : engine.g1Multiply(engine.g1Power(value, point), r);
  });
}

export type Place = Parameters<typeof encodeEdge>[0];

/** The place of a new edge, and what it is drawn from. */
export function begin(
  of: {
    readonly owner: Identity;
    readonly tag: Omit<Tag, 'owner'>;
    readonly from: Identity;
    readonly parent: string;
  },
  terms: EdgeTerms & { readonly allowsRecoverable: boolean; readonly identityKey: Uint8Array },
  random: RandomBytes,
): { readonly place: Place; readonly drawn: RandomBytes } {
  const bare = { ...of, to: terms.to };
  const digest = termsDigest(terms);
  const { identityKey } = terms;
  const unnamed = encodeEdge(placeOf(bare, NO_SERIAL));
  const serial = hkdf(
    sha256,
    random(HEDGE_BYTES),
    identityKey,
    encodeParts('careledger/edge-serial/v1', unnamed, digest),
    SERIAL_BYTES,
  );
  const place = placeOf(bare, serial);
  return { place, drawn: hedged(identityKey, encodeEdge(place), digest, random) };
}

/** What an edge's name does not say and its secrets depend on. */
function termsDigest({
  to,
  proxies,
  threshold,
  sharable,
  maxDepth,
  allowsRecoverable,
}: EdgeTerms & { readonly allowsRecoverable: boolean }): Uint8Array {
  const flags = [sharable, allowsRecoverable].map((flag) => (flag ? 1n : 0n));
  return sha256(
    encodeParts(
      'careledger/edge-terms/v1',
      to.publicKey,
      ...[BigInt(threshold), BigInt(maxDepth), ...flags],
      ...proxies,
    ),
  );
}

const NO_SERIAL = new Uint8Array(SERIAL_BYTES);

export function placeOf(
  of: {
    readonly owner: Identity;
    readonly tag: Omit<Tag, 'owner'>;
    readonly from: Identity;
    readonly to: Identity;
    readonly parent: string;
  },
  serial: Uint8Array,
): Place {
  const bare = ({ name, keyEpoch }: Identity): Identity => ({ name, keyEpoch });
  const { typeLabel, conditionLabel, tagEpoch } = of.tag;
  return {
    owner: bare(of.owner),
    typeLabel: bytesToHex(typeLabel),
    conditionLabel: bytesToHex(conditionLabel),
    tagEpoch,
    from: bare(of.from),
    to: bare(of.to),
    parent: of.parent,
    serial: bytesToHex(serial),
  };
}

/** What reaches a recoverable identity can be opened by a majority of hospitals. */
export function assertRecoverable(
  owner: Pick<IdentityPublicKey, 'recoverable'>,
  to: Pick<IdentityPublicKey, 'recoverable'>,
  allowsRecoverable: boolean,
): void {
  if (owner.recoverable || !to.recoverable || allowsRecoverable) return;
  throw invalidInput(
    'to',
    'an identity that the hospitals cannot open, unless the owner allows it',
    'a recoverable one',
  );
}

/** K = HX(enc(edge, X)). */
export function edgePoint(engine: PairingEngine, place: Place, secret: Uint8Array): G1 {
  return engine.hashToG1(encodeParts('careledger/edge-point/v1', encodeEdge(place), secret), 'edge');
}

const LAST_EXPONENT = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000000n;

export function inverse(engine: PairingEngine, value: G1): G1 {
  return engine.g1Power(value, LAST_EXPONENT);
}

/** Draws that depend on the maker's key, the edge and its terms as well as on `random`. */
function hedged(key: Uint8Array, edge: Uint8Array, terms: Uint8Array, random: RandomBytes): RandomBytes {
  let block = 0n;
  return (sizeBytes) => {
    const info = encodeParts('careledger/edge-random/v2', edge, terms, block);
    block += 1n;
    return hkdf(sha256, random(HEDGE_BYTES), key, info, sizeBytes);
  };
}

function wrongEdge(expected: string): CryptoError {
  return new CryptoError('CRYPTO_AUTHENTICATION_FAILED', { argument: 'edge', expected, came: 'another' });
}
