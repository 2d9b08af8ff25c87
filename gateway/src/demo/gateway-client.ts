/** One hospital's gateway over HTTP: all that the demonstration uses, so that it works the same on every ledger. */
import { CareLedgerError, isErrorCode } from '@careledger/protocol';

const REQUEST_LIMIT_MS = 120_000;

export interface RequestOptions {
  readonly token?: string;
  readonly idempotencyKey?: string;
  readonly contentType?: string;
}

export class GatewayClient {
  constructor(
    readonly hospital: { readonly id: string; readonly name: string; readonly mspId: string },
    readonly url: string,
  ) {}

  get(path: string, token?: string): Promise<unknown> {
    return this.#request('GET', path, undefined, token === undefined ? {} : { token });
  }

  /** What is not JSON, such as the metrics. */
  async text(path: string): Promise<string> {
    const response = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
    return response.text();
  }

  post(path: string, body: unknown, options: RequestOptions = {}): Promise<unknown> {
    return this.#request('POST', path, body, options);
  }

  /** @throws CareLedgerError with the gateway's own code; LEDGER_UNAVAILABLE is never made up here */
  async #request(method: string, path: string, body: unknown, options: RequestOptions): Promise<unknown> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: headersOf(body, options),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    });
    const text = await response.text();
    const answer: unknown = text === '' ? undefined : JSON.parse(text);
    if (response.ok) return answer;
    throw problem(`${method} ${path} at ${this.hospital.id}`, response.status, answer);
  }
}

function headersOf(
  body: unknown,
  { token, idempotencyKey, contentType }: RequestOptions,
): Record<string, string> {
  return {
    ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
  };
}

function problem(request: string, status: number, answer: unknown): CareLedgerError {
  const { code, detail } = (answer ?? {}) as { code?: string; detail?: string };
  const message = `${request}: ${detail ?? `HTTP ${status}`}`;
  return new CareLedgerError(code !== undefined && isErrorCode(code) ? code : 'INTERNAL', { message });
}

/** Runs `work`, and takes "it exists already" for done: a load that was interrupted goes on where it stopped. */
export async function unlessItExists(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CareLedgerError) || error.code !== 'ALREADY_EXISTS') throw error;
  }
}
