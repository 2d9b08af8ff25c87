import { status as GrpcStatus } from '@grpc/grpc-js';
import { GatewayError } from '@hyperledger/fabric-gateway';
import { CareLedgerError, decodeChaincodeError, type ErrorCode } from '@careledger/protocol';
import { contractError } from '../ledger-outcome.js';
import { ENDORSEMENTS_DIFFER, TransactionConflict } from '../retry.js';

/**
 * What a peer's refusal means. A contract's error carries its code; a peer's own refusals carry none, so they are
 * told by the words of Fabric 3.1 (core/handlers/auth/filter, core/endorser, internal/pkg/gateway). The conformance
 * suite meets each of them on a running network: a Fabric that words them otherwise fails there.
 */
const PEER_WORDS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/incorrect timestamp/, 'TIMESTAMP_OUTSIDE_WINDOW'],
  [/access denied|client identity expired|creator is malformed/, 'CALLER_UNKNOWN'],
];
const DISAGREEMENT = /ProposalResponsePayloads do not match/;
const TOO_FEW = /failed to collect enough transaction endorsements/;
const NOT_SENT = /no orderer nodes available|failed to get config for channel/;
const NO_SUCH_TRANSACTION = /no such transaction ID/;
const CONTRACT_FAILURE = /chaincode response [0-9]+, /;

/** Every text that an error carries, without gRPC's own `CODE:` prefix, which reads like a contract's code. */
export function textsOf(error: GatewayError): string[] {
  const serviceDetails = (error.cause as { readonly details?: unknown } | undefined)?.details;
  const own = typeof serviceDetails === 'string' ? serviceDetails : error.message;
  return [...error.details.map((detail) => detail.message), own];
}

/** A transaction that was to be endorsed. */
export interface Attempt {
  readonly txId: string;
  /** False when the caller named the endorsers. */
  readonly isPlanned: boolean;
}

/**
 * The error for what failed before anything was ordered: nothing was written.
 * @returns CareLedgerError with the contract's code, TIMESTAMP_OUTSIDE_WINDOW, CALLER_UNKNOWN, or LEDGER_UNAVAILABLE;
 * TransactionConflict when the peers disagreed. What is not a gateway's error comes back as it is.
 */
export function endorsementError(error: unknown, attempt?: Attempt): unknown {
  if (!(error instanceof GatewayError)) return error;
  const texts = textsOf(error);
  const coded = firstOf(texts, decodeChaincodeError) ?? firstOf(texts, refusalOf);
  if (attempt !== undefined && doPeersDisagree(texts, coded, attempt)) {
    return new TransactionConflict(ENDORSEMENTS_DIFFER, attempt.txId);
  }
  if (coded !== undefined) return coded;
  const failure = texts.find((text) => CONTRACT_FAILURE.test(text));
  return failure === undefined ? unavailable(error) : contractError(failure, attempt?.txId);
}

/**
 * A peer that is some blocks behind simulates on another state: it may answer with other values, or with an error of
 * the contract. When the gateway planned the endorsement, the own peer had endorsed before the others were asked.
 */
function doPeersDisagree(
  texts: readonly string[],
  coded: CareLedgerError | undefined,
  attempt: Attempt,
): boolean {
  if (texts.some((text) => DISAGREEMENT.test(text))) return true;
  return attempt.isPlanned && coded !== undefined && texts.some((text) => TOO_FEW.test(text));
}

const { UNAVAILABLE, CANCELLED, DEADLINE_EXCEEDED, INTERNAL, UNKNOWN, ABORTED } = GrpcStatus;
const AWAY: readonly number[] = [UNAVAILABLE, CANCELLED, DEADLINE_EXCEEDED, INTERNAL, UNKNOWN, ABORTED];

/** Worth another try on the same position: the peer went away or is not there yet. */
export function isPeerAway(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false;
  return AWAY.includes(error.code) && refusalIn(error) === undefined;
}

/** The orderers failed, not the look at the outcome. The package exports the class as a type only. */
export function isOrderingFailure(error: unknown): boolean {
  return error instanceof GatewayError && error.name === 'SubmitError';
}

/** No orderer was given the transaction. */
export function wasNotSent(error: unknown): boolean {
  return error instanceof GatewayError && textsOf(error).some((text) => NOT_SENT.test(text));
}

export function isNoSuchTransaction(error: unknown): boolean {
  return error instanceof GatewayError && textsOf(error).some((text) => NO_SUCH_TRANSACTION.test(text));
}

export function unavailable(cause: unknown): CareLedgerError {
  return new CareLedgerError('LEDGER_UNAVAILABLE', { cause });
}

export function commitUnknown(txId: string, cause: unknown): CareLedgerError {
  return new CareLedgerError('COMMIT_UNKNOWN', { extensions: { txId }, cause });
}

function refusalIn(error: GatewayError): CareLedgerError | undefined {
  return firstOf(textsOf(error), refusalOf);
}

function refusalOf(text: string): CareLedgerError | undefined {
  const code = PEER_WORDS.find(([words]) => words.test(text))?.[1];
  return code === undefined ? undefined : new CareLedgerError(code, { cause: new Error(text) });
}

function firstOf<Result>(
  texts: readonly string[],
  find: (text: string) => Result | undefined,
): Result | undefined {
  for (const text of texts) {
    const found = find(text);
    if (found !== undefined) return found;
  }
  return undefined;
}
