/** What holds for every byte and every input, and not only for the ones that an attack names. */
import { expect } from 'chai';
import fc from 'fast-check';
import { bytesToBase64Url } from '../../core/bytes.js';
import { CryptoError } from '../../core/errors.js';
import { initPairing } from '../../pairing/index.js';
import { verifyChain } from '../chain.js';
import { openEdge } from '../edge.js';
import { openAsOwner, publicCheck } from '../encrypt.js';
import { handleOf, parseHeader } from '../header.js';
import { attest, openAttested, reEncryptAlong, withAttestations } from '../open.js';
import { verifyEdgePartials } from '../partial.js';
import { PROXIES, World, type Hop, type Party } from '../pre.test-support.js';
import { parseStatement, verifyStatementSignature } from '../statement.js';

const flips = (bytes: Uint8Array) =>
  fc
    .tuple(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 0, max: 7 }))
    .map(([at, bit]) => bytes.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte)));

describe('properties of re-encryption', function () {
  this.timeout(120_000);
  let world: World;
  let reader: Party;
  let grant: Hop;
  before(async () => {
    await initPairing();
    world = new World();
    reader = world.party('person/Hospital2MSP/h2-reader');
    grant = world.grant(reader);
  });
  const refused = (act: () => unknown): void => {
    expect(act).to.throw(CryptoError);
  };

  const rejectionOf = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      return String(error);
    }
    return 'nothing was thrown';
  };

  it('any bit of a header: nobody opens it, and its proxies do not touch it', () => {
    const { header, wrapKey } = world.encrypt();
    const { identityKey, identity } = world.owner;
    expect(openAsOwner(identityKey, identity, header)).to.deep.equal(wrapKey);
    // Nothing tells at which check it failed.
    const rejection = rejectionOf(() => openAsOwner(identityKey, identity, new Uint8Array(1)));
    fc.assert(
      fc.property(flips(header), (changed) => {
        expect(rejectionOf(() => openAsOwner(identityKey, identity, changed))).to.equal(rejection);
        refused(() => publicCheck([changed]));
      }),
      { numRuns: 60 },
    );
  });

  it('any bit of a header that was handed on', () => {
    const { header, wrapKey } = world.encrypt();
    const { chain } = grant;
    const { proxyKeys } = world;
    const handed = reEncryptAlong({ chain, header, answers: world.answers([grant], [header]), proxyKeys });
    const signatures = [1, 2].map(
      (point) => [point, attest(handed, world.proxies.get(PROXIES[point - 1]!)!.signingKey)] as const,
    );
    const attested = withAttestations(handed, new Map(signatures));
    const open = (bytes: Uint8Array) => openAttested(reader, { chain, header: bytes, proxyKeys });
    expect(open(attested)).to.deep.equal(wrapKey);
    fc.assert(
      fc.property(flips(attested), (changed) => {
        refused(() => open(changed));
      }),
      { numRuns: 60 },
    );
  });

  it('any bit of a statement: not the delegator’s any more', () => {
    const { statement, w } = grant.made;
    const { signingKey } = world.owner.identity;
    verifyStatementSignature(parseStatement(statement), signingKey);
    fc.assert(
      fc.property(flips(statement), (changed) => {
        refused(() => {
          verifyStatementSignature(parseStatement(changed), signingKey);
        });
        refused(() =>
          verifyChain({ ...grant.chain, edges: [{ ...grant.edge, statement: bytesToBase64Url(changed) }] }),
        );
      }),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(flips(w), (changed) => {
        refused(() => openEdge(reader.identity, reader.identityKey, parseStatement(statement), changed));
      }),
      { numRuns: 50 },
    );
  });

  it('any bit of a proxy’s answer', () => {
    const headers = publicCheck([world.encrypt().header, world.encrypt().header]);
    const [proxy] = PROXIES as [string];
    const [edge] = verifyChain(grant.chain);
    const proxyKey = world.proxyKeys.get(proxy)!;
    const bytes = world.partials(proxy, grant.made, headers);
    const verify = (changed: Uint8Array) =>
      verifyEdgePartials({ edge: edge!, proxy, proxyKey, headers, bytes: changed });
    expect(verify(bytes)).to.have.length(2);
    fc.assert(
      fc.property(flips(bytes), (changed) => {
        refused(() => verify(changed));
      }),
      { numRuns: 100 },
    );
  });

  it('a header opens to its own key under every context, and two are never alike', () => {
    const handles = new Set<string>();
    const contexts = fc.tuple(fc.uint8Array({ maxLength: 1024 }), fc.integer({ min: 0, max: 1_000_000 }));
    let made = 0;
    fc.assert(
      fc.property(contexts, ([aad, tagEpoch]) => {
        const { header, handle, wrapKey } = world.encrypt(world.tag({ tagEpoch }), aad);
        expect(openAsOwner(world.owner.identityKey, world.owner.identity, header)).to.deep.equal(wrapKey);
        const parsed = parseHeader(header);
        expect(handleOf(parsed)).to.equal(handle);
        expect(parsed.aad).to.deep.equal(aad);
        handles.add(handle);
        made += 1;
      }),
      { numRuns: 15 },
    );
    expect(handles.size).to.equal(made);
    refused(() => world.encrypt(world.tag(), new Uint8Array(1025)));
  });
});
