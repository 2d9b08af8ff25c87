import { expect } from 'chai';
import type { CborMap } from '../../core/cbor.js';
import { noblePairing } from '../../pairing/index.js';
import {
  H1,
  H2,
  H3,
  bodyOf,
  both,
  changing,
  endings,
  flipped,
  generation,
  record,
  resultsOf,
  saidByOthers,
  sharesOf,
  tools,
  type Steps,
  type Tamper,
} from '../dkg.test-support.js';
import { stepIdentityCeremony } from '../machine.js';
import { assertIdentityShare, checkedIdentitySharing } from '../sharing.js';

const parameters = generation(3);
const run = (tamper: Tamper): Steps[] => record(parameters, { tamper });
/** Everybody but the accused says so. */
const named = (timeline: readonly Steps[], accused: string, reason: string): void => {
  expect(saidByOthers(timeline, accused)).to.deep.equal([`${reason} ${accused}`]);
};
const bytesIn = (body: CborMap, field: string): Uint8Array => body[field] as Uint8Array;

describe('who does not keep to the ceremony of the identity key', function () {
  this.timeout(20_000);

  let right: Steps[];
  before(() => {
    right = record(parameters);
  });

  describe('is named', () => {
    it('for a share beside its commitments, which it does not put right', () => {
      const timeline = run(
        both(
          changing(
            { from: H2, name: 'deal', to: H3 },
            { direct: ({ share }) => ({ share: flipped(share) }) },
          ),
          changing(
            { from: H2, name: 'justify' },
            { broadcast: ({ shares }) => ({ shares: flipped(shares) }) },
          ),
        ),
      );
      named(timeline, H2, 'PROOF_INVALID');
    });

    it('for not answering a complaint, or answering more than was asked', () => {
      const bad = changing(
        { from: H2, name: 'deal', to: H3 },
        { direct: ({ share }) => ({ share: flipped(share) }) },
      );
      for (const shares of [new Uint8Array(0), new Uint8Array(64)])
        named(
          run(both(bad, changing({ from: H2, name: 'justify' }, { broadcast: () => ({ shares }) }))),
          H2,
          'GARBAGE',
        );
    });

    it('for wrong shares to as many as it takes to have the key', () => {
      const bad = (to: string): Tamper =>
        changing({ from: H2, name: 'deal', to }, { direct: ({ share }) => ({ share: flipped(share) }) });
      named(run(both(bad(H1), bad(H3))), H2, 'PROOF_INVALID');
    });

    it('for commitments of another degree', () => {
      const cut = changing(
        { from: H2, name: 'deal' },
        { broadcast: (body) => ({ ...body, commitments: bytesIn(body, 'commitments').slice(0, 96) }) },
      );
      named(run(cut), H2, 'GARBAGE');
      const longer = changing(
        { from: H2, name: 'deal' },
        {
          broadcast: (body) => {
            const commitments = bytesIn(body, 'commitments');
            return { ...body, commitments: Uint8Array.of(...commitments, ...commitments.slice(0, 96)) };
          },
        },
      );
      named(run(longer), H2, 'GARBAGE');
    });

    it('for a commitment that is no point, or the identity', () => {
      const identity = Uint8Array.of(0xc0, ...new Uint8Array(95));
      for (const point of [new Uint8Array(96), identity])
        named(
          run(
            changing(
              { from: H2, name: 'deal' },
              {
                broadcast: (body) => ({
                  ...body,
                  commitments: Uint8Array.of(...bytesIn(body, 'commitments').slice(0, 96), ...point),
                }),
              },
            ),
          ),
          H2,
          'GARBAGE',
        );
    });

    it('as a rogue that chooses its commitments after it has seen the others’', () => {
      // H3 cancels what H1 and H2 dealt, so that P would be its own g2: without the first round nobody could tell.
      const engine = noblePairing;
      const constants = [H1, H2].map((dealer) =>
        engine.decodeG2('c', bytesIn(bodyOf(right, dealer, 'deal'), 'commitments').slice(0, 96)),
      );
      const sum = constants.reduce((left, point) => engine.g2Multiply(left, point));
      const order = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
      const rogue = engine.encodeG2(engine.g2Multiply(engine.g2, engine.g2Power(sum, order - 1n)));
      const timeline = run(
        changing(
          { from: H3, name: 'deal' },
          {
            broadcast: (body) => ({
              ...body,
              commitments: Uint8Array.of(...rogue, ...bytesIn(body, 'commitments').slice(96)),
            }),
          },
        ),
      );
      named(timeline, H3, 'PROOF_INVALID');
      expect([...timeline.at(-1)!.values()][0]!.fault!.detail).to.match(/bound/);
    });

    it('as a copyist: another’s digest, commitments and proof are not its own', () => {
      const digest = bytesIn(bodyOf(right, H1, 'commit'), 'digest');
      const dealt = bodyOf(right, H1, 'deal');
      const copying = both(
        changing({ from: H3, name: 'commit' }, { broadcast: () => ({ digest }) }),
        changing({ from: H3, name: 'deal' }, { broadcast: () => dealt }),
      );
      named(run(copying), H3, 'PROOF_INVALID');
    });

    it('for a complaint about itself, or in another form', () => {
      for (const complaints of [Uint8Array.of(0, 1, 0), Uint8Array.of(2, 0, 0), new Uint8Array(2)])
        named(
          run(changing({ from: H2, name: 'complain' }, { broadcast: () => ({ complaints }) })),
          H2,
          'GARBAGE',
        );
    });

    it('for another outcome than everyone’s', () => {
      const timeline = run(
        changing({ from: H2, name: 'agree' }, { broadcast: ({ digest }) => ({ digest: flipped(digest) }) }),
      );
      named(timeline, H2, 'PROOF_INVALID');
    });

    it('for a message that is garbage, in every round', () => {
      for (const name of ['commit', 'deal', 'complain', 'agree'] as const)
        named(run(changing({ from: H2, name }, { broadcast: () => ({ other: 1 }) })), H2, 'GARBAGE');
    });
  });

  it('whoever tells two of them two things is found out in the next round', () => {
    // Without receipts nobody can be named; that receipts name the sender is the messages' own test.
    const timeline = run(
      changing(
        { from: H2, name: 'commit', to: H3 },
        { broadcast: ({ digest }) => ({ digest: flipped(digest) }) },
      ),
    );
    expect(Object.values(endings(timeline))).to.include('INCONSISTENT nobody');
    expect(Object.values(endings(timeline))).not.to.include('result');
  });

  it('a message that is missing is the caller’s business, and names nobody', () => {
    const [first] = right;
    expect(() => stepIdentityCeremony(first!.get(H1)!.state, [], tools())).to.throw(/2 messages/);
  });

  it('a complaint that is answered with the right share stops nothing: a liar and a bad share look alike', () => {
    const timeline = run(
      changing({ from: H2, name: 'deal', to: H3 }, { direct: ({ share }) => ({ share: flipped(share) }) }),
    );
    expect(timeline).to.have.length(6);
    const results = resultsOf(timeline);
    expect(results).to.have.length(3);
    const { masterKey, sharing } = results[0]!;
    expect(masterKey).to.deep.equal(resultsOf(right)[0]!.masterKey);
    const checked = checkedIdentitySharing(tools().engine, masterKey, sharing);
    for (const share of sharesOf(results)) assertIdentityShare(tools().engine, checked, share);
    for (const { disputes } of results) expect(disputes).to.deep.equal([{ dealer: H2, holder: H3 }]);
    // What was shown is the one share that was disputed, and nobody else shows anything.
    const shown = [H1, H2, H3].map((from) => bytesIn(bodyOf(timeline, from, 'justify'), 'shares').length);
    expect(shown).to.deep.equal([0, 32, 0]);
  });
});
