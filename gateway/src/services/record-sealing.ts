import { randomBytes } from 'node:crypto';
import { makeHeader, saltedDigest, sealContent, type RecordContext } from '@careledger/crypto';
import type { Anchor, EmrRecord, RecordType } from '@careledger/protocol';
import type { KeyCustody } from '../ports/key-custody.js';
import type { RecordStore } from '../ports/record-store.js';

/** A record before it is sealed. */
export interface PlainRecord {
  readonly pseudonym: string;
  readonly type: RecordType;
  /** Media type. */
  readonly contentType: string;
  readonly content: Uint8Array;
  /** False keeps the record inside the hospital whatever the patient grants. */
  readonly sharable: boolean;
}

export type AnchorEntry = Anchor['records'][number];

const HEADER_VERSION = 1;
const DATA_KEY_BYTES = 32;

/** What binds an envelope to its place: a header or content moved to another record does not open there. */
export function contextOf(
  record: Pick<EmrRecord, 'ownerMspId' | 'pseudonym' | 'type' | 'recordId'>,
): RecordContext {
  return {
    ownerMspId: record.ownerMspId,
    pseudonym: record.pseudonym,
    recordType: record.type,
    recordId: record.recordId,
  };
}

/**
 * A pseudorandom salt that only this custody can make again, so that a retry under the same idempotency key is
 * compared with the digests on the ledger without unwrapping a header or keeping a table of bodies.
 */
export function saltOf(custody: KeyCustody, recordId: string): Promise<Uint8Array> {
  return custody.mac('record-salt/v1', Buffer.from(recordId, 'utf8'));
}

/**
 * Seals one record under a random data key and stores ciphertext and header. `stored` is told of each object as soon
 * as it is there.
 * @throws CareLedgerError STORE_UNAVAILABLE, CUSTODY_LOCKED; CryptoError for content beyond the envelope's bounds.
 */
export async function sealRecord(
  options: {
    readonly ownerMspId: string;
    readonly recordId: string;
    readonly record: PlainRecord;
    readonly stored: (cid: string) => Promise<void>;
  },
  { custody, store }: { readonly custody: KeyCustody; readonly store: RecordStore },
): Promise<AnchorEntry> {
  const { record, recordId, ownerMspId } = options;
  const { content, contentType, pseudonym, type, sharable } = record;
  const context = contextOf({ ownerMspId, pseudonym, type, recordId });
  const salt = await saltOf(custody, recordId);
  const recipientPublicKey = await custody.encryptionPublicKey();
  const put = async (bytes: Uint8Array): Promise<string> => {
    const cid = await store.put(bytes);
    await options.stored(cid);
    return cid;
  };
  const dataKey = randomBytes(DATA_KEY_BYTES);
  try {
    const sealed = await sealContent({ content, dataKey, context });
    const contentLength = content.length;
    const header = await makeHeader({
      recipientPublicKey,
      dataKey,
      salt,
      context,
      contentType,
      contentLength,
    });
    const contentCid = await put(sealed);
    const headerCid = await put(header);
    const digest = saltedDigest(salt, content);
    const sizeBytes = sealed.length;
    return {
      pseudonym,
      type,
      contentCid,
      headerCid,
      digest,
      sizeBytes,
      headerVersion: HEADER_VERSION,
      sharable,
    };
  } finally {
    dataKey.fill(0);
  }
}

/** Whether what stands on the ledger is this very record. */
export function isSameRecord(anchored: EmrRecord, record: PlainRecord, salt: Uint8Array): boolean {
  return (
    anchored.pseudonym === record.pseudonym &&
    anchored.type === record.type &&
    anchored.sharable === record.sharable &&
    anchored.digest === saltedDigest(salt, record.content)
  );
}
