import { expectRejection, testKey } from '../../test-support.js';
import { encodeRow } from '../../panel/panel.js';
import type { PanelLayout } from '../../panel/panel-layout.js';
import { rowProofFromText } from '../../panel/row-proof-bytes.js';
import { verifyRows } from '../../panel/row-proof.js';
import { publicKeyFromModulus, publicKeyToJson } from '../public-key.js';
import type { PaillierPublicKey } from '../types.js';
import { nativeModPow as modPow } from './native-mod-pow.js';
import { createPaillierPool, type PaillierPool } from './paillier-pool.js';

const layout: PanelLayout = {
  id: 'vitals',
  version: 1,
  keyBits: 512,
  fields: [{ kind: 'numeric', name: 't', unit: 'Cel', scale: 0, min: '30', max: '35' }],
  maxRecords: 3,
  statisticalBits: 40,
};
const SEED = new Uint8Array(32).fill(7);
const CONTEXT = { mspId: 'Org1MSP', auditId: 'audit-1', panelCid: 'bafy' };

describe('row proofs in the worker pool', function () {
  this.timeout(20_000);

  let pool: PaillierPool;
  let publicKey: PaillierPublicKey;
  before(async () => {
    pool = createPaillierPool({ workers: 1, allowTestKeySize: true });
    const { n } = (await testKey(512)).publicKey;
    publicKey = publicKeyFromModulus(n, { allowTestKeySize: true, encryption: 'djn' });
  });
  after(() => pool.close());

  it('are of the rows that the seed made, and of no others', async () => {
    const json = publicKeyToJson(publicKey);
    const plaintexts = ['30', '33', '35'].map((t) => encodeRow(layout, { t }));
    const ciphertexts = await pool.encryptRows(json, plaintexts, { seed: SEED });
    const rows = [2, 0].map((index) => ({ index, ciphertext: ciphertexts[index] ?? 0n }));
    const texts = await pool.proveRows(json, { layout, seed: SEED, context: CONTEXT, rows });
    const proven = rows.map(({ index, ciphertext }, place) => ({
      ciphertext,
      context: { ...CONTEXT, rowIndex: index },
      proof: rowProofFromText(publicKey, layout, texts[place] ?? ''),
    }));
    verifyRows({ publicKey, layout, rows: proven, modPow });
    const other = { layout, seed: new Uint8Array(32), context: CONTEXT, rows };
    await expectRejection('CRYPTO_DECRYPTION_FAILED', pool.proveRows(json, other));
    const moved = rows.map(({ ciphertext }, index) => ({ ciphertext, index }));
    await expectRejection(
      'CRYPTO_DECRYPTION_FAILED',
      pool.proveRows(json, { ...other, seed: SEED, rows: moved }),
    );
  });

  it('refuse a row that no record can be', async () => {
    const json = publicKeyToJson(publicKey);
    const [ciphertext = 0n] = await pool.encryptRows(json, [2n], { seed: SEED });
    const rows = [{ index: 0, ciphertext }];
    await expectRejection(
      'CRYPTO_VALUE_OUT_OF_RANGE',
      pool.proveRows(json, { layout, seed: SEED, context: CONTEXT, rows }),
      'row.t',
    );
  });
});
