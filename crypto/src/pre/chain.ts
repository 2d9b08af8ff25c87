/**
 * Chains of edges, from the owner to whoever reads.
 *
 *   first edge: from = owner, parent = 0^32, has Q          later: from = the parent's to, parent = its edge id, no Q
 *   all: the same owner, labels and epoch; nobody twice; depth and sharable flag of every edge before; the owner's word
 *   on recoverable identities; each statement signed by its `from`
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { base64UrlToBytes, bytesToHex } from '../core/bytes.js';
import { invalidInput } from '../core/errors.js';
import { sameIdentity, type IdentityPublicKey } from '../ibe/index.js';
import { mclPairing, type PairingEngine } from '../pairing/index.js';
import { assertRecoverable, verifyEdgeValues, type PublicEdge, type VerifiedEdge } from './edge.js';
import { MAX_HOPS } from './header.js';
import { NO_PARENT, parseStatement, verifyStatementSignature, type EdgeStatement } from './statement.js';

export interface EdgeChain {
  /** From the owner's first edge on. */
  readonly edges: readonly PublicEdge[];
  /** The owner, and whom each edge reaches: one more than edges, from the ledger. */
  readonly identities: readonly IdentityPublicKey[];
}

const CACHED_EDGES = 256;
const verified = new WeakMap<PairingEngine, Map<string, VerifiedEdge>>();

/**
 * Everything about a chain that can be checked without a secret and without the ledger.
 * @returns its edges, verified, in order
 * @throws CRYPTO_INVALID_INPUT, CRYPTO_AUTHENTICATION_FAILED
 */
export function verifyChain(
  { edges, identities }: EdgeChain,
  engine: PairingEngine = mclPairing(),
): VerifiedEdge[] {
  if (edges.length < 1 || edges.length > MAX_HOPS || identities.length !== edges.length + 1)
    throw invalidInput('chain', `1..${MAX_HOPS} edges, and everybody on the way`, `${edges.length}`);
  const names = new Set(identities.map(({ name }) => name));
  if (names.size !== identities.length) throw invalidInput('chain', 'nobody twice', 'a cycle');
  const statements = edges.map(({ statement }) => parseStatement(base64UrlToBytes(statement)));
  const [owner] = identities;
  if (owner === undefined) throw invalidInput('chain', 'an owner', 'none');
  return statements.map((statement, index) => {
    const [from, to] = [identities[index], identities[index + 1]];
    if (from === undefined || to === undefined) throw invalidInput('chain', 'everybody on the way', 'a gap');
    assertLink({
      statement,
      above: statements[index - 1],
      first: statements[0] ?? statement,
      owner,
      from,
      to,
    });
    verifyStatementSignature(statement, from.signingKey);
    return valuesOf(engine, statement, owner, statements[index - 1]);
  });
}

function assertLink(link: {
  readonly statement: EdgeStatement;
  readonly above: EdgeStatement | undefined;
  readonly first: EdgeStatement;
  readonly owner: IdentityPublicKey;
  readonly from: IdentityPublicKey;
  readonly to: IdentityPublicKey;
}): void {
  const { statement, above, first, owner, from, to } = link;
  const rules: readonly (readonly [string, boolean])[] = [
    ['the owner', sameIdentity(statement.owner, owner)],
    ['the delegator', sameIdentity(statement.from, from)],
    ['the grantee', sameIdentity(statement.to, to)],
    ['the parent', statement.parent === (above?.edgeId ?? NO_PARENT)],
    ['the type label', statement.typeLabel === first.typeLabel],
    ['the condition label', statement.conditionLabel === first.conditionLabel],
    ['the epoch', statement.tagEpoch === first.tagEpoch],
    ['the owner’s word on recoverable identities', statement.allowsRecoverable === first.allowsRecoverable],
    ['the depth', above === undefined || (above.sharable && statement.maxDepth < above.maxDepth)],
  ];
  const broken = rules.find(([, holds]) => !holds);
  if (broken !== undefined) throw invalidInput('chain', `${broken[0]} as the edge before has it`, 'another');
  assertRecoverable(owner, to, first.allowsRecoverable);
}

/** A verified edge stays verified: what it rests on is in the key. */
function valuesOf(
  engine: PairingEngine,
  statement: EdgeStatement,
  owner: IdentityPublicKey,
  above: EdgeStatement | undefined,
): VerifiedEdge {
  const cache = verified.get(engine) ?? new Map<string, VerifiedEdge>();
  verified.set(engine, cache);
  const signatures = [statement.signature, above?.signature ?? new Uint8Array()].map((bytes) =>
    bytesToHex(sha256(bytes)),
  );
  const key = [...signatures, statement.edgeId, owner.publicKey, digestOf(statement), digestOf(above)].join(
    '/',
  );
  const known = cache.get(key);
  if (known !== undefined) return known;
  const edge = verifyEdgeValues(statement, owner, above, engine);
  const [oldest] = cache.keys();
  if (cache.size >= CACHED_EDGES && oldest !== undefined) cache.delete(oldest);
  cache.set(key, edge);
  return edge;
}

function digestOf(statement: EdgeStatement | undefined): string {
  if (statement === undefined) return '';
  const hash = sha256.create();
  for (const bytes of [statement.ex, statement.q, ...statement.values]) hash.update(bytes);
  return `${bytesToHex(hash.digest())}:${statement.threshold}`;
}
