import { openContent, saltedDigest } from '@careledger/crypto';
import { CareLedgerError, type EmrRecord } from '@careledger/protocol';
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

/** What a header of either kind gives of one record. */
export interface RecordKeys {
  /** 32 bytes. */
  readonly dataKey: Uint8Array;
  readonly salt: Uint8Array;
  readonly contentType: string;
}

/**
 * Takes the ciphertext, which the store has hashed again, decrypts, and compares with the digest on the ledger. The data key is
 * wiped afterwards.
 * @throws CareLedgerError CID_MISMATCH, STORE_UNAVAILABLE, RECORD_TAMPERED
 */
export async function openRecord(
  record: EmrRecord,
  { dataKey, salt, contentType }: RecordKeys,
  ciphertext: Promise<Uint8Array>,
): Promise<OpenedRecord> {
  try {
    const sealed = await ciphertext;
    const content = await openContent({ sealed, dataKey, context: contextOf(record) });
    if (saltedDigest(salt, content) !== record.digest) {
      throw new CareLedgerError('RECORD_TAMPERED', {
        expected: 'the digest on the ledger',
        came: 'another content',
      });
    }
    const { recordId, ownerMspId, pseudonym, type } = record;
    return { recordId, ownerMspId, pseudonym, type, contentType, content };
  } catch (error) {
    throw toCareLedgerError(error);
  } finally {
    dataKey.fill(0);
  }
}
