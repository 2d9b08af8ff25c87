/**
 * Makes careledger-v1.json from the built package: `node crypto/vectors/make.mjs > crypto/vectors/careledger-v1.json`.
 * Home-made vectors: they fix the formats, they do not prove them. The envelope and the headers hold randomness, so a
 * second run gives other bytes that must open alike. Every key in it is public and for tests only.
 */
import * as crypto from '../dist/index.js';

const context = { ownerMspId: 'H1MSP', pseudonym: 'p-1', recordType: 'laboratory', recordId: 'r-1' };
const dataKey = new Uint8Array(32).fill(1);
const salt = new Uint8Array(32).fill(2);
const content = crypto.utf8('content', 'CareLedger');
const ownerPrivateKey = new Uint8Array(32).fill(3);
const requesterPrivateKey = new Uint8Array(32).fill(4);
const header = await crypto.makeHeader({
  recipientPublicKey: crypto.hpkePublicKey(ownerPrivateKey),
  dataKey,
  salt,
  context,
  contentType: 'text/plain',
  contentLength: content.length,
});
const released = await crypto.rewrapHeader({
  header,
  ownerPrivateKey,
  recipientPublicKey: crypto.hpkePublicKey(requesterPrivateKey),
  expectedContext: context,
  releaseBinding: 'tx-1',
});
// Any odd modulus of the size serves for a format.
const publicKey = crypto.publicKeyFromModulus((2n ** 256n - 189n) * (2n ** 256n - 357n), {
  allowTestKeySize: true,
});
const layout = {
  id: 'vector',
  version: 1,
  keyBits: 512,
  fields: [
    { kind: 'numeric', name: 'temperature', unit: 'Cel', scale: 1, min: '-5', max: '4.5' },
    { kind: 'histogram', name: 'sex', unit: '', categories: ['female', 'male'] },
  ],
  maxRecords: 100,
  statisticalBits: 80,
};
const row = { temperature: '-1.5', sex: 'male' };
const number = (column) => ({ column, unit: 'Cel', scale: 1, min: '-5', max: '4.5' });
const otherKindsLayout = {
  ...layout,
  id: 'vector-kinds',
  keyBits: 2048,
  fields: [
    { kind: 'pair', name: 'pair', x: number('temperature'), y: number('change') },
    {
      kind: 'grouped',
      name: 'group',
      unit: '1',
      by: [
        { column: 'sex', categories: ['female', 'male'] },
        { column: 'age', edges: ['0', '50', '120'] },
      ],
    },
    {
      kind: 'survival',
      name: 'followUp',
      unit: 'mo',
      edges: ['0', '6', '12'],
      time: 'months',
      event: { column: 'outcome', occurred: 'died', censored: 'lost' },
    },
  ],
};
const otherKindsRow = {
  temperature: '-1.5',
  change: '2',
  sex: 'male',
  age: '50',
  months: '7.5',
  outcome: 'died',
};
const plaintext = crypto.encodeRow(layout, row);
const randomness = 2n ** 200n + 1n;
const opening = {
  salt,
  queryId: 'q-1',
  mspId: 'H1MSP',
  rowRefs: ['bafy#0'],
  maskPlaintext: 2n ** 300n,
  randomness,
};
const call = { channel: 'careledger', method: 'grants:Create', argumentsJson: '{"a":1}', nonce: 'n-1' };

const vectors = {
  origin:
    'Home-made by crypto/vectors/make.mjs; fixes the formats of docs/crypto/formats.md. Test keys only.',
  encodeParts: crypto.bytesToHex(
    crypto.encodeParts('careledger/test/v1', 'text', Uint8Array.of(0, 255), 256n),
  ),
  context,
  dataKey: crypto.bytesToHex(dataKey),
  salt: crypto.bytesToHex(salt),
  content: crypto.bytesToHex(content),
  saltedDigest: crypto.saltedDigest(salt, content),
  envelope: crypto.bytesToHex(await crypto.sealContent({ content, dataKey, context })),
  ownerPrivateKey: crypto.bytesToHex(ownerPrivateKey),
  header: crypto.bytesToHex(header),
  requesterPrivateKey: crypto.bytesToHex(requesterPrivateKey),
  releaseBinding: 'tx-1',
  released: crypto.bytesToHex(released),
  patientCall: call,
  patientMessage: crypto.bytesToHex(crypto.patientMessage(call)),
  publicKey: crypto.publicKeyToJson(publicKey),
  layout,
  layoutDigest: crypto.layoutDigest(layout),
  row,
  plaintext: String(plaintext),
  otherKinds: {
    layout: otherKindsLayout,
    layoutDigest: crypto.layoutDigest(otherKindsLayout),
    row: otherKindsRow,
    plaintext: String(crypto.encodeRow(otherKindsLayout, otherKindsRow)),
  },
  randomness: String(randomness),
  ciphertext: crypto.ciphertextToText(publicKey, crypto.encryptWith(publicKey, plaintext, randomness)),
  ciphertextDigest: crypto.ciphertextDigest(publicKey, crypto.encryptWith(publicKey, plaintext, randomness)),
  opening: crypto.openingToJson(opening),
  commitment: crypto.contributionCommitment(opening),
};
process.stdout.write(`${JSON.stringify(vectors, null, 2)}\n`);
