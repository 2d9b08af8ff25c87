import { gatewayError } from './gateway-error.js';

export interface ConnectionOptions {
  /** Of the gateway's REST interface, without a path. */
  readonly url: string;
  /** Bearer token; asked for before every request, so that it may be renewed. Absent: none is sent. */
  readonly token?: () => Promise<string> | string;
  /** For one request. Default two minutes, which is as long as a gateway may take. */
  readonly timeoutMs?: number;
  /** Default the platform's own. */
  readonly fetch?: typeof fetch;
}

export interface SendOptions {
  /** Same key, same body: the first outcome again, and nothing is written twice. */
  readonly idempotencyKey?: string;
  readonly contentType?: string;
}

const DEFAULT_TIMEOUT_MS = 125_000;
const MAX_ANSWER_CHARACTERS = 512 * 1_048_576;

/** One gateway over HTTP. */
export class Connection {
  constructor(private readonly options: ConnectionOptions) {}

  get url(): string {
    return this.options.url;
  }

  /** @throws GatewayError; TypeError that names the gateway when it does not answer */
  get<Answer>(path: string): Promise<Answer> {
    return this.#request<Answer>('GET', path);
  }

  /** @throws as `get` */
  post<Answer>(path: string, body: unknown, options: SendOptions = {}): Promise<Answer> {
    return this.#request<Answer>('POST', path, { body, ...options });
  }

  /** @throws as `get` */
  put<Answer>(path: string, body: unknown, options: SendOptions = {}): Promise<Answer> {
    return this.#request<Answer>('PUT', path, { body, ...options });
  }

  /** @throws as `get` */
  delete<Answer>(path: string): Promise<Answer> {
    return this.#request<Answer>('DELETE', path);
  }

  async #request<Answer>(
    method: string,
    path: string,
    sent?: SendOptions & { readonly body: unknown },
  ): Promise<Answer> {
    const { url, token, timeoutMs = DEFAULT_TIMEOUT_MS, fetch: send = fetch } = this.options;
    const bearer = await token?.();
    const { response, text } = await answerOf(url, async () => {
      const response = await send(url + path, {
        method,
        headers: headersOf(bearer, sent),
        ...(sent === undefined ? {} : { body: JSON.stringify(sent.body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { response, text: await response.text() };
    });
    const answer = parsed(text);
    if (!response.ok) throw gatewayError(response.status, answer);
    // The gateway is the patient's hospital's or the caller's own; what matters is verified where it is used.
    return answer as Answer;
  }
}

async function answerOf<Answer>(url: string, work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (cause) {
    const isTimeout = cause instanceof DOMException && cause.name === 'TimeoutError';
    if (!isTimeout && !(cause instanceof TypeError)) throw cause;
    throw new TypeError(`The gateway at ${url} does not answer${whyOf(cause)}.`, { cause });
  }
}

/** The system's code, such as ECONNREFUSED, where there is one. */
function whyOf({ cause, name }: Error): string {
  if (name === 'TimeoutError') return ' in time';
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? ` (${code})` : '';
}

function headersOf(bearer: string | undefined, sent: SendOptions | undefined): Record<string, string> {
  return {
    ...(sent === undefined ? {} : { 'content-type': sent.contentType ?? 'application/json' }),
    ...(sent?.idempotencyKey === undefined ? {} : { 'idempotency-key': sent.idempotencyKey }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
}

function parsed(text: string): unknown {
  if (text.length > MAX_ANSWER_CHARACTERS)
    throw new RangeError('The answer is longer than any of a gateway.');
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
