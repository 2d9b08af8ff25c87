/** What signatures under a header that was handed on say by themselves, before anything is opened. */
import { expect } from 'chai';
import { CryptoError } from '../../core/errors.js';
import { initPairing, type PairingEngine } from '../../pairing/index.js';
import { verifyChain } from '../chain.js';
import { encodeHeader, parseHeader, type PreHeader } from '../header.js';
import { attest, reEncryptAlong, verifyAttestations } from '../open.js';
import { PROXIES, World, type Hop, type Party } from '../pre.test-support.js';

describe('attestations', function () {
  this.timeout(60_000);
  let engine: PairingEngine;
  let world: World;
  let reader: Party;
  let grant: Hop;
  let handed: Uint8Array;
  before(async () => {
    engine = await initPairing();
    world = new World();
    reader = world.party('person/Hospital2MSP/h2-reader');
    grant = world.grant(reader);
    const { header } = world.encrypt();
    const answers = world.answers([grant], [header]);
    handed = reEncryptAlong({ chain: grant.chain, header, answers, proxyKeys: world.proxyKeys });
  });
  const refused = (act: () => unknown): void => {
    expect(act).to.throw(CryptoError);
  };
  const signed = (points: readonly number[], by = PROXIES): Map<number, Uint8Array> =>
    new Map(
      points.map((point) => [
        point,
        attest(handed, world.proxies.get(by[(point - 1) % by.length]!)!.signingKey),
      ]),
    );
  const verify = (change: Partial<PreHeader>, hop = grant): void => {
    const header = { ...parseHeader(handed), attestations: signed([1, 2]), ...change };
    verifyAttestations(header, verifyChain(hop.chain), world.proxyKeys);
  };

  it('of enough proxies of the edge, whichever they are', () => {
    for (const points of [
      [1, 2],
      [1, 3],
      [2, 3],
      [1, 2, 3],
    ])
      verify({ attestations: signed(points) });
    for (const points of [[], [1], [3]])
      refused(() => {
        verify({ attestations: signed(points) });
      });
  });

  it('at points that no proxy of the edge has', () => {
    refused(() => {
      verify({ attestations: signed([1, 4]) });
    });
    refused(() => {
      verify({ attestations: signed([9, 10]) });
    });
  });

  it('under another C3 than was combined, another hop, another record', () => {
    const c3 = engine.encodeGT(engine.gt);
    const other = parseHeader(world.encrypt().header);
    for (const change of [{ c3 }, { hop: 2 }, { c1: other.c1 }, { c4: other.c4 }])
      refused(() => {
        verify(change);
      });
  });

  it('of one edge, for another of the same owner, reader and proxies', () => {
    const again = world.grant(reader);
    refused(() => {
      verify({}, again);
    });
    const { edgeId } = verifyChain(again.chain)[0]!.statement;
    refused(() => {
      verify({ edgeId: Uint8Array.from(Buffer.from(edgeId, 'hex')) }, again);
    });
  });

  it('a header that was re-encrypted is not re-encrypted along the chain again', () => {
    const answers = world.answers([grant], [handed]);
    const { chain } = grant;
    expect(() => reEncryptAlong({ chain, header: handed, answers, proxyKeys: world.proxyKeys })).to.throw(
      CryptoError,
      /hop 0/,
    );
    expect(encodeHeader(parseHeader(handed))).to.deep.equal(handed);
  });
});
