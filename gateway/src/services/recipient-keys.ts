import { createHash } from 'node:crypto';
import { CareLedgerError, canonicalJson } from '@careledger/protocol';
import type { KeyCustody } from '../ports/key-custody.js';
import type { StaffCaller } from './caller.js';
import type { LocalTable } from './local-tables.js';

/** Row of the `recipient-keys` table: which one-time key a request under an idempotency key was made with. */
export interface RecipientKeyRow {
  /** Base64url. */
  readonly recipientKey: string;
  readonly bodyDigest: string;
}

interface KeyedRequest {
  readonly caller: StaffCaller;
  readonly recordIds: readonly string[];
  readonly purpose: string;
  readonly caseId?: string;
  readonly idempotencyKey?: string;
}

/**
 * One-time keys of openings. The key is part of the transaction's argument, so a retry under the same idempotency key
 * must send the same one, or the ledger would take it for another request.
 */
export interface RecipientKeys {
  /** @throws CareLedgerError IDEMPOTENCY_KEY_REUSED */
  take(request: KeyedRequest): Promise<string>;
  /** Idempotent. */
  destroy(recipientKey: string): Promise<void>;
}

export function createRecipientKeys(modules: {
  readonly custody: KeyCustody;
  readonly table: LocalTable<RecipientKeyRow>;
}): RecipientKeys {
  const { custody, table } = modules;
  const make = async (): Promise<string> =>
    Buffer.from(await custody.createRecipientKey()).toString('base64url');
  const takeOnce = async (request: KeyedRequest, rowKey: string): Promise<string> => {
    const { recordIds, purpose, caseId } = request;
    const body = { recordIds, purpose, ...(caseId === undefined ? {} : { caseId }) };
    const bodyDigest = sha256(canonicalJson(body));
    const earlier = await table.get(rowKey);
    if (earlier !== undefined && earlier.bodyDigest !== bodyDigest) {
      throw new CareLedgerError('IDEMPOTENCY_KEY_REUSED');
    }
    if (earlier !== undefined) return earlier.recipientKey;
    const recipientKey = await make();
    await table.put(rowKey, { recipientKey, bodyDigest });
    return recipientKey;
  };
  /** One at a time per gateway: two requests under one key at once must come to the same one-time key. */
  let queue: Promise<unknown> = Promise.resolve();
  return {
    take(request) {
      const rowKey = rowKeyOf(request);
      if (rowKey === undefined) return make();
      const taken = queue.then(() => takeOnce(request, rowKey));
      queue = taken.catch(() => undefined);
      return taken;
    },
    destroy: (recipientKey) => custody.forgetRecipientKey(Buffer.from(recipientKey, 'base64url')),
  };
}

function rowKeyOf({ caller, idempotencyKey }: KeyedRequest): string | undefined {
  return idempotencyKey === undefined ? undefined : sha256(`${caller.enrolmentId}\n${idempotencyKey}`);
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
