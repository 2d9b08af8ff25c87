import {
  ciphertextToText,
  dealKeyShares,
  encrypt,
  publicKeyToJson,
  sumCiphertexts,
  type PaillierPublicKey,
} from '@careledger/crypto';
import type { Contribution, QueryDetails } from '@careledger/protocol';
import { expect } from 'chai';
import type { KeyHolders } from '../ports/key-holders.js';
import { FakeLedger, MEMBERS, refusalOf } from './fakes.test-support.js';
import { ShareHolder, productOfContributions } from './share-holder.js';

describe('what a share holder decrypts', () => {
  let publicKey: PaillierPublicKey;
  let honest: QueryDetails;
  before(async () => {
    ({ publicKey } = await dealKeyShares({ keyBits: 512, holders: MEMBERS, allowTestKeySize: true }));
    const ciphertexts = [1n, 2n, 3n].map((plaintext) => encrypt(publicKey, plaintext));
    const contributors = MEMBERS.slice(0, 3);
    const aggregate = ciphertextToText(publicKey, sumCiphertexts(publicKey, ciphertexts));
    const contributions = contributors.map((mspId, index) => ({
      mspId,
      outcome: 'contributed',
      ciphertext: ciphertextToText(publicKey, ciphertexts[index]!),
    }));
    const refused = { mspId: MEMBERS[3], outcome: 'refused', reason: 'NO_ROWS' };
    honest = {
      query: { queryId: 'ab'.repeat(16), keyId: publicKey.keyId, contributors, aggregate },
      contributions: [...contributions, refused],
      partials: [],
    } as unknown as QueryDetails;
  });

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
    ledger.answers['GetKey'] = () => ({
      publicKey: publicKeyToJson(publicKey),
      holders: MEMBERS,
      status: 'active',
    });
    const holders: Pick<KeyHolders, 'partialDecryption'> = {
      partialDecryption: (_key, ciphertext) =>
        Promise.resolve({
          holder: 'AlphaMSP',
          keyId: publicKey.keyId,
          ciphertextDigest: '',
          value: ciphertext,
        }),
    };
    await new ShareHolder(ledger.as('AlphaMSP'), holders as KeyHolders).answer(details);
    return ledger;
  }

  it('gets a share; anything else a refusal that names why, and no share', async () => {
    expect((await answerTo(honest)).methods).to.deep.equal(['Share']);
    for (const details of Object.values(doctored)) {
      const { submitted } = await answerTo(details());
      expect(submitted).to.deep.equal([
        { method: 'Refuse', argument: { queryId: honest.query.queryId, reason: 'AGGREGATE_MISMATCH' } },
      ]);
    }
  });

  it('is of the key that the consortium has', async () => {
    const other = { ...honest, query: { ...honest.query, keyId: 'cd'.repeat(32) } };
    expect(await refusalOf(answerTo(other))).to.equal('KEY_NOT_FOUND');
  });
});
