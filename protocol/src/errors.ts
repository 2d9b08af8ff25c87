import { IDENTITY_ERRORS } from './errors-identities.js';

/**
 * The one error catalogue. `docs/errors.md` and the OpenAPI document are made from it, and a test compares
 * all three in both directions.
 */
export interface ErrorEntry {
  /** HTTP status of the problem+json answer. */
  readonly status: number;
  readonly meaning: string;
  /** What the person who gets it does next. */
  readonly action: string;
}

export const ERROR_CATALOGUE = {
  // What came in
  MALFORMED_JSON: {
    status: 400,
    meaning: 'The body is not JSON.',
    action: 'Send one JSON document in UTF-8.',
  },
  SCHEMA_VIOLATION: {
    status: 400,
    meaning: 'The input does not have the documented form.',
    action: 'Compare the named field with the OpenAPI document.',
  },
  CALLER_IN_ARGUMENTS: {
    status: 400,
    meaning: 'The arguments name a caller. Who is calling is read from the certificate only.',
    action: 'Leave the field out.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    meaning: 'The body exceeds the limit of this route.',
    action: 'Split the document, or ask hospital IT for the limit.',
  },
  FHIR_INVALID: {
    status: 422,
    meaning: 'The document is not a FHIR R4 resource or bundle that this gateway can split.',
    action: 'Validate it against FHIR R4; the detail names the entry.',
  },
  CONSENT_NOT_MAPPABLE: {
    status: 422,
    meaning: 'The FHIR Consent says something that a grant cannot say. Nothing of a Consent is dropped.',
    action: 'Leave out or change the named element; the word in brackets says what is wrong with it.',
  },
  CID_INVALID: {
    status: 400,
    meaning: 'Not a CID of version 1.',
    action: 'Send the CID as the record store gave it.',
  },
  LIMIT_EXCEEDED: {
    status: 422,
    meaning: 'A documented bound was exceeded.',
    action: 'Send less at a time.',
  },
  TIMESTAMP_OUTSIDE_WINDOW: {
    status: 400,
    meaning:
      'The transaction timestamp is further from the peer’s clock than the accepted window of 2 minutes.',
    action: 'Synchronise the clock of the gateway’s host.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    meaning: 'This idempotency key was used by the same caller for another body.',
    action: 'Use a new key for a new request.',
  },

  // Who is asking
  TOKEN_MISSING: {
    status: 401,
    meaning: 'No bearer token came.',
    action: 'Send Authorization: Bearer TOKEN.',
  },
  TOKEN_INVALID: {
    status: 401,
    meaning: 'The token is not one of this gateway’s issuer.',
    action: 'Sign in again.',
  },
  TOKEN_EXPIRED: { status: 401, meaning: 'The token has expired.', action: 'Sign in again.' },
  TOKEN_WRONG_HOSPITAL: {
    status: 403,
    meaning: 'The token was issued for another hospital.',
    action: 'Use the gateway of the hospital that issued it.',
  },
  ROLE_NOT_ALLOWED: {
    status: 403,
    meaning: 'The caller’s role may not do this.',
    action: 'Ask a colleague whose role is named in the detail.',
  },
  CALLER_UNKNOWN: {
    status: 403,
    meaning: 'The certificate carries no role of CareLedger, or the user is not enrolled at this hospital.',
    action: 'Ask hospital IT to enrol the user with a role.',
  },
  SIGNATURE_INVALID: {
    status: 403,
    meaning: 'The patient’s signature does not cover these arguments under the key on the ledger.',
    action: 'Sign the exact arguments with the pseudonym’s current key.',
  },
  NONCE_REUSED: {
    status: 409,
    meaning: 'This signed request was used before.',
    action: 'Sign again with a new nonce.',
  },

  // What stands on the ledger
  MEMBER_NOT_FOUND: { status: 404, meaning: 'No such member.', action: 'Check the MSP id.' },
  MEMBER_NOT_ACTIVE: {
    status: 403,
    meaning: 'The member is not active.',
    action: 'See its status with the consortium.',
  },
  PATIENT_NOT_FOUND: { status: 404, meaning: 'No such pseudonym.', action: 'Check the pseudonym.' },
  RECORD_NOT_FOUND: { status: 404, meaning: 'No such record.', action: 'Check the record id.' },
  GRANT_NOT_FOUND: { status: 404, meaning: 'No such grant.', action: 'Check pseudonym and grant id.' },
  ...IDENTITY_ERRORS,
  EPOCH_STALE: {
    status: 409,
    meaning: 'An epoch is not the present one: of a tag, or of an identity’s key.',
    action: 'Read the patient’s grant book, and make edges or headers for its epochs.',
  },
  EDGE_NOT_ACKNOWLEDGED: {
    status: 422,
    meaning: 'A proxy of an edge did not acknowledge that it holds its share.',
    action: 'Hand the shares out again, and send every proxy’s acknowledgement.',
  },
  TAG_CLOSED: {
    status: 409,
    meaning: 'The patient closed this type and sensitivity to sharing.',
    action: 'The patient opens it again first.',
  },
  FORWARD_EXCEEDS_GRANT: {
    status: 403,
    meaning: 'An onward grant lies within the grant it stands on, and goes to nobody above it.',
    action: 'Narrow the terms, or ask the patient for a grant.',
  },
  HOPS_EXHAUSTED: {
    status: 403,
    meaning: 'The grant does not allow another onward hop.',
    action: 'Ask the patient for a grant.',
  },
  EMERGENCY_NOT_FOUND: { status: 404, meaning: 'No such emergency.', action: 'Check the case id.' },
  OFFICER_NOT_NAMED: {
    status: 403,
    meaning: 'The caller’s hospital did not name this officer for emergencies.',
    action: 'An administrator of the hospital names its officers.',
  },
  NOT_INDEPENDENT: {
    status: 403,
    meaning: 'Whoever asked or agreed does not decide or review it.',
    action: 'Ask an officer of another hospital, or another person.',
  },
  LINK_CASE_NOT_FOUND: { status: 404, meaning: 'No such case.', action: 'Check the case id.' },
  LINK_MISSING: {
    status: 409,
    meaning: 'A pseudonym was enrolled without a link: nobody can say whose else it is.',
    action: 'Leave the pseudonym out.',
  },
  ACCESS_NOT_FOUND: { status: 404, meaning: 'No such access entry.', action: 'Check the transaction id.' },
  INSTRUCTION_NOT_FOUND: {
    status: 404,
    meaning: 'No such instruction.',
    action: 'Check the instruction id.',
  },
  SUSPENSION_NOT_FOUND: {
    status: 404,
    meaning: 'The requester is not suspended here.',
    action: 'Check the requester.',
  },
  QUERY_NOT_FOUND: { status: 404, meaning: 'No such query.', action: 'Check the query id.' },
  PANEL_NOT_FOUND: { status: 404, meaning: 'No such panel.', action: 'Check the panel id.' },
  STAFF_NOT_FOUND: {
    status: 404,
    meaning: 'No such member of staff at this hospital.',
    action: 'Check the enrolment id.',
  },
  KEY_NOT_FOUND: {
    status: 404,
    meaning: 'The consortium has no such key yet.',
    action: 'Wait for the key to be registered.',
  },
  CEREMONY_NOT_FOUND: { status: 404, meaning: 'No such ceremony.', action: 'Check the ceremony id.' },
  CEREMONY_UNFINISHED: {
    status: 409,
    meaning: 'Another ceremony has not ended: there is one at a time for each kind of key.',
    action: 'Wait for it, resume it, or abandon it.',
  },
  KEY_EXISTS: {
    status: 409,
    meaning: 'The consortium has its key; there is one of each kind.',
    action: 'Share the same key anew with a ceremony of the purpose redistribute.',
  },
  KEY_CONFLICT: {
    status: 409,
    meaning: 'What another holder registered for this ceremony is not what this one has.',
    action: 'Register the own document: it ends the attempt, and both stand on the ledger.',
  },
  SHARING_SUPERSEDED: {
    status: 409,
    meaning: 'The key was shared anew; shares of another epoch do not count.',
    action: 'Decrypt again with the share of the present epoch.',
  },
  ROUTE_NOT_FOUND: { status: 404, meaning: 'No such route.', action: 'See the OpenAPI document.' },
  ALREADY_EXISTS: {
    status: 409,
    meaning: 'This id is taken.',
    action: 'Choose a new id, or read the existing object.',
  },
  TRANSITION_NOT_ALLOWED: {
    status: 409,
    meaning: 'The object is not in a state from which this is possible.',
    action: 'Read the object; the detail names its state.',
  },
  NOT_OWNER: {
    status: 403,
    meaning: 'Only the hospital or person that owns the object may do this.',
    action: 'Ask the owner named in the detail.',
  },
  ENDORSEMENT_REFUSED: {
    status: 403,
    meaning: 'The endorsements do not satisfy the policy of what was to be written.',
    action: 'The owner hospital and a majority of members must endorse; see which peer refused.',
  },
  LEDGER_CONFLICT: {
    status: 409,
    meaning: 'Another transaction changed the same objects, and the bounded retries did not get through.',
    action: 'Try again with the same idempotency key.',
  },
  LEDGER_UNAVAILABLE: {
    status: 503,
    meaning: 'The ledger cannot be written or read now. Nothing was released.',
    action: 'Try again with the same idempotency key; tell hospital IT if it stays.',
  },
  COMMIT_UNKNOWN: {
    status: 504,
    meaning: 'The transaction was sent, but whether it was committed could not be learnt in time.',
    action: 'Ask for the transaction id in the detail before sending again.',
  },
  BUILD_MISMATCH: {
    status: 503,
    meaning: 'The chaincode that answers does not run the build that a majority of members approved.',
    action: 'Hospital IT starts the approved build, or the members approve the new one.',
  },

  // Opening and releasing
  ACCESS_DENIED: {
    status: 403,
    meaning: 'The contract denied the opening. The denial stands on the ledger under the access id.',
    action: 'Do what the detail says for the reason; most often: ask the patient for a grant that covers it.',
  },
  RELEASE_NOT_AUTHORISED: {
    status: 403,
    meaning: 'No VALID access entry on the owner’s own peer covers this release.',
    action: 'Open the record first, and name that transaction.',
  },
  RELEASE_REPLAYED: {
    status: 409,
    meaning: 'This access entry was served under another body.',
    action: 'Open the record again.',
  },
  PEER_GATEWAY_UNAVAILABLE: {
    status: 503,
    meaning: 'The owner’s gateway does not answer.',
    action: 'Fetch the release later; the access entry stays valid for it.',
  },

  PROXY_UNAVAILABLE: {
    status: 503,
    meaning:
      'Not every proxy acknowledged its share of the edges. Nothing is in force, and no share is kept.',
    action: 'Send the same request again when the hospitals in `proxies` answer, or choose other proxies.',
  },
  EDGE_INVALID: {
    status: 422,
    meaning:
      'An edge or a share of its re-key does not verify: another statement, key, epoch, chain or value than the ledger demands.',
    action: 'Read grants and registrations again, and make the edges anew.',
  },

  // Records and keys
  CID_MISMATCH: {
    status: 502,
    meaning: 'The bytes of the record store do not hash to the CID on the ledger.',
    action: 'Report it to the owner and the auditor; nothing was shown.',
  },
  RECORD_TAMPERED: {
    status: 502,
    meaning: 'The envelope is damaged, reordered, cut, or belongs to another patient or record.',
    action: 'Report it to the owner and the auditor; nothing was shown.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    meaning: 'The record store does not answer, or has no node that holds the CID.',
    action: 'Try again; tell hospital IT if it stays.',
  },
  CUSTODY_LOCKED: {
    status: 503,
    meaning: 'The key custody cannot be opened.',
    action: 'Hospital IT checks the passphrase and the custody folder.',
  },

  // Statistics
  CIPHERTEXT_INVALID: {
    status: 422,
    meaning: 'Not a ciphertext under the consortium’s key.',
    action: 'Encrypt under the key named on the ledger.',
  },
  PROOF_INVALID: {
    status: 422,
    meaning: 'A zero-knowledge proof does not verify: a false statement, another context, or changed bytes.',
    action: 'The sender proves again; if it fails again, report the sender to the auditor.',
  },
  CONTRIBUTION_MISMATCH: {
    status: 422,
    meaning: 'A contribution, opened, is not the product of its anchored rows.',
    action: 'The contributor explains, or the members suspend it.',
  },
  COHORT_INVALID: {
    status: 400,
    meaning: 'The cohort is not in the predicate language.',
    action: 'See docs/flows.md.',
  },
  QUERY_REFUSED: {
    status: 403,
    meaning: 'The query was refused. The refusals and their reasons stand on the ledger.',
    action: 'Read the refusals of the query.',
  },
  RESULT_MISMATCH: {
    status: 422,
    meaning: 'The published result is not what the partial decryptions combine to.',
    action: 'Combine the posted shares again.',
  },

  // The service
  RATE_LIMITED: { status: 429, meaning: 'Too many requests in flight.', action: 'Wait and send again.' },
  DISK_NOT_WRITABLE: {
    status: 503,
    meaning: 'The disk of this gateway is full or cannot be written.',
    action: 'Hospital IT makes room or mounts it for writing; nothing has to be started again.',
  },
  NOT_READY: { status: 503, meaning: 'The gateway is starting or stopping.', action: 'Wait for /readyz.' },
  INTERNAL: {
    status: 500,
    meaning: 'A defect. The detail carries only the request id.',
    action: 'Send the request id to hospital IT.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export interface ErrorDetails {
  /** One sentence for the person, without secrets. Defaults to the catalogue's meaning. */
  readonly message?: string;
  readonly expected?: string;
  readonly came?: string;
  /** Machine-readable additions for problem+json, such as an access id. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class CareLedgerError extends Error {
  override readonly name = 'CareLedgerError';
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: ErrorCode,
    readonly details: ErrorDetails = {},
  ) {
    super(describe(code, details), details.cause === undefined ? undefined : { cause: details.cause });
    this.extensions = details.extensions ?? {};
  }

  get entry(): ErrorEntry {
    return ERROR_CATALOGUE[this.code];
  }
}

function describe(code: ErrorCode, details: ErrorDetails): string {
  const parts = [details.message ?? ERROR_CATALOGUE[code].meaning];
  if (details.expected !== undefined) parts.push(`Expected ${details.expected}.`);
  if (details.came !== undefined) parts.push(`Came ${details.came}.`);
  return parts.join(' ');
}

/** The form in which a chaincode error crosses the peer: `CODE: text`. */
export function encodeChaincodeError(error: CareLedgerError): string {
  return `${error.code}: ${error.message}`;
}

const CHAINCODE_ERROR = /\b([A-Z][A-Z_]{3,40}): ([^]*)$/;

/** Finds the code in a peer's message, which may stand behind the peer's own prefix. */
export function decodeChaincodeError(text: string): CareLedgerError | undefined {
  const match = CHAINCODE_ERROR.exec(text);
  if (match === null) return undefined;
  const [, code, message] = match;
  if (code === undefined || !isErrorCode(code)) return undefined;
  return new CareLedgerError(code, { message: message ?? '' });
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CATALOGUE, code);
}
