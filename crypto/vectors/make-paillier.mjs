/**
 * First half of paillier-phe.json, from the built package: keys and ciphertexts of this engine. The second half is
 * python's:
 *
 *   node crypto/vectors/make-paillier.mjs | python3 crypto/vectors/make-phe.py > crypto/vectors/paillier-phe.json
 *
 * Keys are random and public: for tests only.
 */
import * as crypto from '../dist/index.js';

const text = (value) => value.toString();

function plaintextsOf({ p, q, publicKey: { n } }) {
  const random = crypto.randomBelow(n);
  return [0n, 1n, n - 1n, n / 2n, p, q, 7n * p, n - q, random];
}

async function keyOf(keyBits, encryption) {
  const privateKey = await crypto.generatePaillierKeys({ keyBits, encryption, allowTestKeySize: true });
  const { p, q, publicKey } = privateKey;
  const encryptor = crypto.encryptorOf(publicKey);
  const owner = crypto.ownerOf(privateKey);
  const ciphertexts = plaintextsOf(privateKey).flatMap((plaintext) => [
    { by: 'public key', plaintext: text(plaintext), ciphertext: text(encryptor.encrypt(plaintext)) },
    { by: 'owner', plaintext: text(plaintext), ciphertext: text(owner.encrypt(plaintext)) },
  ]);
  return {
    madeBy: 'careledger',
    encryption,
    keyBits,
    p: text(p),
    q: text(q),
    n: text(publicKey.n),
    ciphertexts,
  };
}

const keys = [];
for (const keyBits of [512, 2048])
  for (const encryption of crypto.ENCRYPTION_MODES) keys.push(await keyOf(keyBits, encryption));
process.stdout.write(`${JSON.stringify({ keys }, null, 1)}\n`);
