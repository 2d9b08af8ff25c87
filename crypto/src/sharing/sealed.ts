/** HPKE output as one byte string: enc(32) || ciphertext. */
import { assertBytes, concatBytes } from '../core/bytes.js';
import { invalidInput, shapeOf } from '../core/errors.js';
import { HPKE_KEY_BYTES, unwrap, wrap } from '../core/hpke.js';

const NOTHING = new Uint8Array(0);

export async function sealTo(
  recipientPublicKey: Uint8Array,
  info: Uint8Array,
  plaintext: Uint8Array,
): Promise<Uint8Array> {
  const { enc, ciphertext } = await wrap({ recipientPublicKey, plaintext, info, associatedData: NOTHING });
  return concatBytes(enc, ciphertext);
}

/** @throws CRYPTO_INVALID_INPUT, CRYPTO_AUTHENTICATION_FAILED */
export async function openSealed(
  recipientPrivateKey: Uint8Array,
  info: Uint8Array,
  sealed: Uint8Array,
): Promise<Uint8Array> {
  assertBytes('sealed', sealed);
  if (sealed.length <= HPKE_KEY_BYTES)
    throw invalidInput('sealed', 'an encapsulated key and a ciphertext', shapeOf(sealed));
  const keyWrap = { enc: sealed.slice(0, HPKE_KEY_BYTES), ciphertext: sealed.slice(HPKE_KEY_BYTES) };
  return unwrap({ recipientPrivateKey, keyWrap, info, associatedData: NOTHING });
}
