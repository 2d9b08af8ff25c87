import { TLSSocket } from 'node:tls';
import { CareLedgerError, type ErrorCode } from '@careledger/protocol';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { PROBLEM_MEDIA_TYPE, asCareLedgerError, toProblem } from '../rest/problems.js';
import {
  createMemberCertificates,
  type MemberCertificates,
  type MemberTlsRoots,
} from './member-certificates.js';
import type { TlsIdentity } from './release-protocol.js';

/** A question that other hospitals' gateways may ask. */
export interface PeerRoute {
  readonly path: string;
  /** @returns the JSON text of the answer, sent byte for byte */
  readonly handle: (callerMspId: string, body: unknown) => Promise<string>;
}

export interface PeerServerOptions {
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly tls: TlsIdentity;
  readonly members: MemberTlsRoots;
  readonly routes: readonly PeerRoute[];
  /** Requests under way for one member; more get RATE_LIMITED. Default 512. */
  readonly maxInFlightPerMember?: number;
  readonly clock?: () => number;
  /** Told of defects, whose cause the other hospital does not learn. */
  readonly onDefect?: (error: unknown) => void;
}

export interface PeerServer {
  /** `https://host:port` */
  readonly url: string;
  /** Answers what has begun. Idempotent. */
  close(): Promise<void>;
}

const BODY_LIMIT_BYTES = 65_536;
const MAX_CONNECTIONS = 1_024;

/** Codes whose detail helps the requester. Of every other failure another hospital learns the code only. */
const OPEN_DETAIL: readonly ErrorCode[] = [
  'RELEASE_NOT_AUTHORISED',
  'RELEASE_REPLAYED',
  'SCHEMA_VIOLATION',
  'MALFORMED_JSON',
  'NOT_OWNER',
];

/**
 * HTTPS for other hospitals' gateways only: TLS 1.3 with client certificates, refused in the handshake unless a
 * member's authority issued them. Each request is answered as the member that the certificate proves.
 */
export async function createPeerServer(options: PeerServerOptions): Promise<PeerServer> {
  const members = createMemberCertificates(options.members);
  const server = fastify({
    https: {
      ...options.tls,
      ca: [...members.roots],
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      handshakeTimeout: 10_000,
    },
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 10_000,
    keepAliveTimeout: 30_000,
    forceCloseConnections: 'idle',
    onProtoPoisoning: 'error',
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  answerErrors(server, options.onDefect);
  const inFlight = createInFlight(options.maxInFlightPerMember ?? 512);
  for (const { path, handle } of options.routes) {
    server.post(path, async (request, reply) => {
      const mspId = callerOf(request, members, options.clock ?? Date.now);
      const answer = await inFlight(mspId, () => handle(mspId, request.body));
      return reply.type('application/json').send(answer);
    });
  }
  const url = await server.listen({ host: options.host, port: options.port });
  return { url, close: () => server.close() };
}

function callerOf(request: FastifyRequest, members: MemberCertificates, clock: () => number): string {
  const { socket } = request.raw;
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  const mspId = certificate === undefined ? undefined : members.mspIdOf(certificate, clock());
  if (mspId !== undefined) return mspId;
  throw new CareLedgerError('RELEASE_NOT_AUTHORISED', { came: 'a certificate that names no single member' });
}

function answerErrors(server: FastifyInstance, onDefect: (error: unknown) => void = () => undefined): void {
  const refuse = (error: CareLedgerError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { status } = error.entry;
    return reply.code(status).type(PROBLEM_MEDIA_TYPE).send(toProblem(error, request.id));
  };
  server.setErrorHandler((error, request, reply) => {
    const known = asCareLedgerError(error, request.method);
    if (known.code === 'INTERNAL') onDefect(error);
    const told = OPEN_DETAIL.includes(known.code) ? known : new CareLedgerError(known.code);
    return refuse(told, request, reply);
  });
  server.setNotFoundHandler((request, reply) =>
    refuse(new CareLedgerError('ROUTE_NOT_FOUND'), request, reply),
  );
}

function createInFlight(
  most: number,
): <Result>(mspId: string, work: () => Promise<Result>) => Promise<Result> {
  const counts = new Map<string, number>();
  return async (mspId, work) => {
    const count = counts.get(mspId) ?? 0;
    if (count >= most) throw new CareLedgerError('RATE_LIMITED');
    counts.set(mspId, count + 1);
    try {
      return await work();
    } finally {
      counts.set(mspId, (counts.get(mspId) ?? 1) - 1);
    }
  };
}
