import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { CareLedgerError } from '@careledger/protocol';
import type { TlsIdentity } from './release-protocol.js';

/** One other hospital's gateway. Only certificates of its own TLS authority are accepted from it. */
export interface PeerGateway {
  /** `https://host:port`; the certificate must be valid for the host. */
  readonly url: string;
  readonly mspId: string;
  /** PEM: TLS authorities of that hospital. */
  readonly tlsRoots: readonly string[];
}

export interface PeerRequest {
  readonly path: string;
  readonly body: object;
  readonly maxResponseBytes: number;
  /** For all attempts together. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface PeerResponse {
  readonly status: number;
  readonly text: string;
}

export interface PeerConnection {
  /** @throws CareLedgerError PEER_GATEWAY_UNAVAILABLE when no whole answer came in time */
  post(request: PeerRequest): Promise<PeerResponse>;
  close(): void;
}

const ATTEMPTS = 3;
const PAUSE_MS = 150;

/** Keeps connections for the next request; a handshake costs more than a release. */
export function connectPeer(peer: PeerGateway, tls: TlsIdentity): PeerConnection {
  const agent = new Agent({
    ...tls,
    ca: [...peer.tlsRoots],
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
    keepAlive: true,
    maxSockets: 64,
    maxFreeSockets: 4,
  });
  return {
    async post(asked) {
      const url = addressOf(peer, asked.path);
      const timeout = AbortSignal.timeout(asked.timeoutMs);
      const signal = asked.signal === undefined ? timeout : AbortSignal.any([asked.signal, timeout]);
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await send(url, agent, asked, signal);
        } catch (error) {
          if (attempt >= ATTEMPTS || signal.aborted) throw unavailable(peer, reasonOf(error, signal), error);
          await pause(PAUSE_MS * attempt, signal);
        }
      }
    },
    close: () => {
      agent.destroy();
    },
  };
}

export function unavailable(
  peer: Pick<PeerGateway, 'mspId'>,
  came: string,
  cause?: unknown,
): CareLedgerError {
  return new CareLedgerError('PEER_GATEWAY_UNAVAILABLE', {
    expected: `an answer of the gateway of ${peer.mspId}`,
    came,
    extensions: { ownerMspId: peer.mspId },
    ...(cause === undefined ? {} : { cause }),
  });
}

function addressOf(peer: PeerGateway, path: string): URL {
  if (!URL.canParse(peer.url)) throw unavailable(peer, 'an address that is not one');
  const url = new URL(path, peer.url);
  if (url.protocol !== 'https:') throw unavailable(peer, 'an address without TLS');
  return url;
}

function send(url: URL, agent: Agent, asked: PeerRequest, signal: AbortSignal): Promise<PeerResponse> {
  const body = Buffer.from(JSON.stringify(asked.body), 'utf8');
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'POST', agent, headers, signal }, (response) => {
      readAll(response, asked.maxResponseBytes).then(
        (text) => {
          resolve({ status: response.statusCode ?? 0, text });
        },
        (error: unknown) => {
          sending.destroy();
          reject(error instanceof Error ? error : new Error('the answer broke off'));
        },
      );
    });
    sending.on('error', reject);
    sending.end(body);
  });
}

async function readAll(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new Error('the answer is longer than any answer can be');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** System codes such as ECONNREFUSED or UNABLE_TO_VERIFY_LEAF_SIGNATURE say what to mend; messages name addresses. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'no answer in time';
  const code = (error as { readonly code?: unknown }).code;
  return typeof code === 'string' ? code : 'no whole answer';
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
