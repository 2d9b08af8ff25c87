import { expect } from 'chai';
import { bigintToMinimalBytes } from '../../core/bytes.js';
import { encrypt } from '../../paillier/engine/paillier.js';
import { publicKeyFromJson } from '../../paillier/public-key.js';
import { expectCode } from '../../test-support.js';
import {
  sharingFromJson,
  thresholdPublicKeyToJson,
  thresholdShareFromJson,
  thresholdShareToJson,
} from '../codec.js';
import { ceremonyModPow as modPow } from '../engine/one-off-mod-pow.js';
import { splitInteger } from '../integer-sharing.js';
import { combinePartials } from '../partial-decryption.js';
import { HOSPITALS, choices, dealtKey, partialsOf, type Held } from '../threshold.test-support.js';
import {
  bodyOf,
  nameOf,
  plusOne,
  recordCeremony,
  stepWith,
  stepsOf,
  withBody,
  type SharedParameters,
  type Timeline,
} from './ceremony.test-support.js';
import { packIntegers } from '../../lockstep/integers.js';
import { beginCeremony } from './machine.js';
import type { CeremonyIncoming } from '../../lockstep/types.js';
import type { CeremonyParameters } from './types.js';

const [h1, h2, h3, h4, h5] = HOSPITALS;

/** From four holders (three are needed) to four others: the first leaves and deals, the fifth joins. */
function moveOf(): { parameters: SharedParameters; old: Held; shares: Record<string, object> } {
  const old = dealtKey(4);
  const { publicKey, sharing, shares } = old;
  return {
    old,
    shares: Object.fromEntries(
      shares.slice(0, 3).map((share) => [share.holder, thresholdShareToJson(share)]),
    ),
    parameters: {
      ...{ ceremonyId: 'move-1', attempt: 1, purpose: 'redistribute', keyBits: 256, threshold: 3 },
      holders: [h2, h3, h4, h5],
      dealers: [h1, h2, h3],
      participants: [h1, h2, h3, h4, h5],
      present: thresholdPublicKeyToJson(publicKey, sharing),
      allowTestKeySize: true,
    },
  };
}

let recorded: Timeline | undefined;
function timeline(): Timeline {
  const { parameters, shares } = moveOf();
  recorded ??= recordCeremony(parameters, 'move', shares as Parameters<typeof recordCeremony>[2]);
  return recorded;
}

describe('ceremony machine: the same key among other holders', function () {
  this.timeout(20_000);

  it('one leaves and one joins: every new majority decrypts, and the one that left holds nothing', () => {
    const last = timeline().at(-1)!;
    expect(timeline().map(nameOf)).to.deep.equal(['deal', 'prove', 'agree', undefined]);
    const results = [h2, h3, h4, h5].map((holder) => last.get(holder)!.result!);
    expect(last.get(h1)!.result).to.not.have.property('share');
    expect(last.get(h1)!.result!.sharingDigest).to.equal(results[0]!.sharingDigest);
    const { old } = moveOf();
    expect(results[0]!.publicKey.keyId).to.equal(old.publicKey.keyId);
    expect(results[0]!.sharing.epoch).to.equal(old.sharing.epoch + 1);
    const publicKey = publicKeyFromJson(results[0]!.publicKey, { allowTestKeySize: true });
    const sharing = sharingFromJson(publicKey, results[0]!.sharing);
    const held = { publicKey, sharing, shares: results.map(({ share }) => thresholdShareFromJson(share)) };
    const ciphertext = encrypt(publicKey, 424_242n);
    const partials = partialsOf(held, ciphertext);
    for (const chosen of choices(partials, 3))
      expect(combinePartials({ publicKey, sharing, ciphertext, partials: chosen, modPow })).to.equal(
        424_242n,
      );
    const mixed = [...partials.slice(0, 2), partialsOf(old, ciphertext)[3]!];
    expectCode('CRYPTO_SHARES_INCOMPLETE', () =>
      combinePartials({ publicKey, sharing, ciphertext, partials: mixed, modPow }),
    );
  });

  it('ATTACK a dealer of other commitments, a sub-share beside them, or garbage is named', () => {
    const steps = stepsOf(timeline(), 'deal');
    for (const [part, field] of [
      ['broadcast', 'commitments'],
      ['direct', 'subShare'],
    ] as const) {
      const faultOf = (change: (bytes: Uint8Array) => Uint8Array): object | undefined =>
        stepWith(steps, {
          ...{ victim: h5, from: h1 },
          change: (message) => {
            const body = bodyOf(message, part);
            return withBody(message, part, { ...body, [field]: change(body[field] as Uint8Array) });
          },
        }).fault;
      expect(faultOf(plusOne), field).to.include({ reason: 'PROOF_INVALID', accused: h1 });
      expect(
        faultOf(() => new Uint8Array(0)),
        field,
      ).to.include({ reason: 'GARBAGE', accused: h1 });
      expect(
        faultOf((bytes) => bytes),
        field,
      ).to.equal(undefined);
    }
  });

  it('ATTACK a dealer of another secret than its share, with all that belongs to it, is named', () => {
    const { publicKey, sharing } = moveOf().old;
    const dealt = splitInteger({
      ...{ nSquared: publicKey.nSquared, base: sharing.verificationBase, modPow },
      ...{ secret: 2n ** 700n + 1n, secretBits: 720, holderCount: 4, threshold: 3 },
    });
    const forge = (message: CeremonyIncoming, point: number | undefined): CeremonyIncoming => {
      const commitments = packIntegers(dealt.commitments, 64);
      const forged = withBody(message, 'broadcast', { commitments });
      const subShare = point === undefined ? undefined : dealt.subShares[point - 1];
      return subShare === undefined
        ? forged
        : withBody(forged, 'direct', { subShare: bigintToMinimalBytes(subShare) });
    };
    for (const [victim, from, point] of [
      [h5, h1, 4],
      [h1, h2, undefined],
    ] as const) {
      const change = (message: CeremonyIncoming): CeremonyIncoming => forge(message, point);
      const { fault } = stepWith(stepsOf(timeline(), 'deal'), { victim, from, change });
      expect(fault, victim).to.include({ reason: 'PROOF_INVALID', accused: from });
      expect(fault?.detail).to.contain('its share of the old key');
    }
  });

  it('ATTACK who is no dealer and deals, or sends the one that leaves a sub-share, is named', () => {
    const steps = stepsOf(timeline(), 'deal');
    const extra = stepWith(steps, {
      ...{ victim: h2, from: h5 },
      change: (message) => withBody(message, 'direct', { subShare: new Uint8Array([1]) }),
    });
    expect(extra.fault).to.include({ reason: 'GARBAGE', accused: h5 });
    const toLeaver = stepWith(steps, {
      ...{ victim: h1, from: h2 },
      change: (message) => withBody(message, 'direct', { subShare: new Uint8Array([1]) }),
    });
    expect(toLeaver.fault).to.include({ reason: 'GARBAGE', accused: h2 });
  });

  it('refuses parameters of a move that do not fit', () => {
    const { parameters, shares } = moveOf();
    const base: CeremonyParameters = { ...parameters, self: h2, share: shares[h2] as never };
    const refuse = (change: object, argument?: string): void => {
      expectCode('CRYPTO_INVALID_INPUT', () => beginCeremony({ ...base, ...change }), argument);
    };
    refuse({ keyBits: 512 }, 'keyBits');
    refuse({ dealers: [h1, h2], participants: [h1, h2, h3, h4, h5] }, 'dealers');
    refuse({ share: undefined }, 'share');
    refuse({ self: h5 }, 'share');
    refuse({ share: shares[h3] }, 'share.holder');
    refuse({ present: undefined }, 'present');
    refuse({ participants: [h2, h3, h4, h5] }, 'participants');
    const wrong = { ...(shares[h2] as object), value: 'AQ' };
    refuse({ share: wrong }, 'share.value');
  });
});
