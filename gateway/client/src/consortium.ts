/** What a client has to know of the consortium, and verifies as far as it can. */
import type { Identity, MasterKey, Member } from '@careledger/protocol';
import {
  CryptoError,
  base64UrlToBytes,
  initPairing,
  mclPairing,
  masterKeyId,
  verifyRegistration,
  type MasterSharing,
} from '@careledger/crypto/core';
import type { Connection } from './connection.js';
import type { MasterPublicKey } from './patient-keys.js';

export interface MasterKeyInForce {
  readonly masterKey: MasterPublicKey;
  readonly sharing: MasterSharing;
}

/**
 * The identity master key, and how it is shared.
 * @param pinned key id of before: another key is another consortium's
 * @throws GatewayError; CryptoError CRYPTO_AUTHENTICATION_FAILED for another key than the pinned one
 */
export async function readMasterKey(connection: Connection, pinned?: string): Promise<MasterKeyInForce> {
  await initPairing();
  const { masterKey, sharing } = await connection.get<MasterKey>('/v1/identity-key');
  const publicKey = base64UrlToBytes(masterKey.publicKey);
  const keyId = masterKeyId(publicKey);
  if (pinned !== undefined && keyId !== pinned)
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'masterKey',
      expected: 'the master key under which this pseudonym’s identity was made',
      came: 'another',
    });
  const { epoch, threshold, holders } = sharing;
  const commitments = sharing.commitments.map((commitment) => base64UrlToBytes(commitment));
  return { masterKey: { keyId, publicKey }, sharing: { epoch, threshold, holders, commitments } };
}

/**
 * The present registration of an identity, or the one of an earlier epoch, verified: whoever registered it knows its factor, and its key comes from a
 * majority of the holders of the master key.
 * @throws GatewayError IDENTITY_NOT_FOUND; CryptoError
 */
export async function readIdentity(
  connection: Connection,
  name: string,
  { publicKey }: MasterPublicKey,
  keyEpoch?: number,
): Promise<Identity> {
  const query = keyEpoch === undefined ? '' : `?keyEpoch=${String(keyEpoch)}`;
  const identity = await connection.get<Identity>(`/v1/identities/${encodeURIComponent(name)}${query}`);
  if (identity.name !== name || (keyEpoch !== undefined && identity.keyEpoch !== keyEpoch))
    throw new CryptoError('CRYPTO_INVALID_INPUT', { argument: 'name', expected: name, came: 'another' });
  verifyRegistration(identity, publicKey, undefined, mclPairing());
  return identity;
}

export async function activeMembers(connection: Connection): Promise<Member[]> {
  const { items } = await connection.get<{ readonly items: Member[] }>('/v1/members');
  return items.filter(({ status }) => status === 'active');
}
