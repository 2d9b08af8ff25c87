/** The patient's own identity key: parts from a majority of hospitals, verified and combined here, raised to the factor. */
import {
  CryptoError,
  base64UrlToBytes,
  bytesToBase64Url,
  combinePartialKeys,
  generateHpkeKeyPair,
  identityKey,
  keyRequestMessage,
  openPartialKey,
  signPatientPayload,
} from '@careledger/crypto/core';
import type { Connection } from './connection.js';
import { readMasterKey, type MasterKeyInForce } from './consortium.js';
import type { IdentitySecrets, PseudonymKeys } from './patient-keys.js';

interface Part {
  readonly holder: string;
  readonly keyId: string;
  readonly sharingEpoch: number;
  readonly sealed: string;
}

/**
 * Asks for the identity's key unless the keys have it. The gateway relays and learns nothing: the parts are sealed to a
 * key that is made here.
 * @returns the keys with the identity's key, to be saved
 * @throws GatewayError; CryptoError CRYPTO_AUTHENTICATION_FAILED when too few parts are right, naming the wrong holders
 */
export async function withIdentityKey(connection: Connection, keys: PseudonymKeys): Promise<PseudonymKeys> {
  const { identity } = keys;
  if (identity === undefined || identity.key !== undefined) return keys;
  return { ...keys, identity: await extracted(connection, keys, identity) };
}

/**
 * The same for the keys of earlier epochs, by which what was sealed before opens: the present key asks for them.
 * @throws as `withIdentityKey`
 */
export async function withEarlierKeys(connection: Connection, keys: PseudonymKeys): Promise<PseudonymKeys> {
  const { earlier = [] } = keys;
  if (earlier.every(({ key }) => key !== undefined)) return keys;
  const complete: IdentitySecrets[] = [];
  for (const secrets of earlier)
    complete.push(secrets.key === undefined ? await extracted(connection, keys, secrets) : secrets);
  return { ...keys, earlier: complete };
}

async function extracted(
  connection: Connection,
  { channel, signing }: Pick<PseudonymKeys, 'channel' | 'signing'>,
  secrets: IdentitySecrets,
): Promise<IdentitySecrets> {
  const { registration, factor, masterKeyId } = secrets;
  const inForce = await readMasterKey(connection, masterKeyId);
  const { name, keyEpoch } = registration;
  const of = { name, keyEpoch };
  const oneTime = generateHpkeKeyPair();
  const at = new Date().toISOString();
  const message = keyRequestMessage({ channel, ...of, oneTimeKey: oneTime.publicKey, at });
  const { parts } = await connection.post<{ readonly parts: readonly Part[] }>(
    `/v1/identities/${encodeURIComponent(name)}/extract`,
    {
      keyEpoch,
      oneTimeKey: bytesToBase64Url(oneTime.publicKey),
      at,
      signature: bytesToBase64Url(signPatientPayload(base64UrlToBytes(signing.privateKey), message)),
    },
  );
  const partials = await openedParts(parts, { ...of, inForce, privateKey: oneTime.privateKey });
  const { key: d, bad } = combinePartialKeys(inForce.sharing, of, partials);
  if (d === undefined)
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'parts',
      expected: `${String(inForce.sharing.threshold)} right parts of the identity’s key`,
      came: bad.length === 0 ? String(partials.size) : `wrong ones of ${bad.join(', ')}`,
    });
  const key = identityKey(d, base64UrlToBytes(factor), registration);
  return { ...secrets, key: bytesToBase64Url(key) };
}

/** A part that does not open is left out, as one that did not come. */
async function openedParts(
  parts: readonly Part[],
  of: {
    readonly name: string;
    readonly keyEpoch: number;
    readonly inForce: MasterKeyInForce;
    readonly privateKey: Uint8Array;
  },
): Promise<Map<string, Uint8Array>> {
  const { name, keyEpoch, inForce, privateKey } = of;
  const opened = new Map<string, Uint8Array>();
  for (const { holder, sealed } of parts.slice(0, inForce.sharing.holders.length)) {
    const address = {
      keyId: inForce.masterKey.keyId,
      sharingEpoch: inForce.sharing.epoch,
      ...{ holder, name, keyEpoch },
    };
    try {
      opened.set(holder, await openPartialKey(address, privateKey, base64UrlToBytes(sealed)));
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
    }
  }
  return opened;
}
