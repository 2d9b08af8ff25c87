import { randomBytes } from 'node:crypto';
import { makeHeader, saltedDigest, sealContent, type RecordContext } from '@careledger/crypto';
import type { Anchor, EmrRecord, RecordSharing, RecordType, Sensitivity } from '@careledger/protocol';
import type { KeyCustody } from '../ports/key-custody.js';
import type { RecordStore } from '../ports/record-store.js';
import type { ErasureKeys } from '../sharing/erasure-keys.js';
import type { PatientSharer } from './record-sharing.js';

/** A record before it is sealed. */
export interface PlainRecord {
  readonly pseudonym: string;
  readonly type: RecordType;
  /** Default normal. */
  readonly sensitivity?: Sensitivity;
  /** Media type. */
  readonly contentType: string;
  readonly content: Uint8Array;
  /** False keeps the record inside the hospital whatever the patient grants. */
  readonly sharable: boolean;
}

export type AnchorEntry = Anchor['records'][number];

const HEADER_VERSION = 2;
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

/** What sealing makes of a record, whether it is anchored or sealed anew. */
export type SealedRecord = Pick<
  EmrRecord,
  'contentCid' | 'headerCid' | 'digest' | 'sizeBytes' | 'headerVersion' | 'keyServers'
> & { readonly erasureLeaf: number; readonly sharing?: RecordSharing };

export interface SealingOptions {
  readonly ownerMspId: string;
  readonly recordId: string;
  readonly record: PlainRecord;
  /** What the patient's sharing is made with; absent: the record is for its owner alone. */
  readonly sharer?: PatientSharer | undefined;
  /** Told of each object as soon as it is there. */
  readonly stored: (cid: string) => Promise<void>;
}

export interface SealingModules {
  readonly custody: KeyCustody;
  readonly store: RecordStore;
  readonly erasureKeys: Pick<ErasureKeys, 'nextLeaf'>;
}

/**
 * Seals one record under a random data key and a leaf of its own, and stores ciphertext and headers.
 * @throws CareLedgerError STORE_UNAVAILABLE, CUSTODY_LOCKED; CryptoError for content beyond the envelope's bounds.
 */
export async function sealRecord(
  options: SealingOptions,
  { custody, store, erasureKeys }: SealingModules,
): Promise<SealedRecord> {
  const { record, recordId, ownerMspId } = options;
  const { content, contentType, pseudonym, type, sensitivity = 'normal' } = record;
  const context = contextOf({ ownerMspId, pseudonym, type, recordId });
  const salt = await saltOf(custody, recordId);
  const recipientPublicKey = await custody.encryptionPublicKey();
  const put = async (bytes: Uint8Array): Promise<string> => {
    const cid = await store.put(bytes);
    await options.stored(cid);
    return cid;
  };
  const dataKey = randomBytes(DATA_KEY_BYTES);
  const { keyServers, ...erasure } = await erasureKeys.nextLeaf({ pseudonym, recordType: type });
  try {
    const payload = { dataKey, salt, contentType, contentLength: content.length };
    const [sealed, header, shared] = await Promise.all([
      sealContent({ content, dataKey, context }),
      makeHeader({ recipientPublicKey, context, erasure, ...payload }),
      options.sharer?.makeHeader({ context, type, sensitivity, payload, erasureKey: erasure.key }),
    ]);
    const contentCid = await put(sealed);
    const headerCid = await put(header);
    const sharing =
      shared === undefined ? {} : { sharing: { ...shared.sharing, headerCid: await put(shared.object) } };
    return {
      contentCid,
      headerCid,
      digest: saltedDigest(salt, content),
      sizeBytes: sealed.length,
      headerVersion: HEADER_VERSION,
      erasureLeaf: erasure.leaf,
      ...(keyServers === undefined ? {} : { keyServers }),
      ...sharing,
    };
  } finally {
    dataKey.fill(0);
    erasure.key.fill(0);
  }
}

/** Whether what stands on the ledger is this very record. */
export function isSameRecord(anchored: EmrRecord, record: PlainRecord, salt: Uint8Array): boolean {
  return (
    anchored.pseudonym === record.pseudonym &&
    anchored.type === record.type &&
    anchored.sharable === record.sharable &&
    // Of a record that is not shared the ledger says no sensitivity.
    [undefined, record.sensitivity ?? 'normal'].includes(anchored.sharing?.sensitivity) &&
    anchored.digest === saltedDigest(salt, record.content)
  );
}
