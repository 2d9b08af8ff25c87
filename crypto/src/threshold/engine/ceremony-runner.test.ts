import { expect } from 'chai';
import { modPow } from '../../paillier/arithmetic.js';
import { expectRejection } from '../../test-support.js';
import { generationOf, generationTimeline, incomingFor, stepsOf } from '../ceremony/ceremony.test-support.js';
import { HOSPITALS } from '../threshold.test-support.js';
import { createCeremonyRunner, type CeremonyRunner } from './ceremony-runner.js';
import { ceremonyModPow, checkedOneOff } from './one-off-mod-pow.js';

const [first] = HOSPITALS;

describe('ceremony runner', function () {
  this.timeout(20_000);
  let runner: CeremonyRunner;

  before(() => {
    runner = createCeremonyRunner();
  });
  after(() => runner.close());

  it('begins, and steps to the same bytes as the machine in this thread', async () => {
    const begun = await runner.begin({ ...generationOf(3), self: first });
    expect(begun.outgoing?.round).to.equal(0);
    expect(Object.keys(begun.outgoing?.direct ?? {})).to.deep.equal(HOSPITALS.slice(1, 3));
    const timeline = generationTimeline(3);
    for (const name of ['open', 'agree'] as const) {
      const steps = stepsOf(timeline, name);
      const { state } = steps.get(first)!;
      const next = timeline[timeline.indexOf(steps) + 1]!;
      expect(await runner.step(state, incomingFor(steps, first))).to.deep.equal(next.get(first));
    }
  });

  it('passes errors on with their code, and stops waiting on a signal', async () => {
    const wrong = { ...generationOf(3), self: 'H9MSP' };
    await expectRejection('CRYPTO_INVALID_INPUT', runner.begin(wrong), 'self');
    const controller = new AbortController();
    const waiting = runner.begin({ ...generationOf(3), self: first }, { signal: controller.signal });
    controller.abort();
    await expectRejection('CRYPTO_CANCELLED', waiting);
    expect((await runner.begin({ ...generationOf(3), self: first })).outgoing?.round).to.equal(0);
  });

  it('a closed one takes no step', async () => {
    const closed = createCeremonyRunner();
    await closed.close();
    await expectRejection('CRYPTO_CANCELLED', closed.begin({ ...generationOf(3), self: first }));
  });
});

describe('exponentiation for a modulus that is used once', () => {
  const modulus = (2n ** 607n - 1n) * (2n ** 127n - 1n);

  it('equals BigInt’s for bases and exponents at the edges of its domain, and beyond them', () => {
    for (const odd of [modulus, 2n ** 61n - 1n, modulus + 1n])
      for (const base of [0n, 1n, 4n, odd - 1n, odd + 3n])
        for (const exponent of [0n, 1n, 2n, 2n ** 70n, odd - 1n, odd + 1n])
          expect(ceremonyModPow(base, exponent, odd), `${base}^${exponent} mod ${odd}`).to.equal(
            modPow(base, exponent, odd),
          );
    const long = (2n ** 2203n - 1n) * (2n ** 1279n - 1n);
    expect(ceremonyModPow(4n, 65_537n, long)).to.equal(modPow(4n, 65_537n, long));
  });

  it('an oracle that is wrong once in its self-test, or throws, is never asked for a result', () => {
    let asked = 0;
    const wrong = checkedOneOff((base, exponent, of) => {
      asked += 1;
      return modPow(base, exponent, of) + (exponent === 2n ? 1n : 0n);
    });
    const throwing = checkedOneOff(() => {
      throw new Error('not today');
    });
    expect(wrong(3n, 5n, modulus)).to.equal(243n);
    const askedInSelfTest = asked;
    expect(wrong(3n, 5n, modulus)).to.equal(243n);
    expect(asked).to.equal(askedInSelfTest);
    expect(throwing(3n, 5n, modulus)).to.equal(243n);
  });
});
