import { expect } from 'chai';
import { bytesToBigint } from '../../core/bytes.js';
import { longestTurnMs } from '../../paillier/engine/event-loop.test-support.js';
import { encrypt } from '../../paillier/engine/paillier.js';
import { publicKeyFromJson } from '../../paillier/public-key.js';
import {
  generationOf,
  incomingFor,
  recordCeremony,
  stepsOf,
  waiting,
} from '../ceremony/ceremony.test-support.js';
import { planOf } from '../ceremony/plan.js';
import type { CeremonyResult, CeremonyStep } from '../ceremony/types.js';
import { sharingFromJson, thresholdShareFromJson } from '../codec.js';
import { createCeremonyRunner } from '../engine/ceremony-runner.js';
import { factorFromShares } from '../engine/factor.js';
import { runCeremonyLocally } from '../engine/local-ceremony.js';
import { ceremonyModPow as modPow } from '../engine/one-off-mod-pow.js';
import { combinePartials } from '../partial-decryption.js';
import { choices, partialsOf, type Held } from '../threshold.test-support.js';

function heldOf(results: readonly CeremonyResult[]): Held {
  const publicKey = publicKeyFromJson(results[0]!.publicKey, { allowTestKeySize: true });
  const sharing = sharingFromJson(publicKey, results[0]!.sharing);
  const shares = results.flatMap(({ share }) => (share === undefined ? [] : [thresholdShareFromJson(share)]));
  return { publicKey, sharing, shares };
}

/** 3..10 names. */
function parametersFor(holderCount: number, keyBits: number): ReturnType<typeof generationOf> {
  const holders = Array.from({ length: holderCount }, (_, index) => `H${index + 1}MSP`);
  const threshold = Math.floor(holderCount / 2) + 1;
  return { ...generationOf(3, keyBits), participants: holders, holders, threshold };
}

describe('ceremony, larger', function () {
  this.timeout(120_000);

  for (const [holderCount, keyBits] of [
    [3, 512],
    [4, 512],
    [5, 512],
    [7, 256],
    [10, 256],
  ] as const)
    it(`${holderCount} parties, ${keyBits} bits: a key that majorities decrypt with`, async () => {
      const { results, faults } = await runCeremonyLocally({
        parameters: parametersFor(holderCount, keyBits),
      });
      expect(faults).to.deep.equal({});
      const held = heldOf(Object.values(results));
      const { publicKey, sharing } = held;
      expect(publicKey.keyBits).to.equal(keyBits);
      expect(publicKey.n.toString(2)).to.have.lengthOf(keyBits);
      const ciphertext = encrypt(publicKey, 31_337n);
      const partials = partialsOf(held, ciphertext);
      for (const chosen of choices(partials, sharing.threshold).slice(0, 40))
        expect(combinePartials({ publicKey, sharing, ciphertext, partials: chosen, modPow })).to.equal(
          31_337n,
        );
    });

  it('sealed, signed and opened at every hop: a key', async () => {
    const { results, faults } = await runCeremonyLocally({ parameters: generationOf(4, 512), sealed: true });
    expect(faults).to.deep.equal({});
    expect(Object.keys(results)).to.have.lengthOf(4);
  });

  it('many keys: exact size, and primes spread over the residues that the sieve leaves', async () => {
    const residues: bigint[] = [];
    const { K } = planOf(256, 3);
    for (let run = 0; run < 40; run++) {
      const { results } = await runCeremonyLocally({ parameters: generationOf(3) });
      const held = heldOf(Object.values(results));
      const { n } = held.publicKey;
      const secrets = factorFromShares({ ...held, n })!;
      expect(n.toString(2)).to.have.lengthOf(256);
      for (const prime of [secrets.p, secrets.q]) {
        expect(prime % K).to.equal(K - 1n);
        residues.push(prime % 5n);
      }
    }
    // 80 primes over four residues: one with fewer than 6 once in 10^5 runs.
    for (const residue of [1n, 2n, 3n, 4n])
      expect(residues.filter((value) => value === residue).length, `${residue} mod 5`).to.be.at.least(6);
  });

  it('what one party gets says nothing of the others’ part: shares of p are spread over the whole ring', () => {
    const timeline = recordCeremony(generationOf(3), 'spread');
    const { Q, sizes } = planOf(256, 3);
    const [first] = generationOf(3).participants;
    const steps = stepsOf(timeline, 'parts');
    const state = steps.get(first!)!.state;
    expect(waiting(state).name).to.equal('parts');
    const tops: number[] = [];
    for (const { direct } of incomingFor(steps, first!))
      for (let at = direct.length - 40 * sizes.ring; at < direct.length; at += sizes.ring)
        tops.push(Number((16n * bytesToBigint(direct.subarray(at, at + sizes.ring))) / Q));
    // p_i is below the square root of Q: unshared, every value would be 0.
    expect(new Set(tops).size).to.be.at.least(14);
    expect(tops.filter((top) => top === 0).length).to.be.below(20);
  });

  it('four runners at 512 bits: the event loop is never blocked for long', async () => {
    const { participants } = generationOf(4);
    const parameters = generationOf(4, 512);
    const runners = participants.map(() => createCeremonyRunner());
    const stepAll = async (steps: ReadonlyMap<string, CeremonyStep> | undefined) =>
      new Map(
        await Promise.all(
          participants.map(async (self, index) => {
            const runner = runners[index]!;
            const step =
              steps === undefined
                ? await runner.begin({ ...parameters, self })
                : await runner.step(steps.get(self)!.state, incomingFor(new Map(steps), self));
            return [self, step] as const;
          }),
        ),
      );
    const runAll = async (): Promise<CeremonyStep[]> => {
      let steps = await stepAll(undefined);
      while ([...steps.values()].every(({ outgoing }) => outgoing !== undefined))
        steps = await stepAll(steps);
      return [...steps.values()];
    };
    try {
      const { result, longestMs } = await longestTurnMs(runAll);
      expect(result.map(({ fault }) => fault)).to.deep.equal(participants.map(() => undefined));
      expect(longestMs, 'ms of this thread in one turn').to.be.below(20);
    } finally {
      await Promise.all(runners.map((runner) => runner.close()));
    }
  });
});
