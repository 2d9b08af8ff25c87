/**
 * How an identity asks the holders of the identity master key for its key, and how their parts travel.
 *
 *   request     = encodeParts('careledger/key-request/v1', channel, name, key epoch, one-time key, at)
 *   signature   = Ed25519(signing key of the identity's registration, request)
 *   sealed part = HPKE(one-time key, info = encodeParts('careledger/partial-key/v1', key id, sharing epoch, holder, name,
 *                 key epoch), d_i)
 *
 * The signature binds the one-time key: whoever relays or repeats a request gets nothing that the asker's key does not
 * open. `at` bounds for how long it may be repeated.
 */
import { assertBytes } from '../core/bytes.js';
import { assertContextText } from '../core/context.js';
import { encodeParts } from '../core/encode.js';
import { invalidInput } from '../core/errors.js';
import { HPKE_KEY_BYTES } from '../core/hpke.js';
import { openSealed, sealTo } from './sealed.js';

export interface KeyRequest {
  readonly channel: string;
  /** `patient/<pseudonym>`, `member/<mspId>`, ... */
  readonly name: string;
  readonly keyEpoch: number;
  /** X25519, 32 bytes: for this request only. */
  readonly oneTimeKey: Uint8Array;
  /** UTC with milliseconds. */
  readonly at: string;
}

/** Which part of which identity's key. */
export interface PartialKeyAddress {
  /** SHA-256 of the master public key, hex. */
  readonly keyId: string;
  /** Of the sharing of the master key. */
  readonly sharingEpoch: number;
  readonly holder: string;
  readonly name: string;
  readonly keyEpoch: number;
}

/** What the identity's signing key signs. */
export function keyRequestMessage(request: KeyRequest): Uint8Array {
  const { channel, name, keyEpoch, oneTimeKey, at } = request;
  assertContextText('channel', channel);
  assertContextText('name', name);
  assertContextText('at', at);
  assertBytes('oneTimeKey', oneTimeKey, HPKE_KEY_BYTES);
  return encodeParts(
    'careledger/key-request/v1',
    channel,
    name,
    epochOf('keyEpoch', keyEpoch),
    oneTimeKey,
    at,
  );
}

export async function sealPartialKey(
  address: PartialKeyAddress,
  oneTimeKey: Uint8Array,
  partialKey: Uint8Array,
): Promise<Uint8Array> {
  return sealTo(oneTimeKey, infoOf(address), partialKey);
}

/** @throws CRYPTO_INVALID_INPUT; CRYPTO_AUTHENTICATION_FAILED for another address or key */
export async function openPartialKey(
  address: PartialKeyAddress,
  oneTimePrivateKey: Uint8Array,
  sealed: Uint8Array,
): Promise<Uint8Array> {
  return openSealed(oneTimePrivateKey, infoOf(address), sealed);
}

function infoOf({ keyId, sharingEpoch, holder, name, keyEpoch }: PartialKeyAddress): Uint8Array {
  assertContextText('keyId', keyId);
  assertContextText('holder', holder);
  assertContextText('name', name);
  const [sharing, key] = [epochOf('sharingEpoch', sharingEpoch), epochOf('keyEpoch', keyEpoch)];
  return encodeParts('careledger/partial-key/v1', keyId, sharing, holder, name, key);
}

function epochOf(argument: string, epoch: number): bigint {
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw invalidInput(argument, 'an epoch', String(epoch));
  return BigInt(epoch);
}
