import { expect } from 'chai';
import { bytesEqual } from '../core/bytes.js';
import { CryptoError } from '../core/errors.js';
import { initPairing } from '../pairing/index.js';
import { verifyChain } from './chain.js';
import { verifyEdgeShare } from './edge.js';
import { openAsOwner, publicCheck } from './encrypt.js';
import { attest, edgeProxy, openAlong, openAttested, reEncryptAlong, withAttestations } from './open.js';
import { parseHeader } from './header.js';
import { AAD, PROXIES, World, type Hop, type Party } from './pre.test-support.js';

describe('re-encryption', function () {
  this.timeout(30_000);
  let world: World;
  let cardiologist: Party;
  let colleague: Party;
  let grant: Hop;
  before(async () => {
    await initPairing();
    world = new World();
    cardiologist = world.party('person/Hospital2MSP/h2-cardiologist');
    colleague = world.party('member/Hospital3xMSP');
    grant = world.grant(cardiologist);
  });

  it('opens for the owner', () => {
    const { header, wrapKey } = world.encrypt();
    expect(openAsOwner(world.owner.identityKey, world.owner.identity, header)).to.deep.equal(wrapKey);
    expect(() => openAsOwner(cardiologist.identityKey, world.owner.identity, header)).to.throw(CryptoError);
  });

  it('opens for the grantee, through any majority of the proxies', () => {
    const { header, wrapKey } = world.encrypt();
    for (const left of PROXIES) {
      const from = PROXIES.filter((proxy) => proxy !== left);
      const { wrapKeys, badProxies } = openAlong(cardiologist, {
        chain: world.chain([grant], [cardiologist]),
        headers: [header],
        answers: world.answers([grant], [header], from),
        proxyKeys: world.proxyKeys,
      });
      expect(wrapKeys).to.deep.equal([wrapKey]);
      expect(badProxies).to.deep.equal([]);
    }
  });

  it('opens along an onward edge, all hops answered in one round, and many headers at once', () => {
    const onward = world.forward(cardiologist, grant, colleague, { maxDepth: 0 });
    const encrypted = [world.encrypt(), world.encrypt(), world.encrypt()];
    const headers = encrypted.map(({ header }) => header);
    const { wrapKeys } = openAlong(colleague, {
      chain: world.chain([grant, onward], [cardiologist, colleague]),
      headers,
      answers: world.answers([grant, onward], headers),
      proxyKeys: world.proxyKeys,
    });
    expect(wrapKeys).to.deep.equal(encrypted.map(({ wrapKey }) => wrapKey));
  });

  it('hands a header on that is as long as before, and opens with the signatures of its proxies alone', () => {
    const { header, wrapKey } = world.encrypt();
    const chain = world.chain([grant], [cardiologist]);
    const answers = world.answers([grant], [header]);
    const handed = reEncryptAlong({ chain, header, answers, proxyKeys: world.proxyKeys });
    const signatures = new Map(
      [1, 2].map((point) => [point, attest(handed, world.proxies.get(PROXIES[point - 1]!)!.signingKey)]),
    );
    const attested = withAttestations(handed, signatures);
    expect(attested.length).to.equal(header.length);
    const open = (bytes: Uint8Array) =>
      openAttested(cardiologist, { chain, header: bytes, proxyKeys: world.proxyKeys });
    expect(open(attested)).to.deep.equal(wrapKey);
    expect(() => open(handed)).to.throw(CryptoError);
    expect(() => open(withAttestations(handed, new Map([...signatures].slice(0, 1))))).to.throw(CryptoError);
  });

  it('names a proxy whose share or partial is wrong, and does without it', () => {
    const { header, wrapKey } = world.encrypt();
    const answers = world.answers([grant], [header]);
    const other = world.grant(cardiologist);
    const wrong = world.answers([{ ...grant, made: { ...grant.made, shares: other.made.shares } }], [header]);
    const { wrapKeys, badProxies } = openAlong(cardiologist, {
      chain: world.chain([grant], [cardiologist]),
      headers: [header],
      answers: new Map([...answers, [PROXIES[0]!, wrong.get(PROXIES[0]!)!]]),
      proxyKeys: world.proxyKeys,
    });
    expect(wrapKeys).to.deep.equal([wrapKey]);
    expect(badProxies).to.deep.equal([PROXIES[0]]);
    const [edge] = verifyChain(world.chain([grant], [cardiologist]));
    const [good, bad] = [grant.made, other.made].map(({ shares }) => shares.get(PROXIES[0]!)!);
    expect(verifyEdgeShare(edge!, PROXIES[0]!, good!)).to.equal(1);
    expect(() => verifyEdgeShare(edge!, PROXIES[0]!, bad!)).to.throw(CryptoError);
    expect(() => verifyEdgeShare(edge!, PROXIES[1]!, good!)).to.throw(CryptoError);
  });

  it('takes each edge’s answer under the key that acknowledged it, where a proxy has changed its own', () => {
    const { header, wrapKey } = world.encrypt();
    const answers = world.answers([grant], [header]);
    const chain = world.chain([grant], [cardiologist]);
    const later = world.party('member/Hospital9MSP', { keyEpoch: 1 }).identity.signingKey;
    const changed = new Map(PROXIES.map((proxy) => [proxy, later]));
    const ofEdge = [...world.proxyKeys].map(
      ([proxy, key]) => [edgeProxy(grant.made.edgeId, proxy), key] as const,
    );
    const open = (proxyKeys: ReadonlyMap<string, string>) =>
      openAlong(cardiologist, { chain, headers: [header], answers, proxyKeys }).wrapKeys;
    expect(open(new Map([...changed, ...ofEdge]))).to.deep.equal([wrapKey]);
    expect(() => open(changed)).to.throw(CryptoError);
  });

  it('does not open under another type, condition or epoch', () => {
    for (const tag of [{ type: 'imaging' }, { condition: 'restricted' }, { tagEpoch: 1 }]) {
      const { header } = world.encrypt(world.tag(tag));
      expect(() => world.answers([grant], [header])).to.throw(CryptoError, /tag/);
    }
  });

  it('refuses a header of which any part was changed', () => {
    const { header } = world.encrypt();
    const parsed = parseHeader(header);
    for (const part of [parsed.c1, parsed.c2, parsed.c4, parsed.c3, parsed.h3, AAD, parsed.tag.typeLabel]) {
      const at = Buffer.from(header).indexOf(Buffer.from(part)) + part.length - 1;
      const changed = header.map((byte, index) => (index === at ? byte ^ 1 : byte));
      expect(bytesEqual(changed, header)).to.equal(false);
      expect(() => publicCheck([changed])).to.throw(CryptoError);
      expect(() => openAsOwner(world.owner.identityKey, world.owner.identity, changed)).to.throw(CryptoError);
    }
  });
});
