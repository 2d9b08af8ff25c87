import { publicKeyFromJson, sharingFromJson, type PaillierPublicKey, type Sharing } from '@careledger/crypto';
import { canonicalJson, majorityOf, type AggregationKey } from '@careledger/protocol';
import type { Found } from '../found.js';
import type { Facts, Origin } from '../ledger/facts.js';
import { sha256 } from '../ledger/protobuf.js';

export interface OpenedKey {
  readonly publicKey: PaillierPublicKey;
  readonly sharing: Sharing;
}

/**
 * The key is what its id says, its sharing is well-formed and asks for a majority. Keys of test size are opened too;
 * the report says what they are.
 */
export function openKey(key: AggregationKey, found: Found): OpenedKey | undefined {
  const { txId } = key;
  const subject = `key ${key.publicKey.keyId}`;
  return found.orAdd('KEY_INVALID', { subject, txId }, () => {
    const publicKey = publicKeyFromJson(key.publicKey, { allowTestKeySize: true });
    const sharing = sharingFromJson(publicKey, key.sharing);
    const majority = majorityOf(sharing.holders.length);
    if (sharing.threshold !== majority) {
      const came = `a threshold of ${String(sharing.threshold)}`;
      found.add('KEY_INVALID', { subject, expected: `a threshold of ${String(majority)}`, came, txId });
    }
    return { publicKey, sharing };
  });
}

/** Every holder signed for this very sharing: by registering the same documents, or by their digest. */
export function checkAcceptance(key: AggregationKey, facts: Facts, found: Found): void {
  const { ceremonyId, attempt, txId } = key;
  const subject = `key ${key.publicKey.keyId}`;
  const digest = digestOf(key);
  if (digest !== key.sharingDigest)
    found.add('KEY_INVALID', { subject, expected: digest, came: key.sharingDigest, txId });
  const isOfAttempt = ({ argument }: Origin): boolean => {
    const { ceremonyId: id, attempt: of } = fieldsOf(argument);
    return id === ceremonyId && of === attempt;
  };
  const registered = facts
    .calls('queries:RegisterKey')
    .filter((call) => isOfAttempt(call) && registeredDigest(call.argument) === digest);
  const accepted = facts
    .calls('queries:AcceptKey')
    .filter((call) => isOfAttempt(call) && fieldsOf(call.argument)['sharingDigest'] === digest);
  const signed = new Set([...registered, ...accepted].map(({ signedBy }) => signedBy.mspId));
  for (const holder of key.sharing.holders.filter((mspId) => !signed.has(mspId))) {
    found.add('KEY_NOT_ACCEPTED', {
      subject: `acceptance of ${holder}`,
      expected: `its signature for ${digest}`,
      came: 'none',
      txId,
    });
  }
}

/** SHA-256 of the canonical JSON of both documents. */
function digestOf({ publicKey, sharing }: Pick<AggregationKey, 'publicKey' | 'sharing'>): string {
  return sha256(Buffer.from(canonicalJson({ publicKey, sharing }))).toString('hex');
}

function registeredDigest(argument: unknown): string | undefined {
  const { publicKey, sharing } = fieldsOf(argument);
  try {
    return digestOf({ publicKey, sharing } as Pick<AggregationKey, 'publicKey' | 'sharing'>);
  } catch {
    return undefined;
  }
}

function fieldsOf(argument: unknown): Readonly<Record<string, unknown>> {
  return typeof argument === 'object' && argument !== null ? (argument as Record<string, unknown>) : {};
}
