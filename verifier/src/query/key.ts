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

/** The Paillier key as its holders accepted it. */
export function checkAcceptance(key: AggregationKey, facts: Facts, found: Found): void {
  const { keyId } = key.publicKey;
  const methods = { register: 'queries:RegisterKey', accept: 'queries:AcceptKey' };
  checkHoldersSigned({ ...key, keyId, methods, digestOf: aggregationDigest }, facts, found);
}

/** A key of either scheme, as far as its holders have signed for it. */
export interface AcceptedKey {
  readonly keyId: string;
  readonly sharing: Pick<AggregationKey['sharing'], 'holders'>;
  readonly sharingDigest: string;
  readonly ceremonyId: string;
  readonly attempt: number;
  readonly txId: string;
  readonly methods: { readonly register: string; readonly accept: string };
  /** Of the documents, as they stand in a key or in the argument of a registration. May throw for what is none. */
  readonly digestOf: (documents: object) => string;
}

/** Every holder signed for this very sharing: by registering the same documents, or by their digest. */
export function checkHoldersSigned(key: AcceptedKey, facts: Facts, found: Found): void {
  const { ceremonyId, attempt, txId, methods } = key;
  const subject = `key ${key.keyId}`;
  const own = digestOrNone(key, key);
  const digest = own ?? key.sharingDigest;
  if (own !== key.sharingDigest) {
    const expected = own ?? 'documents that fit together';
    found.add('KEY_INVALID', { subject, expected, came: key.sharingDigest, txId });
  }
  const isOfAttempt = ({ argument }: Origin): boolean => {
    const { ceremonyId: id, attempt: of } = fieldsOf(argument);
    return id === ceremonyId && of === attempt;
  };
  const registered = facts
    .calls(methods.register)
    .filter((call) => isOfAttempt(call) && digestOrNone(key, fieldsOf(call.argument)) === digest);
  const accepted = facts
    .calls(methods.accept)
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

function digestOrNone({ digestOf }: AcceptedKey, documents: object): string | undefined {
  try {
    return digestOf(documents);
  } catch {
    return undefined;
  }
}

/** SHA-256 of the canonical JSON of both documents. */
function aggregationDigest(documents: object): string {
  const { publicKey, sharing } = documents as Pick<AggregationKey, 'publicKey' | 'sharing'>;
  return sha256(Buffer.from(canonicalJson({ publicKey, sharing }))).toString('hex');
}

function fieldsOf(argument: unknown): Readonly<Record<string, unknown>> {
  return typeof argument === 'object' && argument !== null ? (argument as Record<string, unknown>) : {};
}
