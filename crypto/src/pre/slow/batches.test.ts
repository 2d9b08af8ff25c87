/** Errors that cancel: between the equations of a header, the headers of a batch, the partials of a proxy. */
import { expect } from 'chai';
import { sha256 } from '@noble/hashes/sha2.js';
import { CryptoError } from '../../core/errors.js';
import { Q, initPairing, randomScalar, type G1, type GT, type PairingEngine } from '../../pairing/index.js';
import { verifyChain } from '../chain.js';
import { publicCheck } from '../encrypt.js';
import { NO_EDGE, NO_SECRET, ciphertextPoint, encodeHeader } from '../header.js';
import { openAlong } from '../open.js';
import { partialReEncrypt, verifyEdgePartials } from '../partial.js';
import { AAD, PROXIES, World, type Hop, type Party } from '../pre.test-support.js';
import { tagPoint } from '../tag.js';

describe('errors that cancel', function () {
  this.timeout(60_000);
  let engine: PairingEngine;
  let world: World;
  let reader: Party;
  let grant: Hop;
  before(async () => {
    engine = await initPairing();
    world = new World();
    reader = world.party('person/Hospital2MSP/h2-reader');
    grant = world.grant(reader);
  });
  const refused = (act: () => unknown, message?: RegExp): void => {
    expect(act).to.throw(CryptoError, message);
  };

  /** By whoever encrypts and knows r: C2 is T^r times `c2`, C4 is HC(..)^r times `c4`. */
  const made = (c2?: G1, c4?: G1, exponent?: bigint): Uint8Array => {
    const tag = { ...world.tag(), owner: world.owner.identity };
    const r = randomScalar();
    const times = (value: G1, factor?: G1): G1 =>
      factor === undefined ? value : engine.g1Multiply(value, factor);
    const c3 = engine.encodeGT(engine.gtPower(engine.gt, randomScalar()));
    const parts = {
      c1: engine.encodeG2(engine.g2Power(engine.g2, r)),
      c2: engine.encodeG1(times(engine.g1Power(tagPoint(engine, tag), exponent ?? r), c2)),
      h3: sha256(c3),
    };
    const hashed = ciphertextPoint(engine, { ...parts, tag, aad: AAD });
    const whole = { ...parts, c4: engine.encodeG1(times(engine.g1Power(hashed, r), c4)), c3, tag, aad: AAD };
    return encodeHeader({ ...whole, hop: 0, edgeId: NO_EDGE, w: NO_SECRET, attestations: new Map() });
  };

  it('C2 with another exponent than C1, under a C4 that fits', () => {
    publicCheck([made()]);
    refused(() => publicCheck([made(undefined, undefined, randomScalar())]), /headers\[0\]/);
  });

  it('what C2 has too much, C4 has too little; and one header what the other has', () => {
    const error = engine.g1Power(engine.g1, randomScalar());
    const inverse = engine.g1Power(error, Q - 1n);
    refused(() => publicCheck([made(error, inverse)]), /headers\[0\]/);
    refused(() => publicCheck([made(), made(error), made(inverse)]), /headers\[1\]/);
    refused(() => publicCheck([made(undefined, error), made(undefined, inverse)]), /headers\[0\]/);
  });

  it('a header that is well-formed and does not open keeps no other back, and is named', () => {
    const encrypted = [world.encrypt(), world.encrypt()];
    const [first, last] = encrypted.map(({ header }) => header) as [Uint8Array, Uint8Array];
    const open = (headers: Uint8Array[]) =>
      openAlong(reader, {
        chain: grant.chain,
        headers,
        answers: world.answers([grant], headers),
        proxyKeys: world.proxyKeys,
      });
    const { wrapKeys, unopened, badProxies } = open([first, made(), last]);
    expect([wrapKeys[0], wrapKeys[2]]).to.deep.equal(encrypted.map(({ wrapKey }) => wrapKey));
    expect([1 in wrapKeys, unopened, badProxies]).to.deep.equal([false, [1], []]);
    refused(() => open([made()]), /CRYPTO_AUTHENTICATION_FAILED/);
    refused(() => open([made(), made()]), /CRYPTO_AUTHENTICATION_FAILED/);
  });

  /** A proxy whose first two pairings, its two partials, are off by factors that cancel, with a proof over them. */
  const cancelling = (proxy: string, headers: ReturnType<typeof publicCheck>): Uint8Array => {
    const error = engine.gtPower(engine.gt, randomScalar());
    const factors = [error, engine.gtInverse(error)];
    const pair = (left: G1, right: Parameters<PairingEngine['pair']>[1]): GT => {
      const factor = factors.shift();
      const value = engine.pair(left, right);
      return factor === undefined ? value : engine.gtMultiply(value, factor);
    };
    const { statement, shares } = grant.made;
    const { signingKey } = world.proxies.get(proxy)!;
    const share = shares.get(proxy)!;
    return partialReEncrypt({ statement, proxy, share, signingKey, headers }, { ...engine, pair });
  };

  it('two wrong partials of one proxy whose product is right: named, and done without', () => {
    const encrypted = [world.encrypt(), world.encrypt()];
    const headers = encrypted.map(({ header }) => header);
    const checked = publicCheck(headers);
    const [proxy] = PROXIES as [string];
    const [edge] = verifyChain(grant.chain);
    const proxyKey = world.proxyKeys.get(proxy)!;
    const bytes = cancelling(proxy, checked);
    refused(
      () => verifyEdgePartials({ edge: edge!, proxy, proxyKey, headers: checked, bytes }),
      /CRYPTO_PROOF_INVALID/,
    );
    const answers = new Map([
      ...world.answers([grant], headers),
      [proxy, [{ edgeId: grant.made.edgeId, bytes }]] as const,
    ]);
    const opened = openAlong(reader, { chain: grant.chain, headers, answers, proxyKeys: world.proxyKeys });
    expect(opened.badProxies).to.deep.equal([proxy]);
    expect(opened.wrapKeys).to.deep.equal(encrypted.map(({ wrapKey }) => wrapKey));
  });

  it('headers that are given in another order than they were answered', () => {
    const headers = [world.encrypt().header, world.encrypt().header];
    const answers = world.answers([grant], headers);
    const { chain } = grant;
    refused(() =>
      openAlong(reader, { chain, headers: headers.slice().reverse(), answers, proxyKeys: world.proxyKeys }),
    );
    refused(() =>
      openAlong(reader, { chain, headers: headers.slice(0, 1), answers, proxyKeys: world.proxyKeys }),
    );
  });
});
