/**
 * Worker thread: answers one PaillierTask at a time. Randomness is drawn here, from the platform's generator, and
 * OpenSSL's objects and a key's table are made here, once per thread.
 */
import { workerData } from 'node:worker_threads';
import {
  combinePartials,
  provePartialDecryption,
  verifyPartials,
} from '../../threshold/partial-decryption.js';
import { multiplyPlaintexts, sumCiphertexts } from '../homomorphic.js';
import { verifyPlaintextKnowledge } from '../proofs/plaintext-proof.js';
import { publicKeyFromJson } from '../public-key.js';
import { rowRandomnessProduct } from '../row-randomness.js';
import type { PaillierPublicKey, PaillierPublicKeyJson } from '../types.js';
import { nativeModPow } from './native-mod-pow.js';
import { encrypt, encryptorOf } from './paillier.js';
import type {
  PaillierTask,
  PaillierTaskKind,
  PaillierTaskKinds,
  PaillierTaskOutput,
  PaillierWorkerData,
} from './paillier-tasks.js';
import { proveContribution } from './proof-tasks.js';
import { proveRows } from './row-proof-task.js';
import { publicModPow } from './short-power.js';
import { describeError, serveTasks } from './worker-answer.js';

const { allowTestKeySize } = workerData as PaillierWorkerData;
const modPow = nativeModPow;

type Handlers = {
  [Kind in PaillierTaskKind]: (
    publicKey: PaillierPublicKey,
    input: PaillierTaskKinds[Kind]['input'],
  ) => PaillierTaskKinds[Kind]['output'];
};

const HANDLERS: Handlers = {
  encrypt(publicKey, { plaintexts, seeded }) {
    const encryptor = encryptorOf(publicKey);
    if (seeded === undefined) return plaintexts.map((plaintext) => encryptor.encrypt(plaintext));
    const { seed, firstIndex } = seeded;
    return plaintexts.map((plaintext, at) =>
      encryptor.encryptSeeded(plaintext, { seed, index: firstIndex + at }),
    );
  },
  encryptWith: (publicKey, { plaintext, randomness }) => encrypt(publicKey, plaintext, randomness),
  masks(publicKey, { count }) {
    const encryptor = encryptorOf(publicKey);
    return Array.from({ length: count }, () => encryptor.mask());
  },
  sum: (publicKey, { ciphertexts, firstIndex }) => sumCiphertexts(publicKey, ciphertexts, firstIndex),
  multiply: (publicKey, { ciphertexts, scalars, firstIndex }) =>
    multiplyPlaintexts(publicKey, ciphertexts, scalars, publicModPow, firstIndex),
  rowRandomness: (publicKey, { rows }) => rowRandomnessProduct(publicKey, rows, modPow),
  provePartial: (publicKey, input) => provePartialDecryption({ publicKey, modPow, ...input }),
  verifyPartials(publicKey, input) {
    const { valid, faults } = verifyPartials({ publicKey, modPow, ...input });
    return { valid, faults: faults.map(describeError) };
  },
  combinePartials: (publicKey, input) => combinePartials({ publicKey, modPow, ...input }),
  proveContribution,
  verifyContribution(publicKey, input) {
    verifyPlaintextKnowledge({ publicKey, modPow, ...input });
    return true;
  },
  proveRows,
};

/** The key that was used last; checking one costs a hash and a product. */
let lastKey: { readonly text: string; readonly publicKey: PaillierPublicKey } | undefined;

function keyOf(json: PaillierPublicKeyJson): PaillierPublicKey {
  const text = JSON.stringify(json);
  if (lastKey?.text !== text) lastKey = { text, publicKey: publicKeyFromJson(json, { allowTestKeySize }) };
  return lastKey.publicKey;
}

function perform<Kind extends PaillierTaskKind>({
  kind,
  publicKey,
  input,
}: {
  kind: Kind;
  publicKey: PaillierPublicKeyJson;
  input: PaillierTaskKinds[Kind]['input'];
}): PaillierTaskKinds[Kind]['output'] {
  return HANDLERS[kind](keyOf(publicKey), input);
}

serveTasks((task: PaillierTask): PaillierTaskOutput => perform(task));
