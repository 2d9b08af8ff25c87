/**
 * Onward edges: by the grantee of a chain's last edge, without its owner.
 *
 *   X' fresh;  K' = HX(edge', X');  R' = K' K^{-1};  W', E_X' and the shares as for the first edge
 *
 * Whoever makes one verifies the whole chain first, and the owner's word on recoverable identities for the new grantee
 * too: the proxies that would refuse it are the hospitals that could open it.
 */
import { base64UrlToBytes, hexToBytes } from '../core/bytes.js';
import { invalidInput } from '../core/errors.js';
import { randomBytes, type RandomBytes } from '../core/random.js';
import { mclPairing, type PairingEngine } from '../pairing/index.js';
import { verifyChain, type EdgeChain } from './chain.js';
import {
  assertRecoverable,
  begin,
  edgePoint,
  finishEdge,
  inverse,
  openEdge,
  type Delegator,
  type EdgeTerms,
  type MadeEdge,
} from './edge.js';
import { EDGE_SECRET_BYTES } from './header.js';
import type { EdgeStatement } from './statement.js';

/**
 * @param delegator whom the chain's last edge reaches
 * @throws CRYPTO_INVALID_INPUT for a chain, a depth or a grantee that does not fit; CRYPTO_AUTHENTICATION_FAILED when the
 *         last edge's W does not open or does not fit its statement
 */
export function makeOnwardEdge(
  delegator: Delegator,
  chain: EdgeChain,
  terms: EdgeTerms,
  engine: PairingEngine = mclPairing(),
  random: RandomBytes = randomBytes,
): MadeEdge {
  const above = lastEdge(chain, terms, engine);
  const w = base64UrlToBytes(chain.edges.at(-1)?.w ?? '');
  const k = openEdge(delegator.identity, delegator.identityKey, above, w, engine);
  const { owner, typeLabel, conditionLabel, tagEpoch, edgeId, allowsRecoverable } = above;
  const tag = { typeLabel: hexToBytes(typeLabel), conditionLabel: hexToBytes(conditionLabel), tagEpoch };
  const { place, drawn } = begin(
    { owner, tag, from: delegator.identity, parent: edgeId },
    { ...terms, allowsRecoverable, identityKey: delegator.identityKey },
    random,
  );
  const secret = drawn(EDGE_SECRET_BYTES);
  const next = edgePoint(engine, place, secret);
  const r = engine.g1Multiply(next, inverse(engine, k));
  const made = { place, secret, k: next, r, q: new Uint8Array(), allowsRecoverable };
  return finishEdge(engine, made, terms, delegator.signingKey, drawn);
}

/** The statement that an onward edge on these terms follows. */
function lastEdge(chain: EdgeChain, { to, maxDepth }: EdgeTerms, engine: PairingEngine): EdgeStatement {
  const above = verifyChain(chain, engine).at(-1)?.statement;
  const [root] = chain.identities;
  if (above === undefined || root === undefined) throw invalidInput('chain', 'an edge', 'none');
  if (!above.sharable || maxDepth >= above.maxDepth)
    throw invalidInput('maxDepth', `below ${above.maxDepth}, after a sharable edge`, String(maxDepth));
  assertRecoverable(root, to, above.allowsRecoverable);
  if (chain.identities.some(({ name }) => name === to.name))
    throw invalidInput('to', 'somebody whom the chain has not reached', 'a cycle');
  return above;
}
