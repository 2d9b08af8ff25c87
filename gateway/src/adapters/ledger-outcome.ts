import { CareLedgerError, decodeChaincodeError, type LedgerEventPayload } from '@careledger/protocol';
import { peer } from '@hyperledger/fabric-protos';
import { TransactionConflict } from './retry.js';

/** What both ledger adapters make of what peers say, so that services cannot tell the adapters apart. */

const CODE_NAMES = new Map<number, string>(
  Object.entries(peer.TxValidationCode).map(([name, code]) => [Number(code), name]),
);

export function validationCodeName(code: number): string {
  return CODE_NAMES.get(code) ?? `UNKNOWN_${String(code)}`;
}

/**
 * Does nothing for VALID.
 * @param endorsement.isPlanned whether the endorsers were chosen to satisfy the policies, and not by the caller. Then
 * a policy failure means that a policy changed meanwhile: Fabric refuses every write of a key in the block in which
 * the key's policy is set, as for the second of two transactions that create one object.
 * @throws TransactionConflict for what a new transaction may cure; CareLedgerError ENDORSEMENT_REFUSED when the
 * endorsements did not satisfy a policy; LEDGER_UNAVAILABLE for every other code. Nothing was written in any case.
 */
export function assertValid(code: number, txId: string, endorsement: { readonly isPlanned: boolean }): void {
  const codes = peer.TxValidationCode;
  if (code === codes.VALID) return;
  const validationCode = validationCodeName(code);
  const isRefusal = code === codes.ENDORSEMENT_POLICY_FAILURE;
  const isConflict = code === codes.MVCC_READ_CONFLICT || code === codes.PHANTOM_READ_CONFLICT;
  if (isConflict || (isRefusal && endorsement.isPlanned)) throw new TransactionConflict(validationCode, txId);
  const extensions = { txId, validationCode };
  if (isRefusal) throw new CareLedgerError('ENDORSEMENT_REFUSED', { extensions });
  throw new CareLedgerError('LEDGER_UNAVAILABLE', {
    message: `The peers marked the transaction ${validationCode}. Nothing was written.`,
    extensions,
  });
}

/** The contract's own error, or INTERNAL for a failure that carries no code of the catalogue. */
export function contractError(message: string, txId?: string): CareLedgerError {
  const coded = decodeChaincodeError(message);
  if (coded !== undefined) return coded;
  return new CareLedgerError('INTERNAL', {
    ...(txId === undefined ? {} : { extensions: { txId } }),
    cause: new Error(`the contract failed without a code: ${message.slice(0, 500)}`),
  });
}

/** What a contract returned: JSON, or nothing. */
export function parseResult(payload: Uint8Array): unknown {
  if (payload.length === 0) return undefined;
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8')) as unknown;
  } catch (cause) {
    throw new CareLedgerError('INTERNAL', { cause });
  }
}

/** The payload of a CareLedger event, or undefined when an event was set by something else. */
export function parseEventPayload(payload: Uint8Array): LedgerEventPayload | undefined {
  try {
    const value = JSON.parse(Buffer.from(payload).toString('utf8')) as Partial<LedgerEventPayload> | null;
    return typeof value?.event === 'string' && typeof value.id === 'string'
      ? (value as LedgerEventPayload)
      : undefined;
  } catch {
    return undefined;
  }
}
