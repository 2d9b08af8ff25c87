import { openContent, saltedDigest, type OpenedHeader } from '@careledger/crypto';
import { CareLedgerError, type EmrRecord } from '@careledger/protocol';
import type { RecordStore } from '../ports/record-store.js';
import { toCareLedgerError } from './crypto-errors.js';
import { contextOf } from './record-sealing.js';

/** One record in clear, for the person whose opening was granted. */
export interface OpenedRecord {
  readonly recordId: string;
  readonly ownerMspId: string;
  readonly pseudonym: string;
  readonly type: EmrRecord['type'];
  readonly contentType: string;
  readonly content: Uint8Array;
}

/**
 * Fetches the ciphertext, hashes it again, decrypts, and compares with the digest on the ledger. The data key is
 * wiped afterwards.
 * @throws CareLedgerError CID_MISMATCH, STORE_UNAVAILABLE, RECORD_TAMPERED
 */
export async function openRecord(
  record: EmrRecord,
  opened: OpenedHeader,
  store: RecordStore,
): Promise<OpenedRecord> {
  const { dataKey, salt, header } = opened;
  try {
    const sealed = await store.get(record.contentCid, { maxBytes: record.sizeBytes });
    const content = await openContent({ sealed, dataKey, context: contextOf(record) });
    if (saltedDigest(salt, content) !== record.digest) {
      throw new CareLedgerError('RECORD_TAMPERED', {
        expected: 'the digest on the ledger',
        came: 'another content',
      });
    }
    const { recordId, ownerMspId, pseudonym, type } = record;
    return { recordId, ownerMspId, pseudonym, type, contentType: header.contentType, content };
  } catch (error) {
    throw toCareLedgerError(error);
  } finally {
    dataKey.fill(0);
  }
}
