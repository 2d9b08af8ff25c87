import { identitySharingDigest } from '@careledger/crypto';
import {
  KEYS,
  MasterKeySchema,
  majorityOf,
  validate,
  type AggregationKey,
  type Ceremony,
  type MasterKey,
} from '@careledger/protocol';
import type { Found } from '../found.js';
import type { Facts } from '../ledger/facts.js';
import { checkAcceptance, checkHoldersSigned, openKey } from '../query/key.js';

export interface MadeKey {
  readonly keyId?: string;
  readonly epoch?: number;
}

/** Where the key of a scheme stands. */
export function placeOfKey({ scheme }: Pick<Ceremony, 'scheme'>) {
  return scheme === 'paillier' ? KEYS.aggregationKey : KEYS.masterKey;
}

/** What a ceremony made: that it is whole, and that every holder signed for it. */
export function checkKeyOf(ceremony: Ceremony, facts: Facts, found: Found): MadeKey {
  const version = facts
    .history(placeOfKey(ceremony), ['current'])
    .find(({ value }) => (value as Partial<AggregationKey>).ceremonyId === ceremony.ceremonyId);
  if (version === undefined) return {};
  if (ceremony.scheme === 'identity') return checkMasterKey(version.value, facts, found);
  const key = version.value as AggregationKey;
  checkAcceptance(key, facts, found);
  const opened = openKey(key, found);
  return opened === undefined ? {} : { keyId: opened.publicKey.keyId, epoch: opened.sharing.epoch };
}

function checkMasterKey(value: unknown, facts: Facts, found: Found): MadeKey {
  const key = found.orAdd('DOCUMENT_UNREADABLE', { subject: 'the identity master key' }, () =>
    validate(MasterKeySchema, value),
  );
  if (key === undefined) return {};
  const { sharing, txId } = key;
  const { keyId } = key.masterKey;
  const majority = majorityOf(sharing.holders.length);
  if (sharing.threshold !== majority) {
    const expected = `a threshold of ${String(majority)}`;
    const came = `a threshold of ${String(sharing.threshold)}`;
    found.add('KEY_INVALID', { subject: `key ${keyId}`, expected, came, txId });
  }
  const methods = { register: 'identities:RegisterMasterKey', accept: 'identities:AcceptMasterKey' };
  const digestOf = (documents: object): string => {
    const { masterKey, sharing: shared } = documents as MasterKey;
    return identitySharingDigest(masterKey, shared);
  };
  checkHoldersSigned({ ...key, keyId, methods, digestOf }, facts, found);
  return { keyId, epoch: sharing.epoch };
}
