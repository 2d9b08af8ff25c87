/**
 * A proxy's part in re-encryption: for one edge and many headers at once.
 *
 *   D_j = e(F(i), C1_j)                                                     for header j
 *   w_j = 128 bits of SHA-256(edge id, i, V_i, all handles and D, j);  C1* = prod C1_j^{w_j},  D* = prod D_j^{w_j}
 *   proof that one F has e(F, g2) = V_i and e(F, C1*) = D*:
 *     a random in G1, t1 = e(a, g2), t2 = e(a, C1*), c = Hr(edge id, i, V_i, handles, D.., t1, t2), z = a F^c
 *     holds when c = Hr(.., e(z, g2) V_i^{-c}, e(z, C1*) D*^{-c})
 *   signature = Ed25519(key of member/<proxy>, encodeParts('careledger/partials/v1', edge id, i, SHA-256(handles, D.., proof)))
 *   partials  = canonical CBOR { v, edgeId, point, handles, partials, c, z, signature }
 *
 * D depends on C1 and the share only, never on the hops before, so the proxies of all edges of a chain answer in one
 * round. A wrong D_j passes with probability 2^-128. The signature says whose answer it is: neither a proxy nor whoever
 * combines can put another's name under a wrong one.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, bytesToBigint, bytesToHex, hexToBytes, joinBytes } from '../core/bytes.js';
import { assertCborMap, decodeCbor, encodeCbor } from '../core/cbor.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { verifyPatientSignature } from '../core/patient-signature.js';
import { randomBytes, type RandomBytes } from '../core/random.js';
import { fieldBytes } from '../ibe/index.js';
import {
  G1_BYTES,
  GT_BYTES,
  SCALAR_BYTES,
  decodeScalar,
  encodeScalar,
  hashToScalar,
  mclPairing,
  modQ,
  randomScalar,
  type G2,
  type GT,
  type PairingEngine,
} from '../pairing/index.js';
import type { CheckedHeader } from './encrypt.js';
import { handleOf, PRE_VERSION } from './header.js';
import type { VerifiedEdge } from './edge.js';
import { MAX_PROXIES, parseStatement, tagOf, type EdgeStatement } from './statement.js';
import { encodeTag } from './tag.js';

/** Headers in one answer. */
export const MAX_PARTIAL_HEADERS = 512;
const MAX_PARTIALS_BYTES = 2 ** 20;
const WEIGHT_BYTES = 16;
const KEYS = ['v', 'edgeId', 'point', 'handles', 'partials', 'c', 'z', 'signature'];

interface Answer {
  readonly edgeId: string;
  readonly point: number;
  readonly handles: readonly string[];
  readonly partials: readonly Uint8Array[];
  readonly c: Uint8Array;
  readonly z: Uint8Array;
}

/**
 * @param of.share F(i), 48 bytes
 * @param of.headers as `publicCheck` gave them: unchecked ones would make an oracle of the proxy
 * @param of.signingKey Ed25519 of the proxy's member identity, 32 bytes
 * @throws CRYPTO_INVALID_INPUT for a header under another tag than the edge's
 */
export function partialReEncrypt(
  of: {
    readonly statement: Uint8Array;
    readonly proxy: string;
    readonly share: Uint8Array;
    readonly signingKey: Uint8Array;
    readonly headers: readonly CheckedHeader[];
  },
  engine: PairingEngine = mclPairing(),
  random: RandomBytes = randomBytes,
): Uint8Array {
  const statement = parseStatement(of.statement);
  const point = statement.proxies.indexOf(of.proxy) + 1;
  const value = statement.values[point - 1];
  if (value === undefined) throw invalidInput('proxy', 'one that the statement names', 'another');
  assertHeaders(statement, of.headers);
  const share = engine.decodeG1('share', of.share);
  const c1 = of.headers.map(({ points }) => points.c1);
  const partials = c1.map((element) => engine.encodeGT(engine.pair(share, element)));
  const facts = { edgeId: statement.edgeId, point, handles: of.headers.map(handleOf), partials };
  const combined = engine.g2Powers(c1, weightsOf(facts, value));
  const a = engine.g1Power(engine.g1, randomScalar(random));
  const c = challengeOf(engine, facts, value, [engine.pair(a, engine.g2), engine.pair(a, combined)]);
  const z = engine.encodeG1(engine.g1Multiply(a, engine.g1Power(share, c)));
  const answer = { ...facts, c: encodeScalar(c), z };
  const signature = ed25519.sign(messageOf(answer), of.signingKey);
  return encodeCbor({
    v: PRE_VERSION,
    edgeId: hexToBytes(facts.edgeId),
    point,
    handles: facts.handles.map(hexToBytes),
    partials,
    ...{ c: answer.c, z, signature },
  });
}

/**
 * One proxy's answer for one edge, in full: whose it is, for which headers, and that every D is right.
 * @param of.proxyKey Ed25519 of the proxy's member identity as the ledger has it, base64url
 * @returns D_j in the order of the headers
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_AUTHENTICATION_FAILED, CRYPTO_PROOF_INVALID
 */
export function verifyEdgePartials(
  of: {
    readonly edge: VerifiedEdge;
    readonly proxy: string;
    readonly proxyKey: string;
    readonly headers: readonly CheckedHeader[];
    readonly bytes: Uint8Array;
  },
  engine: PairingEngine = mclPairing(),
): GT[] {
  const { statement, values } = of.edge;
  const value = values.get(of.proxy);
  const point = statement.proxies.indexOf(of.proxy) + 1;
  const encoded = statement.values[point - 1];
  if (value === undefined || encoded === undefined)
    throw invalidInput('proxy', 'one that the statement names', 'another');
  assertHeaders(statement, of.headers);
  const answer = parsePartials(of.bytes);
  assertAbout(answer, { edgeId: statement.edgeId, point, handles: of.headers.map(handleOf) });
  const publicKey = fieldBytes('proxyKey', of.proxyKey, 32);
  verifyPatientSignature({ publicKey, message: messageOf(answer), signature: answer.signature });
  const partials = answer.partials.map((partial) => engine.decodeGT('partial', partial));
  const weights = weightsOf(answer, encoded);
  const combined = engine.g2Powers(
    of.headers.map(({ points }) => points.c1),
    weights,
  );
  const product = productOf(engine, partials, weights);
  assertProof(engine, { answer, encoded, value, combined, product });
  return partials;
}

function assertProof(
  engine: PairingEngine,
  of: {
    readonly answer: Answer;
    readonly encoded: Uint8Array;
    readonly value: GT;
    readonly combined: G2;
    readonly product: GT;
  },
): void {
  const c = decodeScalar('partials.c', of.answer.c);
  const z = engine.decodeG1('partials.z', of.answer.z);
  const t1 = engine.gtMultiply(engine.pair(z, engine.g2), engine.gtPower(of.value, modQ(-c)));
  const t2 = engine.gtMultiply(engine.pair(z, of.combined), engine.gtPower(of.product, modQ(-c)));
  if (challengeOf(engine, of.answer, of.encoded, [t1, t2]) === c) return;
  throw new CryptoError('CRYPTO_PROOF_INVALID', {
    argument: 'partials',
    expected: 'powers with the share of this proxy',
    came: 'others',
  });
}

function productOf(engine: PairingEngine, partials: readonly GT[], weights: readonly bigint[]): GT {
  return partials
    .map((partial, index) => engine.gtPower(partial, weights[index] ?? 0n))
    .reduce((product, power) => engine.gtMultiply(product, power));
}

/** Strict. @throws CRYPTO_INVALID_INPUT, CRYPTO_UNSUPPORTED */
function parsePartials(bytes: Uint8Array): Answer & { readonly signature: Uint8Array } {
  const map = assertCborMap('partials', decodeCbor(bytes, MAX_PARTIALS_BYTES), KEYS);
  if (map['v'] !== PRE_VERSION) {
    throw new CryptoError('CRYPTO_UNSUPPORTED', {
      argument: 'partials',
      expected: `version ${PRE_VERSION}`,
      came: 'another version',
    });
  }
  const sized = (key: string, value: unknown, sizeBytes: number): Uint8Array => {
    assertBytes(`partials.${key}`, value, sizeBytes);
    return value;
  };
  const list = (key: string, sizeBytes: number): Uint8Array[] => {
    const value: unknown = map[key];
    if (!Array.isArray(value) || value.length > MAX_PARTIAL_HEADERS)
      throw invalidInput(`partials.${key}`, `a list of at most ${MAX_PARTIAL_HEADERS}`, shapeOf(value));
    return value.map((item: unknown) => sized(key, item, sizeBytes));
  };
  const point: unknown = map['point'];
  if (typeof point !== 'number' || !Number.isInteger(point) || point < 1 || point > MAX_PROXIES)
    throw invalidInput('partials.point', `1..${MAX_PROXIES}`, shapeOf(point));
  return {
    edgeId: bytesToHex(sized('edgeId', map['edgeId'], 32)),
    point,
    handles: list('handles', 32).map(bytesToHex),
    partials: list('partials', GT_BYTES),
    c: sized('c', map['c'], SCALAR_BYTES),
    z: sized('z', map['z'], G1_BYTES),
    signature: sized('signature', map['signature'], 64),
  };
}

function assertAbout(answer: Answer, expected: Omit<Answer, 'partials' | 'c' | 'z'>): void {
  const isAbout =
    answer.edgeId === expected.edgeId &&
    answer.point === expected.point &&
    answer.partials.length === expected.handles.length &&
    answer.handles.join() === expected.handles.join();
  if (!isAbout) throw invalidInput('partials', 'those of this edge, proxy and headers', 'others');
}

/** Every header under the edge's tag: another tag's would not open, and its proxy would have computed for nothing. */
export function assertHeaders(statement: EdgeStatement, headers: readonly CheckedHeader[]): void {
  if (headers.length < 1 || headers.length > MAX_PARTIAL_HEADERS)
    throw invalidInput('headers', `1..${MAX_PARTIAL_HEADERS}`, String(headers.length));
  const expected = bytesToHex(encodeTag(tagOf(statement)));
  const isOther = headers.some(({ tag }) => bytesToHex(encodeTag(tag)) !== expected);
  if (isOther) throw invalidInput('headers', 'headers under the tag of this edge', 'another tag');
}

type Facts = Omit<Answer, 'c' | 'z'>;

function factsDigest({ edgeId, point, handles, partials }: Facts): Uint8Array {
  const hash = sha256.create();
  hash.update(
    encodeParts('careledger/partials-facts/v1', hexToBytes(edgeId), BigInt(point), BigInt(handles.length)),
  );
  hash.update(joinBytes([...handles.map(hexToBytes), ...partials]));
  return hash.digest();
}

function weightsOf(facts: Facts, value: Uint8Array): bigint[] {
  const seed = sha256(encodeParts('careledger/partials-seed/v1', factsDigest(facts), value));
  // One header needs no weight, and then costs no power.
  if (facts.handles.length === 1) return [1n];
  return facts.handles.map((_, index) => {
    const digest = sha256(encodeParts('careledger/partials-weight/v1', seed, BigInt(index)));
    return bytesToBigint(digest.slice(0, WEIGHT_BYTES)) + 1n;
  });
}

function challengeOf(
  engine: PairingEngine,
  facts: Facts,
  value: Uint8Array,
  commitments: readonly GT[],
): bigint {
  return hashToScalar(
    'careledger/partials-proof/v1',
    factsDigest(facts),
    value,
    ...commitments.map((commitment) => engine.encodeGT(commitment)),
  );
}

function messageOf({ c, z, ...facts }: Answer): Uint8Array {
  return encodeParts('careledger/partials/v1', factsDigest(facts), c, z);
}
