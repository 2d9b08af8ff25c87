/** Shared by this package's tests; not exported from it. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { CryptoError, type CryptoErrorCode } from './core/errors.js';
import type { PaillierPrivateKey } from './paillier/types.js';
import { generatePaillierKeys } from './paillier/engine/key-generation.js';

function assertCode(error: unknown, code: CryptoErrorCode, argument: string | undefined): void {
  expect(error, 'a CryptoError').to.be.instanceOf(CryptoError);
  expect((error as CryptoError).code, String(error)).to.equal(code);
  if (argument !== undefined) expect((error as CryptoError).argument, String(error)).to.equal(argument);
}

/** Fails unless `act` throws a CryptoError of this code (and argument). */
export function expectCode(code: CryptoErrorCode, act: () => unknown, argument?: string): void {
  let error: unknown = new Error('nothing was thrown');
  try {
    act();
  } catch (thrown) {
    error = thrown;
  }
  assertCode(error, code, argument);
}

/** Fails unless the promise rejects with a CryptoError of this code (and argument). */
export async function expectRejection(
  code: CryptoErrorCode,
  promise: Promise<unknown>,
  argument?: string,
): Promise<void> {
  const error: unknown = await promise.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  assertCode(error, code, argument);
}

/** A JSON file of crypto/vectors; the compiled test lies in dist or one folder below. */
export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8'));
}

const keys = new Map<number, Promise<PaillierPrivateKey>>();

/** One test key per size and run. */
export function testKey(keyBits: number): Promise<PaillierPrivateKey> {
  const key = keys.get(keyBits) ?? generatePaillierKeys({ keyBits, allowTestKeySize: true });
  keys.set(keyBits, key);
  return key;
}

/** `bytes` with one bit changed. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
