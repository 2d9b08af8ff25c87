import { expect } from 'chai';
import fc from 'fast-check';
import { decrypt, encrypt } from '../paillier/engine/paillier.js';
import { expectCode, testKey } from '../test-support.js';
import { randomBytes } from '../core/random.js';
import * as contribution from './contribution.js';
import { randomUnit, sumCiphertexts } from '../paillier/homomorphic.js';
import type { AskedStatistic } from './asked-statistic.js';
import type { PanelRow } from './fields/columns.js';
import { layoutOf, packLayouts } from './pack-layouts.js';
import { compileLayout, type PanelLayout } from './panel-layout.js';
import { clinicLayout, clinicRow, smallLayout } from './panel-samples.test-support.js';
import { decodeTotals, encodeRow, maskPlaintext, slotsFor } from './panel.js';
import { plaintextResults } from './plaintext-statistics.js';
import { nativeModPow as modPow } from '../paillier/engine/native-mod-pow.js';
import { dealThresholdKey } from '../threshold/engine/dealer.js';
import { combinePartials, provePartialDecryption } from '../threshold/partial-decryption.js';
import { resultsFromTotals } from './statistics.js';
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
  const sizes = { version: 1, keyBits: 512, maxRecords: 50, statisticalBits: 40, maxFields: 16 };
  const layouts = packLayouts(clinicLayout.fields, { ...sizes, idPrefix: 'clinic' });
  const numeric = ['temperature', 'baseExcess'];
  const queries: readonly AskedStatistic[] = [
    ...(['count', 'sum', 'mean', 'variance'] as const).map((statistic) => ({ statistic, fields: numeric })),
    { statistic: 'weightedSum', fields: numeric, weights: ['-3', '1000000000'] },
    { statistic: 'histogram', fields: ['sex'] },
    { statistic: 'groupedCount', fields: ['sexByTemperature'] },
    { statistic: 'covariance', fields: ['excessByTemperature'] },
    { statistic: 'survival', fields: ['followUp'] },
  ];
  const contribute = (
    layout: PanelLayout,
    publicKey: PaillierPublicKey,
    rows: readonly PanelRow[],
    slots: readonly string[],
  ): bigint =>
    contribution.makeContribution({
      publicKey,
      rows: rows.map((row) => encrypt(publicKey, encodeRow(layout, row))),
      maskPlaintext: maskPlaintext(layout, slots),
      randomness: randomUnit(publicKey),
    });

  for (const query of queries)
    it(`gives the plaintext ${query.statistic} exactly`, () => {
      const { publicKey, sharing, shares } = deal;
      const layout = layoutOf(layouts, query.fields);
      const { columns } = compileLayout(layout);
      const rowOfLayout = clinicRow.map((row): PanelRow =>
        Object.fromEntries(Object.entries(row).filter(([column]) => columns.has(column))),
      );
      const hospitals = fc.array(fc.array(rowOfLayout, { maxLength: 3 }), { minLength: 3, maxLength: 3 });
      fc.assert(
        fc.property(hospitals, (rowsByHospital) => {
          const slots = slotsFor(layout, query.fields, query.statistic);
          const aggregate = sumCiphertexts(
            publicKey,
            rowsByHospital.map((rows) => contribute(layout, publicKey, rows, slots)),
          );
          const opened = { publicKey, sharing, ciphertext: aggregate, modPow };
          const partials = shares
            .slice(1)
            .map((share) => provePartialDecryption({ ...opened, share, context }));
          const totals = decodeTotals(layout, combinePartials({ ...opened, partials }), slots);
          expect(resultsFromTotals(layout, totals, query)).to.deep.equal(
            plaintextResults(layout, rowsByHospital.flat(), query),
          );
        }),
        { numRuns: 5 },
      );
    });
});
