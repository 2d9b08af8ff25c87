/** Attacks by name: each one ran against an earlier form of the scheme, or removes what one check is for. */
import { expect } from 'chai';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { base64UrlToBytes, bytesToBase64Url, bytesToHex, hexToBytes } from '../../core/bytes.js';
import { encodeCbor, decodeCbor, type CborMap } from '../../core/cbor.js';
import { CryptoError } from '../../core/errors.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { identityPoint } from '../../ibe/index.js';
import {
  Q,
  initPairing,
  lagrangeModQ,
  randomScalar,
  type G1,
  type GT,
  type PairingEngine,
} from '../../pairing/index.js';
import { verifyChain } from '../chain.js';
import { inverse, makeEdge, openEdge, verifyEdgeValues, type MadeEdge, type PublicEdge } from '../edge.js';
import { openAsOwner, openedKey, ownerBase, partsFor, publicCheck } from '../encrypt.js';
import { NO_EDGE, NO_SECRET, encodeHeader, handleOf, parseHeader, type PreHeader } from '../header.js';
import { attest, openAlong, openAttested, reEncryptAlong, withAttestations } from '../open.js';
import { AAD, PROXIES, World, hopOf, type Hop, type Party } from '../pre.test-support.js';
import {
  parseStatement,
  signStatement,
  verifyStatementSignature,
  type UnsignedStatement,
} from '../statement.js';
import { encodeTag, labelOf, tagPoint } from '../tag.js';

const { Fp12 } = bls12_381.fields;

describe('attacks on re-encryption', function () {
  this.timeout(60_000);
  let engine: PairingEngine;
  let world: World;
  let reader: Party;
  let next: Party;
  let grant: Hop;
  let onward: Hop;
  before(async () => {
    engine = await initPairing();
    world = new World();
    reader = world.party('person/Hospital2MSP/h2-reader');
    next = world.party('member/Hospital5MSP');
    grant = world.grant(reader);
    onward = world.forward(reader, grant, next, { maxDepth: 3 });
  });

  const refused = (act: () => unknown): void => {
    expect(act).to.throw(CryptoError);
  };
  const openWith = (headers: readonly Uint8Array[], options: Partial<Parameters<typeof openAlong>[1]> = {}) =>
    openAlong(reader, {
      chain: world.chain([grant], [reader]),
      headers,
      // Not computed when they are given: proxies would refuse first what the reader is to refuse.
      answers: options.answers ?? world.answers([grant], headers),
      proxyKeys: world.proxyKeys,
      ...options,
    });
  const withParts = (header: Uint8Array, parts: Partial<PreHeader>): Uint8Array =>
    encodeHeader({ ...parseHeader(header), ...parts });
  /** R of an edge, which only a threshold of its proxies together can compute. */
  const secretOf = ({ shares, statement }: MadeEdge): G1 => {
    const { proxies, threshold } = parseStatement(statement);
    const points = Array.from({ length: threshold }, (_, index) => index + 1);
    return engine.g1Powers(
      points.map((point) => engine.decodeG1('share', shares.get(proxies[point - 1]!)!)),
      points.map((point) => lagrangeModQ(points, point)),
    );
  };
  /** The statement again with something else in it, under a signature of whoever's key is given. */
  const resigned = (
    hop: Hop,
    change: Partial<UnsignedStatement>,
    signingKey = world.owner.signingKey,
  ): PublicEdge => {
    const statement = parseStatement(hop.made.statement);
    return {
      ...hop.edge,
      statement: bytesToBase64Url(signStatement({ ...statement, ...change }, signingKey)),
    };
  };
  const verifies = (edges: readonly PublicEdge[], readers: readonly Party[], owner = world.owner): void => {
    verifyChain({ edges, identities: [owner, ...readers].map(({ identity }) => identity) });
  };

  it('what is attacked below holds when nobody attacks', () => {
    const { header, wrapKey } = world.encrypt();
    expect(openWith([header]).wrapKeys).to.deep.equal([wrapKey]);
    verifies([grant.edge, onward.edge], [reader, next]);
  });

  describe('ciphertexts', () => {
    it('C3 blinded, or multiplied by a known factor, to be opened through the proxies', () => {
      const { header } = world.encrypt();
      const c3 = engine.decodeGT('c3', parseHeader(header).c3);
      const blinded = withParts(header, { c3: engine.encodeGT(engine.gtMultiply(c3, engine.gt)) });
      const answers = world.answers([grant], [header]);
      refused(() => publicCheck([blinded]));
      refused(() => openWith([blinded], { answers }));
      openWith([header], { answers });
    });

    it('C1, C2 and C4 taken over under an h3 of one’s own, so that a refused record opens as another', () => {
      const { header } = world.encrypt();
      const c3 = engine.encodeGT(engine.gtPower(engine.gt, randomScalar()));
      const h3 = sha256(c3);
      refused(() => publicCheck([withParts(header, { c3, h3 })]));
    });

    it('C4 of another header: its owner does not open it either', () => {
      const { header } = world.encrypt();
      const { c4 } = parseHeader(world.encrypt().header);
      refused(() => openAsOwner(world.owner.identityKey, world.owner.identity, withParts(header, { c4 })));
      openAsOwner(world.owner.identityKey, world.owner.identity, header);
    });

    it('the record of another submitter under one’s own context', () => {
      const { header } = world.encrypt();
      refused(() => publicCheck([withParts(header, { aad: new TextEncoder().encode('mine') })]));
    });

    it('C3 = 0, C3 outside GT, C1 and C2 the identity', () => {
      const { header } = world.encrypt();
      for (const c3 of [new Uint8Array(576), Fp12.toBytes(Fp12.ONE), new Uint8Array(576).fill(1)]) {
        const parts = { ...parseHeader(header), c3, h3: sha256(c3) };
        refused(() => openAsOwner(world.owner.identityKey, world.owner.identity, encodeHeader(parts)));
      }
      const c1 = Uint8Array.of(0xc0, ...new Uint8Array(95));
      const c2 = Uint8Array.of(0xc0, ...new Uint8Array(47));
      refused(() => publicCheck([withParts(header, { c1, c2, c4: c2 })]));
    });

    it('M = 1: a header that everybody can open', () => {
      const one = engine.gtMultiply(engine.gt, engine.gtInverse(engine.gt));
      const tag = { ...world.tag(), owner: world.owner.identity };
      const base = ownerBase(engine, world.owner.identity);
      const parts = partsFor(engine, { m: one, tag, aad: AAD, base });
      refused(() => openedKey(engine, one, { ...parts, tag, aad: AAD }, base));
      const m = engine.gtPower(engine.gt, 5n);
      openedKey(engine, m, { ...partsFor(engine, { m, tag, aad: AAD, base }), tag, aad: AAD }, base);
    });

    it('randomness that does not come of M: consistent parts that the public check takes', () => {
      const { header } = world.encrypt();
      const parsed = parseHeader(header);
      const base = ownerBase(engine, world.owner.identity);
      const [m, other] = [engine.gtPower(engine.gt, 3n), engine.gtPower(engine.gt, 4n)];
      const parts = partsFor(engine, { m, tag: parsed.tag, aad: parsed.aad, base });
      refused(() => openedKey(engine, other, { ...parts, tag: parsed.tag, aad: parsed.aad }, base));
    });

    it('hop 0 sold as hop 1, and hop 1 as hop 0', () => {
      const { header } = world.encrypt();
      refused(() => parseHeader(withParts(header, { hop: 1 })));
      const chain = world.chain([grant], [reader]);
      const handed = reEncryptAlong({
        chain,
        header,
        answers: world.answers([grant], [header]),
        proxyKeys: world.proxyKeys,
      });
      refused(() => parseHeader(withParts(handed, { hop: 0 })));
      const asFirst = withParts(handed, { hop: 0, edgeId: NO_EDGE, w: NO_SECRET });
      refused(() => publicCheck([asFirst]));
    });

    it('re-encrypted twice over one edge', () => {
      const { header } = world.encrypt();
      const chain = world.chain([grant], [reader]);
      const answers = world.answers([grant], [header]);
      const handed = reEncryptAlong({ chain, header, answers, proxyKeys: world.proxyKeys });
      const { c1, c2 } = publicCheck([header])[0]!.points;
      const q = engine.decodeG2('q', parseStatement(grant.made.statement).q);
      const again = [engine.pair(c2, q), engine.pair(secretOf(grant.made), c1)].reduce(
        (product, factor) => engine.gtMultiply(product, factor),
        engine.decodeGT('c3', parseHeader(handed).c3),
      );
      const twice = withParts(handed, { c3: engine.encodeGT(again) });
      refused(() => openAttested(reader, { chain, header: attested(twice), proxyKeys: world.proxyKeys }));
      openAttested(reader, { chain, header: attested(handed), proxyKeys: world.proxyKeys });
    });
  });

  describe('edges', () => {
    it('the edge backwards: an edge from the owner opens nothing of its grantee’s', () => {
      const theirs = new World();
      const tag = { ...theirs.tag(), owner: reader.identity };
      const base = ownerBase(engine, reader.identity);
      const m = engine.gtPower(engine.gt, randomScalar());
      const parts = partsFor(engine, { m, tag, aad: AAD, base });
      const c1 = engine.decodeG2('c1', parts.c1);
      const c3 = engine.decodeGT('c3', parts.c3);
      for (const power of [1n, Q - 1n]) {
        const moved = engine.gtMultiply(c3, engine.pair(engine.g1Power(secretOf(grant.made), power), c1));
        const opened = engine.gtMultiply(moved, engine.gtInverse(engine.pair(sk(world.owner), c1)));
        refused(() => openedKey(engine, opened, { ...parts, tag, aad: AAD }, base));
      }
    });

    it('S opens its tag, and no other tag, and no other epoch', () => {
      // All proxies and the grantee together: S = K R^-1 = sk T^u.
      const k = edgeKey(grant, reader);
      const s = engine.g1Multiply(k, engine.g1Power(secretOf(grant.made), Q - 1n));
      const q = engine.decodeG2('q', parseStatement(grant.made.statement).q);
      const openBySecret = (tag: ReturnType<World['tag']>): Uint8Array => {
        const header = parseHeader(world.encrypt(tag).header);
        const { c1, c2 } = publicCheck([encodeHeader(header)])[0]!.points;
        const shared = engine.gtMultiply(engine.pair(s, c1), engine.gtInverse(engine.pair(c2, q)));
        const m = engine.gtMultiply(engine.decodeGT('c3', header.c3), engine.gtInverse(shared));
        return openedKey(engine, m, header, ownerBase(engine, world.owner.identity));
      };
      expect(openBySecret(world.tag())).to.have.length(32);
      refused(() => openBySecret(world.tag({ type: 'imaging' })));
      refused(() => openBySecret(world.tag({ condition: 'restricted' })));
      refused(() => openBySecret(world.tag({ tagEpoch: 1 })));
      expect(engine.g1Equal(s, sk(world.owner))).to.equal(false);
    });

    it('an edge of one’s own from (S T^v, Q g2^v): the owner did not sign it', () => {
      const k = edgeKey(grant, reader);
      const s = engine.g1Multiply(k, engine.g1Power(secretOf(grant.made), Q - 1n));
      const forged = makeEdge(
        { identity: world.owner.identity, identityKey: engine.encodeG1(s), signingKey: reader.signingKey },
        { ...world.terms(next), tag: world.tag(), allowsRecoverable: false },
      );
      refused(() => {
        verifies([hopOf(forged, fromOwner(), next).edge], [next]);
      });
      const statement = parseStatement(forged.statement);
      refused(() => {
        verifyStatementSignature(statement, world.owner.identity.signingKey);
      });
    });

    it('R in anything that leaves the maker but the shares', () => {
      const secret = bytesToHex(engine.encodeG1(secretOf(grant.made)));
      const { header } = world.encrypt();
      const answers = world.answers([grant], [header]);
      const sent = [
        grant.made.statement,
        grant.made.w,
        ...[...answers.values()].flat().map(({ bytes }) => bytes),
        ...grant.made.shares.values(),
      ].map(bytesToHex);
      for (const bytes of sent) expect(bytes).to.not.contain(secret);
      // The search finds it where it is: a single proxy's share is R itself.
      const single = world.grant(reader, { proxies: ['Hospital1MSP'], threshold: 1 });
      expect(bytesToHex(single.made.shares.get('Hospital1MSP')!)).to.equal(
        bytesToHex(engine.encodeG1(secretOf(single.made))),
      );
    });

    it('W made by a stranger for somebody’s edge', () => {
      const stranger = world.grant(reader);
      const { header } = world.encrypt();
      const edges = [{ ...grant.edge, w: stranger.edge.w }];
      refused(() => openWith([header], { chain: { ...world.chain([grant], [reader]), edges } }));
      const rehashed = resigned(grant, { wHash: parseStatement(stranger.made.statement).wHash });
      refused(() =>
        openWith([header], {
          chain: { ...world.chain([grant], [reader]), edges: [{ ...rehashed, w: stranger.edge.w }] },
        }),
      );
    });

    it('one X for two tags gives two keys', () => {
      let drawn = 0;
      const fixed = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).fill((drawn += 1));
      const terms = { ...world.terms(reader), allowsRecoverable: false };
      const one = makeEdge(world.owner, { ...terms, tag: world.tag() }, engine, fixed);
      drawn = 0;
      const two = makeEdge(world.owner, { ...terms, tag: world.tag({ type: 'imaging' }) }, engine, fixed);
      const [first, second] = [one, two].map(({ statement }) => parseStatement(statement));
      expect(first!.serial).to.not.equal(second!.serial);
      expect(bytesToHex(first!.ex)).to.not.equal(bytesToHex(second!.ex));
    });

    it('a generator that repeats itself gives no proxy R when an edge is tried again with others', () => {
      const repeated = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).fill(7);
      const make = (proxies: string[], threshold: number) =>
        makeEdge(
          world.owner,
          { ...world.terms(reader, { proxies, threshold }), tag: world.tag(), allowsRecoverable: false },
          engine,
          repeated,
        );
      const [first, second] = [make(['AMSP', 'BMSP', 'CMSP'], 2), make(['BMSP', 'CMSP', 'DMSP'], 2)];
      const pointOf = (edge: MadeEdge): G1 => engine.decodeG1('share', edge.shares.get('BMSP')!);
      // On one line, two points of it would give its value at 0: F(1)^2 F(2)^-1.
      const together = engine.g1Multiply(
        engine.g1Power(pointOf(second), 2n),
        inverse(engine, pointOf(first)),
      );
      const alone = make(['AMSP'], 1);
      expect(bytesToHex(engine.encodeG1(together))).to.not.equal(bytesToHex(alone.shares.get('AMSP')!));
      expect(new Set([first, second, alone].map(({ edgeId }) => edgeId)).size).to.equal(3);
      expect(make(['AMSP'], 1).edgeId, 'the same terms again').to.equal(alone.edgeId);
    });

    it('values that are not on one polynomial, outside GT, or unsigned', () => {
      const { values } = parseStatement(grant.made.statement);
      for (const place of [0, 1, 2]) {
        const changed = values.map((value, index) =>
          index === place
            ? engine.encodeGT(engine.gtMultiply(engine.decodeGT('v', value), engine.gt))
            : value,
        );
        const edge = resigned(grant, { values: changed });
        refused(() => {
          verifies([edge], [reader]);
        });
      }
      const outside = values.map((value, index) => (index === 0 ? new Uint8Array(576).fill(1) : value));
      refused(() => {
        verifies([resigned(grant, { values: outside })], [reader]);
      });
      const unsigned = decodeCbor(grant.made.statement, 9216) as CborMap;
      const mended = { ...unsigned, values: [...values].reverse() };
      const edge = { ...grant.edge, statement: bytesToBase64Url(encodeCbor(mended)) };
      refused(() => {
        verifies([edge], [reader]);
      });
    });

    it('an E_X or Q that does not belong to the owner’s key', () => {
      const other = parseStatement(world.grant(reader).made.statement);
      for (const change of [{ ex: other.ex }, { q: other.q }]) {
        refused(() => {
          verifies([resigned(grant, change)], [reader]);
        });
      }
      const { statement } = grant.made;
      refused(() => verifyEdgeValues(parseStatement(statement), next.identity, undefined));
      verifyEdgeValues(parseStatement(statement), world.owner.identity, undefined);
    });
  });

  describe('chains', () => {
    it('another signer, parent, grantee, owner, or tag', () => {
      const onwards: readonly (readonly [PublicEdge, Party])[] = [
        [resigned(onward, { parent: '11'.repeat(32) }, reader.signingKey), next],
        [resigned(onward, {}, next.signingKey), next],
        [
          resigned(
            onward,
            { typeLabel: bytesToHex(labelOf(world.labelKey, 'type', 'imaging')) },
            reader.signingKey,
          ),
          next,
        ],
        [resigned(onward, { tagEpoch: 1 }, reader.signingKey), next],
        [onward.edge, world.party('member/Hospital6MSP')],
      ];
      for (const [edge, to] of onwards)
        refused(() => {
          verifies([grant.edge, edge], [reader, to]);
        });
      refused(() => {
        verifies([grant.edge], [reader], next);
      });
    });

    it('a tag whose owner is not the delegator', () => {
      const edge = resigned(grant, { owner: { name: next.identity.name, keyEpoch: 0 } });
      refused(() => {
        verifies([edge], [reader]);
      });
    });

    it('another key epoch of the delegator or the grantee', () => {
      const later: Party = { ...reader, identity: { ...reader.identity, keyEpoch: 1 } };
      refused(() => {
        verifies([grant.edge], [later]);
      });
      const owner: Party = { ...world.owner, identity: { ...world.owner.identity, keyEpoch: 1 } };
      refused(() => {
        verifies([grant.edge], [reader], owner);
      });
    });

    it('an onward edge alone, a gap, and a cycle', () => {
      refused(() => {
        verifies([onward.edge], [next], reader);
      });
      refused(() => {
        verifies([grant.edge, onward.edge], [next, reader]);
      });
      refused(() => world.forward(reader, grant, world.owner, { maxDepth: 0 }));
      const { name, keyEpoch } = world.owner.identity;
      const back = resigned(onward, { to: { name, keyEpoch } }, reader.signingKey);
      refused(() => {
        verifies([grant.edge, back], [reader, world.owner]);
      });
    });

    it('one hop more than the edge before allows, or after one that is not sharable', () => {
      const closed = world.grant(reader, { maxDepth: 0 });
      refused(() => world.forward(reader, closed, next, { maxDepth: 0 }));
      const deep = resigned(onward, { maxDepth: 8 }, reader.signingKey);
      refused(() => {
        verifies([grant.edge, deep], [reader, next]);
      });
      const parent = parseStatement(closed.made.statement).edgeId;
      const smuggled = resigned(onward, { parent, maxDepth: 0, sharable: false }, reader.signingKey);
      refused(() => {
        verifies([closed.edge, smuggled], [reader, next]);
      });
    });

    it('somebody whom the hospitals can open, in a tree whose owner they cannot', () => {
      const open = world.party('member/Hospital7MSP', { recoverable: true });
      refused(() => world.grant(open));
      const allowed = hopOf(
        makeEdge(world.owner, { ...world.terms(open), tag: world.tag(), allowsRecoverable: true }),
        fromOwner(),
        open,
      );
      verifies([allowed.edge], [open]);
      refused(() => world.forward(reader, grant, open, { maxDepth: 0 }));
      world.forward(reader, world.grant(reader), next, { maxDepth: 0 });
      // By a delegator that does not keep to it.
      const told = { ...open, identity: { ...open.identity, recoverable: false } };
      const forward = world.forward(reader, grant, told, { maxDepth: 0 });
      refused(() => {
        verifies([grant.edge, forward.edge], [reader, open]);
      });
    });
  });

  describe('proxies and readers', () => {
    it('hop 1 written by a reader without any proxy, from the public E_X', () => {
      const { header, wrapKey } = world.encrypt();
      const m = keyInside(header);
      const c1 = publicCheck([header])[0]!.points.c1;
      const c3 = engine.encodeGT(engine.gtMultiply(m, engine.pair(edgeKey(grant, reader), c1)));
      const written = withParts(header, {
        ...{ hop: 1, c3, edgeId: hexToBytes(grant.made.edgeId), w: grant.made.w },
      });
      const chain = world.chain([grant], [reader]);
      const open = (bytes: Uint8Array): Uint8Array =>
        openAttested(reader, { chain, header: bytes, proxyKeys: world.proxyKeys });
      refused(() => open(written));
      const own = new Map([1, 2].map((point) => [point, attest(written, reader.signingKey)]));
      refused(() => open(withAttestations(written, own)));
      // With the proxies' signatures it is what they would have made.
      expect(open(attested(written))).to.deep.equal(wrapKey);
    });

    it('attestations of another header, edge, hop, or by one proxy twice', () => {
      const chain = world.chain([grant], [reader]);
      const [one, two] = [world.encrypt(), world.encrypt()].map(({ header }) =>
        reEncryptAlong({
          chain,
          header,
          answers: world.answers([grant], [header]),
          proxyKeys: world.proxyKeys,
        }),
      );
      const open = (bytes: Uint8Array): Uint8Array =>
        openAttested(reader, { chain, header: bytes, proxyKeys: world.proxyKeys });
      const ofOther = parseHeader(attested(two!)).attestations;
      refused(() => open(withAttestations(one!, ofOther)));
      const first = attest(one!, world.proxies.get(PROXIES[0]!)!.signingKey);
      refused(() =>
        open(
          withAttestations(
            one!,
            new Map([
              [1, first],
              [2, first],
            ]),
          ),
        ),
      );
      refused(() => open(withParts(attested(one!), { hop: 2 })));
      open(attested(one!));
    });

    it('D times -1, D of another share, another’s answer under one’s own name, an answer for another header', () => {
      const { header } = world.encrypt();
      const good = world.answers([grant], [header]);
      const [first] = good.get(PROXIES[0]!)!;
      const map = decodeCbor(first!.bytes, 2 ** 20) as CborMap;
      const minus = Fp12.toBytes(Fp12.neg(Fp12.fromBytes((map['partials'] as Uint8Array[])[0]!)));
      const attacks = {
        minus: encodeCbor({ ...map, partials: [minus] }),
        unsigned: encodeCbor({ ...map, signature: new Uint8Array(64) }),
        stolen: good.get(PROXIES[1]!)![0]!.bytes,
        stale: world.answers([grant], [world.encrypt().header]).get(PROXIES[0]!)![0]!.bytes,
        proofless: encodeCbor({ ...map, c: new Uint8Array(32).fill(1) }),
      };
      for (const [name, bytes] of Object.entries(attacks)) {
        const answers = new Map([...good, [PROXIES[0]!, [{ edgeId: grant.made.edgeId, bytes }]]]);
        expect(openWith([header], { answers }).badProxies, name).to.deep.equal([PROXIES[0]]);
      }
    });

    it('headers of another tag, or none, are the fault of who asks and of no proxy', () => {
      const answers = world.answers([grant], [world.encrypt().header]);
      const other = world.encrypt(world.tag({ type: 'imaging' })).header;
      for (const headers of [[other], []])
        expect(() => openWith(headers, { answers })).to.throw(CryptoError, /CRYPTO_INVALID_INPUT: headers/);
    });

    it('too few answers, and only wrong ones', () => {
      const { header } = world.encrypt();
      const one = world.answers([grant], [header], PROXIES.slice(0, 1));
      expect(() => openWith([header], { answers: one })).to.throw(CryptoError, /CRYPTO_SHARES_INCOMPLETE/);
      expect(() => openWith([header], { answers: new Map() })).to.throw(
        CryptoError,
        /CRYPTO_SHARES_INCOMPLETE/,
      );
    });

    it('a batch in which one header is another’s', () => {
      const good = world.encrypt().header;
      const { header } = world.encrypt();
      const swapped = withParts(header, { c4: parseHeader(good).c4 });
      expect(() => publicCheck([good, swapped])).to.throw(CryptoError, /headers\[1\]/);
    });

    it('the reader of one edge with the key of another', () => {
      const { header } = world.encrypt();
      refused(() =>
        openAlong(
          { identity: reader.identity, identityKey: next.identityKey },
          {
            chain: world.chain([grant], [reader]),
            headers: [header],
            answers: world.answers([grant], [header]),
            proxyKeys: world.proxyKeys,
          },
        ),
      );
    });
  });

  describe('tags and epochs', () => {
    it('shifted between their fields', () => {
      const owner = { name: world.owner.identity.name, keyEpoch: 0 };
      const { typeLabel, conditionLabel } = world.tag();
      const swapped = { owner, typeLabel: conditionLabel, conditionLabel: typeLabel, tagEpoch: 0 };
      expect(bytesToHex(encodeTag(swapped))).to.not.equal(bytesToHex(encodeTag({ owner, ...world.tag() })));
      refused(() => encodeTag({ ...swapped, typeLabel: typeLabel.slice(1) }));
      expect(bytesToHex(labelOf(world.labelKey, 'type', 'x'))).to.not.equal(
        bytesToHex(labelOf(world.labelKey, 'condition', 'x')),
      );
    });

    it('H1 and HT are not one function: a tag’s point gives no identity’s key', () => {
      const tag = { ...world.tag(), owner: world.owner.identity };
      expect(engine.g1Equal(tagPoint(engine, tag), identityPoint(engine, world.owner.identity))).to.equal(
        false,
      );
    });

    it('a revocation that keeps M: old readers derive the key of the new epoch, so M is always drawn anew', () => {
      const { header } = world.encrypt();
      const m = keyInside(header);
      const tag = { ...world.tag({ tagEpoch: 1 }), owner: world.owner.identity };
      const base = ownerBase(engine, world.owner.identity);
      const kept = partsFor(engine, { m, tag, aad: AAD, base });
      expect(openedKey(engine, m, { ...kept, tag, aad: AAD }, base)).to.have.length(32);
      const fresh = parseHeader(world.encrypt(world.tag({ tagEpoch: 1 })).header);
      refused(() => openedKey(engine, m, fresh, base));
      expect(handleOf(fresh)).to.not.equal(
        handleOf(parseHeader(world.encrypt(world.tag({ tagEpoch: 1 })).header)),
      );
    });
  });

  const fromOwner = () => ({ edges: [], identities: [world.owner.identity] });
  const sk = (party: Party): G1 => engine.decodeG1('sk', party.identityKey);

  /** K, as the edge's grantee computes it: K = R S, checked against E_X. */
  function edgeKey(hop: Hop, to: Party): G1 {
    const statement = parseStatement(hop.made.statement);
    return openEdge(to.identity, to.identityKey, statement, base64UrlToBytes(hop.edge.w));
  }

  /** M, as its owner finds it. */
  function keyInside(header: Uint8Array): GT {
    const parsed = parseHeader(header);
    const shared = engine.pair(sk(world.owner), engine.decodeG2('c1', parsed.c1));
    return engine.gtMultiply(engine.decodeGT('c3', parsed.c3), engine.gtInverse(shared));
  }

  function attested(header: Uint8Array): Uint8Array {
    const signatures = [1, 2].map(
      (point) => [point, attest(header, world.proxies.get(PROXIES[point - 1]!)!.signingKey)] as const,
    );
    return withAttestations(header, new Map(signatures));
  }
});
