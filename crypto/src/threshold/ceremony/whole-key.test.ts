import { expect } from 'chai';
import { bigintToMinimalBytes } from '../../core/bytes.js';
import { publicKeyFromJson } from '../../paillier/public-key.js';
import { sharingFromJson, thresholdShareFromJson } from '../codec.js';
import { factorFromShares } from '../engine/factor.js';
import { runCeremonyLocally, type LocalMessage } from '../engine/local-ceremony.js';
import { HOSPITALS } from '../threshold.test-support.js';

/** Either half of the big-endian bytes: a state may hold a number in pieces. */
function halves(value: bigint): Buffer[] {
  const bytes = Buffer.from(bigintToMinimalBytes(value));
  return [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)];
}

describe('what a ceremony shows to one party', function () {
  this.timeout(60_000);

  it('no state and no message of any round holds p, q, phi, lambda or F(0), and no share is in another’s', async () => {
    const holders = HOSPITALS.slice(0, 4);
    const states: [string, Uint8Array][] = [];
    const messages: LocalMessage[] = [];
    const { results, faults } = await runCeremonyLocally({
      parameters: {
        ...{ ceremonyId: 'ceremony-1', attempt: 1, purpose: 'generate', keyBits: 256, threshold: 3 },
        ...{ participants: holders, holders, allowTestKeySize: true },
      },
      onStep: (party, { state }) => {
        states.push([party, state]);
        return state;
      },
      onMessage: (message) => {
        messages.push(message);
        return message;
      },
    });
    expect(faults).to.deep.equal({});
    const [result] = Object.values(results);
    const publicKey = publicKeyFromJson(result!.publicKey, { allowTestKeySize: true });
    const sharing = sharingFromJson(publicKey, result!.sharing);
    const shares = holders.map((holder) => thresholdShareFromJson(results[holder]!.share));
    const secrets = factorFromShares({ n: publicKey.n, sharing, shares })!;
    const { p, q, phi, lambda, exponent } = secrets;
    expect(p * q).to.equal(publicKey.n);

    // phi begins like n, which everybody has.
    const wanted = [p, q, phi, lambda, exponent]
      .flatMap(halves)
      .filter((half) => !halves(publicKey.n).some((known) => known.includes(half)));
    const seen = [
      ...states.map(([, state]) => state),
      ...messages.flatMap(({ broadcast, direct }) => [broadcast, direct]),
    ].map((bytes) => Buffer.from(bytes));
    expect(wanted).to.have.lengthOf.at.least(9);
    expect(seen).to.have.lengthOf.above(100);
    for (const [index, half] of wanted.entries())
      expect(seen.filter((bytes) => bytes.includes(half)).length, `number ${index}`).to.equal(0);
    const holdersOf = (half: Buffer): string[] => [
      ...new Set(states.filter(([, state]) => Buffer.from(state).includes(half)).map(([party]) => party)),
    ];
    for (const { holder, value } of shares)
      for (const half of halves(value)) {
        expect(holdersOf(half)).to.deep.equal([holder]);
        expect(messages.some(({ direct }) => Buffer.from(direct).includes(half))).to.equal(false);
      }
  });
});
