/**
 * Re-encryption along a chain, and opening at its end.
 *
 *   hop 1    C3'  = C3  e(C2, Q) prod D_i^{lambda_i}      = M e(K, C1)
 *   hop k    C3'' = C3' prod D_i^{lambda_i}               = M e(K', C1)
 *   open     M = C3 / e(K, C1); then r, C1, C2, C4 and h3 again, as the owner
 *
 * Two kinds of evidence that proxies took part, and no opening without one (E_X is public, so any reader could write a
 * header that looks like hop k of somebody else's edge): signed partials with proofs, at a live opening; or, in a header
 * that was handed on, signatures of as many proxies of its last edge as that edge needs, over what they made:
 *
 *   attestation = Ed25519(key of member/<proxy>, encodeParts('careledger/re-encrypted/v1', handle, edge id, SHA-256(C3')))
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { base64UrlToBytes, bytesToHex, hexToBytes } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput } from '../core/errors.js';
import { verifyPatientSignature } from '../core/patient-signature.js';
import { fieldBytes, type IdentityPublicKey } from '../ibe/index.js';
import { lagrangeModQ, mclPairing, Q, type G1, type GT, type PairingEngine } from '../pairing/index.js';
import { verifyChain, type EdgeChain } from './chain.js';
import { openEdge, type VerifiedEdge } from './edge.js';
import {
  oneRejection,
  openedKey,
  ownerBase,
  publicCheck,
  readHeaders,
  type CheckedHeader,
} from './encrypt.js';
import { encodeHeader, handleOf, parseHeader, type PreHeader } from './header.js';
import { assertHeaders, verifyEdgePartials } from './partial.js';

/** Answers to one question: by proxy, its partials for each edge of which it has a share. */
export type ProxyAnswers = ReadonlyMap<
  string,
  readonly { readonly edgeId: string; readonly bytes: Uint8Array }[]
>;
/**
 * Ed25519 keys of the proxies' member identities as the ledger has them, base64url: by proxy, or under `edgeProxy` where a
 * proxy acknowledged edges of one chain with keys of several epochs.
 */
export type ProxyKeys = ReadonlyMap<string, string>;

/** Place of a proxy's key for one edge. */
export function edgeProxy(edgeId: string, proxy: string): string {
  return `${edgeId}/${proxy}`;
}

function keyOfProxy(keys: ProxyKeys, edgeId: string, proxy: string): string | undefined {
  return keys.get(edgeProxy(edgeId, proxy)) ?? keys.get(proxy);
}

export interface OpenedAlong {
  /** 32 bytes each, in the order of the headers; none (a hole) at the place of a header that does not open. */
  readonly wrapKeys: Uint8Array[];
  /** Places of the headers that do not open, while others do. */
  readonly unopened: number[];
  /** Proxies whose partials did not verify. */
  readonly badProxies: string[];
}

/** Where an opening ends: the identity that the last edge reaches, and its key, 48 bytes. */
export interface Reader {
  readonly identity: IdentityPublicKey;
  readonly identityKey: Uint8Array;
}

/**
 * Opens hop 0 headers along a chain with the proxies' partials. The partials have their proofs, so a header that does not
 * open is the fault of whoever encrypted it: it keeps no other back.
 * @param headers one tag's, as the record store has them
 * @throws CRYPTO_SHARES_INCOMPLETE when too few partials of an edge are right, naming the proxies; otherwise
 *         CRYPTO_INVALID_INPUT for the chain, and CRYPTO_AUTHENTICATION_FAILED when no header opens
 */
export function openAlong(
  reader: Reader,
  of: {
    readonly chain: EdgeChain;
    readonly headers: readonly Uint8Array[];
    readonly answers: ProxyAnswers;
    readonly proxyKeys: ProxyKeys;
  },
  engine: PairingEngine = mclPairing(),
): OpenedAlong {
  const edges = verifyChain(of.chain, engine);
  const headers = readHeaders(of.headers, engine);
  if (headers.some(({ hop }) => hop !== 0)) throw invalidInput('headers', 'hop 0', 'a later hop');
  const { factors, badProxies } = combine(
    { edges, headers, answers: of.answers, proxyKeys: of.proxyKeys },
    engine,
  );
  const k = keyOfLast(reader, of.chain, edges, engine);
  const base = baseOf(engine, of.chain);
  const q = engine.decodeG2('statement.q', firstOf(edges).statement.q);
  const minusK = engine.g1Power(k, Q - 1n);
  return {
    badProxies,
    ...openEach(headers, (header, index) => {
      const { c1, c2 } = header.points;
      const opened = engine.pairProduct([
        [c2, q],
        [minusK, c1],
      ]);
      const c3 = engine.decodeGT('preHeader.c3', header.c3);
      return openedKey(engine, multiplyAll(engine, [c3, opened, factors[index] ?? opened]), header, base);
    }),
  };
}

/** @throws CRYPTO_AUTHENTICATION_FAILED when no header opens */
function openEach(
  headers: readonly CheckedHeader[],
  open: (header: CheckedHeader, index: number) => Uint8Array,
): Pick<OpenedAlong, 'wrapKeys' | 'unopened'> {
  const wrapKeys = new Array<Uint8Array>(headers.length);
  const unopened: number[] = [];
  for (const [index, header] of headers.entries()) {
    try {
      wrapKeys[index] = oneRejection(() => open(header, index));
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      unopened.push(index);
      if (unopened.length === headers.length) throw error;
    }
  }
  return { wrapKeys, unopened };
}

/**
 * One header, re-encrypted to the end of a chain: as long as it was, and without attestations yet.
 * @param of.header hop 0 @throws as `openAlong`
 */
export function reEncryptAlong(
  of: {
    readonly chain: EdgeChain;
    readonly header: Uint8Array;
    readonly answers: ProxyAnswers;
    readonly proxyKeys: ProxyKeys;
  },
  engine: PairingEngine = mclPairing(),
): Uint8Array {
  const edges = verifyChain(of.chain, engine);
  const headers = publicCheck([of.header], engine);
  const [header] = headers;
  if (header?.hop !== 0) throw invalidInput('header', 'hop 0', 'a later hop');
  const { factors } = combine({ edges, headers, answers: of.answers, proxyKeys: of.proxyKeys }, engine);
  const q = engine.decodeG2('statement.q', firstOf(edges).statement.q);
  const c3 = engine.decodeGT('preHeader.c3', header.c3);
  const factor = factors[0];
  if (factor === undefined) throw invalidInput('headers', 'one', 'none');
  const last = lastOf(edges).statement;
  return encodeHeader({
    ...header,
    hop: edges.length,
    c3: engine.encodeGT(multiplyAll(engine, [c3, engine.pair(header.points.c2, q), factor])),
    edgeId: hexToBytes(last.edgeId),
    w: base64UrlToBytes(of.chain.edges.at(-1)?.w ?? ''),
    attestations: new Map(),
  });
}

/** A proxy's signature under a re-encrypted header that it combined itself. @param signingKey Ed25519, 32 bytes */
export function attest(header: Uint8Array, signingKey: Uint8Array): Uint8Array {
  return ed25519.sign(attestedMessage(parseHeader(header)), signingKey);
}

/** @param attestations by the proxy's point on the last edge */
export function withAttestations(
  header: Uint8Array,
  attestations: ReadonlyMap<number, Uint8Array>,
): Uint8Array {
  return encodeHeader({ ...parseHeader(header), attestations });
}

/**
 * Opens a header of hop 1 or later that was handed on with attestations.
 * @throws CRYPTO_INVALID_INPUT for the chain; CRYPTO_AUTHENTICATION_FAILED
 */
export function openAttested(
  reader: Reader,
  of: { readonly chain: EdgeChain; readonly header: Uint8Array; readonly proxyKeys: ProxyKeys },
  engine: PairingEngine = mclPairing(),
): Uint8Array {
  const edges = verifyChain(of.chain, engine);
  return oneRejection(() => {
    const [header] = publicCheck([of.header], engine);
    if (header === undefined) throw invalidInput('header', 'one', 'none');
    verifyAttestations(header, edges, of.proxyKeys);
    const { statement } = lastOf(edges);
    if (!isUnder(header, statement, bytesToHex(header.w))) throw notAttested('the tag of the last edge');
    const k = openEdge(reader.identity, reader.identityKey, statement, header.w, engine);
    const shared = engine.pair(k, header.points.c1);
    const c3 = engine.decodeGT('preHeader.c3', header.c3);
    const m = engine.gtMultiply(c3, engine.gtInverse(shared));
    return openedKey(engine, m, header, baseOf(engine, of.chain));
  });
}

/** As many proxies of the last edge as it needs, each by its own key. @throws CRYPTO_AUTHENTICATION_FAILED */
export function verifyAttestations(
  header: PreHeader,
  edges: readonly VerifiedEdge[],
  proxyKeys: ProxyKeys,
): void {
  const { statement } = lastOf(edges);
  if (header.hop !== edges.length || bytesToHex(header.edgeId) !== statement.edgeId)
    throw notAttested('the hop and the edge that the chain ends with');
  const message = attestedMessage(header);
  let right = 0;
  for (const [point, signature] of header.attestations) {
    const proxyKey = keyOfProxy(proxyKeys, statement.edgeId, statement.proxies[point - 1] ?? '');
    if (proxyKey === undefined) throw notAttested('proxies of this edge');
    verifyPatientSignature({ publicKey: fieldBytes('proxyKey', proxyKey, 32), message, signature });
    right += 1;
  }
  if (right < statement.threshold) throw notAttested(`${statement.threshold} signatures of proxies`);
}

function isUnder(header: PreHeader, statement: VerifiedEdge['statement'], w: string): boolean {
  const { tag } = header;
  return (
    tag.owner.name === statement.owner.name &&
    tag.owner.keyEpoch === statement.owner.keyEpoch &&
    bytesToHex(tag.typeLabel) === statement.typeLabel &&
    bytesToHex(tag.conditionLabel) === statement.conditionLabel &&
    tag.tagEpoch === statement.tagEpoch &&
    bytesToHex(sha256(hexToBytes(w))) === statement.wHash
  );
}

function attestedMessage(header: PreHeader): Uint8Array {
  return encodeParts(
    'careledger/re-encrypted/v1',
    hexToBytes(handleOf(header)),
    header.edgeId,
    BigInt(header.hop),
    sha256(header.c3),
  );
}

/** For each header, the product over all edges of prod D_i^{lambda_i}: what e(R.., C1) would be. */
function combine(
  of: {
    readonly edges: readonly VerifiedEdge[];
    readonly headers: readonly CheckedHeader[];
    readonly answers: ProxyAnswers;
    readonly proxyKeys: ProxyKeys;
  },
  engine: PairingEngine,
): { readonly factors: GT[]; readonly badProxies: string[] } {
  // Before any answer is looked at: else a wrong question would be the fault of whoever answered.
  for (const { statement } of of.edges) assertHeaders(statement, of.headers);
  const bad = new Set<string>();
  const perEdge = of.edges.map((edge) => {
    const right = rightPartials({ ...of, edge, bad }, engine);
    const { threshold, edgeId } = edge.statement;
    if (right.length < threshold) {
      throw new CryptoError('CRYPTO_SHARES_INCOMPLETE', {
        argument: `edge ${edgeId}`,
        expected: `${threshold} right partials`,
        came: `${right.length}${bad.size === 0 ? '' : `; wrong: ${[...bad].join(', ')}`}`,
      });
    }
    const points = right.map(({ point }) => point);
    return of.headers.map((_, index) =>
      multiplyAll(
        engine,
        right.flatMap(({ point, partials }) => {
          const partial = partials[index];
          return partial === undefined ? [] : [engine.gtPower(partial, lagrangeModQ(points, point))];
        }),
      ),
    );
  });
  const factors = of.headers.map((_, index) =>
    multiplyAll(
      engine,
      perEdge.flatMap((factorsOfEdge) => factorsOfEdge[index] ?? []),
    ),
  );
  return { factors, badProxies: [...bad] };
}

/** The first `threshold` answers that verify; more are not looked at. */
function rightPartials(
  of: {
    readonly edge: VerifiedEdge;
    readonly headers: readonly CheckedHeader[];
    readonly answers: ProxyAnswers;
    readonly proxyKeys: ProxyKeys;
    readonly bad: Set<string>;
  },
  engine: PairingEngine,
): { readonly point: number; readonly partials: GT[] }[] {
  const { proxies, threshold, edgeId } = of.edge.statement;
  const right: { readonly point: number; readonly partials: GT[] }[] = [];
  for (const [index, proxy] of proxies.entries()) {
    if (right.length === threshold) break;
    const bytes = of.answers.get(proxy)?.find((answer) => answer.edgeId === edgeId)?.bytes;
    const proxyKey = keyOfProxy(of.proxyKeys, edgeId, proxy);
    if (bytes === undefined || proxyKey === undefined) continue;
    try {
      const partials = verifyEdgePartials(
        { edge: of.edge, proxy, proxyKey, headers: of.headers, bytes },
        engine,
      );
      right.push({ point: index + 1, partials });
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      of.bad.add(proxy);
    }
  }
  return right;
}

function keyOfLast(
  reader: Reader,
  chain: EdgeChain,
  edges: readonly VerifiedEdge[],
  engine: PairingEngine,
): G1 {
  const w = chain.edges.at(-1)?.w ?? '';
  return openEdge(reader.identity, reader.identityKey, lastOf(edges).statement, base64UrlToBytes(w), engine);
}

function baseOf(engine: PairingEngine, { identities }: EdgeChain): GT {
  const [owner] = identities;
  if (owner === undefined) throw invalidInput('chain', 'an owner', 'none');
  return ownerBase(engine, owner);
}

function firstOf(edges: readonly VerifiedEdge[]): VerifiedEdge {
  const [first] = edges;
  if (first === undefined) throw invalidInput('chain', 'an edge', 'none');
  return first;
}

function lastOf(edges: readonly VerifiedEdge[]): VerifiedEdge {
  const last = edges.at(-1);
  if (last === undefined) throw invalidInput('chain', 'an edge', 'none');
  return last;
}

function multiplyAll(engine: PairingEngine, values: readonly GT[]): GT {
  return values.reduce((product, value) => engine.gtMultiply(product, value));
}

function notAttested(expected: string): CryptoError {
  return new CryptoError('CRYPTO_AUTHENTICATION_FAILED', { argument: 'header', expected, came: 'another' });
}
