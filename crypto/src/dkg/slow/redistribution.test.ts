import { expect } from 'chai';
import { base64UrlToBytes, bytesToBase64Url } from '../../core/bytes.js';
import { randomBytes } from '../../core/random.js';
import { combinePartialKeys, partialKey } from '../../ibe/index.js';
import { decodeScalar, encodeScalar, lagrangeModQ, modQ, randomScalar } from '../../pairing/index.js';
import { expectCode } from '../../test-support.js';
import { HOSPITALS } from '../../threshold/threshold.test-support.js';
import {
  H1,
  H2,
  H3,
  H4,
  bodyOf,
  both,
  changing,
  endings,
  flipped,
  generation,
  record,
  resultsOf,
  saidByOthers,
  sharedKeyOf,
  sharesOf,
  subsets,
  tools,
  type SharedParameters,
  type Steps,
  type Tamper,
} from '../dkg.test-support.js';
import { commit, dealingDigest, encodePoints, proveKnowledge } from '../feldman.js';
import { beginIdentityCeremony } from '../machine.js';
import { identityParametersDigest } from '../parameters.js';
import { assertIdentityShare, checkedIdentitySharing } from '../sharing.js';
import type { IdentityCeremonyResult, IdentityShare } from '../types.js';

const secretOf = (shares: readonly IdentityShare[]): bigint => {
  const points = shares.map(({ point }) => point);
  return shares.reduce(
    (sum, { scalar, point }) =>
      modQ(sum + lagrangeModQ(points, point) * decodeScalar('scalar', base64UrlToBytes(scalar))),
    0n,
  );
};

describe('the identity master key shared anew', function () {
  this.timeout(20_000);

  let old: IdentityCeremonyResult[];
  let oldShares: IdentityShare[];
  let parameters: SharedParameters;
  let moved: Steps[];
  let results: IdentityCeremonyResult[];
  let newShares: IdentityShare[];

  /** Of the first holders, which deal. */
  const dealersShares = (): Record<string, IdentityShare> =>
    Object.fromEntries(oldShares.slice(0, 2).map((share) => [share.holder, share]));
  const refused = (changes: object, self: string = H1, share = dealersShares()[self]) => {
    const own = { ...parameters, self, ...changes, ...(share === undefined ? {} : { share }) };
    expectCode('CRYPTO_INVALID_INPUT', () => beginIdentityCeremony(own, tools()));
  };

  before(() => {
    old = resultsOf(record(generation(3)));
    oldShares = sharesOf(old);
    // The first leaves and deals, the fourth joins.
    parameters = {
      ceremonyId: 'identity-2',
      attempt: 1,
      purpose: 'redistribute',
      participants: [H2, H3, H4, H1],
      holders: [H2, H3, H4],
      threshold: 2,
      dealers: [H1, H2],
      present: sharedKeyOf(old[0]!),
    };
    moved = record(parameters, { shares: dealersShares() });
    results = resultsOf(moved);
    newShares = sharesOf(results);
  });

  it('keeps P; epoch, holders, commitments and shares are others', () => {
    expect(results).to.have.length(4);
    const [first] = results;
    expect(first!.masterKey).to.deep.equal(old[0]!.masterKey);
    expect(first!.sharing).to.deep.include({ epoch: 1, threshold: 2, holders: [H2, H3, H4] });
    expect(first!.sharing.commitments.slice(1)).not.to.have.members(old[0]!.sharing.commitments.slice(1));
    const checked = checkedIdentitySharing(tools().engine, first!.masterKey, first!.sharing);
    for (const share of newShares) assertIdentityShare(tools().engine, checked, share);
    expect(newShares.map(({ holder }) => holder)).to.deep.equal([H2, H3, H4]);
  });

  it('every majority of the new holders has the same s', () => {
    const secret = secretOf(oldShares.slice(0, 2));
    for (const some of subsets(newShares, 2)) expect(secretOf(some)).to.equal(secret);
  });

  it('old and new shares do not mix, in numbers or in parts of keys', () => {
    const secret = secretOf(oldShares.slice(0, 2));
    for (const one of oldShares)
      for (const two of subsets(
        newShares.filter(({ point }) => point !== one.point),
        1,
      ))
        expect(secretOf([one, ...two])).not.to.equal(secret);
    const json = results[0]!.sharing;
    const sharing = { ...json, commitments: json.commitments.map(base64UrlToBytes) };
    const identity = { name: 'member/H2MSP', keyEpoch: 0 };
    const part = ({ holder, scalar }: IdentityShare) =>
      [holder, partialKey(base64UrlToBytes(scalar), identity)] as const;
    const stale = oldShares.find(({ holder }) => holder === H3)!;
    const fresh = newShares.filter(({ holder }) => holder !== H3);
    const parts = new Map([stale, ...fresh].map(part));
    const { key, bad } = combinePartialKeys(sharing, identity, parts);
    expect(bad).to.deep.equal([H3]);
    expect(key).to.deep.equal(combinePartialKeys(sharing, identity, new Map(newShares.map(part))).key);
    parts.delete(H4);
    expect(combinePartialKeys(sharing, identity, parts).key).to.equal(undefined);
  });

  it('a majority of old shares that nobody erased still is the key; fewer are not', () => {
    const secret = secretOf(newShares.slice(0, 2));
    for (const some of subsets(oldShares, 2)) expect(secretOf(some)).to.equal(secret);
    for (const one of oldShares) expect(secretOf([one])).not.to.equal(secret);
  });

  it('goes on to more holders, and from there again', () => {
    const more = resultsOf(
      record(
        {
          ...parameters,
          ceremonyId: 'identity-3',
          holders: HOSPITALS.slice(0, 4),
          participants: HOSPITALS.slice(0, 4),
          threshold: 3,
          dealers: [H4, H3],
          present: sharedKeyOf(results[0]!),
        },
        { shares: Object.fromEntries(newShares.slice(1).map((share) => [share.holder, share])) },
      ),
    );
    expect(more.map(({ sharing }) => sharing.epoch)).to.deep.equal([2, 2, 2, 2]);
    for (const some of subsets(sharesOf(more), 3))
      expect(secretOf(some)).to.equal(secretOf(newShares.slice(1)));
  });

  describe('names', () => {
    const named = (timeline: readonly Steps[], accused: string): void => {
      expect(saidByOthers(timeline, accused)).to.deep.equal([`PROOF_INVALID ${accused}`]);
    };
    const run = (tamper: Tamper): Steps[] => record(parameters, { shares: dealersShares(), tamper });

    it('a dealer that deals another secret than its share, however well it proves it', () => {
      const { engine } = tools();
      const secret = randomScalar();
      const commitments = encodePoints(engine, commit(engine, [secret, randomScalar()]));
      const context = identityParametersDigest({ ...parameters, self: H1 });
      const statement = { context, dealer: H1, commitments };
      const proof = proveKnowledge(engine, statement, { secret, random: randomBytes });
      const timeline = run(
        both(
          changing(
            { from: H1, name: 'commit' },
            { broadcast: () => ({ digest: dealingDigest(statement, proof) }) },
          ),
          changing({ from: H1, name: 'deal' }, { broadcast: () => ({ commitments, proof }) }),
        ),
      );
      const details = [...timeline.at(-1)!.values()].map(({ fault }) => fault?.detail);
      expect(details).to.include('it deals something else than its share');
      named(timeline, H1);
    });

    it('a leaving dealer whose share to one holder is wrong, also when that is shown', () => {
      const bad = changing(
        { from: H1, name: 'deal', to: H4 },
        { direct: ({ share }) => ({ share: flipped(share) }) },
      );
      const unjust = changing(
        { from: H1, name: 'justify' },
        { broadcast: ({ shares }) => ({ shares: flipped(shares) }) },
      );
      named(run(both(bad, unjust)), H1);
      expect(resultsOf(run(bad))).to.have.length(4);
    });

    it('nobody for complaints whose answers would give every holder the key, and ends', () => {
      // Of one dealer alone it goes on: the test before.
      const complaints = Uint8Array.of(1, 1);
      const timeline = run(changing({ from: H4, name: 'complain' }, { broadcast: () => ({ complaints }) }));
      expect(Object.values(endings(timeline))).to.include('INCONSISTENT nobody');
    });

    it('a newcomer that deals, and a leaving dealer that complains', () => {
      const dealt = bodyOf(moved, H1, 'deal');
      const dealing = run(changing({ from: H4, name: 'deal' }, { broadcast: () => dealt }));
      expect(Object.values(endings(dealing))).to.include(`GARBAGE ${H4}`);
      const complaints = Uint8Array.of(0, 1);
      const complaining = run(
        changing({ from: H1, name: 'complain' }, { broadcast: () => ({ complaints }) }),
      );
      expect(Object.values(endings(complaining))).to.include(`GARBAGE ${H1}`);
    });
  });

  describe('refuses', () => {
    it('dealers that are fewer, more, twice the same or no holders', () => {
      for (const dealers of [[H1], [H1, H2, H3], [H1, H1], [H1, H4]])
        refused({ dealers, participants: [...new Set([H2, H3, H4, ...dealers])] });
    });

    it('a dealer without a share, with another’s, and a share that is not a dealer’s', () => {
      expectCode('CRYPTO_INVALID_INPUT', () => beginIdentityCeremony({ ...parameters, self: H1 }, tools()));
      refused({}, H1, oldShares[1]);
      refused({}, H3, oldShares[2]);
      const scalar = bytesToBase64Url(encodeScalar(5n));
      refused({}, H1, { ...oldShares[0]!, scalar });
      refused({}, H1, { ...newShares[0]!, holder: H1 });
    });

    it('a present key whose documents do not fit', () => {
      const { masterKey, sharing } = parameters.present!;
      refused({ present: { masterKey: { ...masterKey, keyId: 'ab'.repeat(32) }, sharing } });
      refused({ present: { masterKey, sharing: results[0]!.sharing } });
    });
  });
});
