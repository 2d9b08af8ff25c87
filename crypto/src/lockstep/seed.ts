/**
 * Where a machine's random bytes come from.
 *
 *   seed_0     = 32 bytes of the platform's generator, kept in the state
 *   seed_{r+1} = SHA-256(encodeParts('careledger/ceremony-seed/v1', seed_r, everything that came in round r))
 *   draw k     = ChaCha20(key = seed, nonce = k, zeros)                                           RFC 8439
 *
 * So a step that is repeated after a crash sends the same bytes again, and never two versions of them; with other
 * messages in it, it draws independent ones; and the seed of a round does not tell those before it.
 *
 * Assumption: ChaCha20 and SHA-256 as pseudo-random functions.
 */
import { chacha20 } from '@noble/ciphers/chacha.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { encodeList } from '../core/encode.js';
import type { RandomBytes } from '../core/random.js';

export const SEED_BYTES = 32;
const NONCE_BYTES = 12;

/** Every call continues the stream; the sequence of sizes has to be the same to get the same bytes. */
export function seededRandom(seed: Uint8Array): RandomBytes {
  let draws = 0;
  return (sizeBytes) => {
    const nonce = new Uint8Array(NONCE_BYTES);
    new DataView(nonce.buffer).setUint32(0, draws++);
    return chacha20(seed, nonce, new Uint8Array(sizeBytes));
  };
}

export function nextSeed(seed: Uint8Array, received: readonly Uint8Array[]): Uint8Array {
  return sha256(encodeList('careledger/ceremony-seed/v1', [seed, ...received]));
}
