/**
 * npm run bench:proofs: what the proofs about ciphertexts cost, prover and verifier, under keys of 2048 and 3072 bits.
 * Milliseconds of processor time of one thread, medians of one interleaved run; ratios are those of docs/crypto/proofs.md.
 * Prints JSON lines. Takes a minute.
 *
 *   --rounds N   3 when absent
 */
import { parseArgs } from 'node:util';
import {
  bitEquations,
  encodeRow,
  encryptOpened,
  generatePaillierKeys,
  masksFor,
  nativeModPow as modPow,
  proveBit,
  provePlaintextKnowledge,
  proveProduct,
  proveRange,
  proveRow,
  publicKeyFromModulus,
  rowProofToBytes,
  utf8,
  verifyBatch,
  verifyBit,
  verifyPlaintextKnowledge,
  verifyProduct,
  verifyRange,
  verifyRows,
  type MaskSource,
  type PaillierPublicKey,
  type PanelLayout,
  type ProvenRow,
} from '@careledger/crypto';
import { interleave, processorSeconds, report } from './support/measure.js';

const KEY_BITS = [2048, 3072] as const;
const BATCH = 64;
const ROWS = 8;
/** Most of a range of 10 bits. */
const RANGE = 700n;
const RANGE_BITS = 10;
const WARM_UP = 8;

type Jobs = Record<string, () => Promise<number>>;

/** Five numbers, 41 bits in all, as in samples/heart-disease. */
function layoutOf(keyBits: number): PanelLayout {
  const ranges = { age: 120, pressure: 260, cholesterol: 650, rate: 220, depression: 100 };
  const fields = Object.entries(ranges).map(([name, most]) => {
    return { kind: 'numeric', name, unit: '1', scale: 0, min: '0', max: String(most) } as const;
  });
  return { id: 'bench', version: 1, keyBits, fields, maxRecords: 100_000, statisticalBits: 80 };
}
const ROW = { age: '63', pressure: '105', cholesterol: '183', rate: '120', depression: '23' };

const timed =
  (job: () => void, times = 1) =>
  () =>
    Promise.resolve((processorSeconds(job) * 1000) / times);

function proofJobs(publicKey: PaillierPublicKey, masks: MaskSource): Jobs {
  const options = { publicKey, context: utf8('context', 'bench'), masks, modPow };
  const context = { mspId: 'Org1MSP', queryId: 'query', panels: ['cid'] };
  const [known, bit, value] = [12_345n, 1n, 321n].map((m) => encryptOpened(publicKey, m, masks));
  if (known === undefined || bit === undefined || value === undefined) throw new Error('three were made');
  const square = encryptOpened(publicKey, value.plaintext ** 2n, masks);
  const factors = { x: value, y: value, product: square };
  const squares = { x: value.ciphertext, y: value.ciphertext, product: square.ciphertext };
  const popk = provePlaintextKnowledge({ publicKey, ...known, context, modPow });
  const bitProof = proveBit(bit, options);
  const range = proveRange(value, RANGE, options);
  const product = proveProduct(factors, RANGE_BITS, options);
  const bits = Array.from({ length: BATCH }, (_, index) =>
    encryptOpened(publicKey, BigInt(index % 2), masks),
  );
  const proven = bits.map((one) => bitEquations(one.ciphertext, proveBit(one, options), options));
  return {
    knowledgeProve: timed(() => provePlaintextKnowledge({ publicKey, ...known, context, modPow })),
    knowledgeVerify: timed(() => {
      verifyPlaintextKnowledge({ publicKey, ciphertext: known.ciphertext, proof: popk, context, modPow });
    }),
    bitProve: timed(() => proveBit(bit, options)),
    bitVerify: timed(() => {
      verifyBit(bit.ciphertext, bitProof, options);
    }),
    bitVerifyInBatch: timed(() => {
      verifyBatch(publicKey, proven, { modPow });
    }, BATCH),
    rangeProve: timed(() => proveRange(value, RANGE, options)),
    rangeVerify: timed(() => {
      verifyRange(value.ciphertext, RANGE, range, options);
    }),
    productProve: timed(() => proveProduct(factors, RANGE_BITS, options)),
    productVerify: timed(() => {
      verifyProduct(squares, RANGE_BITS, product, options);
    }),
  };
}

function rowJobs(publicKey: PaillierPublicKey, masks: MaskSource): { jobs: Jobs; sizeBytes: number } {
  const layout = layoutOf(publicKey.keyBits);
  const { ciphertext, randomness } = encryptOpened(publicKey, encodeRow(layout, ROW), masks);
  const proven = (rowIndex: number): ProvenRow => {
    const context = { mspId: 'Org1MSP', auditId: 'audit', panelCid: 'cid', rowIndex };
    const proof = proveRow({ publicKey, layout, ciphertext, randomness, context, masks, modPow });
    return { ciphertext, context, proof };
  };
  const rows = Array.from({ length: ROWS }, (_, index) => proven(index));
  const [first] = rows;
  if (first === undefined) throw new Error('rows were proven');
  return {
    sizeBytes: rowProofToBytes(publicKey, layout, first.proof).length,
    jobs: {
      rowProve: timed(() => proven(0)),
      rowVerify: timed(() => {
        verifyRows({ publicKey, layout, rows: [first], modPow });
      }),
      rowVerifyInBatch: timed(() => {
        verifyRows({ publicKey, layout, rows, modPow });
      }, ROWS),
    },
  };
}

async function measure(bits: number, rounds: number): Promise<void> {
  const { publicKey } = await generatePaillierKeys({ keyBits: bits, encryption: 'djn' });
  const masks = masksFor(publicKey, { modPow });
  const textbook = publicKeyFromModulus(publicKey.n);
  const slowMasks = masksFor(textbook, { modPow });
  for (let i = 0; i < WARM_UP; i++) masks();
  const { jobs: ofRows, sizeBytes } = rowJobs(publicKey, masks);
  const slow = encryptOpened(textbook, 1n, slowMasks);
  const slowOptions = { publicKey: textbook, context: utf8('context', 'bench'), masks: slowMasks, modPow };
  const jobs: Jobs = {
    ...proofJobs(publicKey, masks),
    ...ofRows,
    bitProveTextbook: timed(() => proveBit(slow, slowOptions)),
  };
  const measured = await interleave(rounds, jobs);
  const line = (name: string, over: string, under: string, details: Record<string, unknown> = {}): void => {
    report(name, 'ms', measured, [over, under], { bits, ...details });
  };
  line('knowledge_prove_vs_verify', 'knowledgeProve', 'knowledgeVerify');
  line('bit_textbook_vs_djn', 'bitProveTextbook', 'bitProve');
  line('bit_verify_single_vs_batch', 'bitVerify', 'bitVerifyInBatch', { batch: BATCH });
  line('range_prove_vs_verify', 'rangeProve', 'rangeVerify', { valueBits: RANGE_BITS });
  line('product_prove_vs_verify', 'productProve', 'productVerify', { factorBits: RANGE_BITS });
  line('row_prove_vs_verify', 'rowProve', 'rowVerify', { sizeBytes });
  line('row_verify_single_vs_batch', 'rowVerify', 'rowVerifyInBatch', { batch: ROWS });
}

const { values } = parseArgs({ options: { rounds: { type: 'string' } } });
const rounds = Number(values.rounds ?? 3);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: a whole number from 1');
for (const bits of KEY_BITS) await measure(bits, rounds);
