import {
  Base64Url,
  Ed25519Signature,
  IdentityName,
  Instant,
  KeyEpoch,
  MspId,
  Sha256,
  X25519PublicKey,
  closed,
} from '@careledger/protocol';
import { Type, type Static } from 'typebox';

/** What goes over the wire between whoever asks for an identity's key and the holders of the master key. */
export const PARTIAL_KEYS_PATH = '/peer/v1/partial-keys';

/** Crypto `keyRequestMessage` says what is signed. */
export const KeyRequestSchema = closed({
  name: IdentityName,
  keyEpoch: KeyEpoch,
  oneTimeKey: X25519PublicKey,
  at: Instant,
  signature: Ed25519Signature,
});
export type SignedKeyRequest = Static<typeof KeyRequestSchema>;

/** One holder's part, sealed to the one-time key; crypto `openPartialKey`. */
export const PartialKeySchema = closed({
  holder: MspId,
  keyId: Sha256,
  sharingEpoch: Type.Integer({ minimum: 0 }),
  sealed: Base64Url(512),
});
export type PartialKey = Static<typeof PartialKeySchema>;
