/**
 * The link between a patient's pseudonyms: 32 random bytes, the same for all of them, sealed to `trace/<pseudonym>`
 * under the master key itself. Two ciphertexts of one link have nothing in common; only a majority of the holders, each
 * giving its part of the key of that very name, can open one.
 */
import { assertBytes, bytesToBase64Url } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { mclPairing, type PairingEngine } from '../pairing/index.js';
import { decryptAsIdentity, encryptToIdentity, IDENTITY_OVERHEAD_BYTES } from './encryption.js';
import type { Identity } from './identity.js';

export const LINK_BYTES = 32;
export const SEALED_LINK_BYTES = LINK_BYTES + IDENTITY_OVERHEAD_BYTES;

/** The identity to which a pseudonym's link is sealed; there is one epoch of it. */
export const traceIdentity = (pseudonym: string): Identity => ({ name: `trace/${pseudonym}`, keyEpoch: 0 });

/** @param link 32 bytes @returns `SEALED_LINK_BYTES` bytes */
export function sealLink(
  pseudonym: string,
  masterPublicKey: Uint8Array,
  link: Uint8Array,
  engine: PairingEngine = mclPairing(),
): Uint8Array {
  assertBytes('link', link, LINK_BYTES);
  return encryptToIdentity(recipientOf(pseudonym, masterPublicKey), link, aadOf(pseudonym), engine);
}

/**
 * @param d the combined key of `traceIdentity(pseudonym)`, 48 bytes
 * @throws CRYPTO_AUTHENTICATION_FAILED
 */
export function openLink(
  pseudonym: string,
  masterPublicKey: Uint8Array,
  d: Uint8Array,
  sealed: Uint8Array,
  engine: PairingEngine = mclPairing(),
): Uint8Array {
  const link = decryptAsIdentity(
    d,
    recipientOf(pseudonym, masterPublicKey),
    sealed,
    aadOf(pseudonym),
    engine,
  );
  assertBytes('link', link, LINK_BYTES);
  return link;
}

function recipientOf(pseudonym: string, masterPublicKey: Uint8Array) {
  return { ...traceIdentity(pseudonym), publicKey: bytesToBase64Url(masterPublicKey) };
}

function aadOf(pseudonym: string): Uint8Array {
  return encodeParts('careledger/link/v1', pseudonym);
}
