import { publicKeyFromJson, sharingDigest, sharingFromJson } from '@careledger/crypto/core';
import { EVENTS, KEYS, type Ceremony, type RegisterKey } from '@careledger/protocol';
import { asCoded, type KeySize } from '../aggregate/arithmetic.js';
import { CURRENT_KEY, numberText } from '../aggregate/reading.js';
import { assertMadeBy, assertSame, type KeyKind } from './key-registration.js';
import { registrationAddress } from './reading.js';

/** The Paillier key of statistics, as a ceremony ends with it. */
export const AGGREGATION_KEY: KeyKind<RegisterKey> = {
  scheme: 'paillier',
  event: EVENTS.keyRegistered,
  keyIdOf: ({ publicKey }) => publicKey.keyId,
  async keep(call, document, digest) {
    const { mspId } = call.caller;
    const stamp = { sharingDigest: digest, mspId, at: call.at, txId: call.txId };
    const address = registrationAddress(document, mspId);
    await call.state.write(KEYS.keyRegistration, address, { ...document, ...stamp });
  },
  async putInForce(call, ceremony, { registeredBy, acceptedBy }) {
    const document = await call.state.read(KEYS.keyRegistration, registrationAddress(ceremony, registeredBy));
    if (document === undefined) throw new TypeError('a registration without its documents');
    const { publicKey, sharing, sharingDigest: digest, ceremonyId, attempt, at: registeredAt } = document;
    const made = {
      publicKey,
      sharing,
      sharingDigest: digest,
      ceremonyId,
      attempt,
      registeredBy,
      registeredAt,
    };
    const key = { ...made, acceptedBy, status: 'active' as const, txId: call.txId };
    await call.state.write(KEYS.aggregationKey, CURRENT_KEY, key);
    await call.state.write(KEYS.keyEpoch, [numberText(sharing.epoch)], key);
  },
};

/**
 * The digest of a key that is what the ceremony was started for.
 * @throws CareLedgerError SCHEMA_VIOLATION
 */
export function checkedSharing(
  ceremony: Ceremony,
  { publicKey, sharing }: Pick<RegisterKey, 'publicKey' | 'sharing'>,
  keySize: KeySize,
): string {
  const digest = asCoded('SCHEMA_VIOLATION', () => {
    const key = publicKeyFromJson(publicKey, keySize);
    return sharingDigest(key, sharingFromJson(key, sharing));
  });
  assertSame('key size', ceremony.keyBits, publicKey.keyBits);
  assertMadeBy(ceremony, { keyId: publicKey.keyId, sharing });
  return digest;
}
