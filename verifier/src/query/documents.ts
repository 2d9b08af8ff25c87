import type { Static, TSchema } from 'typebox';
import { canonicalJson, validate } from '@careledger/protocol';
import type { Found } from '../found.js';
import type { Fact } from '../ledger/facts.js';

/** How a document must have come about, so that it is its sender's own word. */
export interface Provenance {
  /** Such as `share of h3MSP`. */
  readonly subject: string;
  /** Methods that may write it. */
  readonly methods: readonly string[];
  /** The hospital that has to have signed the transaction; absent where anyone may send it. */
  readonly signer?: string;
  /** Fields that have to be what the sender signed as its argument. */
  readonly signedFields: readonly string[];
  /** The document names another transaction: the one that made it. */
  readonly isContinued?: boolean;
}

/**
 * The document, if it has its form. That it stands on the ledger says that a majority endorsed it; whether the hospital
 * that it names sent it is checked here, on the sender's own signature.
 */
export function readDocument<Schema extends TSchema>(
  schema: Schema,
  { value, origin }: Fact,
  { subject, methods, signer, signedFields, isContinued = false }: Provenance,
  found: Found,
): Static<Schema> | undefined {
  const { txId, mspId } = origin.signedBy;
  const document = found.orAdd('DOCUMENT_UNREADABLE', { subject, txId }, () => validate(schema, value));
  if (document === undefined) return undefined;
  const refuse = (expected: string, came: string): void => {
    found.add('DOCUMENT_NOT_SIGNED', { subject, expected, came, txId });
  };
  if (!methods.includes(origin.method)) refuse(`written by ${methods.join(' or ')}`, origin.method);
  if (signer !== undefined && mspId !== signer) refuse(`a transaction of ${signer}`, `one of ${mspId}`);
  if (!isContinued && textOf(document, 'txId') !== canonicalJson(txId))
    refuse(txId, 'another transaction id');
  const differing = signedFields.filter(
    (field) => textOf(document, field) !== textOf(origin.argument, field),
  );
  if (differing.length > 0) refuse('what the sender signed', `another ${differing.join(', ')}`);
  return document;
}

/** What may be written once: the document's history has one version. */
export function assertWrittenOnce(history: readonly Fact[], subject: string, found: Found): void {
  for (const { origin } of history.slice(1)) {
    const { txId } = origin.signedBy;
    found.add('DOCUMENT_REWRITTEN', { subject, expected: 'one version', came: 'another one', txId });
  }
}

function textOf(object: unknown, field: string): string | undefined {
  const value =
    typeof object === 'object' && object !== null ? (object as Record<string, unknown>)[field] : undefined;
  return value === undefined ? undefined : canonicalJson(value);
}
