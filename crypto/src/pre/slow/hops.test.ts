import { expect } from 'chai';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { gcm } from '@noble/ciphers/aes.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { decodeCbor, type CborMap } from '../../core/cbor.js';
import { encodeParts } from '../../core/encode.js';
import { CryptoError } from '../../core/errors.js';
import { initPairing, noblePairing } from '../../pairing/index.js';
import { openAlong, reEncryptAlong } from '../open.js';
import { PROXIES, World, type Hop, type Party } from '../pre.test-support.js';
import { sharingVectors } from '../vectors.test-support.js';

const HOPS = 9;

describe('re-encryption over nine hops', function () {
  this.timeout(120_000);
  let world: World;
  const readers: Party[] = [];
  const hops: Hop[] = [];
  before(async () => {
    await initPairing();
    world = new World();
    for (let index = 0; index < HOPS; index += 1)
      readers.push(world.party(`member/Hospital${10 + index}MSP`));
    for (const [index, reader] of readers.entries()) {
      const parent = hops.at(-1);
      const maxDepth = HOPS - 1 - index;
      hops.push(
        parent === undefined
          ? world.grant(reader, { maxDepth })
          : world.forward(readers[index - 1]!, parent, reader, { maxDepth }),
      );
    }
  });

  it('opens at every hop, and is as long at each as before the first', () => {
    const { header, wrapKey } = world.encrypt();
    const answers = world.answers(hops, [header], PROXIES.slice(1));
    for (const [index, reader] of readers.entries()) {
      const chain = world.chain(hops.slice(0, index + 1), readers.slice(0, index + 1));
      const { wrapKeys } = openAlong(reader, {
        chain,
        headers: [header],
        answers,
        proxyKeys: world.proxyKeys,
      });
      expect(wrapKeys, `hop ${index + 1}`).to.deep.equal([wrapKey]);
      const handed = reEncryptAlong({ chain, header, answers, proxyKeys: world.proxyKeys });
      expect(handed.length, `hop ${index + 1}`).to.equal(header.length);
    }
  });

  it('ends after the ninth: the last edge allows no other', () => {
    expect(() =>
      world.forward(readers[HOPS - 1]!, hops[HOPS - 1]!, world.party('member/LateMSP'), { maxDepth: 0 }),
    ).to.throw(CryptoError);
  });

  it('does not open for the reader of another hop', () => {
    const { header } = world.encrypt();
    const answers = world.answers(hops, [header]);
    const chain = world.chain(hops.slice(0, 3), readers.slice(0, 3));
    expect(() =>
      openAlong(readers[1]!, { chain, headers: [header], answers, proxyKeys: world.proxyKeys }),
    ).to.throw(CryptoError);
  });
});

/** A second way to open, on noble's own functions and the equations of docs/crypto/pre.md alone. */
describe('the scheme by another hand', function () {
  this.timeout(120_000);
  const { G1, G2, fields } = bls12_381;
  const { Fp12 } = fields;
  const e = bls12_381.pairing;
  const g1 = (bytes: unknown) => G1.Point.fromBytes(bytes as Uint8Array);
  const g2 = (bytes: unknown) => G2.Point.fromBytes(bytes as Uint8Array);
  const gt = (bytes: unknown) => Fp12.fromBytes(bytes as Uint8Array);
  const text = (value: string) => new TextEncoder().encode(value);
  const id = (name: unknown, epoch: unknown) =>
    encodeParts('careledger/identity/v1', name as string, BigInt(epoch as number));

  const tagBytes = (map: CborMap) =>
    encodeParts(
      'careledger/tag/v1',
      id(map['owner'], map['ownerEpoch']),
      map['typeLabel'] as Uint8Array,
      map['conditionLabel'] as Uint8Array,
      BigInt(map['tagEpoch'] as number),
    );
  const wrapKey = (m: ReturnType<typeof gt>, header: CborMap) =>
    hkdf(
      sha256,
      Fp12.toBytes(m),
      undefined,
      encodeParts(
        'careledger/pre-wrap-key/v1',
        1n,
        id(header['owner'], header['ownerEpoch']),
        tagBytes(header),
        header['aad'] as Uint8Array,
      ),
      32,
    );
  const overGT = (value: ReturnType<typeof gt>, divisor: ReturnType<typeof gt>) =>
    Fp12.mul(value, Fp12.inv(divisor));

  before(() => initPairing());

  it('opens as the owner, and re-encrypts and opens as a grantee', () => {
    const world = new World();
    const reader = world.party('person/Hospital2MSP/h2-reader');
    const single = world.grant(reader, { proxies: ['Hospital1MSP'], threshold: 1 });
    const encrypted = world.encrypt();
    const header = decodeCbor(encrypted.header, 4096) as CborMap;
    const c1 = g2(header['c1']);

    const m = overGT(gt(header['c3']), e(g1(world.owner.identityKey), c1));
    expect(wrapKey(m, header)).to.deep.equal(encrypted.wrapKey);

    const statement = decodeCbor(single.made.statement, 9216) as CborMap;
    const r = g1(single.made.shares.get('Hospital1MSP'));
    const moved = Fp12.mul(Fp12.mul(gt(header['c3']), e(g1(header['c2']), g2(statement['q']))), e(r, c1));

    const edge = encodeParts(
      'careledger/edge/v1',
      1n,
      id(statement['owner'], statement['ownerEpoch']),
      tagBytes(statement),
      id(statement['from'], statement['fromEpoch']),
      id(statement['to'], statement['toEpoch']),
      statement['parent'] as Uint8Array,
      statement['serial'] as Uint8Array,
    );
    const [u, v, body] = [single.made.w.slice(0, 96), single.made.w.slice(96, 128), single.made.w.slice(128)];
    const publicKey = Buffer.from(reader.identity.publicKey, 'base64url');
    const shared = Fp12.toBytes(e(g1(reader.identityKey), g2(u)));
    const to = id(statement['to'], statement['toEpoch']);
    const mask = sha256(encodeParts('careledger/ibe-mask/v1', shared, u, to, new Uint8Array(publicKey)));
    const sigma = v.map((byte, index) => byte ^ mask[index]!);
    const key = hkdf(sha256, sigma, undefined, encodeParts('careledger/ibe-body/v1', u, edge), 32);
    const x = gcm(key, new Uint8Array(12), edge).decrypt(body);
    const k = G1.hashToCurve(encodeParts('careledger/edge-point/v1', edge, x), {
      DST: text('CARELEDGER-V1-HX-BLS12381G1_XMD:SHA-256_SSWU_RO_'),
    });
    expect(Fp12.eql(e(G1.Point.fromAffine(k.toAffine()), G2.Point.BASE), gt(statement['ex']))).to.equal(true);
    const opened = overGT(moved, e(G1.Point.fromAffine(k.toAffine()), c1));
    expect(wrapKey(opened, header)).to.deep.equal(encrypted.wrapKey);
    expect(wrapKey(moved, header)).to.not.deep.equal(encrypted.wrapKey);
  });
});

describe('the vectors on the other engine', function () {
  this.timeout(60_000);

  it('are the same, byte for byte', async () => {
    expect(sharingVectors(noblePairing)).to.deep.equal(sharingVectors(await initPairing()));
  });
});
