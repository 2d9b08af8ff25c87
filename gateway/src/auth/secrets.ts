import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';

/** Row part: a scrypt hash with its parameters, so that they can be raised later. */
export interface SecretHash {
  readonly salt: string;
  readonly hash: string;
  readonly cost: number;
}

const COST = 32_768;
const BLOCK_SIZE = 8;
const HASH_BYTES = 32;

/** 256 random bits, base64url: shown once. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url');
}

export async function hashSecret(secret: string): Promise<SecretHash> {
  const salt = randomBytes(16);
  const hash = await derive(secret, salt, COST);
  return { salt: salt.toString('base64url'), hash: hash.toString('base64url'), cost: COST };
}

/** Takes the same time for an unknown person (`undefined`) as for a known one. */
export async function isSecret(secret: string, expected: SecretHash | undefined): Promise<boolean> {
  const { salt, hash, cost } = expected ?? { salt: '', hash: '', cost: COST };
  const derived = await derive(secret, Buffer.from(salt, 'base64url'), cost);
  const wanted = Buffer.from(hash, 'base64url');
  return wanted.length === HASH_BYTES && timingSafeEqual(derived, wanted);
}

function derive(secret: string, salt: Uint8Array, cost: number): Promise<Buffer> {
  const options: ScryptOptions = { N: cost, r: BLOCK_SIZE, p: 1, maxmem: 256 * cost * BLOCK_SIZE };
  return new Promise((resolve, reject) => {
    scrypt(secret.normalize('NFC'), salt, HASH_BYTES, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
