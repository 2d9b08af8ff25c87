import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../test-support.js';
import { randomBytes } from '../core/random.js';
import { Q, modQ, randomScalar } from '../pairing/index.js';
import { tools } from './dkg.test-support.js';
import {
  commit,
  commitmentAt,
  decodePoints,
  encodePoints,
  evaluate,
  isCommitted,
  proveKnowledge,
  randomPolynomial,
  verifyKnowledge,
  type ProofStatement,
} from './feldman.js';

describe('verifiable secret sharing in G2', () => {
  it('a share is on the committed polynomial, at its own point and nowhere else', () => {
    const { engine } = tools();
    const share = fc.tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 2, max: 6 }));
    fc.assert(
      fc.property(share, ([point, threshold]) => {
        const polynomial = randomPolynomial(randomScalar(), threshold, randomBytes);
        const commitments = commit(engine, polynomial);
        const right = evaluate(polynomial, point);
        expect(isCommitted(engine, { commitments, point, share: right })).to.equal(true);
        expect(isCommitted(engine, { commitments, point: point + 1, share: right })).to.equal(false);
        expect(isCommitted(engine, { commitments, point, share: modQ(right + 1n) })).to.equal(false);
        expect(isCommitted(engine, { commitments, point, share: Q - right })).to.equal(false);
      }),
      { numRuns: 5 },
    );
  });

  it('commitments go through bytes', () => {
    const { engine } = tools();
    const commitments = commit(engine, randomPolynomial(5n, 3, randomBytes));
    const bytes = encodePoints(engine, commitments);
    expect(bytes).to.have.length(3 * 96);
    expect(encodePoints(engine, decodePoints(engine, bytes))).to.deep.equal(bytes);
    const value = evaluate([5n, 7n, 11n], 3);
    expect(value).to.equal(5n + 7n * 3n + 11n * 9n);
    const at = commitmentAt(engine, commit(engine, [5n, 7n, 11n]), 3);
    expect(engine.g2Equal(at, engine.g2Power(engine.g2, value))).to.equal(true);
  });

  it('a proof serves one dealer, in one ceremony, for its own commitments', () => {
    const { engine } = tools();
    const secret = randomScalar();
    const points = commit(engine, [secret, randomScalar()]);
    const [constant = engine.g2, second = engine.g2] = points;
    const statement: ProofStatement = {
      context: new Uint8Array(32).fill(1),
      dealer: 'H1MSP',
      commitments: encodePoints(engine, points),
    };
    const proof = proveKnowledge(engine, statement, { secret, random: randomBytes });
    verifyKnowledge(engine, statement, constant, proof);
    const refused = (changes: Partial<ProofStatement>, of = constant, shown = proof): void => {
      expectCode('CRYPTO_PROOF_INVALID', () => {
        verifyKnowledge(engine, { ...statement, ...changes }, of, shown);
      });
    };
    refused({ dealer: 'H2MSP' });
    refused({ context: new Uint8Array(32).fill(2) });
    refused({ commitments: encodePoints(engine, [constant, constant]) });
    refused({}, second);
    refused(
      {},
      constant,
      proof.map((byte, at) => (at === 63 ? byte ^ 1 : byte)),
    );
    refused(
      {},
      constant,
      proof.map((byte, at) => (at === 31 ? byte ^ 1 : byte)),
    );
    const otherSecret = proveKnowledge(engine, statement, { secret: secret + 1n, random: randomBytes });
    refused({}, constant, otherSecret);
    expectCode('CRYPTO_INVALID_INPUT', () => {
      verifyKnowledge(engine, statement, constant, new Uint8Array(64));
    });
  });
});
