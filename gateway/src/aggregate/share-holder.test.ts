import {
  ciphertextFromText,
  ciphertextToText,
  createPaillierPool,
  encrypt,
  encryptWith,
  plaintextProofToJson,
  provenPartialFromJson,
  provePartialDecryption,
  provePlaintextKnowledge,
  publicKeyToJson,
  randomUnit,
  sharingToJson,
  sumCiphertexts,
  verifyPartialDecryption,
  type PaillierPool,
} from '@careledger/crypto';
import { dealThresholdKey } from '@careledger/crypto/testing';
import type { Contribution, QueryDetails } from '@careledger/protocol';
import { expect } from 'chai';
import type { KeyHolders } from '../ports/key-holders.js';
import { FakeLedger, MEMBERS, refusalOf } from './fakes.test-support.js';
import { ShareHolder, productOfContributions } from './share-holder.js';

const QUERY = 'ab'.repeat(16);
const dealt = dealThresholdKey({ keyBits: 512, holders: MEMBERS, allowTestKeySize: true });
const { publicKey, sharing, shares } = dealt;

/** Contributed by a hospital from its own panel, with its proof. */
function contributionOf(mspId: string, plaintext: bigint): object {
  const randomness = randomUnit(publicKey);
  const ciphertext = encryptWith(publicKey, plaintext, randomness);
  const panelId = mspId.slice(0, 2).toLowerCase().padEnd(32, '0');
  const context = { mspId, queryId: QUERY, panels: [`cid of ${panelId}`] };
  const proof = provePlaintextKnowledge({ publicKey, ciphertext, plaintext, randomness, context });
  return {
    mspId,
    queryId: QUERY,
    outcome: 'contributed',
    ciphertext: ciphertextToText(publicKey, ciphertext),
    panelIds: [panelId],
    proof: plaintextProofToJson(publicKey, proof),
  };
}

describe('what a share holder decrypts', () => {
  let pool: PaillierPool;
  let honest: QueryDetails;
  before(() => {
    pool = createPaillierPool({ workers: 1, allowTestKeySize: true });
    const contributors = MEMBERS.slice(0, 3);
    const contributions = contributors.map((mspId, index) =>
      contributionOf(mspId, BigInt(index + 1)),
    ) as unknown as Contribution[];
    const refused = { mspId: MEMBERS[3], outcome: 'refused', reason: 'NO_ROWS' };
    honest = {
      query: { ...productOf(contributions), contributors },
      contributions: [...contributions, refused],
      partials: [],
      rejected: [],
    } as unknown as QueryDetails;
  });
  after(() => pool.close());

  function productOf(contributions: readonly Contribution[]): object {
    const ciphertexts = contributions.map(({ ciphertext = '' }) => ciphertextFromText(publicKey, ciphertext));
    const aggregate = ciphertextToText(publicKey, sumCiphertexts(publicKey, ciphertexts));
    return { queryId: QUERY, keyId: publicKey.keyId, purpose: 'research', aggregate };
  }

  const contribution = (index: number): Contribution => honest.contributions[index]!;
  const withContributions = (contributions: Contribution[]): QueryDetails => ({ ...honest, contributions });
  const text = (value: bigint): string => ciphertextToText(publicKey, encrypt(publicKey, value));
  /** Every way in which the aggregate is not the contributions' product. */
  const doctored: Readonly<Record<string, () => QueryDetails>> = {
    'one is missing': () => withContributions(honest.contributions.slice(1)),
    'one is a refusal': () =>
      withContributions([{ ...contribution(0), outcome: 'refused' }, contribution(1), contribution(2)]),
    'one more': () =>
      withContributions([
        contribution(0),
        contribution(1),
        contribution(2),
        { ...contribution(3), outcome: 'contributed', ciphertext: text(4n) },
      ]),
    'one in the place of another': () =>
      withContributions([contribution(0), contribution(1), { ...contribution(2), mspId: MEMBERS[3] }]),
    'one twice': () => withContributions([contribution(0), contribution(1), contribution(1)]),
    'one altered': () =>
      withContributions([{ ...contribution(0), ciphertext: text(1n) }, contribution(1), contribution(2)]),
    'another aggregate': () => ({ ...honest, query: { ...honest.query, aggregate: text(6n) } }),
    'one row as the aggregate': () => {
      const { ciphertext } = contribution(0);
      return { ...honest, query: { ...honest.query, aggregate: ciphertext! } };
    },
    'no aggregate': () => {
      const { aggregate, ...query } = honest.query;
      expect(aggregate).to.be.a('string');
      return { ...honest, query };
    },
    'no contributor': () => ({ ...honest, query: { ...honest.query, contributors: [] }, contributions: [] }),
  };

  it('is the product of what the contributors posted', () => {
    const product = productOfContributions(publicKey, honest);
    expect(product === undefined ? 'none' : ciphertextToText(publicKey, product)).to.equal(
      honest.query.aggregate,
    );
    for (const [what, details] of Object.entries(doctored))
      expect(productOfContributions(publicKey, details()), what).to.equal(undefined);
  });

  async function answerTo(details: QueryDetails): Promise<FakeLedger> {
    const ledger = new FakeLedger();
    const json = { publicKey: publicKeyToJson(publicKey), sharing: sharingToJson(publicKey, sharing) };
    ledger.answers['GetKey'] = () => ({ ...json, status: 'active' });
    ledger.answers['Get'] = ({ panelId }) => ({ cid: `cid of ${String(panelId)}` });
    const holders: KeyHolders = {
      partialDecryption: (_key, ciphertext, context) =>
        Promise.resolve(
          provePartialDecryption({ publicKey, sharing, ciphertext, context, share: shares[0]! }),
        ),
    };
    const policy = { purposes: ['research', 'public-health'] } as const;
    await new ShareHolder(ledger.as('AlphaMSP'), { holders, pool, policy }).answer(details);
    return ledger;
  }

  it('gets a share with its proof; anything else a refusal that names why, and no share', async () => {
    const { submitted } = await answerTo(honest);
    expect(submitted.map(({ method }) => method)).to.deep.equal(['Share']);
    const { queryId, ...share } = submitted[0]!.argument;
    const named = { holder: 'AlphaMSP', keyId: publicKey.keyId, ...share };
    const partial = provenPartialFromJson(publicKey, named);
    const ciphertext = ciphertextFromText(publicKey, honest.query.aggregate!);
    const context = { queryId: String(queryId), step: 'aggregate', index: 0 } as const;
    verifyPartialDecryption({ publicKey, sharing, ciphertext, context, partial });
    for (const details of Object.values(doctored))
      expect(await refusalIn(answerTo(details()))).to.equal('AGGREGATE_MISMATCH');
  });

  it('is proved by every contributor, for its own hospital, query and panels', async () => {
    const [first, second, third] = honest.contributions as [Contribution, Contribution, Contribution];
    const unproven: Readonly<Record<string, Contribution>> = {
      'another’s proof': { ...first, proof: second.proof! },
      'another query': { ...first, queryId: 'cd'.repeat(16) },
      'other panels': { ...first, panelIds: second.panelIds! },
      'a copy of another’s contribution': { ...second, mspId: first.mspId },
    };
    for (const [what, contribution] of Object.entries(unproven)) {
      const contributions = [contribution, second, third];
      const query = { ...honest.query, ...productOf(contributions) };
      const asked = answerTo({ ...honest, query, contributions });
      expect(await refusalIn(asked), what).to.equal('CONTRIBUTION_UNPROVEN');
    }
    const { proof, ...without } = first;
    expect(proof).to.be.an('object');
    const details = { ...honest, contributions: [without as Contribution, second, third] };
    expect(await refusalIn(answerTo(details)), 'none').to.equal('CONTRIBUTION_UNPROVEN');
  });

  it('is for a purpose that this hospital decrypts for, and of enough hospitals', async () => {
    const other = { ...honest, query: { ...honest.query, purpose: 'payment' as const } };
    expect(await refusalIn(answerTo(other))).to.equal('PURPOSE_NOT_ALLOWED');
    const [first, second] = honest.contributions as [Contribution, Contribution];
    const contributions = [first, second];
    const contributors = contributions.map(({ mspId }) => mspId);
    const query = { ...honest.query, ...productOf(contributions), contributors };
    expect(await refusalIn(answerTo({ ...honest, query, contributions }))).to.equal('TOO_FEW_CONTRIBUTORS');
  });

  it('is of the key that the consortium has', async () => {
    const other = { ...honest, query: { ...honest.query, keyId: 'cd'.repeat(32) } };
    expect(await refusalOf(answerTo(other))).to.equal('KEY_NOT_FOUND');
  });
});

/** The reason of the one refusal that was posted. */
async function refusalIn(answering: Promise<FakeLedger>): Promise<unknown> {
  const { submitted } = await answering;
  expect(submitted.map(({ method }) => method)).to.deep.equal(['Refuse']);
  return submitted[0]!.argument['reason'];
}
