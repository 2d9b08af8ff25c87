/**
 * A patient's label key on its way to the hospital at which the pseudonym is enrolled, and back to a patient who lost it.
 *
 *   sealed    = HPKE(encryption key of the hospital, info = encodeParts('careledger/label-key/v1', hospital, pseudonym),
 *               label key)
 *   message   = encodeParts('careledger/label-key-delivery/v1', channel, hospital, pseudonym, sealed)
 *   signature = Ed25519(signing key of the pseudonym, message)
 *   returned  = HPKE(encryption key of the pseudonym, info = encodeParts('careledger/label-key-return/v1', hospital,
 *               pseudonym), label key)
 */
import { assertBytes } from '../core/bytes.js';
import { assertContextText } from '../core/context.js';
import { encodeParts } from '../core/encode.js';
import { openSealed, sealTo } from './sealed.js';

export const LABEL_KEY_BYTES = 32;

/** Whose label key, and for which hospital. */
export interface LabelKeyAddress {
  readonly mspId: string;
  readonly pseudonym: string;
}

/** @param options.encryptionKey X25519 key of the hospital, 32 bytes, from its member entry */
export async function sealLabelKey(
  options: LabelKeyAddress & { readonly encryptionKey: Uint8Array; readonly labelKey: Uint8Array },
): Promise<Uint8Array> {
  assertBytes('labelKey', options.labelKey, LABEL_KEY_BYTES);
  return sealTo(options.encryptionKey, infoOf(options), options.labelKey);
}

/** @throws CRYPTO_INVALID_INPUT; CRYPTO_AUTHENTICATION_FAILED for another patient, hospital or key */
export async function openLabelKey(
  options: LabelKeyAddress & { readonly privateKey: Uint8Array; readonly sealed: Uint8Array },
): Promise<Uint8Array> {
  const labelKey = await openSealed(options.privateKey, infoOf(options), options.sealed);
  assertBytes('labelKey', labelKey, LABEL_KEY_BYTES);
  return labelKey;
}

/** What the pseudonym's signing key signs, so that nobody else sets the labels of a patient. */
export function labelKeyMessage(
  options: LabelKeyAddress & { readonly channel: string; readonly sealed: Uint8Array },
): Uint8Array {
  const { channel, mspId, pseudonym, sealed } = options;
  assertContextText('channel', channel);
  assertContextText('mspId', mspId);
  assertContextText('pseudonym', pseudonym);
  assertBytes('sealed', sealed);
  return encodeParts('careledger/label-key-delivery/v1', channel, mspId, pseudonym, sealed);
}

/** @param options.encryptionKey X25519 key of the pseudonym, 32 bytes, from the ledger */
export async function returnLabelKey(
  options: LabelKeyAddress & { readonly encryptionKey: Uint8Array; readonly labelKey: Uint8Array },
): Promise<Uint8Array> {
  assertBytes('labelKey', options.labelKey, LABEL_KEY_BYTES);
  return sealTo(options.encryptionKey, returnInfoOf(options), options.labelKey);
}

/** @throws as `openLabelKey` */
export async function openReturnedLabelKey(
  options: LabelKeyAddress & { readonly privateKey: Uint8Array; readonly sealed: Uint8Array },
): Promise<Uint8Array> {
  const labelKey = await openSealed(options.privateKey, returnInfoOf(options), options.sealed);
  assertBytes('labelKey', labelKey, LABEL_KEY_BYTES);
  return labelKey;
}

function infoOf(address: LabelKeyAddress): Uint8Array {
  return addressed('careledger/label-key/v1', address);
}

function returnInfoOf(address: LabelKeyAddress): Uint8Array {
  return addressed('careledger/label-key-return/v1', address);
}

function addressed(label: string, { mspId, pseudonym }: LabelKeyAddress): Uint8Array {
  assertContextText('mspId', mspId);
  assertContextText('pseudonym', pseudonym);
  return encodeParts(label, mspId, pseudonym);
}
