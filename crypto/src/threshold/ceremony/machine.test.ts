import { expect } from 'chai';
import { bytesToBase64Url } from '../../core/bytes.js';
import { decodeCbor, encodeCbor, type CborMap } from '../../core/cbor.js';
import { gcd } from '../../paillier/arithmetic.js';
import { encrypt } from '../../paillier/engine/paillier.js';
import { publicKeyFromJson } from '../../paillier/public-key.js';
import { expectCode, flipBit } from '../../test-support.js';
import { sharingFromJson, thresholdShareFromJson } from '../codec.js';
import { factorFromShares } from '../engine/factor.js';
import { ceremonyModPow as modPow } from '../engine/one-off-mod-pow.js';
import { combinePartials } from '../partial-decryption.js';
import { HOSPITALS, choices, partialsOf, type Held } from '../threshold.test-support.js';
import {
  bodyOf,
  generationOf,
  generationTimeline,
  incomingFor,
  nameOf,
  stepWith,
  stepsOf,
  waiting,
  withBody,
  type Timeline,
} from './ceremony.test-support.js';
import { integersOf } from '../../lockstep/fields.js';
import { beginCeremony, inspectCeremony, stepCeremony } from './machine.js';
import { planOf } from './plan.js';
import type { CeremonyIncoming } from '../../lockstep/types.js';
import type { CeremonyParameters, CeremonyResult, CeremonyStep } from './types.js';

const [first, second] = HOSPITALS;

function resultsOf(timeline: Timeline): CeremonyResult[] {
  return [...(timeline.at(-1)?.values() ?? [])].map((step) => step.result!);
}

function heldAfter(timeline: Timeline): Held {
  const results = resultsOf(timeline);
  const publicKey = publicKeyFromJson(results[0]!.publicKey, { allowTestKeySize: true });
  const sharing = sharingFromJson(publicKey, results[0]!.sharing);
  return { publicKey, sharing, shares: results.map(({ share }) => thresholdShareFromJson(share)) };
}

function stateOf(steps: ReadonlyMap<string, CeremonyStep>, name: string): Uint8Array {
  return steps.get(name)?.state ?? new Uint8Array(0);
}

describe('ceremony machine: a key from nothing', function () {
  this.timeout(20_000);

  for (const holderCount of [3, 4, 5] as const)
    it(`${holderCount} parties: one key of exactly 256 bits, which every majority decrypts with and no minority`, () => {
      const timeline = generationTimeline(holderCount);
      const results = resultsOf(timeline);
      expect(new Set(results.map(({ sharingDigest }) => sharingDigest)).size).to.equal(1);
      expect(results[0]!.publicKey.encryption).to.equal('djn');
      const held = heldAfter(timeline);
      const { publicKey, sharing, shares } = held;
      expect(publicKey.n.toString(2)).to.have.lengthOf(256);
      const { p, q } = factorFromShares({ n: publicKey.n, sharing, shares })!;
      const { K } = planOf(256, holderCount);
      expect([p % K, q % K]).to.deep.equal([K - 1n, K - 1n]);
      expect(
        factorFromShares({ n: publicKey.n, sharing, shares: shares.slice(1, sharing.threshold) }),
      ).to.equal(undefined);

      const plaintext = 2n ** 200n + BigInt(holderCount);
      const ciphertext = encrypt(publicKey, plaintext);
      const partials = partialsOf(held, ciphertext);
      for (const chosen of choices(partials, sharing.threshold))
        expect(combinePartials({ publicKey, sharing, ciphertext, partials: chosen, modPow })).to.equal(
          plaintext,
        );
      expectCode('CRYPTO_SHARES_INCOMPLETE', () =>
        combinePartials({ publicKey, sharing, ciphertext, partials: partials.slice(1, sharing.threshold) }),
      );
    });

  it('candidates are what the plan says: p = -1 mod K, units mod M, n = p q', () => {
    for (const holderCount of [4, 5] as const) {
      const timeline = generationTimeline(holderCount);
      const { K, M, batch, sizes, openers, Q } = planOf(256, holderCount);
      const rows = [...stepsOf(timeline, 'parts').values()].map(({ state }) =>
        integersOf(waiting(state).kept, 'parts', {
          sizeBytes: sizes.part,
          count: 2 * batch,
          below: 2n ** 128n,
        }),
      );
      const primes = rows[0]!.map((_, k) => rows.reduce((sum, row) => sum + row[k]!, 0n));
      const opened = [...stepsOf(timeline, 'open').values()].slice(0, openers).map(({ outgoing }) => {
        const message = { from: first, round: 0, broadcast: outgoing!.broadcast, direct: encodeCbor({}) };
        return integersOf(bodyOf(message, 'broadcast'), 'opened', {
          ...{ sizeBytes: sizes.ring, count: batch, below: Q },
        });
      });
      for (const value of primes) {
        expect(value % K).to.equal(K - 1n);
        expect(gcd(M, value)).to.equal(1n);
        expect(value.toString(2)).to.have.lengthOf(128);
      }
      for (let k = 0; k < batch; k++) {
        const n = opened.reduce((sum, row) => sum + row[k]!, 0n) % Q;
        expect(n, `candidate ${k}`).to.equal(primes[k]! * primes[batch + k]!);
      }
    }
  });

  it('takes rounds in the order of the protocol, and more of them for more curious parties', () => {
    const closing = ['filter', 'confirm', 'exponent', 'deal', 'prove', 'agree', undefined];
    expect(generationTimeline(4).map(nameOf)).to.deep.equal(['factors', 'parts', 'open', ...closing]);
    expect(generationTimeline(5).map(nameOf)).to.deep.equal([
      'factors',
      'reduce',
      'parts',
      'open',
      ...closing,
    ]);
  });

  it('progress grows from 0 to 1 and names its phase', () => {
    const progress = generationTimeline(4).map((steps) => steps.get(first)!.progress);
    const fractions = progress.map(({ fraction }) => fraction);
    expect(fractions).to.deep.equal([...fractions].sort((left, right) => left - right));
    expect([fractions[0], fractions.at(-1)]).to.deep.equal([0, 1]);
    expect([...new Set(progress.map(({ phase }) => phase))]).to.deep.equal([
      ...['candidates', 'biprimality', 'sharing', 'proving', 'agreeing'],
    ]);
    expect(progress.at(-1)!.candidates).to.equal(planOf(256, 4).batch);
  });
});

describe('ceremony machine: state', function () {
  this.timeout(20_000);

  it('every step of every party can be repeated from its stored bytes, with the same outcome to the last byte', () => {
    const timeline = generationTimeline(4);
    for (const [index, steps] of timeline.slice(0, -1).entries())
      for (const [name, { state, progress }] of steps) {
        expect(inspectCeremony(state).progress).to.deep.equal(progress);
        const stored = Uint8Array.from(Buffer.from(Buffer.from(state).toString('hex'), 'hex'));
        const repeated = stepCeremony(stored, incomingFor(steps, name), { modPow });
        expect(repeated, `round ${index} of ${name}`).to.deep.equal(timeline[index + 1]!.get(name));
      }
  });

  it('the order in which messages came does not matter; another message changes all that is drawn', () => {
    const steps = stepsOf(generationTimeline(4), 'factors');
    const incoming = incomingFor(steps, first);
    const straight = stepCeremony(stateOf(steps, first), incoming, { modPow });
    const reversed = stepCeremony(stateOf(steps, first), [...incoming].reverse(), { modPow });
    expect(reversed).to.deep.equal(straight);
    const change = (message: CeremonyIncoming): CeremonyIncoming => {
      const { mask, ...body } = bodyOf(message, 'direct');
      return withBody(message, 'direct', { ...body, mask: flipBit(mask as Uint8Array, 0) });
    };
    // The mask of this pair goes from the first party to the second.
    const seedAfter = (changed: typeof change): Uint8Array =>
      waiting(stepWith(steps, { victim: second, from: first, change: changed }).state).seed;
    expect(seedAfter(change)).to.not.deep.equal(seedAfter((message) => message));
  });

  it('an ended machine keeps its result and takes no further step', () => {
    const timeline = generationTimeline(3);
    const last = timeline.at(-1)!.get(first)!;
    const inspected = inspectCeremony(last.state);
    expect(inspected.result).to.deep.equal(last.result);
    expect(inspected.progress).to.deep.equal(last.progress);
    expectCode('CRYPTO_INVALID_INPUT', () => stepCeremony(last.state, []), 'state');
  });

  it('refuses changed bytes wherever the change is, other versions, and what is no state', () => {
    const state = stateOf(stepsOf(generationTimeline(3), 'confirm'), first);
    for (let at = 0; at < state.length; at += Math.ceil(state.length / 50))
      expectCode('CRYPTO_INVALID_INPUT', () => inspectCeremony(flipBit(state, 8 * at + (at % 8))));
    const fields = decodeCbor(state, state.length) as CborMap;
    expectCode('CRYPTO_INVALID_INPUT', () => inspectCeremony(encodeCbor({ ...fields, v: 2 })), 'state.v');
    const content = encodeCbor({ kind: 'waiting' });
    expectCode('CRYPTO_INVALID_INPUT', () => inspectCeremony(encodeCbor({ ...fields, content })), 'state');
    expectCode('CRYPTO_INVALID_INPUT', () => inspectCeremony(new Uint8Array(0)));
  });

  it('refuses messages that are not those of its round, and names nobody for the caller’s mistake', () => {
    const timeline = generationTimeline(3);
    const steps = stepsOf(timeline, 'parts');
    const state = stateOf(steps, first);
    const incoming = incomingFor(steps, first);
    expectCode('CRYPTO_INVALID_INPUT', () => stepCeremony(state, incoming.slice(1)), 'incoming');
    expectCode('CRYPTO_INVALID_INPUT', () => stepCeremony(state, [incoming[0]!, incoming[0]!]), 'incoming');
    const stranger = incoming.map((message) => ({ ...message, from: 'H9MSP' }));
    expectCode('CRYPTO_INVALID_INPUT', () => stepCeremony(state, stranger), 'incoming');
    const earlier = incomingFor(stepsOf(timeline, 'factors'), first);
    expectCode('CRYPTO_INVALID_INPUT', () => stepCeremony(state, earlier), 'incoming.round');
  });
});

describe('ceremony machine: parameters', () => {
  const parameters = { ...generationOf(3), self: first };
  const refuse = (change: Partial<CeremonyParameters>, argument: string): void => {
    expectCode('CRYPTO_INVALID_INPUT', () => beginCeremony({ ...parameters, ...change }), argument);
  };

  it('accepts participants in any order', () => {
    const { state } = beginCeremony({ ...parameters, participants: [...parameters.participants].reverse() });
    expect(waiting(state).parameters.participants).to.deep.equal(parameters.holders);
  });

  it('refuses sizes, lists, thresholds and purposes outside their bounds', () => {
    refuse({ allowTestKeySize: false }, 'keyBits');
    refuse({ keyBits: 264 }, 'keyBits');
    refuse({ ceremonyId: '' }, 'ceremonyId');
    refuse({ attempt: 0 }, 'attempt');
    refuse({ holders: parameters.holders.slice(1) }, 'holders');
    refuse({ threshold: 4 }, 'threshold');
    refuse(
      { holders: HOSPITALS.slice(0, 4), participants: HOSPITALS.slice(0, 4), threshold: 2 },
      'threshold',
    );
    refuse({ participants: HOSPITALS.slice(0, 4) }, 'participants');
    refuse({ self: 'H9MSP' }, 'self');
    refuse({ purpose: 'other' as 'generate' }, 'purpose');
    refuse({ dealers: parameters.holders }, 'parameters');
    refuse({ signingKeys: { [first]: bytesToBase64Url(new Uint8Array(31)) } }, `signingKeys.${first}`);
  });

  it('parties that begin with other parameters notice it in the first round', () => {
    const steps = new Map(
      parameters.holders.map((self) => {
        const attempt = self === second ? 2 : 1;
        return [self, beginCeremony({ ...parameters, self, attempt })] as const;
      }),
    );
    const { fault } = stepCeremony(stateOf(steps, first), incomingFor(steps, first), { modPow });
    expect(fault?.reason).to.equal('INCONSISTENT');
    expect(fault?.detail).to.contain(second);
  });
});
