import { expect } from 'chai';
import { base64UrlToBytes } from '../core/bytes.js';
import { expectCode } from '../test-support.js';
import { combinePartialKeys, isPartialKey, partialKey } from '../ibe/index.js';
import { decodeScalar, lagrangeModQ, modQ, noblePairing } from '../pairing/index.js';
import {
  H1,
  H2,
  H3,
  generation,
  record,
  resultsOf,
  sharedKeyOf,
  sharesOf,
  subsets,
  tools,
  type Steps,
} from './dkg.test-support.js';
import { beginIdentityCeremony, inspectIdentityCeremony, stepIdentityCeremony } from './machine.js';
import { assertIdentityShare, checkedIdentitySharing, identitySharingDigest } from './sharing.js';
import type { IdentityShare } from './types.js';

const SECRET_OF_TEST = (shares: readonly IdentityShare[]): bigint => {
  const points = shares.map(({ point }) => point);
  return shares.reduce(
    (sum, { scalar, point }) =>
      modQ(sum + lagrangeModQ(points, point) * decodeScalar('scalar', base64UrlToBytes(scalar))),
    0n,
  );
};

describe('the ceremony of the identity master key', function () {
  this.timeout(20_000);

  let four: Steps[];
  before(() => {
    four = record(generation(4));
  });

  it('gives everyone the same key and sharing, and each a share that fits', () => {
    const results = resultsOf(four);
    expect(results).to.have.length(4);
    const [first] = results;
    for (const { share, ...rest } of results) {
      expect({ ...rest, share: first!.share }).to.deep.equal(first);
      const { masterKey, sharing } = rest;
      const checked = checkedIdentitySharing(tools().engine, masterKey, sharing);
      expect(() => assertIdentityShare(tools().engine, checked, share!)).not.to.throw();
      expect(identitySharingDigest(masterKey, sharing)).to.equal(rest.sharingDigest);
    }
    expect(first!.sharing).to.include({ epoch: 0, threshold: 3 });
    expect(first!.disputes).to.deep.equal([]);
  });

  it('takes four rounds when nobody complains, and its progress never goes back', () => {
    expect(four).to.have.length(5);
    const fractions = four.map((steps) => steps.get(H1)?.progress.fraction ?? 0);
    expect([...fractions].sort()).to.deep.equal(fractions);
    expect(fractions.at(-1)).to.equal(1);
  });

  for (const holderCount of [3, 4])
    it(`every majority of ${holderCount} has the same s, and P is g2^s; fewer have another`, () => {
      const results = resultsOf(holderCount === 4 ? four : record(generation(holderCount)));
      const shares = sharesOf(results);
      const { threshold } = results[0]!.sharing;
      const secrets = new Set(subsets(shares, threshold).map(SECRET_OF_TEST));
      expect(secrets.size).to.equal(1);
      const [secret = 0n] = secrets;
      const { engine } = tools();
      const publicKey = engine.encodeG2(engine.g2Power(engine.g2, secret));
      expect(base64UrlToBytes(results[0]!.masterKey.publicKey)).to.deep.equal(publicKey);
      expect(subsets(shares, threshold - 1).map(SECRET_OF_TEST)).not.to.include(secret);
    });

  it('what comes of it extracts keys: every majority the same, and a wrong part names its holder', () => {
    const results = resultsOf(four);
    const { sharing: json } = results[0]!;
    const sharing = { ...json, commitments: json.commitments.map(base64UrlToBytes) };
    const identity = { name: 'member/H1MSP', keyEpoch: 0 };
    const parts = sharesOf(results).map(
      ({ holder, scalar }) => [holder, partialKey(base64UrlToBytes(scalar), identity)] as const,
    );
    for (const [holder, partial] of parts)
      expect(isPartialKey({ sharing, holder, partial }, identity)).to.equal(true);
    const keys = subsets(parts, 3).map((some) => combinePartialKeys(sharing, identity, new Map(some)).key);
    for (const key of keys) expect(key).to.deep.equal(keys[0]);
    const swapped = new Map(parts).set(H2, parts[0]![1]);
    expect(combinePartialKeys(sharing, identity, swapped).bad).to.deep.equal([H2]);
  });

  it('says the same on noble as on mcl', () => {
    const parameters = { ...generation(3), self: H1 };
    const random = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).fill(7);
    const [mcl, noble] = [tools().engine, noblePairing].map((engine) =>
      beginIdentityCeremony(parameters, { engine, random }),
    );
    expect(noble!.state).to.deep.equal(mcl!.state);
    expect(noble!.outgoing).to.deep.equal(mcl!.outgoing);
  });

  it('a step that is repeated says the same bytes again', () => {
    const [first, second] = four;
    const incoming = [...first!]
      .filter(([from]) => from !== H1)
      .map(([from, { outgoing }]) => {
        const { round, broadcast, direct } = outgoing!;
        return { from, round, broadcast, direct: direct[H1]! };
      });
    const again = stepIdentityCeremony(first!.get(H1)!.state, incoming, tools());
    expect(again).to.deep.equal(second!.get(H1));
    expect(inspectIdentityCeremony(again.state).progress).to.deep.equal(again.progress);
  });

  it('no message for all and no state of another shows a share', () => {
    const shares = sharesOf(resultsOf(four));
    for (const { holder, scalar } of shares) {
      const bytes = Buffer.from(base64UrlToBytes(scalar));
      for (const steps of four)
        for (const [self, { state, outgoing }] of steps) {
          if (self !== holder) expect(Buffer.from(state).includes(bytes)).to.equal(false);
          const said = [outgoing?.broadcast, ...Object.values(outgoing?.direct ?? {})];
          for (const message of said)
            expect(Buffer.from(message ?? new Uint8Array(0)).includes(bytes)).to.equal(false);
        }
    }
  });

  describe('refuses', () => {
    const own = (changes: object) => ({ ...generation(4), self: H1, ...changes });
    const begin = (changes: object) => () => beginIdentityCeremony(own(changes), tools());
    const wrong: [string, object][] = [
      ['a minority as threshold', { threshold: 2 }],
      ['a threshold above the holders', { threshold: 5 }],
      ['two holders', { holders: [H1, H2], participants: [H1, H2], threshold: 2 }],
      ['a holder twice', { holders: [H1, H2, H2], participants: [H1, H2, H2], threshold: 2 }],
      ['a stranger', { self: 'OtherMSP' }],
      ['a participant that is left out', { participants: [H1, H2, H3] }],
      ['dealers of nothing', { dealers: [H1, H2, H3] }],
      ['an attempt that is none', { attempt: 0 }],
      ['another purpose', { purpose: 'recover' }],
      ['a redistribution of nothing', { purpose: 'redistribute', dealers: [H1, H2, H3] }],
    ];
    for (const [why, changes] of wrong)
      it(why, () => {
        expectCode('CRYPTO_INVALID_INPUT', begin(changes));
      });

    it('documents that do not fit together', () => {
      const { masterKey, sharing } = sharedKeyOf(resultsOf(four)[0]!);
      const other = resultsOf(record(generation(4), { seed: 'b' }))[0]!;
      const [first = '', ...rest] = sharing.commitments;
      const documents: [object, object][] = [
        [{ keyId: other.masterKey.keyId }, {}],
        [other.masterKey, {}],
        [{}, { commitments: other.sharing.commitments }],
        [{}, { commitments: rest }],
        [{}, { commitments: [first, ...rest, first] }],
        [{}, { commitments: [first, rest[0], 'A'.repeat(128)] }],
        [{}, { threshold: 2 }],
        [{}, { threshold: 5 }],
        [{}, { epoch: -1 }],
        [{}, { epoch: 1001 }],
        [{}, { holders: sharing.holders.slice(0, 2) }],
      ];
      for (const [key, changes] of documents)
        expectCode('CRYPTO_INVALID_INPUT', () =>
          identitySharingDigest({ ...masterKey, ...key }, { ...sharing, ...changes }),
        );
      const digests = [{ epoch: 1 }, { holders: [...sharing.holders].reverse() }].map((changes) =>
        identitySharingDigest(masterKey, { ...sharing, ...changes }),
      );
      expect(new Set([...digests, identitySharingDigest(masterKey, sharing)]).size).to.equal(3);
    });

    it('a share that is another holder’s, of another epoch, or of nobody', () => {
      const [result] = resultsOf(four);
      const { engine } = tools();
      const sharing = checkedIdentitySharing(engine, result!.masterKey, result!.sharing);
      const share = result!.share!;
      const changes: object[] = [
        { holder: H2 },
        { point: 2 },
        { holder: H2, point: 2 },
        { epoch: 1 },
        { keyId: 'ab'.repeat(32) },
        { scalar: sharesOf(resultsOf(four))[1]!.scalar },
      ];
      for (const change of changes)
        expectCode('CRYPTO_INVALID_INPUT', () =>
          assertIdentityShare(engine, sharing, { ...share, ...change }),
        );
    });
  });
});
