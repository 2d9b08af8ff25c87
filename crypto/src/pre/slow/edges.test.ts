/** Edges under a broken generator, of every size of sharing, and what their makers are held to. */
import { expect } from 'chai';
import fc from 'fast-check';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToBase64Url, bytesToHex } from '../../core/bytes.js';
import { decodeCbor, encodeCbor, type CborMap } from '../../core/cbor.js';
import { CryptoError } from '../../core/errors.js';
import { randomBytes } from '../../core/random.js';
import { decryptAsIdentity, encryptToIdentity, type Identity } from '../../ibe/index.js';
import { Q, initPairing, randomScalar, type PairingEngine } from '../../pairing/index.js';
import { verifyChain, type EdgeChain } from '../chain.js';
import {
  edgePoint,
  finishEdge,
  inverse,
  makeEdge,
  openEdge,
  placeOf,
  verifyEdgeValues,
  type MadeEdge,
  type PublicEdge,
} from '../edge.js';
import { attest, openAlong, openAttested, reEncryptAlong, withAttestations } from '../open.js';
import { makeOnwardEdge } from '../onward.js';
import { World, hopOf, type Hop, type Party } from '../pre.test-support.js';
import {
  NO_PARENT,
  encodeEdge,
  parseStatement,
  signStatement,
  tagOf,
  type EdgeStatement,
  type UnsignedStatement,
} from '../statement.js';
import { tagPoint } from '../tag.js';

const SMALL_ORDER = Uint8Array.of(1, ...new Uint8Array(31));

describe('edges', function () {
  this.timeout(120_000);
  let engine: PairingEngine;
  let world: World;
  let reader: Party;
  let next: Party;
  before(async () => {
    engine = await initPairing();
    world = new World();
    reader = world.party('person/Hospital2MSP/h2-reader');
    next = world.party('member/Hospital5MSP');
  });
  const refused = (act: () => unknown): void => {
    expect(act).to.throw(CryptoError);
  };

  describe('under a generator that always gives the same', () => {
    const stuck = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).fill(7);
    const made = (to: Party, type: string, owner = world.owner): MadeEdge =>
      makeEdge(
        owner,
        { ...world.terms(to), tag: world.tag({ type }), allowsRecoverable: false },
        engine,
        stuck,
      );
    const secretOf = (to: Party, { statement, w }: MadeEdge): string =>
      bytesToHex(
        decryptAsIdentity(to.identityKey, to.identity, w, encodeEdge(parseStatement(statement)), engine),
      );
    /** A_1 = F(2) / F(1), for a threshold of two. */
    const coefficientOf = ({ shares }: MadeEdge): string => {
      const [first, second] = [...shares.values()].map((share) => engine.decodeG1('share', share));
      return bytesToHex(engine.encodeG1(engine.g1Multiply(second!, engine.g1Power(first!, Q - 1n))));
    };

    it('no two edges have X, u, A_k or the randomness of W in common', () => {
      const [one, two] = [made(reader, 'laboratory'), made(next, 'imaging')];
      expect(secretOf(reader, one)).to.not.equal(secretOf(next, two));
      const [q, other] = [one, two].map(({ statement }) => bytesToHex(parseStatement(statement).q));
      expect(q).to.not.equal(other);
      expect(coefficientOf(one)).to.not.equal(coefficientOf(two));
      expect(bytesToHex(one.w.slice(0, 96))).to.not.equal(bytesToHex(two.w.slice(0, 96)));
    });

    it('u, X and A_k are different draws of one edge', () => {
      const one = made(reader, 'laboratory');
      const { q } = parseStatement(one.statement);
      const x = BigInt(`0x${secretOf(reader, one)}`) % Q;
      expect(bytesToHex(engine.encodeG2(engine.g2Power(engine.g2, x)))).to.not.equal(bytesToHex(q));
      expect(bytesToHex(engine.encodeG1(engine.g1Power(engine.g1, x)))).to.not.equal(coefficientOf(one));
    });

    it('somebody who knows the generator and not the key cannot compute X', () => {
      const one = made(reader, 'laboratory');
      const guess = { ...world.owner, identityKey: next.identityKey };
      expect(secretOf(reader, made(reader, 'laboratory', guess))).to.not.equal(secretOf(reader, one));
      expect(secretOf(reader, made(reader, 'laboratory'))).to.equal(secretOf(reader, one));
    });

    it('onward edges differ likewise', () => {
      const grant = world.grant(reader);
      const terms = { maxDepth: 0 };
      const [one, two] = [next, world.party('member/Hospital6MSP')].map((to) => ({
        to,
        made: makeOnwardEdge(reader, grant.chain, world.terms(to, terms), engine, stuck),
      }));
      expect(secretOf(one!.to, one!.made)).to.not.equal(secretOf(two!.to, two!.made));
      expect(coefficientOf(one!.made)).to.not.equal(coefficientOf(two!.made));
    });
  });

  describe('onward', () => {
    it('are made along a chain that verifies, and along no other', () => {
      const grant = world.grant(reader);
      const make = (chain: Hop['chain']) => makeOnwardEdge(reader, chain, world.terms(next, { maxDepth: 0 }));
      make(grant.chain);
      const [owner, ...others] = grant.chain.identities;
      const identities = [{ ...owner!, signingKey: next.identity.signingKey }, ...others];
      refused(() => make({ ...grant.chain, identities }));
      refused(() => make({ edges: [], identities: [owner!] }));
      const ofAnother = world.grant(next);
      refused(() => make(ofAnother.chain));
    });

    it('another serial: W does not open, and what came after names another parent', () => {
      const grant = world.grant(reader);
      const onward = world.forward(reader, grant, next, { maxDepth: 0 });
      const statement = parseStatement(grant.made.statement);
      const renamed = signStatement({ ...statement, serial: '11'.repeat(16) }, world.owner.signingKey);
      const edge = { ...grant.edge, statement: bytesToBase64Url(renamed) };
      const chain = { ...grant.chain, edges: [edge] };
      verifyChain(chain);
      const { header } = world.encrypt();
      const made = { ...grant.made, statement: renamed, edgeId: parseStatement(renamed).edgeId };
      refused(() =>
        openAlong(reader, {
          chain,
          headers: [header],
          answers: world.answers([{ ...grant, made }], [header]),
          proxyKeys: world.proxyKeys,
        }),
      );
      refused(() => verifyChain({ ...onward.chain, edges: [edge, onward.edge] }));
    });
  });

  describe('whose values all fit', () => {
    const signed = (hop: Hop, change: Partial<UnsignedStatement>, signingKey: Uint8Array): PublicEdge => {
      const statement = parseStatement(hop.made.statement);
      const bytes = signStatement({ ...statement, ...change }, signingKey);
      return { ...hop.edge, statement: bytesToBase64Url(bytes) };
    };

    it('a tag whose owner is not ID: computed with the delegator’s own key', () => {
      const { identity, identityKey, signingKey } = world.owner;
      const make = (owner: Identity): EdgeChain => {
        const place = placeOf(
          { owner, tag: world.tag(), from: identity, to: reader.identity, parent: NO_PARENT },
          randomBytes(16),
        );
        const secret = randomBytes(32);
        const k = edgePoint(engine, place, secret);
        const u = randomScalar();
        const t = tagPoint(engine, tagOf(place));
        const s = engine.g1Multiply(engine.decodeG1('sk', identityKey), engine.g1Power(t, u));
        const r = engine.g1Multiply(k, inverse(engine, s));
        const q = engine.encodeG2(engine.g2Power(engine.g2, u));
        const unfinished = { place, secret, k, r, q, allowsRecoverable: false };
        const made = finishEdge(engine, unfinished, world.terms(reader), signingKey, randomBytes);
        // The polynomial and E_X hold: it is the rule alone that refuses.
        verifyEdgeValues(parseStatement(made.statement), identity, undefined);
        return hopOf(made, { edges: [], identities: [identity] }, reader).chain;
      };
      const { name, keyEpoch } = next.identity;
      verifyChain(make({ name: identity.name, keyEpoch: 0 }));
      refused(() => verifyChain(make({ name, keyEpoch })));
    });

    it('another delegator’s name, another condition, or another word on recoverable identities', () => {
      const grant = world.grant(reader);
      const onward = world.forward(reader, grant, next, { maxDepth: 0 });
      const { name, keyEpoch } = next.identity;
      const renamed = signed(grant, { from: { name, keyEpoch } }, world.owner.signingKey);
      refused(() => verifyChain({ ...grant.chain, edges: [renamed] }));
      verifyChain({ ...grant.chain, edges: [signed(grant, {}, world.owner.signingKey)] });
      for (const change of [{ conditionLabel: '22'.repeat(32) }, { allowsRecoverable: true }]) {
        const edges = [grant.edge, signed(onward, change, reader.signingKey)];
        refused(() => verifyChain({ ...onward.chain, edges }));
      }
      verifyChain({ ...onward.chain, edges: [grant.edge, signed(onward, {}, reader.signingKey)] });
    });

    it('X sealed again by somebody who knows it, and another X under the owner’s own signature', () => {
      const grant = world.grant(reader);
      const statement = parseStatement(grant.made.statement);
      const open = (of: EdgeStatement, w: Uint8Array) =>
        openEdge(reader.identity, reader.identityKey, of, w, engine);
      const edge = encodeEdge(statement);
      const x = decryptAsIdentity(reader.identityKey, reader.identity, grant.made.w, edge, engine);
      const sealed = (secret: Uint8Array): Uint8Array =>
        encryptToIdentity(reader.identity, secret, edge, engine);
      open(statement, grant.made.w);
      refused(() => open(statement, sealed(x)));
      const wrong = sealed(randomBytes(32));
      refused(() => open({ ...statement, wHash: bytesToHex(sha256(wrong)) }, wrong));
      const again = sealed(x);
      open({ ...statement, wHash: bytesToHex(sha256(again)) }, again);
    });
  });

  it('a signing key of small order, under which everything is signed', () => {
    const grant = world.grant(reader);
    const map = decodeCbor(grant.made.statement, 9216) as CborMap;
    const signature = new Uint8Array(64);
    signature.set(SMALL_ORDER);
    const edges = [{ ...grant.edge, statement: bytesToBase64Url(encodeCbor({ ...map, signature })) }];
    const owner = { ...world.owner.identity, signingKey: bytesToBase64Url(SMALL_ORDER) };
    expect(() => verifyChain({ edges, identities: [owner, reader.identity] })).to.throw(
      CryptoError,
      /publicKey|signature/,
    );
  });

  it('property: of n proxies any t open, t - 1 do not, and t attest', () => {
    const shape = fc
      .integer({ min: 1, max: 10 })
      .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 1, max: n }), fc.integer()));
    const proxies = Array.from({ length: 10 }, (_, index) => `Proxy${index + 1}MSP`);
    const parties = new Map(proxies.map((mspId) => [mspId, world.party(`member/${mspId}`)]));
    const proxyKeys = new Map([...parties].map(([mspId, { identity }]) => [mspId, identity.signingKey]));
    const { header, wrapKey } = world.encrypt();
    fc.assert(
      fc.property(shape, ([n, threshold, turn]) => {
        const named = proxies.slice(0, n);
        const terms = { ...world.terms(reader, { proxies: named, threshold }), tag: world.tag() };
        const made = makeEdge(world.owner, { ...terms, allowsRecoverable: false });
        const hop = hopOf(made, { edges: [], identities: [world.owner.identity] }, reader);
        const from = named.map((_, index) => named[(index + Math.abs(turn)) % n]!).slice(0, threshold);
        const answersOf = (some: readonly string[]) =>
          world.answers([hop], [header], some, (proxy) => parties.get(proxy)!);
        const open = (some: readonly string[]) =>
          openAlong(reader, { chain: hop.chain, headers: [header], answers: answersOf(some), proxyKeys });
        expect(open(from).wrapKeys).to.deep.equal([wrapKey]);
        refused(() => open(from.slice(1)));
        const handed = reEncryptAlong({ chain: hop.chain, header, answers: answersOf(from), proxyKeys });
        const signatures = from.map(
          (proxy) => [named.indexOf(proxy) + 1, attest(handed, parties.get(proxy)!.signingKey)] as const,
        );
        const openHanded = (some: typeof signatures) =>
          openAttested(reader, {
            chain: hop.chain,
            header: withAttestations(handed, new Map(some)),
            proxyKeys,
          });
        expect(openHanded(signatures)).to.deep.equal(wrapKey);
        refused(() => openHanded(signatures.slice(1)));
      }),
      { numRuns: 3, examples: [[[10, 10, 0]], [[1, 1, 0]]] },
    );
  });
});
