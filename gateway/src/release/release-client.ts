import { CareLedgerError, isErrorCode, validate, type ErrorCode } from '@careledger/protocol';
import type { RequestRelease } from '../services/release-client.js';
import type { MemberTlsRoots } from './member-certificates.js';
import {
  connectPeer,
  unavailable,
  type PeerConnection,
  type PeerGateway,
  type PeerResponse,
} from './peer-client.js';
import {
  RELEASE_PATH,
  ReleaseAnswerSchema,
  type ReleaseAnswer,
  type TlsIdentity,
} from './release-protocol.js';

const DEFAULT_TIMEOUT_MS = 20_000;
const ANSWER_BYTES_PER_RECORD = 6_144;
const PROBLEM_BYTES = 16_384;

/**
 * The owner's codes that mean the same here. Any other code is about the owner's house and becomes
 * PEER_GATEWAY_UNAVAILABLE: an owner's locked custody must not read as this hospital's.
 */
const PASSED_ON: readonly ErrorCode[] = [
  'RELEASE_NOT_AUTHORISED',
  'RELEASE_REPLAYED',
  'LEDGER_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'CID_MISMATCH',
  'RECORD_TAMPERED',
  'LIMIT_EXCEEDED',
  'RATE_LIMITED',
  'NOT_READY',
];

export interface ReleaseQuestion {
  readonly accessId: string;
  readonly recordIds: readonly string[];
  readonly signal?: AbortSignal;
  /** For all attempts together; default 20 s, longer than the owner waits for its peer. */
  readonly timeoutMs?: number;
}

export interface RequestReleaseOptions extends ReleaseQuestion {
  readonly url: string;
  readonly serverMspId: string;
  /** This gateway's identity, and the TLS authorities of the owner: no other certificate is accepted from it. */
  readonly tls: TlsIdentity & { readonly serverRoots: readonly string[] };
}

/**
 * Asks an owner's gateway for released headers. Safe to repeat: the same question gets the same bytes.
 * @returns re-wrapped header by record id, one for each asked
 * @throws CareLedgerError PEER_GATEWAY_UNAVAILABLE, and the owner's RELEASE_NOT_AUTHORISED, RELEASE_REPLAYED,
 * LEDGER_UNAVAILABLE, STORE_UNAVAILABLE, CID_MISMATCH, RECORD_TAMPERED, LIMIT_EXCEEDED, RATE_LIMITED, NOT_READY
 */
export async function requestRelease(
  options: RequestReleaseOptions,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { key, cert, serverRoots } = options.tls;
  const peer: PeerGateway = { url: options.url, mspId: options.serverMspId, tlsRoots: serverRoots };
  const connection = connectPeer(peer, { key, cert });
  try {
    return await ask(peer, connection, options);
  } finally {
    connection.close();
  }
}

export interface ReleaseClient {
  readonly request: RequestRelease;
  close(): void;
}

/**
 * The same for the opening flow, with connections kept per owner.
 * @param options.members TLS authorities by MSP id; an owner that is not there is unavailable
 */
export function createReleaseClient(options: {
  readonly tls: TlsIdentity;
  readonly members: MemberTlsRoots;
  readonly timeoutMs?: number;
}): ReleaseClient {
  const connections = new Map<string, PeerConnection>();
  const connectionTo = (peer: PeerGateway): PeerConnection => {
    const key = `${peer.mspId} ${peer.url}`;
    const connection = connections.get(key) ?? connectPeer(peer, options.tls);
    connections.set(key, connection);
    return connection;
  };
  return {
    async request({ ownerMspId, gatewayUrl, accessId, records, signal }) {
      const tlsRoots = options.members.get(ownerMspId);
      if (tlsRoots === undefined) throw unavailable({ mspId: ownerMspId }, 'no TLS authority of that member');
      const peer: PeerGateway = { url: gatewayUrl, mspId: ownerMspId, tlsRoots };
      return ask(peer, connectionTo(peer), {
        accessId,
        recordIds: records.map(({ recordId }) => recordId),
        ...(signal === undefined ? {} : { signal }),
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      });
    },
    close() {
      for (const connection of connections.values()) connection.close();
      connections.clear();
    },
  };
}

async function ask(
  peer: PeerGateway,
  connection: PeerConnection,
  { accessId, recordIds, signal, timeoutMs = DEFAULT_TIMEOUT_MS }: ReleaseQuestion,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const response = await connection.post({
    path: RELEASE_PATH,
    body: { accessId, recordIds },
    maxResponseBytes: PROBLEM_BYTES + recordIds.length * ANSWER_BYTES_PER_RECORD,
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status !== 200) throw problemOf(response, peer);
  return headersOf(response, { accessId, recordIds }, peer);
}

function headersOf(
  { text }: PeerResponse,
  asked: Pick<ReleaseQuestion, 'accessId' | 'recordIds'>,
  peer: PeerGateway,
): ReadonlyMap<string, Uint8Array> {
  const answer = answerOf(text);
  const headers = new Map(
    answer?.headers.map(({ recordId, header }) => [
      recordId,
      new Uint8Array(Buffer.from(header, 'base64url')),
    ]),
  );
  const isWhole =
    answer?.accessId === asked.accessId &&
    answer.headers.length === asked.recordIds.length &&
    asked.recordIds.every((recordId) => headers.has(recordId));
  if (!isWhole) throw unavailable(peer, 'an answer to another question');
  return headers;
}

function answerOf(text: string): ReleaseAnswer | undefined {
  try {
    return validate(ReleaseAnswerSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

function problemOf({ status, text }: PeerResponse, peer: PeerGateway): CareLedgerError {
  const { code, detail } = problemFields(text);
  if (code === undefined || !PASSED_ON.includes(code)) {
    return unavailable(peer, `HTTP ${String(status)}${code === undefined ? '' : ` ${code}`}`);
  }
  const said = typeof detail === 'string' ? ` It says: ${printable(detail)}` : '';
  return new CareLedgerError(code, {
    message: `The gateway of ${peer.mspId} answered ${code}.${said}`,
    extensions: { ownerMspId: peer.mspId },
  });
}

function problemFields(text: string): { readonly code?: ErrorCode; readonly detail?: unknown } {
  try {
    const { code, detail } = JSON.parse(text) as { readonly code?: unknown; readonly detail?: unknown };
    return typeof code === 'string' && isErrorCode(code) ? { code, detail } : {};
  } catch {
    return {};
  }
}

/** Another hospital's text goes into this hospital's answers and logs: short, and one line. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\u024f\u2010-\u201f]/g, ' ').slice(0, 200);
}
