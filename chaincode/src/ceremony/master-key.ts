import { identitySharingDigest } from '@careledger/crypto/core';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  type Ceremony,
  type MasterKey,
  type RegisterMasterKey,
} from '@careledger/protocol';
import { asCoded } from '../aggregate/arithmetic.js';
import { CURRENT_KEY, numberText } from '../aggregate/reading.js';
import type { Call } from '../shell/call.js';
import { assertMadeBy, type KeyKind } from './key-registration.js';
import { registrationAddress } from './reading.js';

/** The master key of identities, as a ceremony ends with it. */
export const MASTER_KEY: KeyKind<RegisterMasterKey> = {
  scheme: 'identity',
  event: EVENTS.masterKeyRegistered,
  keyIdOf: ({ masterKey }) => masterKey.keyId,
  async keep(call, document, digest) {
    const { mspId } = call.caller;
    const stamp = { sharingDigest: digest, mspId, at: call.at, txId: call.txId };
    const address = registrationAddress(document, mspId);
    await call.state.write(KEYS.masterKeyRegistration, address, { ...document, ...stamp });
  },
  async putInForce(call, ceremony, { registeredBy, acceptedBy }) {
    const address = registrationAddress(ceremony, registeredBy);
    const document = await call.state.read(KEYS.masterKeyRegistration, address);
    if (document === undefined) throw new TypeError('a registration without its documents');
    const { masterKey, sharing, sharingDigest, ceremonyId, attempt, at: registeredAt } = document;
    const made = { masterKey, sharing, sharingDigest, ceremonyId, attempt, registeredBy, registeredAt };
    const key = { ...made, acceptedBy, status: 'active' as const, txId: call.txId };
    await call.state.write(KEYS.masterKey, CURRENT_KEY, key);
    await call.state.write(KEYS.masterKeyEpoch, [numberText(sharing.epoch)], key);
  },
};

/**
 * The digest of a master key that is what the ceremony was started for.
 * @throws CareLedgerError SCHEMA_VIOLATION
 */
export function checkedMasterKey(
  ceremony: Ceremony,
  { masterKey, sharing }: Pick<RegisterMasterKey, 'masterKey' | 'sharing'>,
): string {
  const digest = asCoded('SCHEMA_VIOLATION', () => identitySharingDigest(masterKey, sharing));
  assertMadeBy(ceremony, { keyId: masterKey.keyId, sharing });
  return digest;
}

/**
 * The identity master key in force or, with an epoch, as it was shared then.
 * @throws CareLedgerError KEY_NOT_FOUND
 */
export async function readMasterKey(call: Call, epoch?: number): Promise<MasterKey> {
  const key =
    epoch === undefined
      ? await call.state.read(KEYS.masterKey, CURRENT_KEY)
      : await call.state.read(KEYS.masterKeyEpoch, [numberText(epoch)]);
  if (key === undefined) {
    throw new CareLedgerError('KEY_NOT_FOUND', { message: 'There is no such identity master key yet.' });
  }
  return key;
}
