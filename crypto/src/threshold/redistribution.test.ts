import { expect } from 'chai';
import { expectCode } from '../test-support.js';
import { bitLength } from '../paillier/arithmetic.js';
import { nativeModPow as modPow } from '../paillier/engine/native-mod-pow.js';
import { encryptWith, randomUnit } from '../paillier/homomorphic.js';
import { assertSharing, sharingDigest } from './codec.js';
import { testCiphertextOf } from './derived.js';
import { splitInteger, type Commitments, type IntegerDealing } from './integer-sharing.js';
import { combinePartials, thetaOf, verifyPartialDecryption, verifyPartials } from './partial-decryption.js';
import {
  dealRedistribution,
  redistributedShare,
  redistributedSharing,
  verifyDealing,
  verifySubShare,
  type Redistribution,
} from './redistribution.js';
import { CONTEXT, HOSPITALS, choices, dealtKey, partialsOf, type Held } from './threshold.test-support.js';
import type { OpeningContext, ProvenPartial } from './types.js';

function planOf(held: Held, holders: readonly string[], dealers?: readonly string[]): Redistribution {
  return {
    publicKey: held.publicKey,
    from: held.sharing,
    dealers: dealers ?? held.sharing.holders.slice(-held.sharing.threshold),
    holders,
    threshold: Math.floor(holders.length / 2) + 1,
  };
}

function dealAll(held: Held, plan: Redistribution): Map<string, IntegerDealing> {
  return new Map(
    plan.dealers.map((dealer) => {
      const share = held.shares.find(({ holder }) => holder === dealer)!;
      return [dealer, dealRedistribution({ plan, share, modPow })];
    }),
  );
}

const commitmentsIn = (dealt: ReadonlyMap<string, IntegerDealing>): Map<string, Commitments> =>
  new Map([...dealt].map(([dealer, { commitments }]) => [dealer, commitments]));

const subSharesFor = (dealt: ReadonlyMap<string, IntegerDealing>, point: number): Map<string, bigint> =>
  new Map([...dealt].map(([dealer, { subShares }]) => [dealer, subShares[point - 1]!]));

function redistribute(held: Held, plan: Redistribution): Held {
  const dealt = dealAll(held, plan);
  const commitments = commitmentsIn(dealt);
  return {
    publicKey: held.publicKey,
    sharing: redistributedSharing({ plan, commitments, modPow }),
    shares: plan.holders.map((holder, index) =>
      redistributedShare({ plan, holder, commitments, subShares: subSharesFor(dealt, index + 1), modPow }),
    ),
  };
}

describe('redistribution of a threshold key', function () {
  this.timeout(20_000);

  const before = dealtKey(4);
  const { publicKey } = before;
  const { nSquared } = publicKey;
  const ciphertext = encryptWith(publicKey, 42n, randomUnit(publicKey));
  const four = HOSPITALS.slice(0, 4);
  const plan = planOf(before, HOSPITALS);
  const dealt = dealAll(before, plan);
  const commitments = commitmentsIn(dealt);
  const dealer = plan.dealers[0]!;
  const own = dealt.get(dealer)!;

  it('holders join and leave, several times: every new majority decrypts under the same public key', () => {
    let held: Held = before;
    const turns = [
      HOSPITALS,
      HOSPITALS.slice(1),
      ['H5MSP', 'H3MSP', 'H2MSP'],
      ['H1MSP', 'H2MSP', 'H3MSP', 'H4MSP'],
    ];
    for (const [turn, holders] of turns.entries()) {
      const sizeBefore = bitLength(held.shares[0]!.value);
      held = redistribute(held, planOf(held, holders));
      const name = `redistribution ${turn + 1} to ${holders.length}`;
      assertSharing(publicKey, held.sharing);
      expect(held.sharing.epoch, name).to.equal(turn + 1);
      expect(held.sharing.keyId, name).to.equal(publicKey.keyId);
      const all = partialsOf(held, ciphertext);
      const options = { publicKey, sharing: held.sharing, ciphertext };
      const { faults } = verifyPartials({ ...options, context: CONTEXT, partials: all, modPow });
      expect(faults, name).to.deep.equal([]);
      for (const chosen of choices(all, held.sharing.threshold))
        expect(combinePartials({ ...options, partials: chosen }), name).to.equal(42n);
      for (const chosen of choices(all, held.sharing.threshold - 1))
        expectCode('CRYPTO_SHARES_INCOMPLETE', () => combinePartials({ ...options, partials: chosen }));
      const closing: OpeningContext = { queryId: 'ceremony-2', step: 'ceremony', index: 0 };
      const partials = partialsOf(held, testCiphertextOf(publicKey), closing);
      expect(thetaOf({ ...options, partials, modPow }), name).to.equal(held.sharing.theta);
      expect(bitLength(held.shares[0]!.value) - sizeBefore, `growth in ${name}`).to.be.within(80, 150);
    }
  });

  it('any majority of old holders, or all of them, deals the same key', () => {
    for (const dealers of [...choices(four, 3), four]) {
      const held = redistribute(before, planOf(before, HOSPITALS.slice(0, 3), dealers));
      const partials = partialsOf(held, ciphertext).slice(1);
      expect(combinePartials({ publicKey, sharing: held.sharing, ciphertext, partials })).to.equal(42n);
    }
    for (const dealers of [four.slice(0, 2), ['H1MSP', 'H2MSP', 'H2MSP'], ['H1MSP', 'H2MSP', 'H5MSP']])
      expectCode(
        'CRYPTO_INVALID_INPUT',
        () => dealRedistribution({ plan: planOf(before, four, dealers), share: before.shares[0]! }),
        'dealers',
      );
  });

  it('everyone comes to the same sharing from the commitments alone', () => {
    const sharing = redistributedSharing({ plan, commitments, modPow });
    const again = redistributedSharing({ plan, commitments: new Map([...commitments].reverse()), modPow });
    expect(sharingDigest(publicKey, sharing)).to.equal(sharingDigest(publicKey, again));
    expect(sharingDigest(publicKey, sharing)).to.not.equal(sharingDigest(publicKey, before.sharing));
    const fewer = new Map([...commitments].slice(1));
    expectCode('CRYPTO_INVALID_INPUT', () => redistributedSharing({ plan, commitments: fewer, modPow }));
  });

  it('ATTACK shares of two epochs do not mix: the proof names the old one, and without it nothing comes out', () => {
    const after = redistribute(before, planOf(before, four));
    const [old] = partialsOf(before, ciphertext) as [ProvenPartial];
    const renewed = partialsOf(after, ciphertext);
    const options = { publicKey, sharing: after.sharing, ciphertext };
    const relabelled = { ...old, epoch: after.sharing.epoch };
    for (const partial of [old, relabelled])
      expectCode(
        'CRYPTO_PROOF_INVALID',
        () => {
          verifyPartialDecryption({ ...options, partial, context: CONTEXT, modPow });
        },
        'H1MSP',
      );
    expectCode('CRYPTO_SHARES_INCOMPLETE', () =>
      combinePartials({ ...options, partials: [old, renewed[1]!, renewed[2]!] }),
    );
    expectCode('CRYPTO_DECRYPTION_FAILED', () =>
      combinePartials({ ...options, partials: [relabelled, renewed[1]!, renewed[2]!] }),
    );
    expect(combinePartials({ ...options, partials: renewed.slice(0, 3) })).to.equal(42n);
  });

  it('WHAT REMAINS a majority of old shares that were not erased decrypts what is encrypted afterwards', () => {
    redistribute(before, planOf(before, HOSPITALS.slice(1)));
    const later = encryptWith(publicKey, 43n, randomUnit(publicKey));
    const partials = partialsOf(before, later).slice(0, 3);
    expect(combinePartials({ publicKey, sharing: before.sharing, ciphertext: later, partials })).to.equal(
      43n,
    );
  });

  it('ATTACK a dealer of another constant than its share is named by everyone', () => {
    const share = before.shares.find(({ holder }) => holder === dealer)!;
    const wrong = splitInteger({
      nSquared,
      base: before.sharing.verificationBase,
      secret: share.value + 1n,
      secretBits: bitLength(share.value) + 1,
      holderCount: 5,
      threshold: 3,
      modPow,
    });
    // Its sub-shares are on its polynomial, so that no recipient notices; the constant is what gives it away.
    verifySubShare({
      plan,
      dealer,
      holder: 'H1MSP',
      commitments: wrong.commitments,
      subShare: wrong.subShares[0]!,
    });
    const lying = new Map(commitments).set(dealer, wrong.commitments);
    expectCode(
      'CRYPTO_PROOF_INVALID',
      () => {
        verifyDealing({ plan, dealer, commitments: wrong.commitments, modPow });
      },
      dealer,
    );
    expectCode(
      'CRYPTO_PROOF_INVALID',
      () => redistributedSharing({ plan, commitments: lying, modPow }),
      dealer,
    );
    verifyDealing({ plan, dealer, commitments: own.commitments, modPow });
  });

  it('ATTACK commitments in the wrong number, outside the group or of another dealer name their dealer', () => {
    const [constant, ...rest] = own.commitments;
    const other = dealt.get(plan.dealers[1]!)!.commitments;
    for (const bad of [
      [],
      [constant!],
      [...own.commitments, 5n],
      [0n, ...rest],
      [constant!, publicKey.n, ...rest.slice(1)],
      [constant! + nSquared, ...rest],
      other,
    ])
      expectCode(
        'CRYPTO_PROOF_INVALID',
        () => {
          verifyDealing({ plan, dealer, commitments: bad, modPow });
        },
        dealer,
      );
  });

  it('ATTACK a sub-share beside the committed polynomial names its dealer', () => {
    const check = (subShare: bigint, changes: object = {}): void => {
      verifySubShare({
        plan,
        dealer,
        holder: 'H2MSP',
        commitments: own.commitments,
        subShare,
        modPow,
        ...changes,
      });
    };
    const good = own.subShares[1]!;
    check(good);
    const negated = own.commitments.map((value, k) => (k === 0 ? nSquared - value : value));
    const cases: Array<[bigint, object?]> = [
      [good + 1n],
      [own.subShares[0]!],
      [0n],
      [-good],
      [2n ** 12_001n],
      // The public check of the constant is blind to a sign (Delta is even); the sub-share is not.
      [good, { commitments: negated }],
    ];
    verifyDealing({ plan, dealer, commitments: negated, modPow });
    for (const [subShare, changes] of cases)
      expectCode(
        'CRYPTO_PROOF_INVALID',
        () => {
          check(subShare, changes);
        },
        dealer,
      );
    const subShares = subSharesFor(dealt, 2).set(dealer, good + 1n);
    expectCode(
      'CRYPTO_PROOF_INVALID',
      () => redistributedShare({ plan, holder: 'H2MSP', commitments, subShares, modPow }),
      dealer,
    );
    subShares.delete(dealer);
    expectCode('CRYPTO_INVALID_INPUT', () =>
      redistributedShare({ plan, holder: 'H2MSP', commitments, subShares, modPow }),
    );
    expectCode('CRYPTO_INVALID_INPUT', () => {
      check(good, { holder: 'H9MSP' });
    });
  });

  it('refuses foreign shares, a last epoch, and holder lists outside the bounds', () => {
    const share = before.shares[1]!;
    const deal = (changes: Partial<Redistribution>, by = share): unknown =>
      dealRedistribution({ plan: { ...plan, ...changes }, share: by, modPow });
    expectCode('CRYPTO_INVALID_INPUT', () => deal({}, { ...share, value: share.value + 1n }), 'share.value');
    expectCode('CRYPTO_INVALID_INPUT', () => deal({}, { ...share, epoch: 1 }), 'share.epoch');
    expectCode('CRYPTO_INVALID_INPUT', () => deal({}, before.shares[0]), 'dealer');
    expectCode('CRYPTO_INVALID_INPUT', () => deal({ holders: ['H1MSP', 'H2MSP'] }), 'holders');
    expectCode('CRYPTO_INVALID_INPUT', () => deal({ threshold: 6 }), 'threshold');
    expectCode('CRYPTO_LIMIT_EXCEEDED', () => deal({ from: { ...plan.from, epoch: 1000 } }), 'epoch');
  });
});
