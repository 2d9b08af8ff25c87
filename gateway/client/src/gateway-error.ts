import { isErrorCode, type ErrorCode } from '@careledger/protocol';

/** A gateway's refusal: its problem document (RFC 9457), as docs/errors.md lists them. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';

  constructor(
    /** INTERNAL for an answer that is no problem document. */
    readonly code: ErrorCode,
    /** HTTP. */
    readonly status: number,
    /** Members of the document beside the standard ones, such as `accessId` or `proxies`. */
    readonly extensions: Readonly<Record<string, unknown>>,
    message: string,
  ) {
    super(message);
  }
}

const STANDARD = ['type', 'title', 'status', 'code', 'detail', 'action', 'instance'];

export function gatewayError(status: number, answer: unknown): GatewayError {
  if (typeof answer !== 'object' || answer === null)
    return new GatewayError('INTERNAL', status, {}, `HTTP ${String(status)}.`);
  const document = answer as Readonly<Record<string, unknown>>;
  const { code, detail, action } = document['resourceType'] === undefined ? document : outcomeOf(document);
  const known = typeof code === 'string' && isErrorCode(code) ? code : 'INTERNAL';
  const said = [detail, action].filter((part) => typeof part === 'string');
  const extensions = Object.fromEntries(
    Object.entries(document).filter(([member]) => !STANDARD.includes(member)),
  );
  return new GatewayError(known, status, extensions, said.join(' ') || `HTTP ${String(status)}.`);
}

/** FHIR routes answer an OperationOutcome. */
function outcomeOf(document: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const [issue] = (document['issue'] ?? []) as {
    details?: { text?: string; coding?: { code?: string }[] };
    diagnostics?: string;
  }[];
  return {
    code: issue?.details?.coding?.[0]?.code,
    detail: issue?.details?.text,
    action: issue?.diagnostics,
  };
}
