import { expect } from 'chai';
import fc from 'fast-check';
import { decrypt, encrypt } from '../paillier/engine/paillier.js';
import { expectCode, testKey } from '../test-support.js';
import { randomBytes } from '../core/random.js';
import * as contribution from './contribution.js';
import { randomUnit, sumCiphertexts } from '../paillier/homomorphic.js';
import { smallLayout, smallRow } from './panel-samples.test-support.js';
import type { PanelRow } from './fields/columns.js';
import { decodeTotals, encodeRow, maskPlaintext, slotsFor, type Statistic } from './panel.js';
import { plaintextStatistic } from './plaintext-statistics.js';
import { nativeModPow as modPow } from '../paillier/engine/native-mod-pow.js';
import { dealThresholdKey } from '../threshold/engine/dealer.js';
import { combinePartials, provePartialDecryption } from '../threshold/partial-decryption.js';
import { statisticFromTotals } from './statistics.js';
import type { PaillierPublicKey } from '../paillier/types.js';

const asked = slotsFor(smallLayout, ['temperature'], 'sum');

async function example() {
  const { publicKey } = await testKey(512);
  const rowCiphertexts = [-1, 2, 3].map((temperature) =>
    encrypt(publicKey, encodeRow(smallLayout, { temperature, sex: 'male' })),
  );
  const opening: contribution.ContributionOpening = {
    salt: randomBytes(32),
    queryId: 'q-1',
    mspId: 'H1MSP',
    rowRefs: ['bafy#0', 'bafy#1', 'bafy#2'],
    maskPlaintext: maskPlaintext(smallLayout, asked),
    randomness: randomUnit(publicKey),
  };
  const ciphertext = contribution.makeContribution({
    publicKey,
    rows: rowCiphertexts,
    maskPlaintext: opening.maskPlaintext,
    randomness: opening.randomness,
  });
  return {
    opening,
    rowCiphertexts,
    publicKey,
    ciphertext,
    commitment: contribution.contributionCommitment(opening),
    layout: smallLayout,
    askedSlots: asked,
  };
}
type Example = Awaited<ReturnType<typeof example>>;

describe('contribution', function () {
  this.timeout(20_000);

  it('is an encryption of the rows’ sum plus the mask', async () => {
    const privateKey = await testKey(512);
    const { ciphertext, opening, rowCiphertexts } = await example();
    const rows = rowCiphertexts.reduce((sum, row) => sum + decrypt(privateKey, row), 0n);
    expect(decrypt(privateKey, ciphertext)).to.equal(rows + opening.maskPlaintext);
    const totals = decodeTotals(smallLayout, decrypt(privateKey, ciphertext), asked);
    expect(totals.numeric['temperature']).to.deep.equal({ count: 3n, sum: 40n });
  });

  it('opens, also through JSON', async () => {
    const honest = await example();
    contribution.verifyOpening(honest);
    const opening = contribution.openingFromJson(
      JSON.parse(JSON.stringify(contribution.openingToJson(honest.opening))),
    );
    contribution.verifyOpening({ ...honest, opening });
  });

  it('commits to as many rows as an aggregate may have', async () => {
    const { opening } = await example();
    const rowRefs = Array.from({ length: 200_000 }, (_, index) => `bafy#${index}`);
    expect(contribution.contributionCommitment({ ...opening, rowRefs })).to.match(/^[0-9a-f]{64}$/);
    const tooMany = Array.from({ length: 1_000_001 }, () => 'r');
    const commit = (): unknown => contribution.contributionCommitment({ ...opening, rowRefs: tooMany });
    expectCode('CRYPTO_INVALID_INPUT', commit, 'rowRefs');
  });

  it('of nobody is a fresh encryption of the mask', async () => {
    const privateKey = await testKey(512);
    const randomness = randomUnit(privateKey.publicKey);
    const ciphertext = contribution.makeContribution({
      publicKey: privateKey.publicKey,
      rows: [],
      maskPlaintext: 9n,
      randomness,
    });
    expect(decrypt(privateKey, ciphertext)).to.equal(9n);
  });

  it('a doctored one is found, with the part that differs', async () => {
    const honest = await example();
    const { opening, rowCiphertexts, publicKey } = honest;
    const commit = (
      change: Partial<contribution.ContributionOpening>,
    ): Pick<Example, 'opening' | 'commitment'> => {
      const changed = { ...opening, ...change };
      return { opening: changed, commitment: contribution.contributionCommitment(changed) };
    };
    const [a, b, c] = rowCiphertexts as [bigint, bigint, bigint];
    const doubled = [a, a, b, c];
    const cases: Array<[string, Partial<Example>]> = [
      ['commitment', { opening: { ...opening, randomness: opening.randomness + 1n } }],
      ['commitment', { opening: { ...opening, rowRefs: ['bafy#0', 'bafy#1'] } }],
      ['commitment', { opening: { ...opening, rowRefs: ['bafy#0', 'bafy#2', 'bafy#1'] } }],
      ['commitment', { opening: { ...opening, queryId: 'q-2' } }],
      ['commitment', { opening: { ...opening, mspId: 'H2MSP' } }],
      ['commitment', { opening: { ...opening, salt: new Uint8Array(32) } }],
      ['commitment', { opening: { ...opening, salt: new Uint8Array(3) } }],
      ['commitment', { commitment: '00'.repeat(32) }],
      ['rowRefs', { rowCiphertexts: [a, b] }],
      [
        'rowRefs',
        { ...commit({ rowRefs: ['bafy#0', 'bafy#0', 'bafy#1', 'bafy#2'] }), rowCiphertexts: doubled },
      ],
      ['rowRefs', { layout: { ...smallLayout, maxRecords: 2 } }],
      ['maskPlaintext', commit({ maskPlaintext: opening.maskPlaintext + 1n })],
      ['maskPlaintext', { askedSlots: slotsFor(smallLayout, ['sex'], 'histogram') }],
      ['rows', { rowCiphertexts: [a, b, publicKey.n] }],
      ['rows', commit({ randomness: publicKey.n })],
      ['ciphertext', { ciphertext: sumCiphertexts(publicKey, [honest.ciphertext, a]) }],
      ['ciphertext', { ciphertext: encrypt(publicKey, 5n) }],
      ['ciphertext', { ciphertext: publicKey.nSquared }],
      ['ciphertext', { rowCiphertexts: [a, b, encrypt(publicKey, 1n)] }],
      ['ciphertext', commit({ randomness: randomUnit(publicKey) })],
    ];
    for (const [part, change] of cases) {
      expectCode(
        'CRYPTO_CONTRIBUTION_MISMATCH',
        () => {
          contribution.verifyOpening({ ...honest, ...change });
        },
        part,
      );
    }
  });

  it('refuses rows that intake refuses, masks and randomness out of range, malformed openings', async () => {
    const { publicKey, opening } = await example();
    const make = (rows: bigint[], mask = 0n, randomness = opening.randomness): unknown =>
      contribution.makeContribution({ publicKey, rows, maskPlaintext: mask, randomness });
    for (const bad of [0n, 1n, publicKey.n, publicKey.nSquared])
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () => make([5n, bad]), 'ciphertexts[1]');
    expectCode('CRYPTO_INVALID_INPUT', () => make([], publicKey.n), 'plaintext');
    expectCode('CRYPTO_INVALID_INPUT', () => make([], 0n, 0n), 'randomness');
    for (const json of [
      null,
      {},
      { ...contribution.openingToJson(opening), salt: 'AA' },
      { ...contribution.openingToJson(opening), rowRefs: [''] },
    ]) {
      expectCode('CRYPTO_INVALID_INPUT', () => contribution.openingFromJson(json));
    }
  });
});

describe('an aggregate, end to end', function () {
  this.timeout(20_000);

  const holders = ['H1MSP', 'H2MSP', 'H3MSP'];
  const deal = dealThresholdKey({ keyBits: 512, holders, allowTestKeySize: true });
  const context = { queryId: 'q-1', step: 'aggregate', index: 0 } as const;
  const contribute = (
    publicKey: PaillierPublicKey,
    rows: readonly PanelRow[],
    slots: readonly string[],
  ): bigint =>
    contribution.makeContribution({
      publicKey,
      rows: rows.map((row) => encrypt(publicKey, encodeRow(smallLayout, row))),
      maskPlaintext: maskPlaintext(smallLayout, slots),
      randomness: randomUnit(publicKey),
    });

  it('gives the plaintext statistic exactly', () => {
    const { publicKey, sharing, shares } = deal;
    const hospitals = fc.array(fc.array(smallRow, { maxLength: 3 }), { minLength: 3, maxLength: 3 });
    const statistic = fc.constantFrom<Statistic>('count', 'sum', 'mean', 'variance', 'histogram');
    fc.assert(
      fc.property(hospitals, statistic, (rowsByHospital, wanted) => {
        const field = wanted === 'histogram' ? 'sex' : 'temperature';
        const slots = slotsFor(smallLayout, [field], wanted);
        const aggregate = sumCiphertexts(
          publicKey,
          rowsByHospital.map((rows) => contribute(publicKey, rows, slots)),
        );
        const opened = { publicKey, sharing, ciphertext: aggregate, modPow };
        const partials = shares
          .slice(1)
          .map((share) => provePartialDecryption({ ...opened, share, context }));
        const totals = decodeTotals(smallLayout, combinePartials({ ...opened, partials }), slots);
        const outcome = (compute: () => unknown): unknown => {
          try {
            return compute();
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        const expected = outcome(() => plaintextStatistic(smallLayout, rowsByHospital.flat(), field, wanted));
        expect(outcome(() => statisticFromTotals(smallLayout, totals, field, wanted))).to.deep.equal(
          expected,
        );
      }),
      { numRuns: 25 },
    );
  });
});
