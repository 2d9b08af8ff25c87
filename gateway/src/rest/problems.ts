import { CareLedgerError, ERROR_CATALOGUE, type ErrorCode } from '@careledger/protocol';
import { toCareLedgerError } from '../services/crypto-errors.js';

/** RFC 9457. Extensions of the error stand beside these members. */
export interface Problem {
  readonly [extension: string]: unknown;
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly action: string;
  /** Names the request in the gateway's log. */
  readonly instance: string;
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';
export const FHIR_MEDIA_TYPE = 'application/fhir+json';
export const ERROR_TYPE_PREFIX = 'urn:careledger:error:';

/** Errors of the HTTP framework by its code; what is not here and not the catalogue's is a defect. */
const FRAMEWORK_ERRORS: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'MALFORMED_JSON',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'MALFORMED_JSON',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'SCHEMA_VIOLATION',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'SCHEMA_VIOLATION',
  FST_ERR_CTP_INVALID_TYPE: 'SCHEMA_VIOLATION',
  FST_ERR_VALIDATION: 'SCHEMA_VIOLATION',
  FST_ERR_BAD_URL: 'ROUTE_NOT_FOUND',
  FST_ERR_MAX_PARAM_LENGTH: 'ROUTE_NOT_FOUND',
  FST_ERR_NOT_FOUND: 'ROUTE_NOT_FOUND',
};

/** What went wrong, in the catalogue's words. Never throws. */
export function asCareLedgerError(error: unknown, method: string): CareLedgerError {
  const known = toCareLedgerError(error);
  if (known instanceof CareLedgerError) return known;
  const frameworkCode = (error as { readonly code?: unknown } | undefined)?.code;
  if (typeof frameworkCode !== 'string') return new CareLedgerError('INTERNAL', { cause: error });
  if (frameworkCode === 'FST_ERR_HANDLER_TIMEOUT') {
    // A read that took too long wrote nothing; of anything else it cannot be said.
    return new CareLedgerError(method === 'GET' ? 'LEDGER_UNAVAILABLE' : 'COMMIT_UNKNOWN', { cause: error });
  }
  return new CareLedgerError(FRAMEWORK_ERRORS[frameworkCode] ?? 'INTERNAL', { cause: error });
}

export function toProblem(error: CareLedgerError, requestId: string): Problem {
  const { status, meaning, action } = ERROR_CATALOGUE[error.code];
  const isDefect = error.code === 'INTERNAL';
  return {
    ...(isDefect ? {} : error.extensions),
    type: ERROR_TYPE_PREFIX + error.code,
    title: meaning,
    status,
    code: error.code,
    detail: isDefect ? `Request ${requestId}.` : error.message,
    action,
    instance: `urn:careledger:request:${requestId}`,
  };
}

/** FHIR R4 issue types (http://hl7.org/fhir/issue-type), by HTTP status. */
const ISSUE_TYPES: Readonly<Record<number, string>> = {
  400: 'structure',
  401: 'login',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  413: 'too-long',
  422: 'invalid',
  429: 'throttled',
  503: 'transient',
  504: 'timeout',
};

/** The same for FHIR routes: the catalogue's code is the coding of the issue's details. */
export function toOperationOutcome(error: CareLedgerError, requestId: string): object {
  const { status, title, code, detail, action, element } = toProblem(error, requestId);
  return {
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: status >= 500 ? 'fatal' : 'error',
        code: ISSUE_TYPES[status] ?? 'exception',
        details: { coding: [{ system: 'urn:careledger:error', code, display: title }], text: detail },
        diagnostics: `${action} Request ${requestId}.`,
        ...(typeof element === 'string' ? { expression: [element] } : {}),
      },
    ],
  };
}
