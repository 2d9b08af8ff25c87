/** A world of identities, edges and proxies for the tests of the scheme. */
import { bytesToBase64Url } from '../core/bytes.js';
import {
  combinePartialKeys,
  identityKey,
  makeIdentity,
  partialKey,
  type IdentityPublicKey,
} from '../ibe/index.js';
import { dealMaster, type DealtMaster } from '../ibe/ibe.test-support.js';
import { mclPairing, type PairingEngine } from '../pairing/index.js';
import type { EdgeChain } from './chain.js';
import { makeEdge, type Delegator, type EdgeTerms, type MadeEdge, type PublicEdge } from './edge.js';
import { makeOnwardEdge } from './onward.js';
import { encryptUnderTag, publicCheck, type Encrypted } from './encrypt.js';
import { partialReEncrypt } from './partial.js';
import { labelOf, makeLabelKey } from './tag.js';

export interface Party extends Delegator {
  readonly identity: IdentityPublicKey;
}

export interface Hop {
  readonly made: MadeEdge;
  readonly edge: PublicEdge;
  /** From the owner up to this edge. */
  readonly chain: EdgeChain;
}

export const PROXIES = ['Hospital1MSP', 'Hospital3MSP', 'Hospital4MSP'];
const MAX_DEPTH = 8;
export const AAD = new TextEncoder().encode('a record of a hospital');

export class World {
  readonly master: DealtMaster;
  readonly labelKey = makeLabelKey();
  readonly owner: Party;
  readonly proxies: ReadonlyMap<string, Party>;

  constructor(readonly engine: PairingEngine = mclPairing()) {
    this.master = dealMaster(engine);
    this.owner = this.party(`patient/${'a1'.repeat(16)}`);
    this.proxies = new Map(PROXIES.map((mspId) => [mspId, this.party(`member/${mspId}`)]));
  }

  party(name: string, options: { readonly recoverable?: boolean; readonly keyEpoch?: number } = {}): Party {
    const { recoverable = false, keyEpoch = 0 } = options;
    const { masterPublicKey, sharing, shares } = this.master;
    const made = makeIdentity(
      { name, keyEpoch, masterPublicKey, recoverable, custody: 'hospital' },
      this.engine,
    );
    const parts = new Map(
      [...shares]
        .slice(0, 3)
        .map(([holder, share]) => [holder, partialKey(share, made.registration, this.engine)]),
    );
    const { key } = combinePartialKeys(sharing, made.registration, parts, this.engine);
    if (key === undefined) throw new Error('no key');
    return {
      identity: made.registration,
      identityKey: identityKey(key, made.factor, made.registration, this.engine),
      signingKey: made.signingKey,
    };
  }

  tag(options: { readonly type?: string; readonly condition?: string; readonly tagEpoch?: number } = {}) {
    const { type = 'laboratory', condition = 'normal', tagEpoch = 0 } = options;
    return {
      typeLabel: labelOf(this.labelKey, 'type', type),
      conditionLabel: labelOf(this.labelKey, 'condition', condition),
      tagEpoch,
    };
  }

  encrypt(tag = this.tag(), aad = AAD): Encrypted {
    return encryptUnderTag({ owner: this.owner.identity, tag, aad }, this.engine);
  }

  terms(to: Party, options: Partial<EdgeTerms> = {}): EdgeTerms {
    const { maxDepth = MAX_DEPTH } = options;
    return { to: to.identity, proxies: PROXIES, threshold: 2, sharable: maxDepth > 0, maxDepth, ...options };
  }

  grant(to: Party, options: Partial<EdgeTerms> = {}, tag = this.tag(), from = this.owner): Hop {
    const terms = { ...this.terms(to, options), tag, allowsRecoverable: false };
    return hopOf(makeEdge(from, terms, this.engine), { edges: [], identities: [from.identity] }, to);
  }

  forward(from: Party, parent: Hop, to: Party, options: Partial<EdgeTerms> = {}): Hop {
    return hopOf(makeOnwardEdge(from, parent.chain, this.terms(to, options), this.engine), parent.chain, to);
  }

  chain(hops: readonly Hop[], readers: readonly Party[]): EdgeChain {
    return {
      edges: hops.map(({ edge }) => edge),
      identities: [this.owner, ...readers].map(({ identity }) => identity),
    };
  }

  /** What each proxy answers for each edge. */
  answers(
    hops: readonly Pick<Hop, 'made'>[],
    headers: readonly Uint8Array[],
    from: readonly string[] = PROXIES,
    partyOf = (proxy: string): Party | undefined => this.proxies.get(proxy),
  ) {
    const checked = publicCheck(headers, this.engine);
    return new Map(
      from.map((proxy) => [
        proxy,
        hops.map(({ made }) => ({
          edgeId: made.edgeId,
          bytes: this.partials(proxy, made, checked, partyOf(proxy)),
        })),
      ]),
    );
  }

  partials(
    proxy: string,
    made: MadeEdge,
    headers: ReturnType<typeof publicCheck>,
    party = this.proxies.get(proxy),
  ): Uint8Array {
    const share = made.shares.get(proxy);
    const signingKey = party?.signingKey;
    if (share === undefined || signingKey === undefined) throw new Error('no such proxy');
    return partialReEncrypt({ statement: made.statement, proxy, share, signingKey, headers }, this.engine);
  }

  get proxyKeys(): ReadonlyMap<string, string> {
    return new Map([...this.proxies].map(([proxy, { identity }]) => [proxy, identity.signingKey]));
  }
}

/** @param above the chain that the edge goes on from */
export function hopOf(made: MadeEdge, above: EdgeChain, to: Party): Hop {
  const edge = { statement: bytesToBase64Url(made.statement), w: bytesToBase64Url(made.w) };
  const chain = { edges: [...above.edges, edge], identities: [...above.identities, to.identity] };
  return { made, edge, chain };
}
