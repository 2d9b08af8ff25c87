import { expect } from 'chai';
import { expectCode, testKey } from '../test-support.js';
import { nativeModPow as modPow } from '../paillier/engine/native-mod-pow.js';
import { proveBit } from '../paillier/proofs/bit-proof.js';
import { proveEquality } from '../paillier/proofs/equality-proof.js';
import { masksFor, type MaskSource } from '../paillier/proofs/masks.js';
import { proveOneHot } from '../paillier/proofs/one-hot-proof.js';
import { encryptOpened, type Opened, type OpenedTerm } from '../paillier/proofs/opened.js';
import { proveProduct } from '../paillier/proofs/product-proof.js';
import { proveRange } from '../paillier/proofs/range-proof.js';
import { publicKeyFromModulus } from '../paillier/public-key.js';
import type { PaillierPublicKey } from '../paillier/types.js';
import type { PanelRow } from './fields/index.js';
import { compileLayout, type PanelField, type PanelLayout } from './panel-layout.js';
import { encodeRow } from './panel.js';
import {
  proveRow,
  rowProofContext,
  verifyRow,
  verifyRows,
  type ProvenRow,
  type RowContext,
} from './row-proof.js';
import { rowProofFromText, rowProofToText, type RowProof } from './row-proof-bytes.js';

const temperature = { kind: 'numeric', name: 't', unit: 'Cel', scale: 0, min: '30', max: '35' } as const;
const severity = { kind: 'histogram', name: 's', unit: '1', categories: ['low', 'high'] } as const;
const number = (column: string, max: string) => ({ column, unit: '1', scale: 0, min: '0', max });
const pair = { kind: 'pair', name: 'p', x: number('x', '3'), y: number('y', '1') } as const;
const grouped = {
  kind: 'grouped',
  name: 'g',
  unit: '1',
  by: [{ column: 'sex', categories: ['f', 'm'] }],
} as const;
const survival = {
  kind: 'survival',
  name: 'v',
  unit: 'd',
  edges: ['0', '10', '20'],
  time: 'days',
  event: { column: 'died', occurred: 'yes', censored: 'no' },
} as const;

const layoutOf = (...fields: PanelField[]): PanelLayout => ({
  id: 'test',
  version: 1,
  keyBits: 512,
  fields,
  maxRecords: 3,
  statisticalBits: 40,
});
const VITALS = layoutOf(temperature, severity);
const CONTEXT: RowContext = { mspId: 'Org1MSP', auditId: 'audit-1', panelCid: 'bafy', rowIndex: 7 };

describe('row proof', function () {
  this.timeout(20_000);

  let publicKey: PaillierPublicKey;
  let masks: MaskSource;
  const keys = new Map<string, { publicKey: PaillierPublicKey; masks: MaskSource }>();

  before(async () => {
    const { n } = (await testKey(512)).publicKey;
    for (const encryption of ['rn', 'djn'] as const) {
      const key = publicKeyFromModulus(n, { allowTestKeySize: true, encryption });
      keys.set(encryption, { publicKey: key, masks: masksFor(key, { modPow }) });
    }
    use('djn');
  });
  function use(encryption: string): void {
    const key = keys.get(encryption);
    if (key !== undefined) ({ publicKey, masks } = key);
  }

  const prove = (opened: Opened, layout = VITALS, context = CONTEXT): ProvenRow => {
    const { ciphertext, randomness } = opened;
    const proof = proveRow({ publicKey, layout, ciphertext, randomness, context, masks, modPow });
    return { ciphertext, context, proof };
  };
  const rowOf = (row: PanelRow, layout = VITALS): Opened =>
    encryptOpened(publicKey, encodeRow(layout, row), masks);
  const verify = (row: ProvenRow, layout = VITALS): void => {
    verifyRow({ publicKey, layout, ...row, modPow });
  };
  const refused = (row: ProvenRow, layout = VITALS): void => {
    expectCode(
      'CRYPTO_PROOF_INVALID',
      () => {
        verify(row, layout);
      },
      'rows[0]',
    );
  };

  const EXAMPLES: Array<[PanelLayout, PanelRow[]]> = [
    [VITALS, [{ t: '33', s: 'high' }, { t: '30' }, { t: '35', s: 'low' }, { s: 'low' }, {}]],
    [layoutOf(pair), [{ x: '3', y: '1' }, { x: '0', y: '0' }, { x: '2' }]],
    [
      layoutOf(grouped, survival),
      [{ sex: 'm', days: '3', died: 'yes' }, { sex: 'f', days: '20', died: 'no' }, {}],
    ],
  ];

  for (const encryption of ['rn', 'djn']) {
    it(`holds for every kind of field, whatever is missing (${encryption})`, () => {
      use(encryption);
      for (const [layout, rows] of EXAMPLES)
        verifyRows({
          publicKey,
          layout,
          rows: rows.map((row) => prove(rowOf(row, layout), layout)),
          modPow,
        });
    });
  }

  it('travels as text of one form', () => {
    for (const [layout, [row = {}]] of EXAMPLES) {
      const proven = prove(rowOf(row, layout), layout);
      const text = rowProofToText(publicKey, layout, proven.proof);
      const read = rowProofFromText(publicKey, layout, text);
      expect(read).to.deep.equal(proven.proof);
      verify({ ...proven, proof: read }, layout);
      for (const other of [text.slice(4), `AAAA${text}`, ''])
        expectCode('CRYPTO_PROOF_INVALID', () => rowProofFromText(publicKey, layout, other));
      expectCode('CRYPTO_INVALID_INPUT', () => rowProofFromText(publicKey, layout, `${text}=`));
    }
  });

  it('serves one row of one panel of one hospital, in one audit and under one layout', () => {
    const row = prove(rowOf({ t: '33' }));
    verify(row);
    const elsewhere: RowContext[] = [
      { ...CONTEXT, mspId: 'Org2MSP' },
      { ...CONTEXT, auditId: 'audit-2' },
      { ...CONTEXT, panelCid: 'bafz' },
      { ...CONTEXT, rowIndex: 8 },
    ];
    for (const context of elsewhere) refused({ ...row, context });
    refused({ ...row, ciphertext: rowOf({ t: '33' }).ciphertext });
    refused(row, { ...VITALS, version: 2 });
    refused(row, layoutOf(temperature));
    refused(row, layoutOf(severity, temperature));
  });

  it('of many rows the bad one is named', () => {
    const rows = [{ t: '31' }, { s: 'low' }, {}].map((row, rowIndex) =>
      prove(rowOf(row), VITALS, { ...CONTEXT, rowIndex }),
    );
    verifyRows({ publicKey, layout: VITALS, rows, modPow });
    const [first, second, third] = rows as [ProvenRow, ProvenRow, ProvenRow];
    const bad = { ...second, ciphertext: rowOf({}).ciphertext };
    expectCode(
      'CRYPTO_PROOF_INVALID',
      () => {
        verifyRows({ publicKey, layout: VITALS, rows: [first, bad, third], modPow });
      },
      'rows[1]',
    );
    const cut = { ...third, proof: { ...third.proof, fields: third.proof.fields.slice(1) } };
    expectCode(
      'CRYPTO_PROOF_INVALID',
      () => {
        verifyRows({ publicKey, layout: VITALS, rows: [first, second, cut], modPow });
      },
      'rows[2]',
    );
  });

  /** A row of these slot values, whatever the layout allows. */
  function plaintextOf(values: readonly bigint[], layout = VITALS): bigint {
    return [...compileLayout(layout).slots.values()].reduce(
      (sum, { offsetBits }, place) => sum + ((values[place] ?? 0n) << BigInt(offsetBits)),
      0n,
    );
  }

  /** present, sum, squares of t; two bins of s. */
  const DOCTORED: Record<string, bigint[]> = {
    'a bin of 5': [0n, 0n, 0n, 5n, 0n],
    'two bins': [0n, 0n, 0n, 1n, 1n],
    'a value above the range': [1n, 6n, 36n, 0n, 0n],
    'a square that is none': [1n, 2n, 5n, 0n, 0n],
    'a value of somebody who is not counted': [0n, 2n, 4n, 0n, 0n],
    'counted twice': [2n, 0n, 0n, 0n, 0n],
  };

  it('cannot be made for a doctored row', () => {
    for (const values of Object.values(DOCTORED)) {
      const row = encryptOpened(publicKey, plaintextOf(values), masks);
      expectCode('CRYPTO_VALUE_OUT_OF_RANGE', () => prove(row));
    }
    const above = 1n << BigInt(compileLayout(VITALS).totalBits);
    const row = encryptOpened(publicKey, plaintextOf([1n, 2n, 4n]) + above, masks);
    expectCode('CRYPTO_VALUE_OUT_OF_RANGE', () => prove(row), 'row.(above the slots)');
    expectCode('CRYPTO_DECRYPTION_FAILED', () => prove({ ...rowOf({}), randomness: masks().root }));
  });

  /**
   * A hospital that goes on nevertheless: the slots are what the row holds, every proof whose statement is true is
   * honest, and the others are made for what the slot should hold instead.
   */
  function cheat(values: readonly bigint[], claims: readonly bigint[]): ProvenRow {
    const row = encryptOpened(publicKey, plaintextOf(values), masks);
    const truth = values.map((value) => encryptOpened(publicKey, value, masks)) as [Opened, Opened, Opened];
    const [present, sum, squares, ...bins] = truth.map((slot, place) => ({
      ...slot,
      plaintext: claims[place] ?? 0n,
    })) as [Opened, Opened, Opened, ...Opened[]];
    const [p, y, square] = truth;
    const options = { publicKey, context: rowProofContext(CONTEXT, VITALS), masks, modPow };
    const slots = [...compileLayout(VITALS).slots.values()];
    const terms = truth.map((slot, place): OpenedTerm => [slot, 1n << BigInt(slots[place]?.offsetBits ?? 0)]);
    const ciphertextsOf = (opened: readonly Opened[]): bigint[] => opened.map(({ ciphertext }) => ciphertext);
    const isPresent = p.plaintext * y.plaintext === y.plaintext;
    const isSquare = y.plaintext ** 2n === square.plaintext;
    const proof: RowProof = {
      fields: [
        {
          ciphertexts: ciphertextsOf(truth.slice(0, 3)),
          present: proveBit(present, options),
          numbers: [
            {
              range: proveRange(sum, 5n, options),
              presence: proveProduct(
                { x: isPresent ? p : { ...p, plaintext: 1n }, y, product: y },
                2,
                options,
              ),
            },
          ],
          products: [
            isSquare
              ? proveProduct({ x: y, y, product: square }, 3, options)
              : proveProduct({ x: sum, y: sum, product: squares }, 3, options),
          ],
        },
        { ciphertexts: ciphertextsOf(bins), cells: proveOneHot(bins, 'at-most-one', options) },
      ],
      packing: proveEquality({ left: terms, right: [[row, 1n]] }, 0n, options),
    };
    return { ciphertext: row.ciphertext, context: CONTEXT, proof };
  }

  it('a doctored row is found, whatever its hospital claims instead', () => {
    verify(cheat([1n, 2n, 4n, 1n, 0n], [1n, 2n, 4n, 1n, 0n]));
    const claims: Record<string, bigint[]> = {
      'a bin of 5': [0n, 0n, 0n, 1n, 0n],
      'two bins': [0n, 0n, 0n, 1n, 0n],
      'a value above the range': [1n, 5n, 25n, 0n, 0n],
      'a square that is none': [1n, 2n, 4n, 0n, 0n],
      'a value of somebody who is not counted': [0n, 2n, 4n, 0n, 0n],
      'counted twice': [1n, 0n, 0n, 0n, 0n],
    };
    for (const [name, values] of Object.entries(DOCTORED)) refused(cheat(values, claims[name] ?? []));
  });

  it('well-formed slots of another row do not stand for a doctored one', () => {
    const honest = prove(rowOf({ t: '33', s: 'low' }));
    for (const values of Object.values(DOCTORED)) {
      const row = encryptOpened(publicKey, plaintextOf(values), masks);
      refused({ ...honest, ciphertext: row.ciphertext });
    }
  });

  it('parts of one proof do not complete another', () => {
    const [first, second] = [prove(rowOf({ t: '33', s: 'low' })), prove(rowOf({ t: '34', s: 'high' }))];
    refused({ ...first, proof: { ...first.proof, packing: second.proof.packing } });
    const [numbers, cells] = first.proof.fields;
    const [otherNumbers, otherCells] = second.proof.fields;
    for (const fields of [
      [otherNumbers, cells],
      [numbers, otherCells],
      [cells, numbers],
      [numbers, numbers],
    ] as Array<RowProof['fields']>)
      refused({ ...first, proof: { ...first.proof, fields } });
  });
});
